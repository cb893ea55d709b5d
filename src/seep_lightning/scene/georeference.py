"""Where a raster lies on the ground: its coordinate system, and an affine transform or ground control points."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.errors import CRSError

from seep_lightning.errors import UserError, as_user_error

CRS_ADVICE = "Assign the right one with gdal_edit.py -a_srs (or -unsetgt to drop the georeference)."


@dataclass(frozen=True)
class Georeference:
    """Where the pixels of a raster lie.

    Attributes:
        crs: The coordinate system (rasterio's CRS); None where the file has none.
        transform: (column, row) of a pixel's corner to (x, y); the identity where the file has none.
        gcps: Ground control points.
        placed_by_points: True where the points place the raster, because it has no transform.
    """

    crs: Any
    transform: Affine
    gcps: Sequence[GroundControlPoint]
    placed_by_points: bool

    @property
    def has_transform(self) -> bool:
        """Whether a transform places the raster, with a coordinate system or without."""
        return bool(self.transform != Affine.identity())

    @property
    def is_complete(self) -> bool:
        """Whether the place on the earth is known."""
        return self.crs is not None and (self.has_transform or self.placed_by_points)

    def shifted_points(self, rows: float, columns: float) -> list[GroundControlPoint]:
        """The control points of a part of the raster, or of what the raster is a part of.

        Args:
            rows: Rows to add to each point's row.
            columns: Columns to add to each point's column.

        Returns:
            New points at the same places on the ground.
        """
        shifted: list[GroundControlPoint] = []
        for point in self.gcps:
            row = point.row + rows
            column = point.col + columns
            moved = GroundControlPoint(row, column, point.x, point.y, point.z, point.id, point.info)
            shifted.append(moved)
        return shifted


def read_georeference(path: Path, dataset: Any) -> Georeference:
    """Read where an open dataset lies, and check that it can be used.

    Args:
        path: The file, for messages.
        dataset: The file as rasterio opened it.

    Returns:
        The georeference; its `crs` is that of the control points where they place the raster.

    Raises:
        UserError: The coordinate system is unreadable or no place on the earth, or the transform is not invertible.
    """
    with as_user_error(f"{path}: its CRS cannot be read", CRSError, advice=CRS_ADVICE):
        crs = dataset.crs
        transform = dataset.transform
        gcps, gcps_crs = dataset.gcps
    placed_by_points = bool(gcps) and transform == Affine.identity()
    if placed_by_points:
        crs = gcps_crs
    # rasterio's empty CRS is false
    georeference = Georeference(crs or None, transform, gcps, placed_by_points)
    _check_crs(path, georeference)
    _check_transform(path, georeference)
    return georeference


def _check_crs(path: Path, georeference: Georeference) -> None:
    crs = georeference.crs
    if crs is None or crs.is_geographic or crs.is_projected:
        return
    kind = f"neither geographic nor projected ({crs.to_wkt()[:60]}...)"
    raise UserError(f"{path}: its coordinate system is {kind}. {CRS_ADVICE}")


def _check_transform(path: Path, georeference: Georeference) -> None:
    transform = georeference.transform
    is_finite = np.isfinite(tuple(transform)).all()
    if is_finite and abs(transform.determinant) > 0:
        return
    coefficients = tuple(transform)[:6]
    raise UserError(f"{path}: its transform {coefficients} is not invertible. {CRS_ADVICE}")
