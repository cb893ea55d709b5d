"""The folds of one split, to be scored together: runs found below folders, checked, and put together by fold.

What would make pooled figures wrong is refused: other recipes or chips, a chip tested twice, a missing seed.
`runs.fold_folders` asks less of a folder that `predict` is to make maps with.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from seep_lightning.errors import UserError
from seep_lightning.folds.learned_before import warning_of
from seep_lightning.reporting.comparison import find_runs
from seep_lightning.runs.directory import Run
from seep_lightning.runs.links import check_no_way_out
from seep_lightning.runs.recipes import check_one_recipe

log = logging.getLogger(__name__)

ONE_RECIPE = "Name those of one alone, or set recipes side by side with compare by=."
Parts = dict[str, str]
"""The part (`train`, `val` or `test`) of each chip by its name."""


@dataclass(frozen=True)
class Fold:
    """One fold: the networks that learned from the same chips, and where each chip belongs.

    Attributes:
        number: Its `split.fold`; its place among the folds for splits of another kind. No two folds have the same.
        runs: Of one split; their mean is the fold's network.
        parts: Of each chip.
    """

    number: int
    runs: tuple[Run, ...]
    parts: Parts

    @property
    def run(self) -> Run:
        """The first of the runs, in whose folder the fold's maps lie."""
        return self.runs[0]

    @property
    def name(self) -> str:
        """What people know it by: the folder of its first run."""
        return self.run.dir.name

    def chips(self, part: str) -> list[str]:
        """The names of the chips of a part."""
        return [name for name, own_part in self.parts.items() if own_part == part]


def find_folds(folders: Sequence[str | Path]) -> list[Fold]:
    """Find the folds below some folders. Runs of one split, such as those of several seeds, are one fold.

    Args:
        folders: Folders of folds, or the runs themselves. Networks of several folders of folds act as one.

    Returns:
        The folds, by their number.

    Raises:
        UserError: There is no run, or the runs are not folds of one split of the same chips, with the same settings; or
            a link in one leads out of it.
    """
    runs: dict[Path, Run] = {}
    lone_runs: list[Run] = []
    for folder in folders:
        found = [run for run in find_runs([str(folder)]) if _is_trained(run)]
        if len(found) == 1:
            lone_runs += found
        else:
            check_one_recipe(found, ONE_RECIPE)
        runs |= {run.dir: run for run in found}
    check_one_recipe(lone_runs, ONE_RECIPE)
    for run in runs.values():
        # maps are written into it
        check_no_way_out(run)
    if not runs:
        raise UserError(f"runs={','.join(map(str, folders))}: no run in there has come to its end. Train it first.")
    folds = _grouped(list(runs.values()))
    _check_same_chips(folds)
    _check_tested_once(folds)
    warning = warning_of(run for fold in folds for run in fold.runs)
    if warning:
        log.warning(warning)
    return folds


def _is_trained(run: Run) -> bool:
    """Whether a run has come to its end; it is told where it has not."""
    if run.is_trained():
        return True
    log.warning("left out: %s: its training has not come to its end", run.dir)
    return False


def _grouped(runs: Sequence[Run]) -> list[Fold]:
    """The runs by their split, in the order of the folds' numbers."""
    groups: dict[tuple[tuple[str, str], ...], list[Run]] = {}
    for run in runs:
        parts = run.parts()
        groups.setdefault(tuple(sorted(parts.items())), []).append(run)
    folds = [Fold(same[0].config.split.fold, tuple(same), dict(parts)) for parts, same in groups.items()]
    folds.sort(key=lambda fold: (fold.number, str(fold.run.dir)))
    if len({fold.number for fold in folds}) < len(folds):
        # splits by files and the like have no numbers of their own
        return [replace(fold, number=place) for place, fold in enumerate(folds)]
    return folds


def _check_same_chips(folds: Sequence[Fold]) -> None:
    """Raise `UserError` where folds are of different data, or of different numbers of networks."""
    first = folds[0]
    for fold in folds:
        fingerprints = {_fingerprint(run) for run in (*first.runs, *fold.runs)}
        if len(fingerprints) > 1 or fold.parts.keys() != first.parts.keys():
            raise UserError(
                f"{fold.run.dir} was trained on other chips than {first.run.dir}: they are no folds of one split. "
                "Name runs of one data set."
            )
        if len(fold.runs) != len(first.runs):
            raise UserError(
                f"{len(fold.runs)} run(s) have the split of {fold.run.dir}, but {len(first.runs)} that of "
                f"{first.run.dir}: a fold or a seed is missing. Train it, or leave its seed out of the runs."
            )


def _fingerprint(run: Run) -> str:
    """What tells the chips that a run was trained on from others."""
    return str(run.summary().get("data", {}).get("fingerprint", ""))


def _check_tested_once(folds: Sequence[Fold]) -> None:
    """Raise `UserError` for a chip that two folds test; tell how many no fold tests."""
    tested: dict[str, Fold] = {}
    for fold in folds:
        for name in fold.chips("test"):
            if name in tested:
                raise UserError(
                    f"{name} is a test chip of {tested[name].run.dir} and of {fold.run.dir}: they are no folds of one "
                    "split. Name runs of one split=kfold with one split.seed."
                )
            tested[name] = fold
    untested = len(folds[0].parts) - len(tested)
    if untested:
        log.warning("%d of %d chips are a test chip of none of the %d folds", untested, len(folds[0].parts), len(folds))
