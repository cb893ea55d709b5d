"""Chips on disk: pair images with masks by name, check every one, keep them decoded where they fit."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.data import DataConfig
from seep_lightning.data.grid import cell, place
from seep_lightning.data.images import read_pair, valid_pixels
from seep_lightning.data.normalise import quartiles_of


@dataclass
class Chips:
    """A paired and checked set of chips, by their file names, sorted.

    tiles: -1 where the pattern has none; quartiles: (N, C, 3) float32 in 0..1, of each chip's valid pixels; _cache:
    None where they did not fit `data.cache_gb` and are read again when asked for.
    """

    config: DataConfig
    root: Path
    names: list[str]
    scenes: list[str]
    tiles: list[int]
    image_paths: list[Path]
    mask_paths: list[Path]
    digests: list[str] = field(default_factory=list)  # see `digest`
    histograms: dict[str, NDArray[np.int64]] = field(default_factory=dict)  # of each scene, (C, values)
    quartiles: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 1, 3), np.float32))
    full_scale: float = 0.0
    size: tuple[int, int] = (0, 0)
    _cache: list[tuple[NDArray[Any], NDArray[np.uint8]]] | None = None

    def __len__(self) -> int:
        return len(self.names)

    def class_pixels(self, indices: Sequence[int]) -> NDArray[np.int64]:
        """Valid pixels of sea and each class in some chips, (1 + N,)."""
        counts = np.zeros(self.config.classes + 1, np.int64)
        for image, mask in map(self.read, indices):
            counts += np.bincount(mask[valid_pixels(image, self.config.nodata)], minlength=len(counts))
        return counts

    def read(self, index: int) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """Image (C, H, W) and mask (H, W) of one chip, from memory where they fit, else from disk."""
        if self._cache is not None:
            return self._cache[index]
        return read_pair(self.image_paths[index], self.mask_paths[index], self.config)

    @cached_property
    def scene_quartiles(self) -> NDArray[np.float32]:
        """(N, C, 3): the quartiles of each chip's whole scene, over all its chips here."""
        table = {scene: quartiles_of(counts) for scene, counts in self.histograms.items()}
        return np.stack([table[scene] for scene in self.scenes])

    @property
    def fingerprint(self) -> str:
        """A hash of all names and pixels: two data sets with one fingerprint are the same data."""
        return hashlib.blake2b("".join(self.digests).encode(), digest_size=8).hexdigest()

    def places(self) -> list[tuple[int, int] | None]:
        """(row, column) of each chip on the common ground grid; None where the scene's grid is not known."""
        return [place(self.config, s, t) for s, t in zip(self.scenes, self.tiles, strict=True)]

    def cells(self) -> list[tuple[int, int] | None]:
        """(row, column) of each chip inside its own scene; None where the scene's grid is not known."""
        return [cell(self.config, s, t) for s, t in zip(self.scenes, self.tiles, strict=True)]
