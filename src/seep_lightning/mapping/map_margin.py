"""What stands below the picture of a map: the scale of the colours, a scale bar, and where north is."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from seep_lightning.reporting.pictures import FONT, WHITE, Rgb
from seep_lightning.scene.ground import Ground
from seep_lightning.scene.scale_bars import round_length
from seep_lightning.scene.seep_colours import ColourScale

HEIGHT = 44
"""Pixels of the margin."""
LEAST_WIDTH = 420
"""Pixels of the smallest picture that has a margin."""
TEXT_SIZE = 0.4
STEP_WIDTH = 36
LONGEST_BAR = 120
ARROW = 14
EVEN = 0.05
"""By this share the scale down the columns may differ from that along the rows, without being told."""


class Directions(NamedTuple):
    """How the middle of a picture lies on the ground.

    Attributes:
        per_pixel: Along a row, in the unit.
        unit: `m`, or `px` of the scene without a coordinate system.
        is_even: Whether it is the same down the columns.
        north: Right and down, a vector of length 1; None without a coordinate system.
    """

    per_pixel: float
    unit: str
    is_even: bool
    north: tuple[float, float] | None


def directions(ground: Ground, middle: NDArray[np.float64], shrinkage: float) -> Directions | None:
    """Find out how a picture lies on the ground.

    Args:
        ground: The ground of the scene.
        middle: The middle of the scene in pixels, (1, 2).
        shrinkage: Pixels of the picture for one of the scene.

    Returns:
        The directions; None where the ground has none there.
    """
    if not ground.wkt:
        return Directions(1 / shrinkage, "px", True, None)
    centre = ground.place(middle)
    steps = ground.place(middle + np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
    start, right, down = ground.metres_about(centre)(steps)
    per_step = np.column_stack([right - start, down - start]) / shrinkage
    if not np.isfinite(per_step).all() or not np.linalg.det(per_step):
        return None
    along, across = np.linalg.norm(per_step, axis=0)
    north = np.linalg.solve(per_step, [0.0, 1.0])
    north_right, north_down = north / np.linalg.norm(north)
    is_even = bool(abs(along / across - 1) <= EVEN)
    return Directions(float(along), "m", is_even, (float(north_right), float(north_down)))


def with_margin(view: Rgb, scale: ColourScale | None, place: Directions | None) -> Rgb:
    """Add a margin below a picture.

    Args:
        view: The picture, (H, W, 3).
        scale: Of the colours of its outlines; None where it has none.
        place: How it lies on the ground; None where that is unknown.

    Returns:
        A picture that is higher; the same one where it is too narrow.
    """
    width = view.shape[1]
    if width < LEAST_WIDTH:
        return view
    margin = np.zeros((HEIGHT, width, 3), np.uint8)
    if scale is not None:
        _draw_scale(margin, scale)
    if place is not None:
        _draw_bar(margin, place)
    if place is not None and place.north is not None:
        _draw_north(margin, place.north)
    return np.vstack([view, margin])


def _draw_scale(margin: Rgb, scale: ColourScale) -> None:
    """Draw the steps of the colours, with their limits below."""
    left = 8
    _write(margin, scale.label, left, 12)
    for index, step in enumerate(scale.steps):
        start = left + index * STEP_WIDTH
        margin[17:27, start : start + STEP_WIDTH] = step.colour
        if index:
            _write(margin, f"{step.low:g}", start - 8, 39)
    _write(margin, f"{scale.steps[-1].high:g}", left + len(scale.steps) * STEP_WIDTH - 4, 39)


def _draw_bar(margin: Rgb, place: Directions) -> None:
    """Draw a scale bar."""
    length = round_length(LONGEST_BAR * place.per_pixel)
    pixels = round(length / place.per_pixel)
    right = margin.shape[1] - 48
    left = right - pixels
    label = bar_label(length, place)
    (label_width, _), _ = cv2.getTextSize(label, FONT, TEXT_SIZE, 1)
    _write(margin, label, min(left, right - label_width), 16)
    cv2.line(margin, (left, 26), (right, 26), WHITE, 2)
    for end in (left, right):
        cv2.line(margin, (end, 22), (end, 30), WHITE, 1)


def bar_label(length: float, place: Directions) -> str:
    """A length in metres, kilometres or pixels, as a scale bar says it."""
    is_long = place.unit == "m" and length >= 1000
    text = f"{length / 1000:g} km" if is_long else f"{length:g} {place.unit}"
    return text if place.is_even else f"{text} along rows"


def _draw_north(margin: Rgb, north: tuple[float, float]) -> None:
    """Draw an arrow to the north, which need not be up, with an N at its tip's side."""
    middle = np.array([margin.shape[1] - 24, HEIGHT // 2])
    reach = ARROW * np.array(north)
    start, tip = (np.rint(middle + sign * reach).astype(int).tolist() for sign in (-1, 1))
    cv2.arrowedLine(margin, start, tip, WHITE, 1, cv2.LINE_AA, tipLength=0.4)
    _write(margin, "N", margin.shape[1] - 12, HEIGHT // 2 + 4)


def _write(margin: Rgb, text: str, left: int, baseline: int) -> None:
    cv2.putText(margin, text, (left, baseline), FONT, TEXT_SIZE, WHITE, 1, cv2.LINE_AA)
