"""Chips as batches of tensors: what a network is trained and scored on. Knows torch; not Lightning."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from seep_lightning.config.mask_values import IGNORED
from seep_lightning.data.chips import Chips
from seep_lightning.data.images import ChipPixels
from seep_lightning.data.normalise import Normaliser
from seep_lightning.data.read_ahead import stacked

if TYPE_CHECKING:
    from seep_lightning.data.augment import Augment


class Batch(NamedTuple):
    """Chips as a network is trained on them.

    Attributes:
        image: The network's input, (B, C, H, W) float32.
        target: The class of each pixel, 0 for no seep, (B, 1, H, W) uint8.
        valid: Where there are data and labels, (B, 1, H, W) bool.
        chip: The position of each chip in `Chips`, (B,) int64.
    """

    image: Tensor
    target: Tensor
    valid: Tensor
    chip: Tensor


def collate(chips: list[Batch]) -> Batch:
    """Make a batch of chips.

    Args:
        chips: As `ChipDataset` gives them.
    """
    return Batch(*[stacked(list(tensors)) for tensors in zip(*chips, strict=True)])


class ChipDataset(Dataset[Batch]):
    """Network input and truth of chips, by (epoch, index)."""

    def __init__(self, chips: Chips, normalise: Normaliser, augment: "Augment | None" = None) -> None:
        """Keep the chips; they are augmented where `augment` is given."""
        self.chips = chips
        self.normalise = normalise
        self.augment = augment
        self.quartiles = chips.scene_quartiles if normalise.kind == "scene" else chips.quartiles

    def __len__(self) -> int:
        return len(self.chips)

    def __getitem__(self, key: tuple[int, int]) -> Batch:
        """Read, augment and normalise one chip.

        Args:
            key: The epoch, counted from 0, and the chip's position.

        Returns:
            The chip without a batch axis: (C, H, W), (1, H, W), (1, H, W) and ().
        """
        epoch, index = key
        return self.prepared(self.chips.read(index), epoch, index)

    def prepared(self, pixels: ChipPixels, epoch: int, index: int) -> Batch:
        """Augment and normalise a chip that was read.

        Args:
            pixels: The chip.
            epoch: Counted from 0.
            index: The chip's position.

        Returns:
            As `__getitem__`.
        """
        image = self.chips.value_range.in_unit_range(pixels.image, pixels.data)
        mask, data, labelled = pixels.mask, pixels.data, pixels.labelled
        if self.augment is not None:
            # a rotation mixes neighbours: the median behind the swath edge leaves no dark fringe along it
            if not data.all():
                median = self.chips.quartiles[index, :, 1, None, None]
                image = np.where(data, image, median)
            # with them in the mask, ignored pixels move along; OpenCV wants memory of its own
            own_data = np.ascontiguousarray(data)
            image, mask, data = self.augment(image, pixels.known_mask, own_data, epoch=epoch, index=index)
            if not labelled.all():
                labelled = mask != IGNORED
                mask = mask * labelled
        normalised = self.normalise(image, data, self.quartiles[index])
        return Batch(
            torch.from_numpy(normalised),
            torch.from_numpy(np.ascontiguousarray(mask)[None]),
            torch.from_numpy(np.ascontiguousarray(data & labelled)[None]),
            torch.tensor(index),
        )


class EpochSampler(Sampler[tuple[int, int]]):
    """(epoch, index) pairs in an order that is a function of (seed, epoch).

    Each rank takes every `world`-th chip. A training drops the chips that are left over, a validation does not: it
    counts each chip once.
    """

    def __init__(self, indices: list[int], *, shuffle: bool, seed: int, rank: int = 0, world: int = 1) -> None:
        """Keep what the order depends on.

        Args:
            indices: Positions of the chips to go through.
            shuffle: Whether this is a training.
            seed: The seed of the training.
            rank: The number of this process.
            world: How many processes there are.
        """
        self.indices = indices
        self.shuffle = shuffle
        self.seed = seed
        self.rank = rank
        self.world = world
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Take the number of the epoch that begins: Lightning calls this."""
        self.epoch = epoch

    def __len__(self) -> int:
        whole_rounds, left_over = divmod(len(self.indices), self.world)
        takes_one_more = not self.shuffle and self.rank < left_over
        return whole_rounds + takes_one_more

    def __iter__(self) -> Iterator[tuple[int, int]]:
        order = list(self.indices)
        if self.shuffle:
            rng = np.random.default_rng((self.seed, self.epoch))
            shuffled = [order[position] for position in rng.permutation(len(order))]
            order = shuffled[: len(self) * self.world]
        return iter([(self.epoch, index) for index in order[self.rank :: self.world]])
