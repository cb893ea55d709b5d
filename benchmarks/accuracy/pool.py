"""Pool the figures of a recipe's folds on scenes that they never saw: one row of docs/results.md.

    python -m seep_lightning.train -m data=seeps data.root=DIR split=kfold split.fold=0,1,2,3,4 \
        hydra.sweep.dir=outputs/folds/NAME RECIPE...
    python benchmarks/accuracy/pool.py outputs/folds/NAME... [--flips mirror|all] [--chips] [--against outputs/folds/B]

Each run predicts its validation chips and its test chips in the same way: laid into their scenes (--chips: one by
one), plainly or with other views of each window (--flips). It chooses threshold, smallest object and scaling of the
probabilities on validation, and uses them on the test chips, which are scored on their scenes. If you give several
folders with the same folds, the networks of a fold act as one: the mean of their probabilities. The row goes to
pool-WAY.json in the first folder. --against adds the difference to a single folder that was pooled in the same way,
paired over scenes. The work is that of `seep_lightning.folds`.
"""

import argparse
import json
from pathlib import Path

from seep_lightning.errors import UserError
from seep_lightning.folds.part_maps import VIEWS, Way
from seep_lightning.folds.pooling import against, read_row, row_file, score_folds


def line(row: dict, folders: list[Path]) -> str:
    """The row in Markdown, as docs/results.md has it."""
    low, high = row["interval"]
    dice = f"{row['dice']:.3f} ({low:.3f} to {high:.3f})"
    shown = [f"{row[key]:.3f}" for key in ("jaccard", "boundary_f1", "object_recall", "object_precision")]
    cells = [" + ".join(folder.name for folder in folders), row["way"], dice, *shown]
    cells += [f"{row['calibration_error']:.4f}", str(row["seconds"])]
    return f"| {' | '.join(cells)} |"


def pool(folders: list[Path], way: Way, base: Path | None) -> None:
    """Pool folds, keep their row, and print it with the difference to a base."""
    # before the work of hours
    row_of_base = None if base is None else read_row(base, way)
    row = score_folds(folders, way)
    row_file(folders[0], row["way"]).write_text(json.dumps(row, indent=2) + "\n")
    print(line(row, folders))
    if row_of_base is not None:
        print(against(row, row_of_base))


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--flips", choices=VIEWS, default="")
    parser.add_argument("--chips", action="store_true")
    parser.add_argument("--against", type=Path)
    arguments = parser.parse_args()
    way = Way(by_chip=arguments.chips, flips=arguments.flips)
    try:
        pool(arguments.folders, way, arguments.against)
    except UserError as error:
        parser.exit(2, f"{error}\n")


if __name__ == "__main__":
    main()
