"""Chips on disk to batches: layouts, images, grids, splits, augmentation, normalisation, the DataModule, the audit.

Knows files and numpy; only `batches` and `read_ahead` know torch, and `datamodule` Lightning. May import `config`,
`scene` and what lies below.
"""
