"""Albumentations behind one function; draws are a function of (seed, epoch, chip), whatever workers and ranks do."""

import os
from typing import Any

import albumentations as A
import numpy as np
from albumentations.core.serialization import Serializable
from numpy.typing import NDArray

from seep_lightning.config.targets import build

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it would ask the network at import, for two seconds


class Augment:
    """A list of `_target_` nodes as one transform of a chip, its mask and its valid pixels."""

    def __init__(self, nodes: list[Any], seed: int) -> None:
        self.seed = seed
        # Serializable is what single transforms have in common with OneOf and its like
        steps = [build(f"augment[{i}]", node, Serializable) for i, node in enumerate(nodes)]
        self.pipeline = A.Compose(steps, additional_targets={"valid": "mask"}) if steps else None

    def __call__(
        self, image: NDArray[np.float32], mask: NDArray[np.uint8], valid: NDArray[np.bool_], *, epoch: int, index: int
    ) -> tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.bool_]]:
        """Transform `image` (C, H, W) in 0..1, `mask` (H, W) and `valid` (H, W) alike. Chips that are not square are
        turned on to where they have their shape again."""
        if self.pipeline is None:
            return image, mask, valid
        self.pipeline.set_random_seed(chip_seed(self.seed, epoch, index))
        # (H, W, C): (1, H, W) would be taken for a picture one pixel high, without a word
        out = self.pipeline(image=image.transpose(1, 2, 0), mask=mask, valid=valid.view(np.uint8))
        if out["mask"].shape == mask.shape[::-1] != mask.shape:
            out = {key: np.ascontiguousarray(np.rot90(out[key])) for key in ("image", "mask", "valid")}
        return np.ascontiguousarray(out["image"].transpose(2, 0, 1)), out["mask"], out["valid"].view(bool)


def chip_seed(seed: int, epoch: int, index: int) -> int:
    """One 32-bit seed from three numbers, without collisions that matter (numpy's SeedSequence hash)."""
    return int(np.random.SeedSequence((seed, epoch, index)).generate_state(1)[0])
