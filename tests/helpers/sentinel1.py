"""Control points and rasters of Sentinel-1 products that tests make."""

from rasterio.control import GroundControlPoint

from helpers.radar_geometry import Grid


def gcps_of(grid: Grid) -> list[GroundControlPoint]:
    """The points of a grid as rasterio takes them."""
    rows = zip(grid.pixels.tolist(), grid.degrees.tolist(), grid.heights.tolist(), strict=True)
    return [GroundControlPoint(row, column, x, y, z) for (column, row), (x, y), z in rows]
