"""Chips on disk: pair images with masks by name, check every one, keep them decoded where they fit."""

import hashlib
import logging
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.data import DataConfig
from seep_lightning.data.chips import Chips
from seep_lightning.data.images import size_text, valid_pixels
from seep_lightning.data.layouts import pair_chips
from seep_lightning.data.normalise import FULL_SCALE, histogram, quartiles_of
from seep_lightning.errors import UserError


def load_chips(config: DataConfig) -> Chips:
    """Read and check a whole data set; `UserError` names the first chip that would spoil a training, and what to do."""
    chips = pair_chips(config)
    kinds: dict[str, str] = {}
    kept: list[tuple[NDArray[Any], NDArray[np.uint8]]] = []
    quartiles, budget = [], config.cache_gb * 2**30
    for i, (name, scene) in enumerate(zip(chips.names, chips.scenes, strict=True)):
        image, mask = chips.read(i)
        kinds.setdefault(f"{len(image)} band(s), {size_text(image.shape[1:])}, {8 * image.itemsize} bit", name)
        if len(kinds) > 1:
            (a, first), (b, other) = kinds.items()
            raise UserError(
                f"data: chips differ in bands, size or type: {first} is {a}, {other} is {b}. "
                "Cut them to one size, or train on one folder at a time."
            )
        valid = valid_pixels(image, config.nodata)
        if not valid.any():
            raise UserError(f"data: {name} holds nodata ({config.nodata}) only. Remove it, or correct data.nodata.")
        counts = histogram(image, valid)
        quartiles.append(quartiles_of(counts))
        chips.histograms[scene] = chips.histograms.get(scene, 0) + counts
        chips.digests.append(digest(name, image, mask))
        budget -= image.nbytes + mask.nbytes
        if budget >= 0:
            kept.append((image, mask))
    chips._cache = kept if len(kept) == len(chips) else None
    chips.full_scale = FULL_SCALE[image.dtype.name]
    chips.size = (image.shape[1], image.shape[2])
    chips.quartiles = np.stack(quartiles)
    return chips


def digest(name: str, image: NDArray[Any], mask: NDArray[np.uint8]) -> str:
    """Name, hash of the mask and hash of the picture of one chip, joined by colons."""
    return ":".join((name, *(hashlib.blake2b(a.tobytes(), digest_size=8).hexdigest() for a in (mask, image))))


log = logging.getLogger(__name__)


def with_root(data: DataConfig) -> DataConfig:
    """The config of a data set that is on disk: a generated one is made in the cache first, if it is not there yet."""
    if data.source != "synthetic" or data.root is not None:
        return data
    from seep_lightning.data.generator import FORMAT, SyntheticSpec, write_dataset

    spec = SyntheticSpec(**asdict(data.synthetic))
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seep_lightning"
    root = cache / "synthetic" / f"v{FORMAT}-seed{spec.seed}-chips{spec.chips}-scenes{spec.scenes}"
    if not root.exists():
        log.info("making the generated data set in %s", root)
    return replace(data, root=str(write_dataset(root, spec)))
