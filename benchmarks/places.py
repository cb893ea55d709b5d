"""How far products placed by control points are off, by several ways of placing them (docs/maps.md has the figures).

    PYTHONPATH=tests python benchmarks/places.py
    PYTHONPATH=tests python benchmarks/places.py --annotation ANNOTATION.xml    and the grid of a real product

Products over sea are made from the geometry of Sentinel-1 (`tests/helpers/radar_geometry.py`): orbit, range and zero
Doppler. Their 210 points are fitted, and 20,000 other pixels are compared with where range and Doppler put them.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyproj
from rasterio.transform import GCPTransformer

from helpers.radar_geometry import Annotation, Floats, Grid, grid_over_sea, grid_pixels, metres_between
from helpers.sentinel1 import gcps_of
from seep_lightning.scene.placements import ControlPointPlacement, Plane
from seep_lightning.scene.point_fits import FIT_KINDS, ControlPoints, best_fit

DEGREES = str(pyproj.CRS("EPSG:4326").to_wkt())
Place = Callable[[Floats], Floats]


def by_gdal(grid: Grid, *, tps: bool) -> Place:
    """As GDAL places by default, by a polynomial of order 2 in degrees; or by its thin-plate spline."""
    transformer = GCPTransformer(gcps_of(grid), tps=tps)
    return lambda pixels: np.column_stack(transformer.xy(pixels[:, 1], pixels[:, 0], offset="ul"))


def by_order_3_in_degrees(grid: Grid) -> Place:
    """As `gdalwarp -order 3` places: rasterio has no such option, the fit is the same."""
    points = ControlPoints(grid.pixels, grid.degrees, np.zeros(len(grid.pixels)))
    fit = best_fit(points, 0, [kind for kind in FIT_KINDS if kind.name == "polynomial of order 3"])
    assert fit is not None
    return fit.at_height(0)


def by_kind(grid: Grid, kind: str) -> Place:
    """By one kind of function in a local equal-area projection."""
    plane = Plane.of(DEGREES, grid.degrees)
    points = ControlPoints(grid.pixels, plane.to_plane(grid.degrees), grid.heights)
    kinds = [candidate for candidate in FIT_KINDS if candidate.name == kind]
    fit = best_fit(points, 0, kinds)
    assert fit is not None
    surface = fit.at_height(0)
    return lambda pixels: plane.from_plane(surface(pixels))


WAYS: dict[str, Callable[[Grid], Place]] = {
    "GDAL's polynomial of order 2 in degrees": lambda grid: by_gdal(grid, tps=False),
    "GDAL's thin-plate spline in degrees": lambda grid: by_gdal(grid, tps=True),
    "order 3 in degrees (gdalwarp -order 3)": by_order_3_in_degrees,
    "order 2, local": lambda grid: by_kind(grid, "polynomial of order 2"),
    "order 3, local": lambda grid: by_kind(grid, "polynomial of order 3"),
    "thin-plate, local": lambda grid: by_kind(grid, "thin-plate spline"),
    "chosen": lambda grid: ControlPointPlacement.through(gcps_of(grid), DEGREES).place,
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--annotation", type=Path)
    parser.add_argument("--latitudes", type=float, nargs="+", default=[0, 25, 57, 70, 78])
    arguments = parser.parse_args()
    pixels = np.random.default_rng(0).random((20_000, 2)) * np.array([25_788, 16_685])
    for latitude in arguments.latitudes:
        grid = grid_over_sea(latitude, grid_pixels())
        truth = grid_over_sea(latitude, pixels)
        for name, way in WAYS.items():
            missed = metres_between(way(grid)(pixels), truth.degrees)
            print(f"{latitude:5g} N  {name:40s} mean {missed.mean():8.2f} m  largest {missed.max():8.2f} m", flush=True)
    tell_speed(pixels)
    if arguments.annotation:
        tell_real_product(Annotation.read(arguments.annotation))


def tell_speed(pixels: Floats) -> None:
    """Seconds for a million points, there and back."""
    many = np.tile(pixels, (50, 1))
    placement = ControlPointPlacement.through(gcps_of(grid_over_sea(57, grid_pixels())), DEGREES)
    begin = time.perf_counter()
    placed = placement.place(many)
    between = time.perf_counter()
    placement.unplace(placed)
    print(f"a million points: {between - begin:.1f} s there, {time.perf_counter() - between:.1f} s back")


def tell_real_product(annotation: Annotation) -> None:
    """Half of a real product's grid from the other half: at the heights of its points, and over sea on its orbit."""
    is_fitted = np.arange(len(annotation.grid.heights)) % 2 == 0
    sea = annotation.over_sea(annotation.grid.pixels)
    for name, grid in (("as it is, on land", annotation.grid), ("its orbit over sea", sea)):
        others = grid.select(~is_fitted)
        for way_name, way in WAYS.items():
            if way_name == "chosen":
                continue
            missed = metres_between(way(grid.select(is_fitted))(others.pixels), others.degrees)
            print(f"{name}: {way_name:40s} mean {missed.mean():8.2f} m  largest {missed.max():8.2f} m")
        plane = Plane.of(DEGREES, grid.degrees)
        points = ControlPoints(grid.pixels, plane.to_plane(grid.degrees), grid.heights)
        fit = best_fit(points.select(is_fitted), 0)
        assert fit is not None
        placed = plane.from_plane(fit.place(others.pixels, others.heights))
        missed = metres_between(placed, others.degrees)
        print(f"{name}: {fit.kind.name} mean {missed.mean():.2f} m  largest {missed.max():.2f} m")


if __name__ == "__main__":
    main()
