"""The map of a page of sources: recurrence with the sources on it, a scale bar, north, and the scale of its colours."""

import math

import matplotlib.patheffects as effects
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Plot
from matplotlib.patches import Patch
from numpy.typing import NDArray

from seep_lightning.errors import as_user_error
from seep_lightning.scene.datasets import UNREADABLE_RASTER, open_dataset
from seep_lightning.scene.projections import WGS84, Reprojection
from seep_lightning.scene.scale_bars import round_length
from seep_lightning.scene.seep_colours import Colour, ColourStep
from seep_lightning.sources.cells import CellGrid
from seep_lightning.sources.day_colours import DAY_STEPS, LABEL, NEVER
from seep_lightning.sources.recurrence_file import (
    RecurrenceName,
    check_recurrence,
    recurrence_strips,
    rows_at_once,
    whole_window,
)
from seep_lightning.sources.written import SOURCES_AGAIN, WrittenSources

WIDTH = 6.4
"""Inches."""
MOST_PIXELS = 1000
"""Along the longer side of the picture of recurrence."""
MOST_NUMBERED = 12
NORTHWARDS = 0.01
"""Degrees of latitude along which north is found."""
TEXT_SIZE = 9
"""Points."""
MOST_ASPECT = 1.3
"""Of height to width."""
BLACK, WHITE = "#000000", "#ffffff"
Days = NDArray[np.float32]
Extent = tuple[float, float, float, float]
"""West, east, south, north in coordinates of the grid."""


def draw_map(written: WrittenSources) -> Plot:
    """Draw the sources over the recurrence.

    Args:
        written: What `seep sources` wrote.
    """
    days, extent = most_days(written)
    west, east, south, north = extent
    height = min(WIDTH * (north - south) / (east - west), WIDTH * MOST_ASPECT)
    plot = Plot(figsize=(WIDTH, height + 0.7))
    axes = plot.add_subplot(facecolor=BLACK, xticks=[], yticks=[], aspect="equal")
    axes.grid(visible=False)
    axes.imshow(coloured(days), extent=extent, interpolation="nearest")
    axes.set(xlim=(west, east), ylim=(south, north))
    _draw_origins(axes, written)
    _draw_bar(axes, extent, written.grid.unit)
    if written.grid.wkt:
        _draw_north(axes, extent, written.grid)
    _add_scale(plot, days)
    return plot


