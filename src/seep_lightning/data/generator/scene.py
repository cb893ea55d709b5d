"""One generated scene: sea, slicks and speckle, stored as a radar image and the class of each pixel."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.data import SyntheticConfig
from seep_lightning.data.generator.fields import Float, Rng, Shape
from seep_lightning.data.generator.sea import add_ship, sea, swath
from seep_lightning.data.generator.slicks import Layers, Weather, draw_site

# Ships a pixel.
SHIP_DENSITY = 3e-6

# Every so many pixels, along rows and columns, are looked at to count cells.
CELL_SAMPLING = 4

# One of so many cells on the sea holds seep, by default.
CELLS_A_SEEP = 8

# The largest value of 16 bit.
FULL_SCALE = 65535


@dataclass
class SyntheticSpec(SyntheticConfig):
    """All that a generated data set depends on: two equal specs give equal arrays.

    Attributes:
        columns: Chips a row, and rows of chips, of each scene that is cut.
        chip_size: Side of a chip, px.
        scene_px: Side of the one whole scene that is kept out of the chips, px; 0 for none.
        looks: Of the speckle, before the sensor's blur adds about 15 %.
    """

    columns: int = 10
    chip_size: int = 256
    scene_px: int = 2560
    looks: float = 33.5


def generate_scene(
    seed: int | Sequence[int], height: int, width: int, seep_cells: int | None = None, spec: SyntheticSpec | None = None
) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """Generate one scene; the same arguments give the same pixels.

    Args:
        seed: One number or several.
        height: Rows.
        width: Columns.
        seep_cells: Seeps are added until so many cells of the chip grid hold some; None: every eighth cell.
        spec: Size of the cells, and looks.

    Returns:
        The image, 0 outside the swath, and the class of each pixel, 0 for sea; both (height, width).
    """
    spec = spec or SyntheticSpec()
    rng, shape = np.random.default_rng(seed), (height, width)
    wind, current = rng.uniform(0, 2 * np.pi, 2)
    weather = Weather(current, tilt=rng.uniform(0.19, 0.25))
    inside = swath(rng, shape, weather.tilt)
    backscatter = sea(rng, shape, wind)
    ships = rng.poisson(SHIP_DENSITY * height * width)
    for centre in rng.uniform((0, 0), (width, height), (ships, 2)):
        add_ship(rng, backscatter, centre, weather.tilt)

    layers = Layers(np.zeros(shape, np.float32), np.zeros(shape, np.uint8))
    sampled = np.s_[::CELL_SAMPLING, ::CELL_SAMPLING]
    cell = spec.chip_size // CELL_SAMPLING
    cells_to_fill = _cells_to_fill(count_cells(inside[sampled], cell), seep_cells)
    while count_cells(layers.classes[sampled] * inside[sampled], cell) < cells_to_fill:
        draw_site(rng, layers, backscatter, weather)

    expected = backscatter * (1 - layers.damping)
    image = _stored(rng, expected * _speckle(rng, shape, spec.looks), inside)
    return image, layers.classes * inside


def _cells_to_fill(open_cells: int, seep_cells: int | None) -> int:
    """How many cells are to hold seep, of those on the sea: two thirds at most."""
    usual = -(-open_cells // CELLS_A_SEEP)
    most = -(-2 * open_cells // 3)
    return min(usual if seep_cells is None else seep_cells, most)


def _speckle(rng: Rng, shape: Shape, looks: float) -> Float:
    """Speckle of mean 1, gamma distributed with variance 1 / looks, a little coarser than a pixel.

    The distribution: Oliver and Quegan, Understanding SAR Images, section 4.3.
    """
    speckle = rng.standard_gamma(looks, shape, dtype=np.float32) / np.float32(looks)
    return np.asarray(cv2.GaussianBlur(speckle, (3, 3), 0.355))


def _stored(rng: Rng, backscatter: Float, inside: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """Backscatter as real scenes store it: 16 bit with few levels, saturated at the top; 0 outside the swath."""
    levels = int(rng.integers(165, 225))
    mean_level = rng.uniform(28000, 35000) / FULL_SCALE * levels
    scaled = np.rint(backscatter * (mean_level / backscatter[inside].mean()))
    image = np.rint(np.clip(scaled, 1, levels) * (FULL_SCALE / levels))
    return np.where(inside, image, 0).astype(np.uint16)


def count_cells(pixels: NDArray[Any], size: int) -> int:
    """How many of the size x size squares that fit in hold a pixel that is not 0."""
    rows, columns = pixels.shape[0] // size, pixels.shape[1] // size
    squares = pixels[: rows * size, : columns * size].reshape(rows, size, columns, size)
    return int(squares.any(axis=(1, 3)).sum())
