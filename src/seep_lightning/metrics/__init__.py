"""Figures and what they are counted from: pixels, objects, classes, calibration, bootstrap, the floor.

May import `data`, `scene` and what lies below; neither Lightning nor Hydra.
"""
