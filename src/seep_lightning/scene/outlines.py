"""Polygons of any vector file, brought into a scene's pixels: areas to map, land to leave out, an analyst's labels."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyproj
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio import features

from seep_lightning.errors import UserError
from seep_lightning.scene.datasets import silent_about_georeference
from seep_lightning.scene.ground import Ground, middle_of
from seep_lightning.scene.interfaces import Area
from seep_lightning.scene.projections import Reprojection, near_longitude
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.vector_layers import Shapes, check_layer, frame_of, polygon_layer, read_as_polygons, read_cut

EDGES_PER_SIDE = 50
"""The longest edge of a polygon is such a part of the scene's longer side: longer ones bend between two CRS."""
EDGE = 1e-3
"""How far a polygon must reach into a scene to lie in it, px: projections are exact to less than that."""
BURNT_ROWS = 256
"""So many rows of a polygon are drawn at once where it is only asked whether it holds a pixel."""


@dataclass(frozen=True)
class Outlines:
    """Polygons of a vector file within a scene.

    Attributes:
        shapes: The polygons in pixels of the scene, (N,), in the order of the file.
        numbers: Number of each polygon in the file, (N,).
        columns: The attributes by name, each (N,).
        crs: CRS of the file; None where it has none.
    """

    shapes: Shapes
    numbers: NDArray[np.int64]
    columns: dict[str, NDArray[Any]]
    crs: str | None

    @classmethod
    def none(cls, columns: Sequence[str], crs: str | None) -> Self:
        """No polygons, with these columns."""
        nothing = np.zeros(0, np.int64)
        return cls(np.zeros(0, object), nothing, dict.fromkeys(columns, nothing), crs)

    def burn(self, values: NDArray[np.uint8], start: int, stop: int, width: int) -> NDArray[np.uint8]:
        """The polygons as pixels.

        Args:
            values: Value of each polygon, (N,); polygons of value 0 are left out.
            start: First row.
            stop: Row after the last.
            width: Width of the scene in pixels.

        Returns:
            Rows start..stop, (n, width): the value of the last polygon that holds a pixel's centre, else 0.
        """
        bounds = shapely.bounds(self.shapes).reshape(-1, 4)
        tops = bounds[:, 1]
        bottoms = bounds[:, 3]
        chosen = (tops < stop) & (bottoms > start) & (values > 0)
        size = (stop - start, width)
        if not chosen.any():
            return np.zeros(size, np.uint8)
        shapes = self.shapes[chosen]
        numbers = values[chosen].tolist()
        pairs = zip(shapes, numbers, strict=True)
        transform = Affine.translation(0, start)
        with silent_about_georeference():
            rows = features.rasterize(pairs, size, transform=transform, dtype=np.uint8)
        return np.asarray(rows)

    def inside(self, height: int, width: int) -> NDArray[np.bool_]:
        """Whether each polygon lies in the scene, in part at least; one that only touches its edge does not.

        Args:
            height: Height of the scene in pixels.
            width: Width of the scene in pixels.

        Returns:
            (N,).
        """
        scene = shapely.box(EDGE, EDGE, width - EDGE, height - EDGE)
        return np.asarray(shapely.intersects(self.shapes, scene), dtype=bool)

    def holding(self, asked: NDArray[np.bool_], pixels: NDArray[np.bool_], top: int = 0) -> NDArray[np.bool_]:
        """Which of some polygons hold the centre of one of some pixels.

        Args:
            asked: The polygons that are asked about, (N,).
            pixels: The pixels, in rows of the scene from `top` on, (n, width).
            top: The first row.

        Returns:
            (N,), False for those that are not asked about.
        """
        bounds = shapely.bounds(self.shapes).reshape(-1, 4)
        in_rows = (bounds[:, 1] < top + len(pixels)) & (bounds[:, 3] > top)
        near: NDArray[np.bool_] = asked & in_rows
        holds: NDArray[np.bool_] = near & self._inner_pixel_is_among(pixels, top)
        # the thin ones, and those of which only a part lies in these pixels, are drawn
        for position in np.flatnonzero(near & ~holds):
            holds[position] = self._draws_any(int(position), pixels, top)
        return holds

    @cached_property
    def _inner_pixels(self) -> NDArray[np.int64]:
        """Column and row of a pixel whose centre lies well inside each polygon, (N, 2); -1 for those too thin."""
        points = shapely.get_coordinates(shapely.point_on_surface(self.shapes)).reshape(-1, 2)
        corners = np.floor(points)
        centres = corners + 0.5
        is_inside = shapely.contains_xy(self.shapes, centres[:, 0], centres[:, 1])
        return np.where(is_inside[:, None], corners, -1).astype(np.int64)

    def _inner_pixel_is_among(self, pixels: NDArray[np.bool_], top: int) -> NDArray[np.bool_]:
        """Whether the inner pixel of each polygon is one of some pixels in rows from `top` on, (N,)."""
        columns = self._inner_pixels[:, 0]
        rows = self._inner_pixels[:, 1] - top
        height, width = pixels.shape
        is_among = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
        is_among[is_among] = pixels[rows[is_among], columns[is_among]]
        return np.asarray(is_among)

    def _draws_any(self, position: int, pixels: NDArray[np.bool_], top: int) -> bool:
        """Whether a polygon, drawn as pixels, meets one of some pixels in rows from `top` on."""
        height, width = pixels.shape
        west, north, east, south = shapely.bounds(self.shapes[position])
        left = max(math.floor(west), 0)
        right = min(math.ceil(east), width)
        first = max(math.floor(north) - top, 0)
        last = min(math.ceil(south) - top, height)
        if left >= right:
            return False
        for start in range(first, last, BURNT_ROWS):
            window = pixels[start : min(start + BURNT_ROWS, last), left:right]
            if (self._burn_window(position, window.shape, (left, top + start)) & window).any():
                return True
        return False

    def _burn_window(self, position: int, size: tuple[int, ...], corner: tuple[int, int]) -> NDArray[np.bool_]:
        """The pixels of a window (n, m) that a polygon holds; corner: column and row of the window's first pixel."""
        transform = Affine.translation(*corner)
        with silent_about_georeference():
            burnt = features.rasterize([self.shapes[position]], size, transform=transform, dtype=np.uint8)
        return np.asarray(burnt > 0)