def most_days(written: WrittenSources) -> tuple[Days, Extent]:
    """Days with a slick, (H, W), of the cell of most days in each pixel; NaN where nobody looked.

    Args:
        written: What was written.

    Returns:
        The days, and where they lie.
    """
    path = written.outputs.recurrence
    name = RecurrenceName(str(path), SOURCES_AGAIN)
    unreadable = as_user_error(f"{name.text} cannot be read", *UNREADABLE_RASTER, OSError, advice=name.advice)
    with unreadable, open_dataset(path) as file:
        check_recurrence(file, name)
        step = math.ceil(max(file.height, file.width) / MOST_PIXELS)
        days = np.full((-(-file.height // step), -(-file.width // step)), np.nan, np.float32)
        for strip in recurrence_strips(file, whole_window(file), rows_at_once(file.width), name):
            known = np.where(strip.looked > 0, strip.seen, np.float32(np.nan))
            rows = np.arange(strip.top, strip.top + len(known)) // step
            np.fmax.at(days, rows, _most(known, step))
        transform = file.transform
    height, width = days.shape
    east = transform.c + transform.a * width * step
    south = transform.f + transform.e * height * step
    return days, (transform.c, east, south, transform.f)


def _most(values: Days, step: int) -> Days:
    """The largest value of each `step` columns, (H, W / step); NaN where there is none."""
    missing = -values.shape[1] % step
    padded = np.pad(values, ((0, 0), (0, missing)), constant_values=np.nan)
    most: Days = np.fmax.reduce(padded.reshape(len(values), -1, step), axis=2)
    return most


def coloured(days: Days) -> NDArray[np.uint8]:
    """Days with a slick as colours, (H, W, 3); black where nobody looked."""
    picture = np.zeros((*days.shape, 3), np.uint8)
    picture[np.isfinite(days)] = NEVER
    for step in DAY_STEPS:
        picture[(days > step.low) & (days <= step.high)] = step.colour
    return picture


def _draw_origins(axes: Axes, written: WrittenSources) -> None:
    """Mark the origin of each source; the surest ones have their numbers."""
    rim = [effects.withStroke(linewidth=2.2, foreground=BLACK)]
    for source in written.sources:
        x, y = source.origin
        is_numbered = source.number <= MOST_NUMBERED
        marker = "o" if source.has_shared_end else "s"
        size = 6 if is_numbered else 3.5
        axes.plot(x, y, marker, ms=size, mfc="none", mec=WHITE, mew=1.1, path_effects=rim)
        if is_numbered:
            _write(axes, str(source.number), (x, y), (5, 4))


def _write(axes: Axes, text: str, place: tuple[float, float], offset: tuple[float, float]) -> None:
    """Write a text some points away from a place."""
    rim = [effects.withStroke(linewidth=2.2, foreground=BLACK)]
    axes.annotate(text, place, xytext=offset, textcoords="offset points", color=WHITE, size=TEXT_SIZE, path_effects=rim)


def _draw_bar(axes: Axes, extent: Extent, unit: str) -> None:
    """Draw a scale bar into the lower left corner."""
    west, east, south, north = extent
    width, height = east - west, north - south
    length = round_length(width / 4)
    left, bottom = west + 0.03 * width, south + 0.04 * height
    rim = [effects.withStroke(linewidth=4, foreground=BLACK)]
    axes.plot([left, left + length], [bottom, bottom], color=WHITE, lw=2.2, solid_capstyle="butt", path_effects=rim)
    _write(axes, length_text(length, unit), (left, bottom), (0, 5))


def length_text(length: float, unit: str) -> str:
    """A length in m or px as people say it."""
    if unit == "m" and length >= 1000:
        return f"{length / 1000:.3g} km"
    return f"{length:,.0f} {unit}"


def _draw_north(axes: Axes, extent: Extent, grid: CellGrid) -> None:
    """Draw an arrow to the north of the middle, with an N at its tip, into the upper right corner."""
    west, east, south, north = extent
    middle = np.array([[(west + east) / 2, (south + north) / 2]])
    degrees = Reprojection(grid.wkt, WGS84)(middle)
    tip = Reprojection(WGS84, grid.wkt)(degrees + np.array([0, NORTHWARDS]))
    right, up = (tip - middle)[0] / np.linalg.norm(tip - middle)
    where = np.array([0.95, 0.9])
    length = 0.035 * np.array([right, up])
    arrow = {"arrowstyle": "->", "color": WHITE, "lw": 1.6}
    start, end = (tuple(where + sign * length) for sign in (-1, 1))
    axes.annotate("", end, start, xycoords="axes fraction", textcoords="axes fraction", arrowprops=arrow)
    x, y = where + 1.7 * length
    axes.text(x, y, "N", color=WHITE, size=TEXT_SIZE, ha="center", va="center", transform=axes.transAxes)


def _add_scale(plot: Plot, days: Days) -> None:
    """Add the scale of the colours below, up to the most days that there are."""
    most = np.nanmax(days, initial=0)
    steps = [step for step in DAY_STEPS if step.low < most]
    handles = [_patch(NEVER, "0"), *(_patch(step.colour, _values(step, float(most))) for step in steps)]
    plot.legend(
        handles=handles,
        title=f"{LABEL} (number of days)",
        loc="outside lower center",
        ncols=len(handles),
        fontsize=TEXT_SIZE,
    )


def _values(step: ColourStep, most: float) -> str:
    """The days of a colour in words, no more than there are."""
    if most >= step.high:
        return step.values
    low = math.ceil(step.low)
    return f"{low}" if low == most else f"{low} to {most:.0f}"


def _patch(colour: Colour, label: str) -> Patch:
    red, green, blue = (level / 255 for level in colour)
    return Patch(color=(red, green, blue), label=label)
