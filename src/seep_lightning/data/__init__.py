"""Chips on disk to batches: layouts, images, grids, splits, augmentation, normalisation, the DataModule, the audit.

Knows files and numpy; only `datamodule` knows torch and Lightning. May import `config`, `scene` and what lies below.
"""
