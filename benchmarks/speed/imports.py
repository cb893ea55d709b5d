"""What the imports of each verb that works cost, in processor seconds, beside those of torch and Lightning alone.

python benchmarks/speed/imports.py [--rounds 5] [VERB ...]

Each verb does a whole tiny job in a process of its own, in turn (medians). An import inside another counts once.
"""

import argparse
import builtins
import json
import os
import runpy
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

ALONE = ("numpy", "torch", "lightning.pytorch")
CHIPS = ("data=synthetic", "data.synthetic.chips=20", "data.synthetic.scenes=5", "data.classes=7")
TINY = (*CHIPS, "model.width=4", "model.depth=2")
QUIET = ("trainer=cpu", "trainer.max_epochs=1", "trainer.enable_progress_bar=false")
SECONDS_IN = "SECONDS_IN"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verbs", nargs="*", help="these alone")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        commands = commands_in(Path(home))
        verbs = arguments.verbs or list(commands)
        seconds: dict[str, list[float]] = {name: [] for name in (*ALONE, *verbs)}
        for _ in range(arguments.rounds):
            for module in ALONE:
                seconds[module].append(seconds_of(["-c", f"import {module}"]))
            for verb in verbs:
                seconds[verb].append(seconds_of([verb, *commands[verb]]))
    torch = median(seconds["torch"])
    for name, row in seconds.items():
        middle = median(row)
        print(f"{name:20s} {middle:.2f} s ({min(row):.2f} to {max(row):.2f}), {middle / torch:.2f} times torch")


def commands_in(home: Path) -> dict[str, list[str]]:
    """The arguments of each verb; makes the run, the chips and the scene that they read."""
    from seep_lightning.data.generator.dataset import write_dataset
    from seep_lightning.data.generator.scene import SyntheticSpec

    chips = write_dataset(home / "chips", SyntheticSpec(chips=20, scenes=5, chip_size=64, scene_px=128))
    run = home / "run"
    command = ["-m", "seep_lightning.train", *TINY, *QUIET, f"hydra.run.dir={run}"]
    subprocess.run([sys.executable, *command], check=True, capture_output=True)
    labels = next(chips.glob("scenes/*_mask.tif"))
    scene = labels.with_name(labels.name.replace("_mask", ""))
    meanings = ", ".join(f"{value}: {value}" for value in range(1, 8))
    cut = [f"scenes={scene}", f"labels={labels}", f"output={home}/cut-${{now:%H%M%S%f}}", "size=64"]
    cut.append(f"mask_values={{{meanings}}}")
    return {
        "train": [*TINY, *QUIET, f"hydra.run.dir={home}/${{now:%H%M%S%f}}", "trainer.fast_dev_run=true"],
        "evaluate": [f"run={run}", "overwrite=true", "part=val"],
        "predict": [f"run={run}", f"input={scene}", f"output={home}/maps", "overwrite=true"],
        "prepare": cut,
        "check": ["data=chips", f"data.root={chips}", "data.classes=7"],
        "compare": [f"runs={run}"],
        "report": [f"run={run}", "overwrite=true", "part=val"],
        "export": [f"run={run}", f"output={home}/net.pt", "format=torch", "overwrite=true"],
    }


def seconds_of(arguments: list[str]) -> float:
    """Processor seconds of the imports of one process: `-c CODE`, or a verb with its arguments."""
    with tempfile.NamedTemporaryFile() as told:
        command = [sys.executable, __file__, *arguments]
        environment = {**os.environ, SECONDS_IN: told.name}
        process = subprocess.run(command, capture_output=True, text=True, env=environment)
        if process.returncode != 0:
            raise SystemExit(f"{' '.join(arguments)}\n{process.stderr}")
        return float(json.loads(Path(told.name).read_text()))


class ImportClock:
    """Adds up processor seconds of outermost imports."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.depth = 0
        self.original = builtins.__import__

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        if self.depth:
            return self.original(*arguments, **keywords)
        start = time.process_time()
        self.depth += 1
        try:
            return self.original(*arguments, **keywords)
        finally:
            self.depth -= 1
            self.seconds += time.process_time() - start


def run_timed(arguments: list[str]) -> None:
    """Run a verb in this process, and tell the seconds of its imports."""
    clock = ImportClock()
    builtins.__import__ = clock
    try:
        if arguments[0] == "-c":
            exec(arguments[1], {})
        else:
            sys.argv = arguments
            runpy.run_module(f"seep_lightning.{arguments[0]}", run_name="__main__", alter_sys=True)
    finally:
        Path(os.environ[SECONDS_IN]).write_text(json.dumps(clock.seconds))


if __name__ == "__main__":
    if SECONDS_IN in os.environ:
        run_timed(sys.argv[1:])
    else:
        main()
