"""Chips on disk to batches: read, pair, check, split, augment."""
