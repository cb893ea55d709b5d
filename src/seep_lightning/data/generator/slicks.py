"""Oil slicks: how each class looks, and drawing them as lost backscatter with the outline of a person's hand."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from seep_lightning.data.generator.fields import (
    Float,
    Rng,
    gaussian_field,
    power_law,
    smooth_noise,
    soft_step,
    turned,
)
from seep_lightning.data.generator.sea import add_ship

# Between two points of a drifting slick, px.
DRIFT_STEP = 3.0

# The largest lost share of the backscatter.
MOST_DAMPING = 0.7

# OpenCV takes corners as whole numbers of 1/16 px.
CORNER_BITS = 4

# Beside a line, for its width and its blur, px.
LINE_MARGIN = 12


@dataclass(frozen=True)
class SlickKind:
    """How one class of slick looks.

    Attributes:
        look: In words.
        share: Of all seep sites; those of all kinds add up to 1.
        strands: At most so many slicks leave one site.
        length: The median drifted distance, px; 0 for a patch.
        width: The median width at the origin before the blur, px; of a patch the radius.
        growth: Widening over the whole drift, relative to the width at the origin.
        gaps: Share of the drift that is broken up.
        damping: Lost share of the backscatter at the origin.
    """

    look: str
    share: float
    strands: int
    length: float
    width: float
    growth: float
    gaps: float
    damping: float


SLICK_KINDS = {
    1: SlickKind("long lines that drift from a point on the sea floor", 0.29, 7, 420, 1.8, 1.0, 0.15, 0.31),
    2: SlickKind("shorter drifting lines", 0.15, 4, 220, 1.7, 0.7, 0.15, 0.30),
    3: SlickKind("hair lines", 0.09, 4, 150, 1.4, 0.5, 0.15, 0.31),
    4: SlickKind("broad plumes, often from a platform", 0.07, 3, 220, 3.0, 1.5, 0.30, 0.32),
    5: SlickKind("patches that wind has torn", 0.15, 3, 0, 80.0, 0.0, 0.0, 0.28),
    6: SlickKind("scattered remains", 0.21, 6, 120, 2.1, 0.8, 0.35, 0.30),
    7: SlickKind("single spots", 0.04, 2, 30, 2.4, 0.5, 0.10, 0.30),
}
PLATFORM_CLASS = 4
PLATFORM_SHARE = 0.5


class Layers(NamedTuple):
    """What has been drawn so far on one scene.

    Attributes:
        damping: Lost share of the backscatter, (rows, columns).
        classes: The class of each pixel, 0 for sea, (rows, columns).
    """

    damping: Float
    classes: NDArray[np.uint8]

    def lay(self, corner: Float, damping: Float, outline: NDArray[np.bool_], label: int) -> None:
        """Merge a drawing; what lies outside the scene is cut off.

        Args:
            corner: (x, y) of the drawing's first pixel in the scene.
            damping: Lost share of the backscatter, (n, m).
            outline: Which pixels a person would outline, (n, m).
            label: Their class.
        """
        x, y = corner.astype(int).tolist()
        rows, columns = self.classes.shape
        height, width = damping.shape
        # a slice may end beyond its array, but a negative number would count from the array's end
        top = max(y, 0)
        left = max(x, 0)
        bottom = max(y + height, 0)
        right = max(x + width, 0)
        last_row = max(rows - y, 0)
        last_column = max(columns - x, 0)
        in_scene = np.s_[top:bottom, left:right]
        in_drawing = np.s_[top - y : last_row, left - x : last_column]
        self.damping[in_scene] = np.maximum(self.damping[in_scene], damping[in_drawing])
        self.classes[in_scene][outline[in_drawing]] = label


@dataclass(frozen=True)
class Weather:
    """What all slicks of a scene have in common.

    Attributes:
        current: The direction that oil drifts to, radians.
        tilt: By how much the swath is turned against the grid, radians.
    """

    current: float
    tilt: float


def draw_site(rng: Rng, layers: Layers, backscatter: Float, weather: Weather) -> None:
    """Draw all slicks of one seep: strands that leave one origin, or each other, with nearly the same drift.

    Args:
        rng: The source of chance.
        layers: What is drawn on.
        backscatter: The scene, to which a platform may be added.
        weather: Of the scene.
    """
    shares = [kind.share for kind in SLICK_KINDS.values()]
    label = int(rng.choice(list(SLICK_KINDS), p=shares))
    kind = SLICK_KINDS[label]
    heading = weather.current + rng.normal(0, 0.5)
    origin = rng.uniform((0, 0), layers.classes.shape[::-1])
    if label == PLATFORM_CLASS and rng.random() < PLATFORM_SHARE:
        add_ship(rng, backscatter, origin, weather.tilt)
    strands = int(rng.integers(1, kind.strands + 1))
    for _ in range(strands):
        if kind.length == 0:
            centre = origin + rng.normal(0, kind.width, 2)
            draw_patch(rng, layers, centre, heading, label)
            continue
        strand_heading = heading + rng.normal(0, 0.25)
        length = kind.length * rng.lognormal(0, 0.5)
        path = drift(rng, origin, strand_heading, length)
        draw_line(rng, layers, path, label)
        # the next strand leaves the first half of this one
        fork = path[rng.integers(len(path) // 2 + 1)]
        origin = fork + rng.normal(0, 25, 2)


def drift(rng: Rng, origin: Float, heading: float, length: float) -> Float:
    """The path of oil that drifts with a slow turn, and now and then a kink.

    Args:
        rng: The source of chance.
        origin: (x, y) of its beginning, px.
        heading: Its mean direction, radians.
        length: Its length, px.

    Returns:
        Points (n, 2), `DRIFT_STEP` apart.
    """
    n = max(int(length / DRIFT_STEP), 4)
    has_kink = rng.random(n) < 0.03
    kinks = np.cumsum(has_kink * rng.normal(0, 0.6, n))
    bends = 0.35 * smooth_noise(rng, n, 25)
    wiggles = 0.25 * smooth_noise(rng, n, 4)
    course = heading + bends + wiggles + kinks
    steps = np.stack([np.cos(course), np.sin(course)], 1)
    return np.asarray(origin + DRIFT_STEP * np.cumsum(steps, 0))


def draw_line(rng: Rng, layers: Layers, path: Float, label: int) -> None:
    """Draw a drifting slick that widens, fades and breaks up, and its outline, which is a little generous.

    Args:
        rng: The source of chance.
        layers: What is drawn on.
        path: Points (n, 2), (x, y) in px.
        label: Its class.
    """
    kind = SLICK_KINDS[label]
    n = len(path)
    age = np.linspace(0, 1, n)
    shown = _shown(rng, n, kind)
    strength = (shown > -0.18) * np.clip(0.3 + shown / 0.6, 0, 1)
    first_damping = kind.damping * rng.lognormal(0, 0.22)
    damping_noise = np.exp(0.2 * smooth_noise(rng, n, 8))
    damping = first_damping * (1 - 0.25 * age) * damping_noise
    first_width = kind.width * rng.lognormal(-0.1, 0.3)
    width_noise = np.exp(0.4 * smooth_noise(rng, n, 5))
    width = first_width * (1 + kind.growth * age) * width_noise
    left = _half_width(rng, width, strength)
    right = _half_width(rng, width, strength)
    # px by which the hand that drew the outline was off to one side
    hand = 0.4 * smooth_noise(rng, n, 8)

    corner = np.floor(path.min(0)) - LINE_MARGIN
    far_corner = np.ceil(path.max(0)) + LINE_MARGIN
    in_drawing = path - corner
    # (rows, columns) from (x, y)
    extent = (far_corner - corner)[::-1].astype(int)
    dark = np.zeros(extent, np.float32)
    paint_band(dark, in_drawing, (left, right), np.minimum(damping, MOST_DAMPING) * strength)
    outline = np.zeros(extent, np.uint8)
    outline_reach = (left + 0.2 + hand, right + 0.2 - hand)
    paint_band(outline, in_drawing, outline_reach, (shown > 0).astype(float))
    blurred = np.asarray(cv2.GaussianBlur(dark, (0, 0), rng.uniform(0.7, 1.3)), np.float32)
    layers.lay(corner, blurred, outline > 0, label)


def _shown(rng: Rng, n: int, kind: SlickKind) -> Float:
    """How clearly each of n points of a drift shows: below 0 it is broken up."""
    noise = rng.standard_normal(400)
    gaps = min(kind.gaps * rng.uniform(0.2, 1.8), 0.9)
    missing = np.quantile(noise, gaps)
    coarse = 0.9 * smooth_noise(rng, n, 12)
    fine = 0.4 * smooth_noise(rng, n, 2)
    return np.asarray(coarse + fine - missing)


def _half_width(rng: Rng, width: Float, strength: Float) -> Float:
    """How far a slick reaches to one side of its path, px."""
    frayed = np.exp(0.5 * smooth_noise(rng, len(width), 1.5))
    faded = 0.2 + 0.8 * strength
    return np.asarray(width / 2 * frayed * faded)


def paint_band(canvas: NDArray[Any], path: Float, reach: tuple[Float, Float], values: Float) -> None:
    """Fill a band along a path where its value is above 0.

    Args:
        canvas: What is painted on, (rows, columns).
        path: Points (n, 2), (x, y) in px.
        reach: How far the band reaches to the left and right of each point, (n,), px.
        values: Of the band at each point, (n,).
    """
    ahead = np.gradient(path, axis=0)
    across = np.stack([-ahead[:, 1], ahead[:, 0]], 1)
    normal = across / np.linalg.norm(ahead, axis=1, keepdims=True)
    left, right = reach
    left_edge = path + left[:, None] * normal
    right_edge = path - right[:, None] * normal
    corners = np.stack([left_edge[:-1], left_edge[1:], right_edge[1:], right_edge[:-1]], 1)
    quads = np.round(corners * 2**CORNER_BITS).astype(np.int32)
    for quad, value in zip(quads, values[1:], strict=True):
        if value > 0:
            cv2.fillConvexPoly(canvas, quad, float(value), shift=CORNER_BITS)


def draw_patch(rng: Rng, layers: Layers, centre: Float, heading: float, label: int) -> None:
    """Draw a broad slick that wind has torn: a fractal field above a threshold that rises away from the centre.

    Args:
        rng: The source of chance.
        layers: What is drawn on.
        centre: (x, y) in px.
        heading: Along which it is drawn out, radians.
        label: Its class.
    """
    kind = SLICK_KINDS[label]
    scale = np.clip(rng.lognormal(0, 0.4), 0.4, 1.7)
    radius = int(kind.width * scale) + 8
    side = 2 * radius + 1
    torn = gaussian_field(rng, (side, side), power_law(3.2, radius, 2.5), heading)
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1] / radius
    along, across = turned(x, y, heading)
    from_centre = along**2 + (1.6 * across) ** 2
    height = (torn - 6 * from_centre).astype(np.float32)
    upper = height[height > height.max() - 4]
    level = float(np.quantile(upper, rng.uniform(0.4, 0.85)))
    damping = np.minimum(kind.damping * rng.lognormal(0, 0.25), MOST_DAMPING)
    dark = damping * soft_step(height, level, 0.08)
    smooth_height = cv2.GaussianBlur(height, (0, 0), 1.5)
    outline = smooth_height > level - 0.1
    layers.lay(np.trunc(centre) - radius, dark, outline, label)
