"""Settings set side by side: the folds of each pooled, seeds as repetitions, and their differences paired by scene."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.errors import UserError, shortened
from seep_lightning.folds.learned_before import stored_clause
from seep_lightning.folds.scored_runs import VALIDATION, ScoredRun, scored_run
from seep_lightning.metrics.comparisons import holm
from seep_lightning.metrics.figures import DICE, PixelFigure, pooled_pixel_figures
from seep_lightning.metrics.jackknife import Scale, added_by_scene, interval_over_scenes, p_over_scenes, pixel_weights
from seep_lightning.metrics.paired import paired_difference
from seep_lightning.ranges import is_number
from seep_lightning.reporting.comparison import Row
from seep_lightning.reporting.row_values import ABSENT, full_name, parsed_conditions, value_of
from seep_lightning.reporting.run_table import short_names, shown_value
from seep_lightning.runs.recipes import FOLD, SPLIT_SEED, check_recipes, recipe_of
from seep_lightning.runs.status import RunStatus

log = logging.getLogger(__name__)

Counts = NDArray[np.int64]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Difference:
    """A setting's figure less that of another one, on the same scenes with the same seeds.

    Attributes:
        value: The mean over seeds.
        lowest: Of one seed.
        highest: Of one seed.
        seeds: How many both have.
        interval: 95 % over scenes; None where the scenes are too few.
        p: How likely scenes alone make it so large, in either direction; None likewise.
        p_corrected: The same, corrected for the number of comparisons (Holm).
    """

    value: float
    lowest: float
    highest: float
    seeds: int
    interval: Interval | None
    p: float | None
    p_corrected: float | None = None


@dataclass
class SettingScore:
    """One setting: the runs that have it, and their figure.

    Attributes:
        settings: The values of the keys of `by=`.
        runs: Its runs.
        figures: Of the folds of each seed pooled, by the seed.
        mean: Over seeds.
        interval: 95 % over scenes, of the mean over seeds; None where the scenes are too few.
        scenes: How many scenes.
        difference: To the setting that all are compared with; None for that one itself.
    """

    settings: dict[str, Any]
    runs: list[Row]
    figures: dict[str, float]
    mean: float
    interval: Interval | None
    scenes: int
    difference: Difference | None = None

    @property
    def name(self) -> str:
        """The setting in words, such as `lr=0.005`."""
        names = short_names(self.settings)
        return " ".join(f"{names[key]}={shown_value(value)}" for key, value in self.settings.items()) or "all runs"


@dataclass(frozen=True)
class SettingScores:
    """Settings side by side.

    Attributes:
        metric: The figure.
        part: The part that was scored.
        rows: The settings, in the order in which they stand.
        reference: The one that the others are compared with, not chosen by its figure; None where there is one only.
        folds: The folds that are pooled.
        notes: What a person should know: which folds and seeds are missing.
    """

    metric: str
    part: str
    rows: list[SettingScore]
    reference: SettingScore | None
    folds: list[int]
    notes: list[str] = field(default_factory=list)

    @property
    def comparisons(self) -> int:
        """How many settings are compared with the reference: the number that p is corrected for."""
        return sum(row.difference is not None for row in self.rows)


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
        by: The full names of the keys whose values are told apart; none: all runs are of one recipe.
        metric: The figure, one of pooled pixel counts.
        part: The part that was scored.
        sort: What the settings are sorted by: one of `by`, or the metric; a minus before it: the most first. None: the
            best first.
        against: The setting that the others are compared with, as `NAME=VALUE`; None: the first by the values of
            `by`, whatever the figures.
    """

    by: Sequence[str]
    metric: str = DICE.key
    part: str = VALIDATION
    sort: str | None = None
    against: str | None = None


class _Setting:
    """The counts of a setting while they are put together: (scenes, 3) by seed, in the order of the scenes' names."""

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

    def counts(self, seed: str) -> dict[str, Counts]:
        """The counts of all folds of a seed, by scene."""
        pieces = [piece for run in self.seeds[seed].values() for piece in run.scenes.items()]
        return added_by_scene([scene for scene, _ in pieces], [counts for _, counts in pieces])

    def table(self, seeds: Sequence[str]) -> Counts:
        """The counts (scenes, seeds, 3)."""
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


