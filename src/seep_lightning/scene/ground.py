"""The ground under a scene: pixels to coordinates and back, to longitude and latitude, and to metres."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pyproj
from affine import Affine

from seep_lightning.errors import UserError, as_user_error
from seep_lightning.scene.georeference import CRS_ADVICE
from seep_lightning.scene.placements import AffinePlacement, ControlPointPlacement, Placement
from seep_lightning.scene.projections import (
    WGS84,
    WHOLE_TURN,
    Points,
    PointTransform,
    Reprojection,
    near_longitude,
    transformer_between,
)
from seep_lightning.scene.raster import Raster

LEAST_COVERED = 0.5
"""Control points around a smaller share of a scene are told: beyond them its place is extrapolated."""
HIGHEST_CORNER = 91
"""Degrees of latitude that a corner may have: grids of points end half a pixel beyond a pole."""


@dataclass(frozen=True)
class Ground:
    """The way from a scene's pixels to its coordinates and to metres.

    Attributes:
        wkt: The scene's CRS; empty where it has none.
        unit: Unit of sizes: `m`, or `px` without a CRS.
        note: One line about the placement, for people.
        placement: How pixels lie in the coordinates. Without CRS and transform x is the column and y minus the row.
        by_points: The same, where control points place the scene; else None.
    """

    wkt: str
    unit: str
    note: str
    placement: Placement
    by_points: ControlPointPlacement | None = None

    @classmethod
    def of(cls, raster: Raster) -> Self:
        """The ground of a raster, by its affine transform or else by its ground control points.

        Args:
            raster: A raster with any georeference, or none.

        Returns:
            The ground.

        Raises:
            UserError: PROJ cannot use the CRS, or the place is not on the ground.
        """
        if not raster.georeferenced:
            return cls._without_crs(raster)
        _check_crs(raster)
        if raster.placed_by_points:
            return cls._by_control_points(raster)
        ground = cls(raster.crs.to_wkt(), "m", "affine transform of the scene", AffinePlacement(raster.transform))
        _check_on_the_globe(ground, raster)
        return ground

    @classmethod
    def _without_crs(cls, raster: Raster) -> Self:
        # a world file may have given the raster a transform all the same
        transform, source = raster.transform, "the scene's transform"
        if transform == Affine.identity():
            transform, source = Affine.scale(1, -1), "x is the column, y minus the row"
        note = f"no coordinate system: {source}, sizes in pixels"
        return cls("", "px", note, AffinePlacement(transform))

    @classmethod
    def _by_control_points(cls, raster: Raster) -> Self:
        wkt = raster.crs.to_wkt()
        problem = f"{raster.path}: its {len(raster.gcps)} ground control points do not place it"
        with as_user_error(problem, UserError, pyproj.exceptions.ProjError, advice=CRS_ADVICE):
            placement = ControlPointPlacement.through(raster.gcps, wkt)
        return cls(wkt, "m", placement.note, placement, by_points=placement)

    def doubts(self, raster: Raster) -> list[str]:
        """What is doubtful about control points that do not agree, or leave most of the scene to extrapolation.

        Args:
            raster: The scene.

        Returns:
            A sentence each.
        """
        if self.by_points is None:
            return []
        doubts = self.by_points.doubts
        covered = self.by_points.covered_share(raster.width, raster.height)
        if covered < LEAST_COVERED:
            doubts.append(f"Its control points lie around {100 * covered:.0f} % of it only.")
        return doubts

    def place(self, pixels: Points) -> Points:
        """Pixels (N, 2) to coordinates (N, 2)."""
        return self.placement.place(pixels)

    def unplace(self, coordinates: Points) -> Points:
        """Coordinates (N, 2) to pixels (N, 2)."""
        return self.placement.unplace(coordinates)

    def metres_about(self, centre: Points) -> PointTransform:
        """Coordinates to metres east and north about a centre; without CRS to pixels right and up.

        The projection is Lambert's azimuthal equal-area one (Snyder 1987, p. 185): areas are exact, distances right to
        1e-4 within 100 km.

        Args:
            centre: Coordinates (1, 2) of the point around which the projection is made.

        Returns:
            A function of coordinates (N, 2).
        """
        if not self.wkt:
            return self._right_and_up
        longitude, latitude = np.rint(self.degrees(centre)[0])
        projection = f"+proj=laea +lon_0={longitude} +lat_0={latitude} +datum=WGS84 +units=m +no_defs"
        return Reprojection(self.wkt, projection)

    def degrees(self, coordinates: Points) -> Points:
        """Coordinates (N, 2) to longitude and latitude (WGS 84)."""
        return Reprojection(self.wkt, WGS84)(coordinates)

    def degrees_together(self, coordinates: Points) -> Points:
        """Coordinates (N, 2) to longitude and latitude, all within half a turn of the first point.

        An outline that crosses the date line must not go round the world.
        """
        degrees = self.degrees(coordinates)
        return near_longitude(degrees, degrees[0, 0])

    def _right_and_up(self, coordinates: Points) -> Points:
        pixels: Points = self.unplace(coordinates) * np.array([1, -1])
        return pixels


def middle_of(raster: Raster) -> Points:
    """The middle of a raster in pixels, (1, 2)."""
    return np.array([[raster.width / 2, raster.height / 2]])


def corners_of(raster: Raster) -> Points:
    """The corners of a raster in pixels, (4, 2)."""
    return np.array([[column, row] for column in (0, raster.width) for row in (0, raster.height)], dtype=float)


def _check_crs(raster: Raster) -> None:
    """Raise `UserError` for a CRS from which PROJ knows no way to longitude and latitude."""
    problem = f"{raster.path}: PROJ cannot use its coordinate system"
    with as_user_error(problem, pyproj.exceptions.ProjError, advice=CRS_ADVICE):
        transformer_between(raster.crs.to_wkt(), WGS84)


def _check_on_the_globe(ground: Ground, raster: Raster) -> None:
    """Raise `UserError` where transform and CRS do not belong together, such as metres under a CRS in degrees."""
    longitude, latitude = ground.degrees(ground.place(middle_of(raster)))[0]
    # one and a half turns: longitudes may count from -180, from 0, or across the date line
    is_middle_on_it = abs(longitude) <= 1.5 * WHOLE_TURN and abs(latitude) <= 90
    corners = ground.degrees(ground.place(corners_of(raster)))
    # a map of the whole globe has corners of which there is no longitude
    beyond = corners[np.abs(np.where(np.isfinite(corners[:, 1]), corners[:, 1], 0)) > HIGHEST_CORNER]
    if is_middle_on_it and not len(beyond):
        return
    if is_middle_on_it:
        longitude, latitude = beyond[0]
    message = f"{raster.path}: its transform and its coordinate system put it at longitude {longitude:g}, latitude"
    raise UserError(f"{message} {latitude:g}, which is not on the ground. {CRS_ADVICE}")
