"""Where a scene of chips lies: by the georeference of its first chip, or by its pixels."""

from dataclasses import dataclass

import numpy as np
import pyproj
import shapely

from seep_lightning.data.mosaic import chip_box
from seep_lightning.folds.part_maps import FoldScene
from seep_lightning.scene.ground import Ground
from seep_lightning.scene.projections import WGS84, Points, Reprojection, near_longitude
from seep_lightning.scene.raster import Raster


@dataclass(frozen=True)
class ScenePlace:
    """Where a scene lies.

    Attributes:
        ground: The ground of one of its chips.
        top: The first row of this chip in the scene.
        left: Its first column.
        chip: Its name.
    """

    ground: Ground
    top: int
    left: int
    chip: str = ""

    @property
    def is_georeferenced(self) -> bool:
        """Whether it lies anywhere on the globe."""
        return bool(self.ground.wkt)

    def coordinates(self, pixels: Points, in_degrees: bool) -> Points:
        """Columns and rows of the scene (N, 2) to longitude and latitude, or to columns and minus rows."""
        if not in_degrees:
            right_and_up: Points = pixels * np.array([1, -1])
            return right_and_up
        placed = self.ground.place(pixels - np.array([self.left, self.top]))
        degrees: Points = self.ground.degrees_together(placed)
        return degrees

    def unplace(self, degrees: Points) -> Points:
        """Longitude and latitude (N, 2) to columns and rows of the scene."""
        coordinates = Reprojection(WGS84, self.ground.wkt)(degrees)
        if pyproj.CRS(self.ground.wkt).is_geographic:
            # a chip may count its longitudes from 0, or across the date line
            coordinates = near_longitude(coordinates, self.ground.place(np.zeros((1, 2)))[0, 0])
        pixels: Points = self.ground.unplace(coordinates) + np.array([self.left, self.top])
        return pixels

    def outline(self, outline: shapely.MultiPolygon, in_degrees: bool) -> shapely.MultiPolygon:
        """An outline in columns and rows of the scene, likewise."""
        placed: shapely.MultiPolygon = shapely.transform(outline, lambda points: self.coordinates(points, in_degrees))
        return placed


def place_of(scene: FoldScene) -> ScenePlace:
    """Find where a scene lies.

    Args:
        scene: A scene of chips.

    Raises:
        UserError: A chip's file cannot be read any more.
    """
    position, index = next(iter(scene.tiles.items()))
    box = chip_box(position, scene.chips.size)
    with Raster(scene.chips.image_paths[index]) as raster:
        return ScenePlace(Ground.of(raster), box.top, box.left, scene.chips.names[index])
