"""The LightningDataModule: chips, split, augmentation, loaders."""

import os
from dataclasses import asdict
from functools import cached_property
from multiprocessing import get_start_method
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.utilities import rank_zero_only

from seep_lightning.config.data import DataConfig, SplitConfig
from seep_lightning.data.audit.auditing import Auditor
from seep_lightning.data.audit.finding import Finding
from seep_lightning.data.audit.kept_findings import findings_of
from seep_lightning.data.audit.traps import TRAINING_TRAPS
from seep_lightning.data.augment import Augment
from seep_lightning.data.batches import Batch, ChipDataset, EpochSampler, collate
from seep_lightning.data.blocks import core_count
from seep_lightning.data.chips import Chips
from seep_lightning.data.choices import USUAL_BATCH, Choice, choose_open_settings, measure, with_choices
from seep_lightning.data.description import LabelOrigin
from seep_lightning.data.grid import whole_name_grids
from seep_lightning.data.leakage import leakage
from seep_lightning.data.loading import load_chips
from seep_lightning.data.normalise import Normaliser, ValueRange
from seep_lightning.data.read_ahead import ReadAheadLoader, WaitClock
from seep_lightning.data.roots import with_root
from seep_lightning.data.split import positions_in, split_chips, tell_files
from seep_lightning.errors import UserError
from seep_lightning.scene.nodata import check_nodata

# worker processes that a GPU is given by default
MOST_WORKERS = 8


