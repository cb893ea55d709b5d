"""One object of a map with what surrounds it, and the measures that several polygon attributes share."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio import features

from seep_lightning.scene import shapes
from seep_lightning.scene.boxes import Box
from seep_lightning.scene.contrast import contrast, linear
from seep_lightning.scene.ground import Ground
from seep_lightning.scene.objects import Core
from seep_lightning.scene.options import PolygonOptions, ThresholdValues
from seep_lightning.scene.projections import Points, PointTransform
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.scene_file import SceneFacts


@dataclass(frozen=True)
class MeasuredScene:
    """The rasters of one scene and what holds for all of its objects.

    Attributes:
        probability: The map's 8-bit probabilities, in which the objects are found.
        ground: The ground under the pixels.
        options: The user's choice of what becomes a feature.
        thresholds: The thresholds by which the objects are found.
        image: The scene itself; None where only its map is at hand.
        classes: Mask of class numbers; None where the network knows none.
        model: Name of the network.
        time: When the scene was taken, ISO 8601; None where nobody knows.
    """

    probability: Raster
    ground: Ground
    options: PolygonOptions
    thresholds: ThresholdValues
    image: Raster | None = None
    classes: Raster | None = None
    model: str = ""
    time: str | None = None

    @property
    def name(self) -> str:
        """Name of the scene's file, without its suffix."""
        return self.origin.name

    @property
    def facts(self) -> SceneFacts:
        """What is known of the scene beside its pixels."""
        return self.origin.facts

    @property
    def origin(self) -> Raster:
        """The scene itself where it is at hand, else its map."""
        return self.image or self.probability


@dataclass(frozen=True)
class ObjectGround:
    """The ground under one object's box: pixels to coordinates and to metres.

    Attributes:
        ground: The ground of the scene.
        corner: Column and row of the box's first pixel, (2,).
        projection: Function that turns coordinates into metres about the box's centre.
    """

    ground: Ground
    corner: Points
    projection: PointTransform

    @classmethod
    def under(cls, box: Box, ground: Ground) -> Self:
        """The ground under a box."""
        column = (box.left + box.right) / 2
        row = (box.top + box.bottom) / 2
        centre = ground.place(np.array([[column, row]]))
        corner = np.array([box.left, box.top])
        return cls(ground, corner, projection=ground.metres_about(centre))

    def place(self, pixels: Points) -> Points:
        """Pixels of the box (N, 2) to coordinates."""
        return self.ground.place(pixels + self.corner)

    def to_metres(self, pixels: Points) -> Points:
        """Pixels of the box (N, 2) to metres east and north, without CRS to pixels right and up."""
        return self.projection(self.place(pixels))


@dataclass(frozen=True)
class MeasuredObject:
    """One object with what surrounds it; measures are computed when they are first asked for.

    Sizes are in metres, or in pixels where the scene has no CRS.

    Attributes:
        scene: The scene in which it lies.
        box: The part of the scene that the arrays show.
        core: Pixels of the object, (h, w), at least one.
        stored: Probabilities as stored, (h, w) uint8: 0 nodata, else 1 + 254 p.
        trim: Stored value from which on a pixel belongs to an object.
    """

    scene: MeasuredScene
    box: Box
    core: Core
    stored: NDArray[np.uint8]
    trim: int

    @cached_property
    def ground(self) -> ObjectGround:
        """The ground under its box."""
        return ObjectGround.under(self.box, self.scene.ground)

    @cached_property
    def outline(self) -> shapely.MultiPolygon:
        """Its outline along pixels, in pixels of the box. Parts that touch only at a corner stay apart."""
        pixels = self.core.astype(np.uint8)
        parts = features.shapes(pixels, mask=self.core, connectivity=4)
        return shapely.MultiPolygon([shapely.geometry.shape(part) for part, _ in parts])

    def placed_outline(self, tolerance: float) -> shapely.MultiPolygon:
        """The outline in the scene's coordinates.

        Args:
            tolerance: Tolerance of simplifying in pixels; 0 leaves the outline as it is.
        """
        simple = shapely.simplify(self.outline, tolerance)
        placed = shapely.transform(simple, self.ground.place)
        # simplifying makes a Polygon of a MultiPolygon with one part
        parts = shapely.get_parts(placed).tolist()
        return shapely.MultiPolygon(parts)

    @cached_property
    def centre_line(self) -> shapes.CentreLine:
        """Length of its centre line in pixels and in metres."""
        return shapes.centre_line(self.core, self.ground.to_metres)

    @property
    def length(self) -> float:
        """Length of its centre line, in m or px."""
        return self.centre_line.metres

    @cached_property
    def area(self) -> float:
        """Area within its outline, in m2 or px2."""
        in_metres = shapely.transform(self.outline, self.ground.to_metres)
        return float(in_metres.area)

    @cached_property
    def perimeter(self) -> float:
        """Length of its smooth rim, in m or px."""
        rim = shapes.rim(self.outline)
        in_metres = shapely.transform(rim, self.ground.to_metres)
        return float(in_metres.length)

    @cached_property
    def axes(self) -> shapes.Axes:
        """Direction of its long axis, and the ratio of its axes."""
        return shapes.axes(self.core, self.ground.to_metres)

    @cached_property
    def contrast(self) -> float | None:
        """Mean inside over mean of the sea around; None without image, or where it cannot be told."""
        if self.scene.image is None:
            return None
        values, valid = read_band(self.scene.image, self.box)
        power = linear(values, self.scene.options.calibration)
        # pixels of other objects are no sea
        sea = valid & (self.stored > 0) & (self.stored < self.trim)
        return contrast(power, self.core & valid, sea)

    @cached_property
    def class_counts(self) -> NDArray[np.int64]:
        """How many of its pixels are of each class, from class 1 to the highest one in it."""
        if self.scene.classes is None:
            return np.zeros(1, np.int64)
        numbers, _ = read_band(self.scene.classes, self.box)
        return np.bincount(numbers[self.core], minlength=2)[1:]


def read_band(raster: Raster, box: Box) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Band 1 of a part of a raster.

    Args:
        raster: A raster of one band or more.
        box: The part that is read.

    Returns:
        Values (h, w), 0 where they are not valid; and where they are valid, (h, w).
    """
    values, valid = raster.read(*box)
    nothing = np.zeros(1, values.dtype)
    band = np.where(valid, values[0], nothing)
    return band, valid
