"""Plots of a report, small and in colours that the colour-blind tell apart."""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Plot
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FixedLocator, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from seep_lightning.errors import printable
from seep_lightning.metrics import histogram as histograms
from seep_lightning.metrics.histogram import BINS

# the first two: Okabe & Ito
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#8A94A0"
LINE_STYLES = ("-", "--", "-.", ":")
# lines at most that a legend names
MOST_NAMED_LINES = 8
# a line of fewer points has markers
FEW_POINTS = 20
# a trend needs so many points
TREND_POINTS = 12
# and has so many groups at most, of so many points at least
TREND_GROUPS = 8
TREND_GROUP_POINTS = 4
RELIABILITY_GROUPS = 16
# values that span this factor are drawn by their logarithm
FEWEST_TIMES = 4
# labels below an axis at most, and the share of its length that each of them needs
MOST_TICKS = 6
ROOM_OF_TICK = 0.16

Histogram = Sequence[Sequence[int]]
Rows = Sequence[Mapping[str, Any]]


def data_uri(plot: Plot) -> Markup:
    """A plot as the data URI of an SVG, which the page takes as it is: it need not be searched for secrets."""
    # a plot with a layout of its own is laid out and drawn twice
    ConstrainedLayoutEngine().execute(plot)
    file = io.BytesIO()
    plot.savefig(file, format="svg", metadata={"Date": None})
    text = base64.b64encode(file.getvalue()).decode()
    return Markup(f"data:image/svg+xml;base64,{text}")


def lines(histories: Mapping[str, Rows], *columns: str) -> Plot:
    """Draw a line over epochs for each history, the first on top.

    Args:
        histories: Rows of a metrics.csv by the line's name.
        columns: The column of each line; one alone is that of all.
    """
    plot = Plot()
    axes = plot.add_subplot(xlabel="epoch")
    colours = _line_colours(len(histories))
    for k, (name, rows) in enumerate(histories.items()):
        column = columns[k % len(columns)]
        drawn = [row for row in rows if np.isfinite(row.get(column, np.nan))]
        epochs = [row["epoch"] for row in drawn]
        values = [row[column] for row in drawn]
        style = LINE_STYLES[k % len(LINE_STYLES)]
        if len(drawn) < FEW_POINTS:
            style += "o"
        label = as_it_stands(name) if k < MOST_NAMED_LINES else ""
        axes.plot(epochs, values, style, color=colours[k], label=label, zorder=99 - k)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(histories) > 1:
        plot.legend(loc="outside lower center", ncols=2)
    return plot


def precision_recall(histogram: Histogram, threshold: float) -> Plot:
    """Draw precision over recall, each point a threshold.

    Args:
        histogram: Counts of probabilities, (2, BINS).
        threshold: The one in use, which is marked.
    """
    false_positive, true_positive = histograms.positives_above(histogram)
    predicted = true_positive + false_positive
    precision = true_positive / np.maximum(predicted, 1)
    recall = true_positive / max(true_positive[0], 1)
    recall_steps = np.diff(recall, append=0.0)
    average_precision = -(recall_steps * precision).sum()
    drawn = predicted > 0
    used = min(round(threshold * BINS), BINS - 1)
    plot = Plot()
    limits = (-0.02, 1.02)
    axes = plot.add_subplot(xlabel="recall", ylabel="precision", xlim=limits, ylim=limits)
    axes.plot(recall[drawn], precision[drawn], color=BLUE, label=f"average precision {average_precision:.3f}")
    axes.plot(recall[used], precision[used], "o", color=ORANGE, ms=6, label=f"threshold {threshold:.3f}")
    axes.axhline(precision[0], color=GREY, lw=1, ls=":", label="everything called seep")
    axes.legend()
    return plot


def dice_by_threshold(histogram: Histogram, threshold: float) -> Plot:
    """Draw pooled Dice over the threshold.

    Args:
        histogram: Counts of probabilities, (2, BINS).
        threshold: The one in use, which is marked.
    """
    dice = histograms.dice_by_threshold(histogram)[1:]
    thresholds = np.arange(1, BINS) / BINS
    plot = Plot()
    axes = plot.add_subplot(xlabel="threshold", ylabel="pooled Dice", xlim=(0, 1))
    axes.plot(thresholds, dice, color=BLUE, label=f"largest {dice.max():.3f}")
    axes.axvline(threshold, color=ORANGE, lw=1.2, ls="--", label=f"in use {threshold:.3f}")
    axes.set_ylim(0, None)
    axes.legend()
    return plot