class SeepDataModule(pl.LightningDataModule):
    """Chips of one data set, split into train, val and test.

    Attributes:
        first_epoch: With which epoch the loaders begin before Lightning tells the one of a resumed run.
        value_range: What becomes 0 and 1 of floats, where a network that is scored knows it; None: measured.
        waiting: How long the training has waited for batches.
    """

    def __init__(
        self, data: DataConfig, split: SplitConfig, augment: list[Any], seed: int = 0, *, audited: bool = False
    ) -> None:
        """Keep the configs; nothing is read yet.

        Args:
            data: Where the chips lie and how they are read.
            split: Which chip is in which part.
            augment: The transforms of training chips, as nodes.
            seed: The seed of order and augmentation.
            audited: Whether to look for what would make figures meaningless, while the chips are read.
        """
        super().__init__()
        self.data = data
        self.split = split
        self.seed = seed
        self.augment_nodes = augment
        self.audited = audited
        self.auditor: Auditor | None = None
        self.first_epoch = 0
        self.processes = 1
        self.value_range: ValueRange | None = None
        self.waiting = WaitClock()

    @cached_property
    def chips(self) -> Chips:
        """All chips, read and checked; which files they are is told first."""
        chips = load_chips(with_root(self.data), self._begin_reading, self.value_range)
        if self.audited:
            check_nodata("data.nodata", self.data.nodata, chips.read(0).image.dtype, "the image")
        return chips

    def _begin_reading(self, chips: Chips) -> Auditor | None:
        """Tell which files are read, and begin to look for traps."""
        rank_zero_only(tell_files)(chips, self.split)
        if self.audited:
            self.auditor = Auditor(chips, TRAINING_TRAPS)
        return self.auditor

    @cached_property
    def parts(self) -> list[str]:
        """The part of each chip."""
        return split_chips(self.chips, self.split)

    @cached_property
    def choices(self) -> list[Choice]:
        """What was chosen from the training part, because the config leaves it open."""
        return choose_open_settings(self.data, lambda: measure(self.chips, self.indices("train"), self.processes))

    @cached_property
    def settled(self) -> DataConfig:
        """The config with nothing left open."""
        return with_choices(self.data, self.choices)

    @property
    def batch_size(self) -> int:
        """Chips in a batch, on each process."""
        return self.settled.batch_size or USUAL_BATCH

    @cached_property
    def normalise(self) -> Normaliser:
        """From pixel values to network input."""
        return Normaliser(**asdict(self.settled.normalise))

    def prepare_data(self) -> None:
        """Make the generated data set where there is none yet; one process of each machine is called."""
        with_root(self.data)

    def setup(self, stage: str | None = None) -> None:
        """Read, check and split, and try the augmentation, so that a mistake is told before anything starts.

        Args:
            stage: What Lightning is about to do; all stages need the same.

        Raises:
            UserError: Chips, split or augmentation are not as they must be.
        """
        _ = self.parts
        augment = Augment(self.augment_nodes, self.seed)
        bands = self.chips.quartiles.shape[1]
        augment.check(self.chips.size, bands, self.data.classes, effects=self.audited)

    def indices(self, part: str) -> list[int]:
        """List the positions of a part's chips, in order of their names.

        Args:
            part: `train`, `val` or `test`; `all` for every chip.
        """
        return positions_in(self.parts, part)

    def facts(self) -> dict[str, Any]:
        """Tell what a checkpoint must know about its data to be used without them: primitives only.

        The grids are those of the scenes that are here, by their whole names: the beginning of a name, as the config
        may have it, would be true of a stranger's scene, too.
        """
        grids = whole_name_grids(self.chips.config.grid, set(self.chips.scenes))
        return {
            "normalise": asdict(self.normalise),
            "nodata": self.data.nodata,
            "nodata bands": self.data.nodata_bands,
            "classes": self.data.classes,
            "bands": self.chips.quartiles.shape[1],
            "band names": list(self.chips.bands),
            "band meanings": list(self.chips.band_meanings),
            "factor": self.data.factor,
            "values": self.chips.value_range.as_facts(),
            "pattern": self.data.pattern,
            "grid": {scene: asdict(grid) for scene, grid in grids.items()},
            "chip_size": list(self.chips.size),
            "fingerprint": self.chips.fingerprint,
        }

    def split_line(self) -> str:
        """Tell in one line how many chips each part has, and the closest way in which they are known from training."""
        height, width = self.chips.size
        scenes = len(set(self.chips.scenes))
        whole = f"{len(self.chips)} chips of {height} x {width} px, {scenes} scene{'' if scenes == 1 else 's'}"
        verdicts = [row.verdict() for row in leakage(self.chips, self.parts)]
        return f"split={self.split.kind}: {whole}: train {len(self.indices('train'))}; {'; '.join(verdicts)}"

    def leakage_line(self) -> str:
        """Tell in one line how far validation and test are known from training, and whether networks drew the masks."""
        rows = [str(row) for row in leakage(self.chips, self.parts)]
        origin = str(LabelOrigin.of(self.chips.root))
        if origin:
            rows.append(origin)
        return f"split={self.split.kind}: train {len(self.indices('train'))} chips; {'; '.join(rows)}"

    def findings(self) -> list[Finding]:
        """Say what would make the figures of a training meaningless; nothing where the chips were not audited."""
        parts = self.parts
        if self.auditor is None:
            return []
        return findings_of(self.chips, self.auditor, parts, self.split.kind)

    def train_dataloader(self) -> ReadAheadLoader[Batch]:
        """Make the loader of training chips: shuffled and augmented, without a last batch that is not full."""
        return self._loader("train", Augment(self.augment_nodes, self.seed))

    def val_dataloader(self) -> ReadAheadLoader[Batch]:
        """Make the loader of validation chips: in order, not augmented."""
        return self._loader("val", None)

    def _loader(self, part: str, augment: Augment | None) -> ReadAheadLoader[Batch]:
        is_training = augment is not None
        sampler = self._sampler(part, shuffle=is_training)
        on_gpu = self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"
        workers = worker_count(self.data, on_gpu)
        # a job of hydra/launcher=joblib would start workers in joblib's own way, which cannot pickle a data set
        needs_fork = workers > 0 and get_start_method() == "loky"
        return ReadAheadLoader(
            ChipDataset(self.chips, self.normalise, augment),
            batch_size=self.batch_size,
            sampler=sampler,
            collate_fn=collate,
            num_workers=workers,
            persistent_workers=workers > 0,
            multiprocessing_context="fork" if needs_fork else None,
            pin_memory=on_gpu,
            # without a generator of its own, each new iterator takes a draw from the global one, which is dropout's
            generator=torch.Generator(),
            drop_last=is_training and len(sampler) >= self.batch_size,
            clock=self.waiting if is_training else None,
            # on a GPU it might disturb what is recorded there
            in_thread=not on_gpu and core_count() > 1 and (augment is None or augment.keeps_to_itself),
        )

    def _sampler(self, part: str, *, shuffle: bool) -> EpochSampler:
        """The order of a part's chips on this process; `UserError` where the processes are more than the chips."""
        rank, world = 0, 1
        if self.trainer is not None:
            rank, world = self.trainer.global_rank, self.trainer.world_size
        indices = self.indices(part)
        if len(indices) < world:
            raise UserError(
                f"the {part} part has {len(indices)} chip(s), fewer than {world} processes. Lower trainer.devices, or "
                "raise the part's share (split.val)."
            )
        sampler = EpochSampler(indices, shuffle=shuffle, seed=self.seed, rank=rank, world=world)
        sampler.set_epoch(self.first_epoch)
        return sampler


def worker_count(data: DataConfig, on_gpu: bool) -> int:
    """Decide how many processes a loader has.

    Args:
        data: Its `num_workers` decides, if it is set.
        on_gpu: Whether the network is on a GPU.

    Returns:
        By default one a core, up to 8, where the network is on a GPU, else none.
    """
    if data.num_workers is not None:
        return data.num_workers
    if not on_gpu:
        return 0
    return min(MOST_WORKERS, os.cpu_count() or 1)
