"""Plots of a report: small figures in colours that the colour-blind tell apart."""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from seep_lightning.metrics.histogram import BINS, dice_by_threshold, positives_above

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#8A94A0"  # the first two: Okabe & Ito
NAMED = 8  # lines at most that a legend names
Histogram = Sequence[Sequence[int]]
Rows = Sequence[Mapping[str, Any]]


def uri(figure: Figure) -> str:
    """A figure as the data URI of an SVG."""
    file = io.BytesIO()
    figure.savefig(file, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(file.getvalue()).decode()


def lines(histories: Mapping[str, Rows], *columns: str) -> Figure:
    """A line over epochs for each history (rows of a `metrics.csv`), the first on top; one column for all, or each."""
    axes = (figure := Figure()).add_subplot(xlabel="epoch")
    shades = (BLUE, ORANGE) if len(histories) < 3 else mpl.colormaps["viridis"](np.linspace(0, 0.8, len(histories)))
    for k, (name, rows) in enumerate(histories.items()):
        column = columns[k % len(columns)]
        points = [(row["epoch"] + 1, row[column]) for row in rows if np.isfinite(row.get(column, np.nan))]
        look = ("-", "--", "-.", ":")[k % 4] + ("o" if len(points) < 20 else "")
        label = name if k < NAMED else ""
        axes.plot(*np.reshape(points, (-1, 2)).T, look, color=shades[k], label=label, zorder=99 - k)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(histories) > 1:
        figure.legend(loc="outside lower center", ncols=2)
    return figure


def precision_recall(histogram: Histogram, threshold: float) -> Figure:
    """Precision over recall of a histogram (2, BINS): each point a threshold, the one in use marked."""
    false, true = (row.numpy() for row in positives_above(torch.tensor(histogram)))
    precision, recall = true / np.maximum(true + false, 1), true / max(true[0], 1)
    there, used = true + false > 0, min(round(threshold * BINS), BINS - 1)
    area = -(np.diff(recall, append=0.0) * precision).sum()
    axes = (figure := Figure()).add_subplot(xlabel="recall", ylabel="precision", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.plot(recall[there], precision[there], color=BLUE, label=f"average precision {area:.3f}")
    axes.plot(recall[used], precision[used], "o", color=ORANGE, ms=6, label=f"threshold {threshold:.3f}")
    axes.axhline(precision[0], color=GREY, lw=1, ls=":", label="everything called seep")
    axes.legend()
    return figure


def dice_threshold(histogram: Histogram, threshold: float) -> Figure:
    """Pooled Dice over the threshold, of a histogram (2, BINS)."""
    dice = dice_by_threshold(torch.tensor(histogram)).numpy()[1:]
    axes = (figure := Figure()).add_subplot(xlabel="threshold", ylabel="pooled Dice", xlim=(0, 1))
    axes.plot(np.arange(1, BINS) / BINS, dice, color=BLUE, label=f"largest {dice.max():.3f}")
    axes.axvline(threshold, color=ORANGE, lw=1.2, ls="--", label=f"in use {threshold:.3f}")
    axes.set_ylim(0, None)
    axes.legend()
    return figure


def reliability(histogram: Histogram, error: float, classes: int = 16) -> Figure:
    """Share of seep over the predicted probability, and how many pixels there are, of a histogram (2, BINS).

    error: what stands in the legend as calibration error, which is taken over other bins (docs/metrics.md).
    """
    counts = np.asarray(histogram, float).reshape(2, classes, -1)
    centres = ((np.arange(BINS) + 0.5) / BINS).reshape(classes, -1)
    pixels = counts.sum((0, 2))
    said, seen = (part / np.maximum(pixels, 1) for part in ((counts.sum(0) * centres).sum(1), counts[1].sum(1)))
    top, bottom = (figure := Figure()).subplots(2, 1, sharex=True, height_ratios=(3, 1))
    top.plot(said[pixels > 0], seen[pixels > 0], "o-", color=BLUE, label=f"calibration error {error:.4f}")
    top.plot([0, 1], [0, 1], color=GREY, lw=1, ls=":", label="perfectly calibrated")
    top.set(ylabel="share that is seep", xlim=(0, 1), ylim=(-0.02, 1.02))
    top.legend()
    bottom.bar(centres.mean(1), pixels, width=0.9 / classes, color=GREY)
    bottom.set(xlabel="predicted probability", ylabel="pixels", yscale="log")
    bottom.yaxis.set_minor_formatter(NullFormatter())
    return figure


def scatter(rows: Rows, x: str, y: str, xlabel: str, ylabel: str, *, trend: bool = False) -> Figure:
    """Two columns, the first numbers or names; `trend`: the medians of equally full classes of 4 points or more too."""
    axes = (figure := Figure()).add_subplot(xlabel=xlabel, ylabel=ylabel)
    numbers = all(isinstance(row[x], int | float) for row in rows)
    points = [(row[x] if numbers else str(row[x]), row[y]) for row in rows if row[x] == row[x]]  # NaN is not
    axes.plot([p[0] for p in points], [p[1] for p in points], "o", color=BLUE, alpha=0.5, mew=0, ms=4 if trend else 7)
    if trend and len(points) >= 12:
        classes = np.array_split(sorted(points), min(8, len(points) // 4))
        axes.plot(*np.transpose([np.median(c, axis=0) for c in classes]), "o-", color=ORANGE, label="median of a class")
        axes.legend()
    low, high = axes.dataLim.intervalx
    if not numbers:
        axes.margins(x=0.25)
    elif 0 < 10 * low <= high:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 300 * low else (1,)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
    return figure
