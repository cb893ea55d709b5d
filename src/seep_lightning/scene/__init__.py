"""Rasters of any size: windows, strips, mosaics, journal, ground, outlines, objects, polygons.

Knows rasters; neither torch, Lightning nor Hydra. Imports nothing of the package but `errors`,
`files` and `documents`.
"""
