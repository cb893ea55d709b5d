"""Figures and what they are counted from: pixels, objects, classes, calibration, floors, intervals.

`figures.py` declares every figure once: its key, label, unit, direction, description and function. May import `data`,
`scene` and what lies below; neither Lightning nor Hydra.
"""
