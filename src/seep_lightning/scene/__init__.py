"""Whole scenes: windows and blending, rasters, and seeps as polygons. Knows neither Hydra nor Lightning nor torch.

A scene's way: `Raster` -> `map_scene` (probability and mask) -> `find_seeps` -> `write_seeps`.
"""

from seep_lightning.scene.ground import Outlines, VectorArea, read_outlines, vector_area
from seep_lightning.scene.mapping import SceneMap, map_scene
from seep_lightning.scene.objects import Thresholds
from seep_lightning.scene.polygons import PolygonOptions, Seep, SeepLayer, find_seeps
from seep_lightning.scene.raster import Raster, gdal
from seep_lightning.scene.source import ArraySource, Source, scene_quantiles
from seep_lightning.scene.strip import augmented, ensemble, predict_scene
from seep_lightning.scene.vectors import write_seeps
from seep_lightning.scene.windows import Tiling

__all__ = [
    "ArraySource", "Outlines", "PolygonOptions", "Raster", "SceneMap", "Seep", "SeepLayer", "Source",
    "Thresholds", "Tiling", "VectorArea", "augmented", "ensemble", "find_seeps", "gdal", "map_scene",
    "predict_scene", "read_outlines", "scene_quantiles", "vector_area", "write_seeps",
]  # fmt: skip
