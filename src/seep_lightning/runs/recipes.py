"""Runs of one recipe: alike in all settings but fold, seed, start, and what was chosen from their own chips."""

from collections.abc import Mapping, Sequence
from typing import Any

from seep_lightning.errors import UserError, shortened
from seep_lightning.runs.directory import Run
from seep_lightning.runs.settings import compared, flatten

FOLD = "split.fold"
SEED = "seed"
SPLIT_SEED = "split.seed"
# what may differ between the folds of one recipe, and between networks that act as one
FREE_SETTINGS = (FOLD, SEED, "init")


def recipe_of(run: Run, settings: Mapping[str, Any]) -> dict[str, str]:
    """The settings in which the folds and seeds of a recipe agree, as texts.

    Args:
        run: The run. What it chose from its own training chips, such as the batch, may differ from fold to fold.
        settings: All of its settings by dotted key.
    """
    chosen = run.summary().get("chosen", {})
    return {
        key: repr(value) for key, value in compared(settings).items() if key not in FREE_SETTINGS and key not in chosen
    }


def check_one_recipe(runs: Sequence[Run], advice: str) -> None:
    """Raise `UserError` where runs differ in more than fold, seed, start and what was chosen from their data.

    Args:
        runs: The runs; each is compared with the first.
        advice: What to do about it.
    """
    check_recipes([(run, recipe_of(run, flatten(run.config))) for run in runs], advice)


def check_recipes(recipes: Sequence[tuple[Run, Mapping[str, str]]], advice: str) -> None:
    """Raise `UserError` where recipes differ, see `check_one_recipe`.

    Args:
        recipes: Runs, and what `recipe_of` says of each.
        advice: What to do about it.
    """
    for other in recipes[1:]:
        _check_pair(recipes[0], other, advice)


def _check_pair(first: tuple[Run, Mapping[str, str]], other: tuple[Run, Mapping[str, str]], advice: str) -> None:
    """Raise `UserError` where two runs are not of one recipe."""
    (run, settings), (other_run, others) = first, other
    chosen = {**run.summary().get("chosen", {}), **other_run.summary().get("chosen", {})}
    keys = sorted(settings.keys() | others.keys())
    differing = [key for key in keys if settings.get(key) != others.get(key) and key not in chosen]
    if differing:
        names = shortened(differing)
        raise UserError(f"{run.dir} and {other_run.dir} differ in {names}: they are not of one recipe. {advice}")
