"""Two runs, or two sets of folds, paired on the same chips: the difference of their Dice, and how sure it is."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seep_lightning.commands.console import tell
from seep_lightning.documents.regular_files import entries_below
from seep_lightning.errors import UserError
from seep_lightning.evaluation.stored import read_scored_part
from seep_lightning.files import digest
from seep_lightning.metrics.figures import DICE
from seep_lightning.metrics.jackknife import FEWEST_SCENES, sums_by_scene
from seep_lightning.metrics.paired import interval_of_difference
from seep_lightning.reporting.intervals import COUNT_COLUMNS
from seep_lightning.runs.directory import Run
from seep_lightning.runs.records import read_chip_rows

PARTS = ("train", "val", "test", "all")
PAIRED_PART = "test"
"""What a paired comparison reads where nobody says otherwise."""


class Paired(NamedTuple):
    """The pooled Dice of two sets of scored chips.

    Attributes:
        first: Of the first set.
        second: Of the second set.
        scenes: How many scenes the chips are of.
        interval: 95 % of the first less the second; None with too few scenes.
    """

    first: float
    second: float
    scenes: int
    interval: tuple[float, float] | None


def pair_folders(folders: Sequence[str], part: str) -> Paired:
    """Compare the evaluations below two folders, each a run or the folds of a recipe.

    Args:
        folders: The two.
        part: The name of the evaluations, see `check_scored`.

    Returns:
        The Dice of both, and the interval of their difference.

    Raises:
        UserError: There are not two such folders, or their evaluations do not belong together.
    """
    problem = f"paired=true needs runs=[A,B], each evaluated with part={part}; found {list(folders)}."
    if len(folders) != 2:
        raise UserError(problem)
    first = _evaluations(folders[0], part)
    second = _evaluations(folders[1], part)
    if not first or not second:
        raise UserError(problem)
    for path in (*first, *second):
        check_scored(path.parent, part)
    return paired(first, second)


def _evaluations(folder: str, part: str) -> list[Path]:
    """The `chips.csv` of each evaluation of a part that lies below a folder."""
    ending = ("evaluate", part, "chips.csv")
    return sorted(path for path in entries_below(Path(folder)) if path.parts[-len(ending) :] == ending)


def print_pair(folders: Sequence[str], pair: Paired) -> None:
    """Print the Dice of both folders, and their difference with its interval."""
    first, second = folders
    tell(f"{first}: Dice {pair.first:.4f}")
    tell(f"{second}: Dice {pair.second:.4f}")
    spread = f"no interval below {FEWEST_SCENES} scenes"
    if pair.interval is not None:
        low, high = pair.interval
        spread = f"95 % {low:+.3f} to {high:+.3f}"
    difference = pair.first - pair.second
    tell(f"difference {difference:+.4f} over {pair.scenes} scenes, {spread} (jackknife over paired scenes)")


def paired(first: Sequence[Path], second: Sequence[Path]) -> Paired:
    """Compare two sets of `chips.csv` on the same chips.

    The jackknife leaves out whole scenes, the same for both, and pools the pixels of the others.

    Args:
        first: One run's file, or those of the folds of a recipe.
        second: Likewise.

    Returns:
        The Dice of both, and the interval of their difference.

    Raises:
        UserError: The two were not scored on the same chips.
    """
    first_chips = read_folds(first)
    second_chips = read_folds(second)
    in_one_only = sorted(first_chips.keys() ^ second_chips.keys())
    if in_one_only:
        raise UserError(
            f"paired=true needs the same chips in both; {len(in_one_only)} are in one only, such as {in_one_only[0]}. "
            "Evaluate both runs on the same part of the same split."
        )
    first_sums = sums_by_scene(first_chips.values(), COUNT_COLUMNS)
    second_sums = sums_by_scene(second_chips.values(), COUNT_COLUMNS)
    # (scenes, 2, 3)
    sums = np.stack([first_sums, second_sums], axis=1)
    dice = DICE.function(sums.sum(axis=0))
    return Paired(
        first=float(dice[0]),
        second=float(dice[1]),
        scenes=len(sums),
        interval=interval_of_difference(sums),
    )


def check_scored(folder: Path, name: str) -> None:
    """Check that an evaluation is what its name says, and of the checkpoint that its run has now.

    Args:
        folder: `evaluate/<name>` of a run.
        name: Its name; where that is a part's, it must be of this part.

    Raises:
        UserError: It is of another part or of another checkpoint.
    """
    scored = read_scored_part(folder)
    if name in PARTS and scored.part != name:
        raise UserError(f"{folder} holds figures of part={scored.part}. Evaluate part={name} anew.")
    path = Run(folder.parents[1]).checkpoints / f"{scored.checkpoint}.ckpt"
    if not scored.checkpoint_digest or not path.is_file():
        return
    if digest(path) != scored.checkpoint_digest:
        raise UserError(f"{folder} was scored before {path} was trained on. Evaluate it anew, with overwrite=true.")


def read_folds(paths: Sequence[Path]) -> dict[str, dict[str, Any]]:
    """Read the rows of several `chips.csv` by the chips' names.

    Raises:
        UserError: A chip stands in two of them.
    """
    chips: dict[str, dict[str, Any]] = {}
    for path in paths:
        for row in read_chip_rows(path):
            name = row["name"]
            if name in chips:
                raise UserError(f"{path}: {name} was scored in another fold already.")
            chips[name] = row
    return chips