def score_settings(rows: Sequence[Row], request: Request) -> SettingScores:
    """Pool the folds of each setting, and compare the settings.

    Args:
        rows: The runs; those that have not come to their end are left out, and told.
        request: What is asked for.

    Raises:
        UserError: The runs of a setting are not of one recipe, were not scored on the same chips, or not at all.
    """
    figure = _pooled_figure(request.metric)
    notes: list[str] = []
    runs = _scored(rows, request.part, notes)
    settings = _grouped(runs, request.by)
    folds = _keep_whole_seeds(settings, notes)
    _check_same_chips(settings)
    pairs = [(setting, _score_of(setting, figure)) for setting in settings]
    pairs = _sorted(pairs, request, figure)
    reference = _reference(pairs, request) if len(pairs) > 1 else None
    if reference is not None:
        _compare(pairs, reference, figure, notes)
    scores = [score for _, score in pairs]
    return SettingScores(
        request.metric, request.part, scores, None if reference is None else reference[1], folds, notes
    )


def _pooled_figure(metric: str) -> PixelFigure:
    """The figure of pooled pixel counts of this name."""
    figures = {figure.key: figure for figure in pooled_pixel_figures()}
    if metric not in figures:
        raise UserError(f"metric={metric}: by= pools counts of pixels; expected {', '.join(figures)}.")
    return figures[metric]


def _scored(rows: Sequence[Row], part: str, notes: list[str]) -> list[ScoredRun]:
    """The runs with their counts; `UserError` where one was not scored, with the command that does it."""
    finished = [row for row in rows if row.status == RunStatus.FINISHED]
    if len(finished) < len(rows):
        others = [row.run.dir.name for row in rows if row.status != RunStatus.FINISHED]
        notes.append(f"left out, not finished: {shortened(others)}")
    runs = []
    for row in finished:
        scored = scored_run(row, part)
        if scored is None:
            page = row.run.dir.parent / "report.html"
            replaced = " overwrite=true" if page.exists() else ""
            raise UserError(
                f"{row.run.dir} was not scored on part={part}. Score all runs of a folder with: python -m "
                f"seep_lightning.report run={row.run.dir.parent} part={part}{replaced}"
            )
        runs.append(scored)
    _note_learned(runs, notes)
    if not runs:
        raise UserError("by=: none of the runs is finished yet.")
    return runs


def _note_learned(runs: Sequence[ScoredRun], notes: list[str]) -> None:
    """Say which runs started from weights that saw what they are scored on, as their trainings told."""
    learned = [run.row.run.dir.name for run in runs if stored_clause(run.row.run.summary())]
    if learned:
        notes.append(
            f"NOT OUT OF FOLD: {shortened(learned)} started from weights that learned from validation or test chips: "
            "their figures are too good. Train them with init=null, or leave them out with where=."
        )


def _grouped(runs: Sequence[ScoredRun], by: Sequence[str]) -> list[_Setting]:
    """The runs by the values of the keys; those of one setting must be of one recipe."""
    groups: dict[str, list[ScoredRun]] = {}
    for run in runs:
        groups.setdefault(repr([value_of(run.row, key) for key in by]), []).append(run)
    settings = []
    for same in groups.values():
        _check_recipe(same)
        values = {key: value_of(same[0].row, key) for key in by}
        settings.append(_Setting({key: None if value is ABSENT else value for key, value in values.items()}, same))
    return settings


def _check_recipe(runs: Sequence[ScoredRun]) -> None:
    """Raise `UserError` where runs of one setting differ in more than fold and seeds."""
    recipes = []
    for run in runs:
        recipe = recipe_of(run.row.run, run.row.all_settings)
        recipe.pop(SPLIT_SEED, None)
        recipes.append((run.row.run, recipe))
    check_recipes(recipes, "Name it in by= too, or choose runs with where=.")


def _keep_whole_seeds(settings: list[_Setting], notes: list[str]) -> list[int]:
    """Leave out seeds of which a fold is missing, and settings without a whole seed; returns the folds."""
    folds = sorted({run.fold for setting in settings for run in setting.runs})
    _note_missing_folds(settings[0].runs[0], folds, notes)
    for setting in list(settings):
        for seed, own in list(setting.seeds.items()):
            missing = [fold for fold in folds if fold not in own]
            if missing:
                words = ", ".join(map(str, missing))
                notes.append(f"left out: {_words(setting)} {seed}: no {FOLD}={words}")
                del setting.seeds[seed]
        if not setting.seeds:
            settings.remove(setting)
    if not settings:
        raise UserError(f"by=: {notes[-1]}. Train what is missing, or choose folds with where=.")
    return folds


