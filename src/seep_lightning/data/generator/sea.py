"""The sea without oil: expected backscatter on all scales, the swath's edges, ships."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.data.generator.fields import (
    Float,
    Rng,
    Shape,
    fine_scale,
    large_scale,
    power_law,
    soft_step,
    turned,
    wave_train,
)

# Where the swath may end, as a share of the way from the middle of the scene to its border.
SWATH_EDGE = (0.68, 0.88)

# How far a ship's signature reaches, px.
SHIP_REACH = 24


def sea(rng: Rng, shape: Shape, wind: float) -> Float:
    """Expected backscatter of a sea without oil.

    Args:
        rng: The source of noise.
        shape: Rows and columns.
        wind: The direction that the wind blows to, radians.

    Returns:
        Backscatter, about 1 in the mean, (rows, columns).
    """
    fall = _fall_over_the_swath(rng, shape[1])
    gusts = large_scale(rng, shape, power_law(6.0, 3000, 1.3), wind)
    relief = large_scale(rng, shape, power_law(3.6, 700, 1.5), wind)
    liveliness = large_scale(rng, shape, power_law(4.0, 500))
    texture = fine_scale(rng, shape, power_law(1.9, 100, 2.0), wind)
    # the relief is used twice: its heights are lulls, with soft torn edges, and one of its contours is a wind front
    lull = rng.uniform(0.2, 0.5) * soft_step(relief + 0.15 * texture, 2.0, 0.18)
    front_height = rng.uniform(0.0, 0.1)
    front = front_height * soft_step(relief + 0.05 * texture, rng.uniform(-1.2, 0.6), 0.02)
    waves = _waves(rng, shape, liveliness, relief)
    log_mean = fall + 0.17 * gusts + 0.03 * np.exp(0.45 * liveliness) * texture
    log_mean += waves - lull - front
    return np.asarray(np.exp(log_mean))


def _fall_over_the_swath(rng: Rng, width: int) -> Float:
    """Backscatter that falls from the near side of the swath, left or right, to the far one: its log, (1, width)."""
    far = rng.choice([-1, 1]) * np.linspace(-1, 1, width, dtype=np.float32)[None]
    return np.asarray(rng.uniform(0.1, 0.4) * (0.6 * far**2 - far))


def _waves(rng: Rng, shape: Shape, liveliness: Float, relief: Float) -> Float:
    """Swell everywhere and packets of internal waves here and there: the log of their backscatter."""
    heading = rng.uniform(0, 2 * np.pi)
    swell = fine_scale(rng, shape, wave_train(rng.uniform(4.5, 8), 0.35), heading)
    packet_waves = wave_train(rng.uniform(8, 14), 0.15)
    packets = fine_scale(rng, shape, packet_waves, heading + rng.normal(0, 0.5))
    swell_height = rng.uniform(0.02, 0.055) * np.exp(0.45 * liveliness)
    packet_height = 0.07 * soft_step(-relief - 0.5 * liveliness, 2.2, 0.2)
    return np.asarray(swell_height * swell + packet_height * packets)


def swath(rng: Rng, shape: Shape, tilt: float) -> NDArray[np.bool_]:
    """Where the sensor looked: behind two straight edges of the swath.

    Args:
        rng: The source of chance.
        shape: Rows and columns.
        tilt: By how much both edges are turned against the grid, radians.

    Returns:
        True inside the swath, (rows, columns).
    """
    height, width = shape
    y = np.linspace(-1, 1, height)[:, None] * height / 2
    x = np.linspace(-1, 1, width)[None] * width / 2
    across_track, along_track = turned(x, y, tilt)
    inside_across = _is_before_edge(rng, across_track, width)
    inside_along = _is_before_edge(rng, along_track, height)
    return np.asarray(inside_across & inside_along)


def _is_before_edge(rng: Rng, position: Float, length: int) -> NDArray[np.bool_]:
    """Where positions, from the middle, lie before an edge on a side by chance."""
    side = rng.choice([-1, 1])
    return np.asarray(position * side < length / 2 * rng.uniform(*SWATH_EDGE))


def add_ship(rng: Rng, backscatter: NDArray[Any], centre: Float, tilt: float) -> None:
    """Add a bright hull, with a tail along the flight direction that its motion and the radar's side lobes give.

    Args:
        rng: The source of chance.
        backscatter: The scene, which is changed.
        centre: (x, y) of the ship, px.
        tilt: By how much the swath is turned against the grid, radians.
    """
    column, row = centre.astype(int)
    left, top = np.maximum(centre.astype(int) - SHIP_REACH, 0)
    window = backscatter[top : row + SHIP_REACH + 1, left : column + SHIP_REACH + 1]
    y, x = np.indices(window.shape) + np.array([top - row, left - column])[:, None, None]
    across_track, along_track = turned(x, y, tilt)
    keel, beam = turned(x, y, rng.uniform(0, np.pi))
    hull = np.exp(-((keel / rng.uniform(1.0, 2.6)) ** 2) - beam**2)
    tail = np.exp(-np.abs(along_track) / rng.uniform(2, 6) - across_track**2)
    side_lobes = 0.12 * np.exp(-np.abs(across_track) / 2 - along_track**2)
    window += rng.lognormal(1.5, 0.6) * (hull + 0.25 * tail + side_lobes)
