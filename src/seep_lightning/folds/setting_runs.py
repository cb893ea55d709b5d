"""The runs of each setting that a comparison tells apart: of one recipe, scored on the same chips, in whole seeds."""

from collections.abc import Sequence
from shlex import quote
from typing import Any

import numpy as np

from seep_lightning.errors import UserError, shortened
from seep_lightning.folds.learned_before import stored_clause
from seep_lightning.folds.scored_runs import ScoredRun, scored_run
from seep_lightning.metrics.counts import Counts
from seep_lightning.metrics.jackknife import added_by_scene
from seep_lightning.reporting.comparison import Row
from seep_lightning.reporting.folds import UNLEARNED, groups_of_folds
from seep_lightning.reporting.pairing import PARTS
from seep_lightning.reporting.row_values import ABSENT, value_of
from seep_lightning.reporting.run_table import shown_value
from seep_lightning.runs.recipes import FOLD, SPLIT_SEED, check_recipes, recipe_of
from seep_lightning.runs.status import RunStatus


class SettingRuns:
    """The runs of one setting by seed and fold, with what was counted on their scenes.

    Args:
        values: The values of the keys that tell settings apart.
        runs: Its runs, no two of one seed and fold.

    Attributes:
        values: As given.
        runs: As given.
        seeds: The runs of each seed by their fold.
    """

    def __init__(self, values: dict[str, Any], runs: Sequence[ScoredRun]) -> None:
        self.values = values
        self.runs = list(runs)
        self.seeds: dict[str, dict[int, ScoredRun]] = {}
        for run in runs:
            self._add(run)

    def _add(self, run: ScoredRun) -> None:
        """Put a run to its seed and fold, where there must be no other."""
        folds = self.seeds.setdefault(run.repetition, {})
        if run.fold in folds:
            raise UserError(
                f"{folds[run.fold].row.run.dir} and {run.row.run.dir} are of one setting, seed and fold. Leave one of "
                "them out of the runs, or tell them apart with by=."
            )
        folds[run.fold] = run

    @property
    def name(self) -> str:
        """The setting in words, such as `optimizer.lr=0.005`."""
        return " ".join(f"{key}={shown_value(value)}" for key, value in self.values.items())

    def counts(self, seed: str) -> dict[str, Counts]:
        """The counts of all folds of a seed, by scene."""
        pieces = [piece for run in self.seeds[seed].values() for piece in run.scenes.items()]
        return added_by_scene([scene for scene, _ in pieces], [counts for _, counts in pieces])

    def table(self, seeds: Sequence[str]) -> Counts:
        """The counts (scenes, seeds, 3), scenes in the order of their names."""
        return np.stack([np.stack(list(self.counts(seed).values())) for seed in seeds], axis=1)

    def chips(self, seed: str) -> frozenset[str]:
        """The chips of all folds of a seed, of which none may be in two."""
        chips: set[str] = set()
        for run in self.seeds[seed].values():
            twice = chips & run.chips
            if twice:
                raise UserError(
                    f"{min(twice)} was scored in two folds of one seed ({run.row.run.dir} and another): they are no "
                    "folds of one split. Choose runs of one split with where=."
                )
            chips |= run.chips
        return frozenset(chips)


def runs_by_setting(rows: Sequence[Row], by: Sequence[str], part: str, notes: list[str]) -> list[SettingRuns]:
    """Group runs by their setting, with what was counted of each.

    Args:
        rows: The runs; those that have not come to their end are left out.
        by: The full names of the keys that tell settings apart.
        part: The part that was scored.
        notes: Gets what a person should know: which runs, folds and seeds are missing.

    Raises:
        UserError: The runs of a setting are not of one recipe, were not scored on the same chips, or not at all.
    """
    settings = _grouped(_scored(rows, part, notes), by)
    _keep_whole_seeds(settings, notes)
    _check_same_chips(settings)
    return settings


def folds_of(settings: Sequence[SettingRuns]) -> list[int]:
    """The numbers of the folds that settings have, in order."""
    return sorted({run.fold for setting in settings for run in setting.runs})


def _scored(rows: Sequence[Row], part: str, notes: list[str]) -> list[ScoredRun]:
    """The runs with their counts; `UserError` where one was not scored, with the command that does it."""
    finished = [row for row in rows if row.status == RunStatus.FINISHED]
    if len(finished) < len(rows):
        others = [row.run.dir.name for row in rows if row.status != RunStatus.FINISHED]
        notes.append(f"left out, not finished: {shortened(others)}")
    runs = []
    unscored = []
    for row in finished:
        scored = scored_run(row, part)
        if scored is None:
            unscored.append(row)
        else:
            runs.append(scored)
    if unscored:
        raise UserError(_how_to_score(unscored, finished, part))
    _note_learned(runs, notes)
    if not runs:
        raise UserError("by=: none of the runs is finished yet.")
    return runs


