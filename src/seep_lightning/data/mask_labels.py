"""An analyst's masks as the classes of scenes' pixels: laid on the scene's grid by the nearest pixel."""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from seep_lightning.data.mask_files import Classes, Flags, MaskFile
from seep_lightning.errors import UserError
from seep_lightning.scene.ground import Ground, middle_of
from seep_lightning.scene.projections import Reprojection, near_longitude

if TYPE_CHECKING:
    from seep_lightning.scene.raster import Raster

log = logging.getLogger(__name__)

# pixels whose places are computed in one go
PLACED_PIXELS = 1 << 20
# points along each side of a scene by which its place in the mask is compared
GRID_POINTS = 65
# grids that differ by less are one, px
SAME_PLACE = 0.5

Positions = NDArray[np.float64]
"""Columns and rows, (N, 2)."""


@dataclass(frozen=True)
class MaskGrid:
    """Where the pixels of a scene lie in a mask of another grid.

    Attributes:
        scene: The ground of the scene.
        mask: The ground of the mask.
        middle: The middle of the mask in its own coordinates, (2,).
        is_geographic: Whether these are degrees.
    """

    scene: Ground
    mask: Ground
    middle: NDArray[np.float64]
    is_geographic: bool

    @classmethod
    def of(cls, raster: "Raster", mask: "Raster") -> "MaskGrid":
        """The way from a scene's pixels to those of a mask; both have a place on the ground."""
        ground = Ground.of(mask)
        (middle,) = ground.place(middle_of(mask))
        return cls(Ground.of(raster), ground, middle, bool(mask.crs.is_geographic))

    def positions(self, pixels: Positions) -> Positions:
        """Positions in the scene as positions in the mask."""
        coordinates = self.scene.place(pixels)
        if self.scene.wkt != self.mask.wkt:
            coordinates = Reprojection(self.scene.wkt, self.mask.wkt)(coordinates)
        if self.is_geographic:
            coordinates = near_longitude(coordinates, self.middle[0])
        return self.mask.unplace(coordinates)


@dataclass(frozen=True)
class MaskLabels:
    """The mask of one scene, as `data.cutting` asks for it.

    Attributes:
        file: The mask.
        grid: Where the scene's pixels lie in it; None where both have the same pixels.
    """

    file: MaskFile
    grid: MaskGrid | None

    def burn(self, top: int, stop: int, width: int) -> tuple[Classes, Flags]:
        """Read the mask of rows of the scene.

        Args:
            top: The first row.
            stop: The row after the last.
            width: The scene's width, px.

        Returns:
            The class of each pixel, 0 for no seep, and where nobody knows it: where the mask says so, and where it does
            not reach; both (rows, width).
        """
        if self.grid is None:
            classes, is_known = self.file.read(Window(0, top, width, stop - top))
            return classes, ~is_known
        step = max(PLACED_PIXELS // width, 1)
        parts = [self._nearest(self.grid, start, min(start + step, stop), width) for start in range(top, stop, step)]
        return np.concatenate([classes for classes, _ in parts]), np.concatenate([unknown for _, unknown in parts])

    def note_data(self, has_data: Flags, top: int) -> None:
        """Nothing is to be noted: pixels of a mask are not accounted for one by one."""

    def _nearest(self, grid: MaskGrid, top: int, stop: int, width: int) -> tuple[Classes, Flags]:
        """`burn` by the pixels of the mask that hold the centres of the scene's pixels."""
        centres = np.mgrid[top:stop, :width][::-1].reshape(2, -1).T + 0.5
        columns, rows = _floor(grid.positions(centres)).T
        is_inside = (columns >= 0) & (columns < self.file.width) & (rows >= 0) & (rows < self.file.height)
        classes = np.zeros(len(centres), np.uint8)
        is_unknown = np.ones(len(centres), bool)
        if is_inside.any():
            left, right = columns[is_inside].min(), columns[is_inside].max() + 1
            first, last = rows[is_inside].min(), rows[is_inside].max() + 1
            values, is_known = self.file.read(Window(left, first, right - left, last - first))
            nearest = rows[is_inside] - first, columns[is_inside] - left
            classes[is_inside] = values[nearest]
            is_unknown[is_inside] = ~is_known[nearest]
        shape = stop - top, width
        return classes.reshape(shape), is_unknown.reshape(shape)


def lay_mask(raster: "Raster", file: MaskFile) -> MaskLabels:
    """Find out how a mask lies on a scene.

    Args:
        raster: The scene.
        file: The mask.

    Raises:
        UserError: They do not overlap, or nothing says how they lie.
    """
    from seep_lightning.scene.raster import Raster

    is_of_one_size = (raster.height, raster.width) == (file.height, file.width)
    with Raster(file.path) as mask:
        if not (raster.georeferenced and mask.georeferenced):
            if is_of_one_size:
                return MaskLabels(file, None)
            raise UserError(_unplaced_text(raster, mask))
        grid = MaskGrid.of(raster, mask)
    pixels = _grid_of_points(raster)
    in_mask = grid.positions(pixels)
    if is_of_one_size and np.abs(in_mask - pixels).max() < SAME_PLACE:
        return MaskLabels(file, None)
    if not _overlap(in_mask, file):
        raise UserError(
            f"labels: mask {file.path} does not overlap {raster.path}, by the georeference of both. Is it of another "
            "scene? Give the mask of this one, or correct the georeference."
        )
    log.info("labels: %s lies on another grid than %s: each pixel takes the nearest one.", file.path, raster.path)
    return MaskLabels(file, grid)


def overlaps(raster: "Raster", file: MaskFile) -> bool:
    """Whether a mask that is of several scenes lies on this one; True where nothing says how they lie."""
    from seep_lightning.scene.raster import Raster

    with Raster(file.path) as mask:
        if not (raster.georeferenced and mask.georeferenced):
            return True
        return _overlap(MaskGrid.of(raster, mask).positions(_grid_of_points(raster)), file)


def _unplaced_text(raster: "Raster", mask: "Raster") -> str:
    """What to say of a scene and a mask of different sizes, of which one has no place on the ground."""
    without = raster.path if not raster.georeferenced else mask.path
    return (
        f"labels: mask {mask.path} is {mask.width} x {mask.height} px, {raster.path} is {raster.width} x "
        f"{raster.height} px, and {without} has no georeference that says how they lie. Burn the mask on the grid of "
        "its scene, or assign the georeference with gdal_edit.py -a_srs -a_ullr."
    )


def _grid_of_points(raster: "Raster") -> Positions:
    """Points all over a raster, its corners among them."""
    columns = np.linspace(0, raster.width, GRID_POINTS)
    rows = np.linspace(0, raster.height, GRID_POINTS)
    return np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)


def _overlap(positions: Positions, file: MaskFile) -> bool:
    """Whether the box of positions (N, 2) meets a mask."""
    finite = positions[np.isfinite(positions).all(axis=1)]
    if not len(finite):
        return False
    left, top = finite.min(axis=0)
    right, bottom = finite.max(axis=0)
    return bool(left < file.width and right > 0 and top < file.height and bottom > 0)


def _floor(positions: Positions) -> NDArray[np.int64]:
    """The pixels in which positions lie; -1 where a projection gives none."""
    is_finite = np.isfinite(positions)
    return np.floor(np.where(is_finite, positions, -1)).astype(np.int64)
