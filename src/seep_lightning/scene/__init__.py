"""Whole scenes: windows and blending, rasters, and seeps as polygons. Knows neither Hydra nor Lightning nor torch.

A scene's way: `Raster` -> `map_scene` (probability and mask) -> `find_seeps` -> `write_seeps`.
"""