def _note_missing_folds(run: ScoredRun, folds: Sequence[int], notes: list[str]) -> None:
    """Say which folds of the split no run has."""
    config = run.row.run.config.split
    missing = [str(fold) for fold in range(config.folds) if fold not in folds]
    if config.kind == "kfold" and missing:
        notes.append(f"of {config.folds} folds, {', '.join(missing)} were not trained: their chips are not pooled")


def _words(setting: _Setting) -> str:
    return " ".join(f"{key}={shown_value(value)}" for key, value in setting.values.items())


def _check_same_chips(settings: Sequence[_Setting]) -> None:
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


def _score_of(setting: _Setting, figure: PixelFigure) -> SettingScore:
    """The figure of a setting, by seed and on average."""
    seeds = sorted(setting.seeds)
    table = setting.table(seeds)

    def mean_over_seeds(counts: Counts) -> NDArray[np.float64]:
        return np.asarray(figure.function(counts).mean(axis=-1))

    values = figure.function(table.sum(axis=0))
    return SettingScore(
        settings=setting.values,
        runs=[run.row for seed in seeds for run in setting.seeds[seed].values()],
        figures={seed: float(value) for seed, value in zip(seeds, values, strict=True)},
        mean=float(values.mean()),
        interval=interval_over_scenes(table, mean_over_seeds, pixel_weights(table)),
        scenes=len(table),
    )


_Pairs = list[tuple[_Setting, SettingScore]]


def _sorted(pairs: _Pairs, request: Request, figure: PixelFigure) -> _Pairs:
    """The settings in the order that is asked for."""
    if request.sort is None:
        return sorted(pairs, key=lambda pair: pair[1].mean, reverse=figure.better == "higher")
    key = _sort_key(request)
    if key == request.metric:
        return sorted(pairs, key=lambda pair: pair[1].mean, reverse=request.sort.startswith("-"))
    return _sorted_by_keys(pairs, request)


def _sort_key(request: Request) -> str:
    """The full name of what the settings are sorted by."""
    assert request.sort is not None
    name = request.sort.removeprefix("-")
    known = [key for key in (*request.by, request.metric) if key == name or key.endswith(f".{name}")]
    if len(known) != 1:
        expected = ", ".join([*request.by, request.metric])
        raise UserError(f"sort={request.sort}: expected one of {expected}, with a minus for the most first.")
    return known[0]


def _sorted_by_keys(pairs: _Pairs, request: Request) -> _Pairs:
    """The settings by the values of their keys, of `sort` first: no figure has a say in their order."""
    sort = request.sort or ""
    asked = [_sort_key(request)] if sort else []
    keys = [key for key in (*asked, *request.by) if key != request.metric]

    def places(pair: tuple[_Setting, SettingScore]) -> list[tuple[bool, float, str]]:
        return [_place(pair[0].values[key]) for key in keys]

    is_reversed = sort.startswith("-") and asked != [request.metric]
    return sorted(pairs, key=places, reverse=is_reversed)


def _place(value: Any) -> tuple[bool, float, str]:
    """Numbers by their size, then texts."""
    has_size = is_number(value)
    size = float(value) if has_size else 0.0
    return not has_size, size, str(value)