@dataclass(frozen=True)
class VectorArea:
    """The pixels inside polygons, or outside of them; a callable that gives rows of a mask.

    Attributes:
        outlines: The polygons.
        width: Width of the scene in pixels.
        inside: Whether the pixels inside are meant.
    """

    outlines: Outlines
    width: int
    inside: bool

    def __call__(self, start: int, stop: int) -> NDArray[np.bool_]:
        """Rows start..stop of the mask, (n, width)."""
        count = len(self.outlines.shapes)
        ones = np.ones(count, np.uint8)
        burnt = self.outlines.burn(ones, start, stop, self.width)
        mask = burnt == self.inside
        return np.asarray(mask)

    @property
    def key(self) -> str:
        """A hash of what the mask depends on."""
        shapes = b"".join(shapely.to_wkb(self.outlines.shapes))
        inside = bytes([self.inside])
        return hashlib.sha256(shapes + inside).hexdigest()


def vector_area(path: Path, raster: Raster, *, inside: bool = True) -> tuple[Area, str]:
    """The area inside or outside of the polygons of a vector file.

    Args:
        path: Any vector file with one layer of polygons.
        raster: The scene.
        inside: Whether the pixels inside are meant.

    Returns:
        A function that gives rows of a mask, and a hash of what the mask depends on.

    Raises:
        UserError: No polygon lies within the scene, although the inside is meant; or an error of `read_outlines`.
    """
    outlines = read_outlines(path, raster)
    if inside and not len(outlines.shapes):
        raise UserError(f"{path} has no polygon within {raster.path}. Check both on a map: which coordinate system?")
    area = VectorArea(outlines, raster.width, inside)
    return area, area.key


def read_outlines(path: Path, raster: Raster, columns: Sequence[str] = ()) -> Outlines:
    """The polygons of a vector file that lie within a scene, in its pixels.

    They are cut off a little beyond the scene: its projection may fold over it what lies on the far side of the earth.
    Long edges go in small steps, since they bend between two CRS and between ground control points.

    Args:
        path: Any vector file with one layer of polygons. For a scene without georeference it must be in pixels (x the
            column, y minus the row).
        raster: The scene.
        columns: Names of the attributes that are read.

    Returns:
        The polygons, none where none lies within the scene.

    Raises:
        UserError: The file is no vector file, has several layers of polygons, lacks one of the columns, or has no CRS
            although the scene has one.
    """
    ground = Ground.of(raster)
    with read_as_polygons(path, pyproj.exceptions.ProjError):
        layer = polygon_layer(path)
        check_layer(layer, ground, columns)
        frame = frame_of(raster, ground, layer)
        polygons = read_cut(layer, frame, columns)
    if polygons is None:
        return Outlines.none(columns, layer.crs)
    longest_edge = frame.side / EDGES_PER_SIDE
    shapes = shapely.segmentize(polygons.shapes, longest_edge)
    shapes = to_pixels(shapes, layer.crs, raster, ground)
    touches = _touches(shapes, raster)
    within = polygons._replace(shapes=shapes).select(touches)
    return Outlines(within.shapes, within.numbers, within.columns, layer.crs)


def to_pixels(shapes: Shapes, crs: str | None, raster: Raster, ground: Ground) -> Shapes:
    """Lay shapes on a scene.

    Args:
        shapes: The shapes, (N,).
        crs: Their CRS; of no meaning for a scene without georeference, in whose coordinates they are already.
        raster: The scene.
        ground: The ground of the scene.

    Returns:
        The shapes in the scene's pixels, (N,).
    """
    if ground.wkt:
        reprojection = Reprojection(str(crs), ground.wkt)
        shapes = shapely.transform(shapes, reprojection)
    if ground.wkt and raster.crs.is_geographic:
        middle = ground.place(middle_of(raster))
        near_scene = partial(near_longitude, longitude=middle[0, 0])
        shapes = shapely.transform(shapes, near_scene)
    in_pixels = shapely.transform(shapes, ground.unplace)
    return np.asarray(in_pixels)


def _touches(shapes: Shapes, raster: Raster) -> NDArray[np.bool_]:
    """Whether each shape (N,) in pixels is finite and its box meets the raster, (N,)."""
    bounds = shapely.bounds(shapes).reshape(-1, 4)
    finite = np.isfinite(bounds).all(axis=1)
    boxes = shapely.envelope(shapes)
    scene = shapely.box(0, 0, raster.width, raster.height)
    meets = shapely.intersects(boxes, scene)
    return np.asarray(finite & meets)
