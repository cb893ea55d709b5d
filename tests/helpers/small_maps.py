"""Small maps of probabilities, as `map_scene` writes them, and what a GIS finds in the files made of them."""

import sqlite3
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from affine import Affine
from numpy.typing import NDArray

from helpers.rasters import write_raster
from seep_lightning.scene.levels import quantise
from seep_lightning.scene.options import PolygonOptions, Thresholds
from seep_lightning.scene.raster import Raster

# pixels of 10 m at 60 degrees north: twice as many degrees of longitude as of latitude
DEGREES = {"crs": "EPSG:4326", "transform": Affine(2 / 11132, 0, 10, 0, -1 / 11132, 60)}
# at 60 degrees north it shows everything twice too long
MERCATOR = {"crs": "EPSG:3857", "transform": Affine(20, 0, 1_113_195, 0, -20, 8_399_738)}
ANY_OBJECT = PolygonOptions(Thresholds(0.5, 0.5, 0.5), min_area=1)


def empty_sea(height: int = 300, width: int = 400) -> NDArray[np.float32]:
    """Probabilities (H, W) of nothing but sea."""
    return np.zeros((height, width), np.float32)


def probability_raster(path: Path, p: NDArray[Any], valid: NDArray[np.bool_] | None = None, **place: Any) -> Raster:
    """A raster of probabilities (H, W), without nodata unless `valid` says so."""
    mapped = np.ones(p.shape, bool) if valid is None else valid
    stored = quantise(p.astype(np.float32)[None], mapped)
    return Raster(write_raster(path, stored, nodata=0, **place))


def known_shapes() -> tuple[NDArray[np.float32], list[float], list[float]]:
    """Probabilities, areas in px and perimeters in px, of a rectangle, a disc, an ellipse and a slanting bar."""
    p = empty_sea(500, 700)
    p[20:70, 30:130] = 1
    cv2.circle(p, (300, 120), 80, 1, -1)
    along, across = _turned(200, 350, 0.5)
    p[(along / 120) ** 2 + (across / 40) ** 2 <= 1] = 1
    along, across = _turned(520, 300, -1)
    p[(np.abs(along) <= 150) & (np.abs(across) <= 6)] = 1
    areas = [5000, np.pi * 80**2, np.pi * 120 * 40, 300 * 12]
    perimeters = [300, 2 * np.pi * 80, 534.3, 624]
    return p, areas, perimeters


def _turned(column: int, row: int, angle: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """Distances along and across an axis through a pixel, (500, 700) each; angle: in radians."""
    rows, columns = np.mgrid[:500, :700]
    x, y = columns - column, rows - row
    return x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)


def geopackage_rows(path: Path, *columns: str) -> list[tuple[Any, ...]]:
    """A GeoPackage read as what it is, an SQLite database (OGC 12-128r18)."""
    names = ", ".join(f"[{column}]" for column in columns)
    with sqlite3.connect(path) as database:
        return database.execute(f"SELECT {names} FROM seeps ORDER BY fid").fetchall()
