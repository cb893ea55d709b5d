"""A folder that a person gives to `predict` in place of one network: where it holds folds, their mean is the network.

Only the runs right below it are looked at, and what cannot be read is told and passed over: a map can be made without
it. Figures cannot: to score folds, `folds.fold_runs` looks at any depth and refuses what would make them wrong.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from seep_lightning.documents.regular_files import is_there
from seep_lightning.errors import UserError, shortened
from seep_lightning.files import with_home
from seep_lightning.runs.directory import Run, runs_below
from seep_lightning.runs.newest import run_or_newest_below
from seep_lightning.runs.recipes import check_one_recipe

log = logging.getLogger(__name__)

KFOLD = "kfold"


def runs_to_map_with(path: str | Path, checkpoint: str = "best") -> list[Path]:
    """The runs that a path means: all folds of a folder of folds, else one run; and say which.

    Args:
        path: What a person named: a run, an exported file, or a folder that holds runs.
        checkpoint: The checkpoint that is wanted, `best` or `last`.

    Returns:
        Their directories, or files; the path itself where nothing was found.

    Raises:
        UserError: The folder holds folds of several recipes.
    """
    folds = finished_folds_in(path, checkpoint)
    if len(folds) < 2:
        return [run_or_newest_below(path, checkpoint)]
    numbers = {run.config.split.fold for run in folds}
    of_all = folds[0].config.split.folds
    words = f"{len(numbers)} folds" if len(numbers) == of_all else f"{len(numbers)} of {of_all} folds"
    if len(folds) > len(numbers):
        words = f"{len(folds)} runs of {words}"
    log.info("run=%s: the mean of %s", path, words)
    return [run.dir for run in folds]


def finished_folds_in(path: str | Path, checkpoint: str = "best") -> list[Run]:
    """The finished runs right below a folder that are folds of one split, in order; none where it holds no folds.

    Args:
        path: A folder.
        checkpoint: The checkpoint that a run must have.

    Raises:
        UserError: The folds are of several recipes.
    """
    folder = with_home(path)
    if not folder.is_dir() or is_there(Run(folder).config_path):
        return []
    runs = [Run(directory) for directory in sorted(runs_below(folder, depth=1))]
    # of a sweep over other settings one config is read, and not hundreds
    if len(runs) < 2 or not _begins_with_a_fold(runs):
        return []
    _tell_damaged(runs, path)
    folds = [run for run in runs if _is_fold(run)]
    if len({run.config.split.fold for run in folds}) < 2:
        return []
    check_one_recipe(folds, f"Name the folds of one of them, run=[A,B], in place of run={folder}.")
    finished = [run for run in folds if run.is_trained(checkpoint)]
    others = [run.dir.name for run in folds if run not in finished]
    if others and len(finished) > 1:
        log.warning("left out of run=%s: %s: not finished, or without %s.ckpt", path, shortened(others), checkpoint)
    return finished


def _begins_with_a_fold(runs: Sequence[Run]) -> bool:
    """Whether the first run whose config can be read is one fold of a split."""
    first = next((run for run in runs if _damage_of(run) is None), None)
    return first is not None and _is_fold(first)


def _damage_of(run: Run) -> str | None:
    """What is wrong with a run's config; None where it can be read."""
    try:
        assert run.config
    except UserError as error:
        return str(error)
    return None


def _tell_damaged(runs: Sequence[Run], path: str | Path) -> None:
    """Say which runs of a folder of folds cannot be read: the mean is that of the others."""
    for run in runs:
        damage = _damage_of(run)
        if damage is not None:
            log.warning("left out of run=%s: %s: %s", path, run.dir.name, damage)


def _is_fold(run: Run) -> bool:
    """Whether a run is one fold of a split; of a damaged one nobody knows."""
    with suppress(UserError):
        return run.config.split.kind == KFOLD
    return False
