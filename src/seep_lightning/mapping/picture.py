"""A small picture of a scene with its outlines."""

from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.enums import Resampling

from seep_lightning.data.images import write_image
from seep_lightning.mapping.map_margin import directions, with_margin
from seep_lightning.reporting.pictures import overview
from seep_lightning.scene.datasets import open_for_reading
from seep_lightning.scene.ground import Ground, middle_of
from seep_lightning.scene.nodata import is_measurement
from seep_lightning.scene.polygons import SeepLayer
from seep_lightning.scene.raster import Raster, amplitude
from seep_lightning.scene.seep_colours import SEEP_COLOURS, Colour

# Pixels along the longer side of a picture, without its margin.
LONGER_SIDE = 720

Ring = tuple[NDArray[np.float64], Colour]
"""Corners (N, 2) as column and row of the picture, and the colour of the seep."""


def write_scene_picture(scene: Raster, layer: SeepLayer | None, path: Path) -> None:
    """Write a scene's first band with its outlines as a small picture, with a margin that says how it is to be read.

    Args:
        scene: Open for reading.
        layer: Its seeps; None for the scene alone.
        path: The picture.
    """
    shrinkage = min(LONGER_SIDE / max(scene.height, scene.width), 1)
    height = max(int(scene.height * shrinkage), 1)
    width = max(int(scene.width * shrinkage), 1)
    band = scene.indexes[0]
    # the mean of complex values has lost their amplitude
    resampling = Resampling.nearest if scene.is_complex else Resampling.average
    with open_for_reading(scene.location) as dataset:
        grey = amplitude(dataset.read(band, out_shape=(height, width), resampling=resampling), scene.nodatas)
        declared_valid = dataset.read_masks(band, out_shape=(height, width)) > 0
    valid = declared_valid & is_measurement(grey) & ~np.isin(grey, [0, *scene.nodatas])
    rings = [] if layer is None else _rings(layer, shrinkage)
    rgb = with_margin(
        overview(grey, valid, rings),
        None if layer is None else SEEP_COLOURS,
        directions(Ground.of(scene), middle_of(scene), shrinkage),
    )
    bgr = rgb[..., ::-1]
    write_image(path, bgr)


def _rings(layer: SeepLayer, shrinkage: float) -> list[Ring]:
    """The rings of all outlines in a picture that is smaller than the scene."""
    rings: list[Ring] = []
    for seep in layer.seeps:
        value = seep.attributes[SEEP_COLOURS.column]
        assert isinstance(value, float)
        colour = SEEP_COLOURS.colour_of(value)
        for ring in shapely.get_rings(shapely.get_parts(seep.outline)):
            corners = layer.ground.unplace(shapely.get_coordinates(ring))
            rings.append((corners * shrinkage, colour))
    return rings
