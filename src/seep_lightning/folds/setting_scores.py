"""Settings set side by side: the folds of each pooled, seeds as repetitions, and their differences paired by scene."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.errors import UserError
from seep_lightning.folds.scored_runs import VALIDATION
from seep_lightning.folds.setting_runs import SettingRuns, folds_of, runs_by_setting
from seep_lightning.metrics.comparisons import holm
from seep_lightning.metrics.counts import Counts
from seep_lightning.metrics.figures import DICE, PixelFigure, pooled_pixel_figures
from seep_lightning.metrics.jackknife import Scale, interval_over_scenes, p_over_scenes, pixel_weights
from seep_lightning.metrics.paired import paired_difference
from seep_lightning.ranges import is_number
from seep_lightning.reporting.comparison import Row
from seep_lightning.reporting.row_values import parsed_conditions
from seep_lightning.reporting.run_table import short_names, shown_value

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
    settings = runs_by_setting(rows, request.by, request.part, notes)
    pairs = [(setting, _score_of(setting, figure)) for setting in settings]
    pairs = _sorted(pairs, request, figure)
    reference = _reference(pairs, request) if len(pairs) > 1 else None
    if reference is not None:
        _compare(pairs, reference, figure, notes)
    return SettingScores(
        metric=request.metric,
        part=request.part,
        rows=[score for _, score in pairs],
        reference=None if reference is None else reference[1],
        folds=folds_of(settings),
        notes=notes,
    )


def _pooled_figure(metric: str) -> PixelFigure:
    """The figure of pooled pixel counts of this name."""
    figures = {figure.key: figure for figure in pooled_pixel_figures()}
    if metric not in figures:
        raise UserError(f"metric={metric}: by= pools counts of pixels; expected {', '.join(figures)}.")
    return figures[metric]


def _score_of(setting: SettingRuns, figure: PixelFigure) -> SettingScore:
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


_Pairs = list[tuple[SettingRuns, SettingScore]]


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

    def places(pair: tuple[SettingRuns, SettingScore]) -> list[tuple[bool, float, str]]:
        return [_place(pair[0].values[key]) for key in keys]

    is_reversed = sort.startswith("-") and asked != [request.metric]
    return sorted(pairs, key=places, reverse=is_reversed)


def _place(value: Any) -> tuple[bool, float, str]:
    """Numbers by their size, then texts."""
    has_size = is_number(value)
    size = float(value) if has_size else 0.0
    return not has_size, size, str(value)


def _reference(pairs: _Pairs, request: Request) -> tuple[SettingRuns, SettingScore]:
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
        known = "; ".join(setting.name.replace(" ", ",") for setting, _ in pairs)
        raise UserError(
            f"against={request.against}: {len(fitting)} of {len(pairs)} settings are so. Expected one of: {known}."
        )
    return fitting[0]


def _compare(pairs: _Pairs, reference: tuple[SettingRuns, SettingScore], figure: PixelFigure, notes: list[str]) -> None:
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


def _difference(
    setting: SettingRuns, reference: SettingRuns, figure: PixelFigure, notes: list[str]
) -> Difference | None:
    """The difference of two settings over the seeds that both have; None where there is none."""
    seeds = sorted(setting.seeds.keys() & reference.seeds.keys())
    lone = sorted(setting.seeds.keys() ^ reference.seeds.keys())
    if lone:
        notes.append(f"not paired: {setting.name} and {reference.name}: only one of them has {'; '.join(lone)}")
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
