"""`python -m helpers.robustness`: campaigns by hand, to find faults and to see one again.

PYTHONPATH=src:tests python -m helpers.robustness --campaign damage --sample 300 --seed 1
PYTHONPATH=src:tests python -m helpers.robustness --only 'damage: check chips: ...' --keep FOLDER
"""

import argparse
import shutil
import sys
import time
from pathlib import Path

from helpers.robustness.all_inputs import CAMPAIGNS, inputs_of_campaign
from helpers.robustness.campaign import Campaign, Counts, Input, Verdict, fault_lines, sampled, scratch_home
from helpers.robustness.commands import COMMANDS
from helpers.robustness.materials import MATERIALS


def options() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--campaign", choices=CAMPAIGNS, nargs="*", default=list(CAMPAIGNS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sample", type=int, help="so many inputs of each campaign")
    parser.add_argument("--only", default="", help="inputs whose name holds this")
    parser.add_argument("--material", nargs="*", default=list(MATERIALS), help="inputs that need one of these")
    parser.add_argument("--lanes", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="work in this folder and leave it: the last input is in lane0/work")
    parser.add_argument("--counts", type=Path, help="a file that holds the counts so far")
    parser.add_argument("--list", action="store_true", help="print the names alone")
    return parser.parse_args()


def narrow(asked: argparse.Namespace) -> None:
    """Of one whole name, list the inputs of its campaign and its material alone."""
    of_name = [name for name in CAMPAIGNS if asked.only.startswith(f"{name}: ")]
    asked.campaign = of_name or asked.campaign
    if of_name == ["damage"]:
        command_name = asked.only.split(": ")[1]
        asked.material = [known.material for known in COMMANDS if known.name == command_name] or asked.material


def chosen(campaign: Campaign, asked: argparse.Namespace) -> list[Input]:
    """The inputs that the command line asks for."""
    inputs: list[Input] = []
    for name in asked.campaign:
        listed = [tried for tried in inputs_of_campaign(name, campaign, asked.material) if asked.only in tried.name]
        inputs += listed if asked.sample is None else sampled(listed, asked.sample, asked.seed)
    return inputs


def main() -> int:
    """Run campaigns; the exit code says whether an input broke the rule."""
    asked = options()
    narrow(asked)
    home = asked.keep or scratch_home()
    verdicts: list[Verdict] = []
    counts = Counts()
    start = time.monotonic()

    def tell(verdict: Verdict) -> None:
        counts.add(verdict)
        print("".join(verdict_lines(verdict, whole=bool(asked.only))), end="", flush=True)
        done = counts.rows.total()
        if asked.counts is not None:
            asked.counts.write_text("\n".join([*counts.lines(), f"{time.monotonic() - start:.0f} s", ""]))
        if done % 25 == 0:
            print(f"{done} inputs", flush=True)

    try:
        with Campaign(home, asked.lanes) as campaign:
            inputs = chosen(campaign, asked)
            if asked.list:
                print("\n".join(tried.name for tried in inputs))
                return 0
            verdicts = campaign.run(inputs, asked.seed, tell)
    finally:
        if asked.keep is None:
            shutil.rmtree(home, ignore_errors=True)
    print("\n".join([*fault_lines(verdicts, asked.seed), *counts.lines()]))
    print(f"{time.monotonic() - start:.0f} s")
    return 1 if any(verdict.faults for verdict in verdicts) else 0


def verdict_lines(verdict: Verdict, *, whole: bool) -> list[str]:
    """A line for each fault; whole: also what was printed, whatever came of it."""
    name = verdict.input.name
    lines = [f"FAULT {fault.kind} | {fault.cause} | {fault.detail} | {name}\n" for fault in verdict.faults]
    if whole:
        lines.append(f"{name}\n  {verdict.input.command.line}\n  {verdict.outcomes}\n  {verdict.message}\n")
    return lines


if __name__ == "__main__":
    sys.exit(main())