def _how_to_score(unscored: Sequence[Row], rows: Sequence[Row], part: str) -> str:
    """Say which runs were not scored on a part, and by what command they are: a page scores all runs only of folds."""
    first = unscored[0].run.dir
    if part in UNLEARNED and groups_of_folds(rows):
        page = first.parent / "report.html"
        replaced = " overwrite=true" if page.exists() else ""
        command = f"python -m seep_lightning.report {quote(f'run={first.parent}')} part={part}{replaced}"
        return f"{first} was not scored on part={part}. Score all runs of a folder with: {command}"
    command = f"python -m seep_lightning.evaluate {quote(f'run={first}')}"
    command += f" part={part}" if part in PARTS else f" name={part}, and the data that they are to be scored on"
    if len(unscored) == 1:
        return f"{first} was not scored on part={part}. Score it with: {command}"
    count = f"{len(unscored)} of {len(rows)} runs"
    return f"{count} were not scored on part={part}. Score each of them, the first with: {command}"


def _note_learned(runs: Sequence[ScoredRun], notes: list[str]) -> None:
    """Say which runs started from weights that saw what they are scored on, as their trainings told."""
    learned = [run.row.run.dir.name for run in runs if stored_clause(run.row.run.summary())]
    if learned:
        notes.append(
            f"NOT OUT OF FOLD: {shortened(learned)} started from weights that learned from validation or test chips: "
            "their figures are too good. Train them with init=null, or leave them out with where=."
        )


def _grouped(runs: Sequence[ScoredRun], by: Sequence[str]) -> list[SettingRuns]:
    """The runs by the values of the keys; those of one setting must be of one recipe."""
    groups: dict[str, list[ScoredRun]] = {}
    for run in runs:
        groups.setdefault(repr([value_of(run.row, key) for key in by]), []).append(run)
    settings = []
    for same in groups.values():
        _check_recipe(same)
        values = {key: value_of(same[0].row, key) for key in by}
        settings.append(SettingRuns({key: None if value is ABSENT else value for key, value in values.items()}, same))
    return settings


def _check_recipe(runs: Sequence[ScoredRun]) -> None:
    """Raise `UserError` where runs of one setting differ in more than fold and seeds."""
    recipes = []
    for run in runs:
        recipe = recipe_of(run.row.run, run.row.all_settings)
        recipe.pop(SPLIT_SEED, None)
        recipes.append((run.row.run, recipe))
    check_recipes(recipes, "Name it in by= too, or choose runs with where=.")


def _keep_whole_seeds(settings: list[SettingRuns], notes: list[str]) -> None:
    """Leave out seeds of which a fold is missing, and settings without a whole seed."""
    folds = folds_of(settings)
    _note_missing_folds(settings[0].runs[0], folds, notes)
    for setting in list(settings):
        for seed, own in list(setting.seeds.items()):
            missing = [fold for fold in folds if fold not in own]
            if missing:
                words = ", ".join(map(str, missing))
                notes.append(f"left out: {setting.name} {seed}: no {FOLD}={words}")
                del setting.seeds[seed]
        if not setting.seeds:
            settings.remove(setting)
    if not settings:
        raise UserError(f"by=: {notes[-1]}. Train what is missing, or choose folds with where=.")


def _note_missing_folds(run: ScoredRun, folds: Sequence[int], notes: list[str]) -> None:
    """Say which folds of the split no run has."""
    config = run.row.run.config.split
    missing = [str(fold) for fold in range(config.folds) if fold not in folds]
    if config.kind == "kfold" and missing:
        notes.append(f"of {config.folds} folds, {', '.join(missing)} were not trained: their chips are not pooled")


def _check_same_chips(settings: Sequence[SettingRuns]) -> None:
    """Raise `UserError` where settings or seeds were scored on different chips."""
    first = settings[0]
    expected = first.chips(next(iter(first.seeds)))
    for setting in settings:
        for seed in setting.seeds:
            in_one_only = setting.chips(seed) ^ expected
            if in_one_only:
                run = next(iter(setting.seeds[seed].values())).row.run
                raise UserError(
                    f"{run.dir} and runs beside it were scored on other chips than {first.runs[0].row.run.dir} "
                    f"({len(in_one_only)} differ, such as {min(in_one_only)}). Choose runs of one split with where=."
                )
