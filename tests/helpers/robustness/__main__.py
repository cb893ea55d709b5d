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
from helpers.robustness.campaign import Campaign, Counts, Verdict, fault_lines, sampled, scratch_home


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--campaign", choices=CAMPAIGNS, nargs="*", default=list(CAMPAIGNS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sample", type=int, help="so many inputs of each campaign")
    parser.add_argument("--only", default="", help="inputs whose name holds this")
    parser.add_argument("--lanes", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="work in this folder and leave it: the last input is in lane0/work")
    parser.add_argument("--list", action="store_true", help="print the names alone")
    options = parser.parse_args()
    home = options.keep or scratch_home()
    verdicts: list[Verdict] = []
    counts = Counts()
    start = time.monotonic()

    def tell(verdict: Verdict) -> None:
        counts.add(verdict)
        if counts.rows.total() % 25 == 0:
            print(f"{counts.rows.total()} inputs", flush=True)
        for fault in verdict.faults:
            print(f"FAULT {fault.kind} | {fault.cause} | {fault.detail} | {verdict.input.name}", flush=True)
        if options.only:
            print(f"{verdict.input.name}\n  {verdict.outcomes}\n  {verdict.message}", flush=True)

    try:
        with Campaign(home, options.lanes) as campaign:
            for name in options.campaign:
                inputs = [tried for tried in inputs_of_campaign(name, campaign) if options.only in tried.name]
                if options.sample is not None:
                    inputs = sampled(inputs, options.sample, options.seed)
                if options.list:
                    print("\n".join(tried.name for tried in inputs))
                    continue
                verdicts += campaign.run(inputs, options.seed, tell)
    finally:
        if options.keep is None:
            shutil.rmtree(home, ignore_errors=True)
    print("\n".join([*fault_lines(verdicts, options.seed), *counts.lines()]))
    print(f"{time.monotonic() - start:.0f} s")
    return 1 if any(verdict.faults for verdict in verdicts) else 0


if __name__ == "__main__":
    sys.exit(main())
