"""Small pictures of a page of sources: the strip of days, and the slicks of a source day by day."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure as Plot
from matplotlib.patches import Rectangle
from matplotlib.path import Path as Curve

from seep_lightning.reporting.plots import BLUE, ORANGE, as_it_stands
from seep_lightning.scene.vector_layers import Shapes
from seep_lightning.sources.page_days import States
from seep_lightning.sources.written import SlicksOfSource, WrittenSource

CELL = 0.17
"""Inches of a day's side in the strip."""
STATE_COLOURS = np.array([[255, 255, 255], [222, 227, 232], [0, 114, 178]], np.uint8)
"""Of not looked at, looked at, seen."""
MOST_SMALL_PICTURES = 24
COLUMNS = 5
"""Small pictures beside each other."""
GAP = 0.12
"""Between them, as a share of their side; a name needs more."""
NAME_ROOM = 0.26
GROUND = "#eef1f4"
LONGEST_NAME = 10
WHOLE_DAYS = 0.7
"""Share of the days whose slicks lie within the pictures."""
FINENESS = 300
"""Outlines are simplified to such a part of a picture's side."""


class Frame(NamedTuple):
    """The square that all small pictures of a source show.

    Attributes:
        west: Its left side.
        south: Its lower side.
        side: How wide it is, m or px.
    """

    west: float
    south: float
    side: float


def draw_strip(sources: Sequence[WrittenSource], names: Sequence[str], states: States) -> Plot:
    """Draw on which day each source was seen.

    Args:
        sources: The sources, from top to bottom.
        names: The days, from left to right.
        states: Of each source on each day.
    """
    rows, columns = states.shape
    plot = Plot(figsize=(columns * CELL + 1.2, rows * CELL + 1.1))
    axes = plot.add_subplot()
    axes.imshow(STATE_COLOURS[states], aspect="auto", interpolation="nearest")
    labels = [f"{source.number}:  {source.values['days_seen']} of {source.values['days_looked']}" for source in sources]
    axes.set_yticks(range(rows), labels, size=8)
    axes.set_xticks(range(columns), [short_name(name) for name in names], rotation=90, size=8)
    axes.xaxis.tick_top()
    axes.set_xticks(np.arange(columns + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
    axes.grid(visible=False)
    axes.grid(visible=True, which="minor", color="white", lw=1.5)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    return plot


def short_name(name: str) -> str:
    """A day's name where there is little room: dates are whole."""
    return as_it_stands(name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}\u2026")


def frame_of(source: WrittenSource, slicks: SlicksOfSource) -> Frame:
    """The square around the origin of a source that holds the slicks of most days whole.

    The few that reach farther are cut: a square around all would show the others as dots.

    Args:
        source: The source.
        slicks: Its slicks.
    """
    x, y = source.origin
    bounds = np.abs(shapely.bounds(slicks.shapes) - [x, y, x, y]).max(axis=1)
    by_day = [bounds[slicks.days == day].max() for day in np.unique(slicks.days)]
    reach = 1.1 * float(np.quantile(by_day, WHOLE_DAYS))
    return Frame(x - reach, y - reach, 2 * reach)


def draw_days(source: WrittenSource, slicks: SlicksOfSource, names: Sequence[str], frame: Frame) -> Plot:
    """Draw the slicks of a source day by day, each day as a small picture of the same place.

    Args:
        source: The source.
        slicks: Its slicks.
        names: Of all days.
        frame: What each picture shows.
    """
    days = source.seen_on[:MOST_SMALL_PICTURES]
    rows = -(-len(days) // COLUMNS)
    step_down = 1 + GAP + NAME_ROOM
    width = COLUMNS * (1 + GAP) - GAP
    plot = Plot(figsize=(5.2, 5.2 * rows * step_down / width))
    axes = plot.add_subplot(xlim=(-0.01, width + 0.01), ylim=(-rows * step_down, 0), aspect="equal")
    axes.set_axis_off()
    for number, day in enumerate(days):
        row, column = divmod(number, COLUMNS)
        left, top = column * (1 + GAP), -row * step_down - NAME_ROOM
        axes.text(left, top + 0.05, short_name(names[day]), size=9, color="#3E4C59")
        axes.add_patch(Rectangle((left, top - 1), 1, 1, fc=GROUND, ec="#c9d1d9", lw=0.6))
        _draw_slicks(axes, slicks.shapes[slicks.days == day], frame, (left, top - 1))
        x, y = (np.array(source.origin) - [frame.west, frame.south]) / frame.side + [left, top - 1]
        axes.plot(x, y, "o", ms=5, mfc="none", mec=ORANGE, mew=1.4)
    return plot


def _draw_slicks(axes: Axes, shapes: Shapes, frame: Frame, corner: tuple[float, float]) -> None:
    """Draw the slicks of a day into the square of side 1 whose lower left corner is given."""
    within = shapely.clip_by_rect(shapes, frame.west, frame.south, frame.west + frame.side, frame.south + frame.side)
    simple = shapely.normalize(shapely.simplify(within, frame.side / FINENESS))
    curves = []
    for shape in simple[~shapely.is_empty(simple)]:
        rings = shapely.get_rings(shapely.get_parts(shape))
        corners = [(shapely.get_coordinates(ring) - [frame.west, frame.south]) / frame.side for ring in rings]
        curves += [Curve.make_compound_path(*[Curve(points + corner, closed=True) for points in corners])]
    axes.add_collection(PathCollection(curves, facecolors=f"{BLUE}66", edgecolors=BLUE, linewidths=0.8))