def _reference(pairs: _Pairs, request: Request) -> tuple[_Setting, SettingScore]:
    """The setting that the others are compared with.

    It must not be chosen by its figure: against the best of several equal settings, p (Holm) is below 0.05 for some
    other one in 8 to 15 % of cases (4 to 12 settings, 14 scenes) in place of 5 %.
    """
    if request.against is None:
        return _sorted_by_keys(pairs, request)[0]
    rows = [setting.runs[0].row for setting, _ in pairs]
    if not set("=<>") & set(request.against):
        known = ",".join(f"{name.rpartition('.')[2]}=VALUE" for name in request.by)
        raise UserError(f"against={request.against}: name the setting too. Expected against={known}.")
    try:
        conditions = parsed_conditions(request.against, rows)
    except UserError as error:
        raise UserError(f"against={request.against}: {str(error).removeprefix(f'where={request.against}: ')}") from None
    fitting = [
        pair for pair, row in zip(pairs, rows, strict=True) if all(condition.holds(row) for condition in conditions)
    ]
    if len(fitting) != 1:
        known = "; ".join(_words(setting).replace(" ", ",") for setting, _ in pairs)
        raise UserError(
            f"against={request.against}: {len(fitting)} of {len(pairs)} settings are so. Expected one of: {known}."
        )
    return fitting[0]


def _compare(pairs: _Pairs, reference: tuple[_Setting, SettingScore], figure: PixelFigure, notes: list[str]) -> None:
    """Give each setting its difference to the reference, with p corrected for their number."""
    for setting, score in pairs:
        if setting is not reference[0]:
            score.difference = _difference(setting, reference[0], figure, notes)
    _correct([score for _, score in pairs])


def _correct(scores: Sequence[SettingScore]) -> None:
    """Correct p of all differences for their number."""
    p_values = {}
    for place, score in enumerate(scores):
        if score.difference is not None and score.difference.p is not None:
            p_values[place] = score.difference.p
    for place, p in zip(p_values, holm(list(p_values.values())), strict=True):
        difference = scores[place].difference
        assert difference is not None
        scores[place].difference = replace(difference, p_corrected=p)


def _difference(setting: _Setting, reference: _Setting, figure: PixelFigure, notes: list[str]) -> Difference | None:
    """The difference of two settings over the seeds that both have; None where there is none."""
    seeds = sorted(setting.seeds.keys() & reference.seeds.keys())
    lone = sorted(setting.seeds.keys() ^ reference.seeds.keys())
    if lone:
        notes.append(f"not paired: {_words(setting)} and {_words(reference)}: only one of them has {'; '.join(lone)}")
    if not seeds:
        return None
    # (scenes, seeds, 2, 3)
    table = np.stack([setting.table(seeds), reference.table(seeds)], axis=2)
    by_seed = paired_difference(figure.function)

    def mean_over_seeds(counts: Counts) -> NDArray[np.float64]:
        return np.asarray(by_seed(counts).mean(axis=-1))

    weights = pixel_weights(table)
    values = by_seed(table.sum(axis=0))
    return Difference(
        value=float(values.mean()),
        lowest=float(values.min()),
        highest=float(values.max()),
        seeds=len(seeds),
        interval=interval_over_scenes(table, mean_over_seeds, weights, Scale.DIFFERENCE),
        p=p_over_scenes(table, mean_over_seeds, weights),
    )


def by_names(text: str, rows: Sequence[Row]) -> list[str]:
    """The full names of the keys of a `by=`, which stand between commas.

    Raises:
        UserError: Nothing is called so, or it is no setting.
    """
    names = [full_name(name.strip(), rows, f"by={text}") for name in text.strip("[]").split(",")]
    for name in names:
        is_setting = any(name in row.all_settings for row in rows)
        if not is_setting or name == FOLD:
            raise UserError(f"by={text}: {name} is no setting whose values can be told apart; such as optimizer.lr.")
    return names


def values_by_key(score: SettingScore, metric: str) -> Mapping[str, Any]:
    """A setting as a row of CSV or an object of JSON, with all digits."""
    difference = score.difference
    low, high = score.interval or (None, None)
    row = {
        **score.settings,
        "runs": len(score.runs),
        "seeds": len(score.figures),
        "scenes": score.scenes,
        metric: score.mean,
        f"{metric}_least_seed": min(score.figures.values()),
        f"{metric}_best_seed": max(score.figures.values()),
        f"{metric}_low": low,
        f"{metric}_high": high,
    }
    names = ("value", "lowest", "highest", "interval", "p", "p_corrected")
    value, lowest, highest, spread, p, corrected = (getattr(difference, name, None) for name in names)
    low, high = spread or (None, None)
    return row | {
        "difference": value,
        "difference_least_seed": lowest,
        "difference_best_seed": highest,
        "difference_low": low,
        "difference_high": high,
        "p": p,
        "p_holm": corrected,
    }