def reliability(histogram: Histogram, error: float) -> Plot:
    """Draw the share of seep over the predicted probability, and how many pixels there are.

    Args:
        histogram: Counts of probabilities, (2, BINS).
        error: The calibration error for the legend, which is taken over other bins (docs/metrics.md).
    """
    counts = np.asarray(histogram, float).reshape(2, RELIABILITY_GROUPS, -1)
    bin_centres = (np.arange(BINS) + 0.5) / BINS
    centres = bin_centres.reshape(RELIABILITY_GROUPS, -1)
    pixels = counts.sum(axis=(0, 2))
    divisor = np.maximum(pixels, 1)
    expected_seep = (counts.sum(axis=0) * centres).sum(axis=1)
    predicted_share = expected_seep / divisor
    true_share = counts[1].sum(axis=1) / divisor
    drawn = pixels > 0
    plot = Plot()
    top, bottom = plot.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    top.plot(predicted_share[drawn], true_share[drawn], "o-", color=BLUE, label=f"calibration error {error:.4f}")
    top.plot([0, 1], [0, 1], color=GREY, lw=1, ls=":", label="perfectly calibrated")
    top.set(ylabel="share that is seep", xlim=(0, 1), ylim=(-0.02, 1.02))
    top.legend()
    bottom.bar(centres.mean(axis=1), pixels, width=0.9 / RELIABILITY_GROUPS, color=GREY)
    bottom.set(xlabel="predicted probability", ylabel="pixels", yscale="log")
    bottom.yaxis.set_minor_formatter(NullFormatter())
    return plot


def scatter(rows: Rows, x: str, y: str, xlabel: str, ylabel: str, *, trend: str = "") -> Plot:
    """Draw two columns against each other.

    Args:
        rows: A point each; those whose x is not a number are left out.
        x: The column to the right, of numbers or names.
        y: The column upwards, of numbers.
        xlabel: What x is.
        ylabel: What y is.
        trend: What points that follow each other are alike in, such as `size`: also draw medians of groups of them.
    """
    plot = Plot()
    axes = plot.add_subplot(xlabel=as_it_stands(xlabel), ylabel=as_it_stands(ylabel))
    drawn = [row for row in rows if not _is_nan(row[x])]
    numeric = all(isinstance(row[x], int | float) for row in drawn)
    right = [row[x] for row in drawn]
    if not numeric:
        right = [as_it_stands(value) for value in right]
    up = [row[y] for row in drawn]
    size = 4 if trend else 7
    axes.plot(right, up, "o", color=BLUE, alpha=0.5, mew=0, ms=size)
    if trend and len(drawn) >= TREND_POINTS:
        _draw_trend(axes, list(zip(right, up, strict=True)), trend)
    if numeric and drawn:
        _scale_x(axes)
        _set_ticks(axes, sorted({*right}))
    elif not numeric:
        axes.margins(x=0.25)
    return plot


def _line_colours(count: int) -> Sequence[Any]:
    """A colour for each of several lines."""
    if count < 3:
        return (BLUE, ORANGE)
    colours: NDArray[np.float64] = mpl.colormaps["viridis"](np.linspace(0, 0.8, count))
    return list(colours)


def as_it_stands(name: object) -> str:
    """A name for a plot: between two dollars matplotlib would read a formula, and refuse most of them.

    Args:
        name: Of a scene, a run, a setting or the like.
    """
    return printable(name).replace("$", r"\$")


def _is_nan(value: Any) -> bool:
    """Whether a value is a float that is not a number."""
    return isinstance(value, float) and np.isnan(value)


def _draw_trend(axes: Axes, points: Sequence[tuple[Any, Any]], name: str) -> None:
    """Draw the medians of equally full groups of points, by their x."""
    count = min(TREND_GROUPS, len(points) // TREND_GROUP_POINTS)
    groups = np.array_split(sorted(points), count)
    # (groups, 2)
    medians = np.array([np.median(group, axis=0) for group in groups])
    axes.plot(medians[:, 0], medians[:, 1], "o-", color=ORANGE, label=f"median of its {name} group")
    axes.legend()


def _scale_x(axes: Axes) -> None:
    """Draw x by its logarithm where the values are positive and span a factor of `FEWEST_TIMES` or more."""
    low, high = axes.dataLim.intervalx
    if 0 < FEWEST_TIMES * low <= high:
        axes.set_xscale("log")


def _set_ticks(axes: Axes, values: Sequence[float]) -> None:
    """Name the values themselves where they are few, else round numbers; no two labels so close that they meet."""
    is_log = axes.get_xscale() == "log"
    if len(values) <= MOST_TICKS:
        axes.xaxis.set_major_locator(FixedLocator(_apart(values, is_log)))
    elif is_log:
        few_decades = values[-1] < 300 * values[0]
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if few_decades else (1,)))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(MOST_TICKS))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())


def _apart(values: Sequence[float], is_log: bool) -> list[float]:
    """Those of some values, from the least to the largest, whose labels have room beside each other."""
    places = np.log(values) if is_log else np.asarray(values, float)
    room = ROOM_OF_TICK * (places[-1] - places[0])
    kept: list[int] = []
    for k, place in enumerate(places):
        if not kept or place - places[kept[-1]] >= room:
            kept.append(k)
    return [values[k] for k in kept]
