"""What `compare` and `report` cost with many runs: processor seconds and the most memory of each.

python benchmarks/speed/many_runs.py [10 100 500]

The runs are copies of one tiny training of six epochs, each with a learning rate and figures of its own. `report`
scores the best run, as it does after a sweep.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

from processes import measured

REPORTED = 10


def main() -> None:
    counts = [int(argument) for argument in sys.argv[1:]] or [10, 100, 500]
    with tempfile.TemporaryDirectory() as home:
        run = trained(Path(home))
        for count in counts:
            folder = Path(home) / f"sweep{count}"
            for number in range(count):
                copy_of(run, folder / str(number), number)
            print(f"compare of {count:4d}: {measured('compare', f'runs={folder}')}", flush=True)
            if count == REPORTED:
                print(f"report of {count}: {measured('report', f'run={folder}', 'overwrite=true')}", flush=True)
                print(f"the same, scored before: {measured('report', f'run={folder}', 'overwrite=true')}", flush=True)
            shutil.rmtree(folder)


def trained(home: Path) -> Path:
    """One tiny run on generated chips."""
    settings = ["model.width=4", "model.depth=2", "data.synthetic.chips=40", "data.synthetic.scenes=5"]
    fixed = ["data=synthetic", "trainer=cpu", "trainer.max_epochs=6", "trainer.enable_progress_bar=false"]
    run = home / "trained"
    measured("train", *fixed, *settings, f"hydra.run.dir={run}")
    return run


def copy_of(run: Path, copy: Path, number: int) -> None:
    """A copy of a run with a learning rate and figures of its own."""
    shutil.copytree(run, copy)
    config = copy / "config.yaml"
    lines = config.read_text().splitlines(keepends=True)
    rate = next(line for line in lines if line.startswith("  lr:"))
    config.write_text(config.read_text().replace(rate, f"  lr: {1e-3 * (1 + number / 100):.6f}\n"))
    summary = json.loads((copy / "summary.json").read_text())
    summary["figures"]["val"]["dice"] -= number / 10_000
    (copy / "summary.json").write_text(json.dumps(summary))


if __name__ == "__main__":
    main()
