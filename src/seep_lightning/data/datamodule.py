"""The LightningDataModule: chips, split, augmentation, loaders."""

import logging
import os
from collections.abc import Iterator
from dataclasses import asdict
from functools import cached_property
from multiprocessing import get_start_method
from typing import Any, NamedTuple

import lightning.pytorch as pl
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from seep_lightning.config.data import DataConfig, GridConfig, SplitConfig
from seep_lightning.data.augment import Augment
from seep_lightning.data.chips import Chips
from seep_lightning.data.grid import whole_name_grids
from seep_lightning.data.images import valid_pixels
from seep_lightning.data.leakage import leakage
from seep_lightning.data.loading import load_chips
from seep_lightning.data.normalise import Normaliser
from seep_lightning.data.roots import with_root
from seep_lightning.data.split import split_chips
from seep_lightning.errors import UserError

log = logging.getLogger(__name__)


class Batch(NamedTuple):
    """image: (B, C, H, W) float32 network input; target: (B, 1, H, W) uint8 class; valid: (B, 1, H, W) bool;
    chip: (B,) int64, the chip's position in `Chips`."""

    image: Tensor
    target: Tensor
    valid: Tensor
    chip: Tensor


class ChipDataset(Dataset[Batch]):
    """Network input and truth of chips, by (epoch, index); augmented where `augment` is given."""

    def __init__(self, chips: Chips, normalise: Normaliser, augment: Augment | None = None) -> None:
        self.chips, self.normalise, self.augment = chips, normalise, augment
        self.quartiles = chips.scene_quartiles if normalise.kind == "scene" else chips.quartiles

    def __len__(self) -> int:
        return len(self.chips)

    def __getitem__(self, key: tuple[int, int]) -> Batch:
        epoch, index = key
        raw, mask = self.chips.read(index)
        valid = valid_pixels(raw, self.chips.config.nodata)
        image = raw.astype(np.float32) / np.float32(self.chips.full_scale)
        if self.augment is not None:
            # a rotation mixes neighbours: the median behind the swath edge leaves no dark fringe along it
            if not valid.all():
                image = np.where(valid, image, self.chips.quartiles[index, :, 1, None, None])
            image, mask, valid = self.augment(image, mask, valid, epoch=epoch, index=index)
        return Batch(
            torch.from_numpy(self.normalise(image, valid, self.quartiles[index])),
            torch.from_numpy(np.ascontiguousarray(mask)[None]),
            torch.from_numpy(np.ascontiguousarray(valid)[None]),
            torch.tensor(index),
        )


class EpochSampler(Sampler[tuple[int, int]]):
    """(epoch, index) pairs in an order by (seed, epoch); each rank takes every `world`-th, training drops the rest."""

    def __init__(self, indices: list[int], *, shuffle: bool, seed: int, rank: int = 0, world: int = 1) -> None:
        self.indices, self.shuffle, self.seed = indices, shuffle, seed
        self.rank, self.world, self.epoch = rank, world, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        whole = len(self.indices) // self.world
        return whole if self.shuffle else whole + (self.rank < len(self.indices) % self.world)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        order = list(self.indices)
        if self.shuffle:
            rng = np.random.default_rng((self.seed, self.epoch))
            order = [order[k] for k in rng.permutation(len(order))][: len(self) * self.world]
        return iter([(self.epoch, i) for i in order[self.rank :: self.world]])


class SeepDataModule(pl.LightningDataModule):
    """Chips of one data set, split into train, val and test."""

    def __init__(self, data: DataConfig, split: SplitConfig, augment: list[Any], seed: int = 0) -> None:
        super().__init__()
        self.data, self.split, self.seed = data, split, seed
        self.augment_nodes = augment
        self.first_epoch = 0  # workers begin with it before Lightning tells a resumed run's
        self.normalise = Normaliser(**asdict(data.normalise))

    @cached_property
    def chips(self) -> Chips:
        """All chips, read and checked."""
        return load_chips(with_root(self.data))

    @cached_property
    def parts(self) -> list[str]:
        """The part of each chip."""
        return split_chips(self.chips, self.split)

    def prepare_data(self) -> None:
        """Make the generated data set where there is none yet (on one process of each machine only)."""
        with_root(self.data)

    def setup(self, stage: str | None = None) -> None:
        """Read, check and split, so that what is wrong is known before anything starts."""
        _ = self.parts

    def indices(self, part: str) -> list[int]:
        """Positions of a part's chips (`all`: of every chip), in order of their names."""
        return [i for i, p in enumerate(self.parts) if part in (p, "all")]

    def facts(self) -> dict[str, Any]:
        """What a checkpoint must know about its data to be used without it: primitives only."""
        return {
            "normalise": asdict(self.normalise),
            "nodata": self.data.nodata,
            "classes": self.data.classes,
            "bands": self.chips.quartiles.shape[1],
            "band names": list(self.data.bands or [1]),
            "pattern": self.data.pattern,
            "grid": {scene: asdict(grid) for scene, grid in self._grids_of_scenes().items()},
            "chip_size": list(self.chips.size),
            "fingerprint": self.chips.fingerprint,
        }

    def _grids_of_scenes(self) -> dict[str, GridConfig]:
        return whole_name_grids(self.chips.config.grid, set(self.chips.scenes))

    def leakage_line(self) -> str:
        """How far validation and test are known from training, in one line."""
        rows = "; ".join(str(row) for row in leakage(self.chips, self.parts))
        return f"split={self.split.kind}: train {len(self.indices('train'))} chips; {rows}"

    def train_dataloader(self) -> DataLoader[Batch]:
        """Shuffled and augmented; the last batch is dropped where it is not full."""
        return self._loader("train", Augment(self.augment_nodes, self.seed))

    def val_dataloader(self) -> DataLoader[Batch]:
        """Validation chips, in order, not augmented."""
        return self._loader("val", None)

    def _loader(self, part: str, augment: Augment | None) -> DataLoader[Batch]:
        shuffle = augment is not None
        rank, world = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        sampler = EpochSampler(self.indices(part), shuffle=shuffle, seed=self.seed, rank=rank, world=world)
        sampler.set_epoch(self.first_epoch)
        if len(sampler.indices) < world:
            said = f"the {part} part has {len(sampler.indices)} chip(s), fewer than {world} processes"
            raise UserError(f"{said}. Lower trainer.devices, or raise the part's share (split.val).")
        on_gpu = self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"
        workers = worker_count(self.data, on_gpu)
        return DataLoader(
            ChipDataset(self.chips, self.normalise, augment),
            batch_size=self.data.batch_size,
            sampler=sampler,
            num_workers=workers,
            persistent_workers=workers > 0,
            # a job of hydra/launcher=joblib would start them in joblib's own way, which cannot pickle a data set
            multiprocessing_context="fork" if workers and get_start_method() == "loky" else None,
            pin_memory=on_gpu,
            generator=torch.Generator(),  # else each new iterator takes a draw from the global one, dropout's
            drop_last=shuffle and len(sampler) >= self.data.batch_size,
        )


def worker_count(data: DataConfig, on_gpu: bool) -> int:
    """Processes of a loader: `data.num_workers`, by default up to 8 where the net is on a GPU, else none."""
    usual = min(8, os.cpu_count() or 1) if on_gpu else 0
    return usual if data.num_workers is None else data.num_workers
