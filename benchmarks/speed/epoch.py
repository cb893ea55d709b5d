"""`train` against a bare PyTorch loop: at most 1.05 times its epoch.

    OMP_NUM_THREADS=1 SEEP_DATA_ROOT=DIR python benchmarks/speed/epoch.py [key=value ...]

Both run in turn in one process, with the same net, batch, threads, precision, loss, optimiser, clipping, schedule and
augmentation. The bare loop holds all chips as normalised tensors. It keeps no average of the weights, and has no
metrics, logs or checkpoints. With trainer=gpu both have workers that augment.

An epoch is timed from the request for the first batch to the last training step. A second figure is of the whole
epoch, with validation (bare: net and loss), logging and both checkpoints. One epoch before these warms up. Pictures,
drawn every fifth epoch, are not included; `panels=1` includes them.
"""

import sys
from itertools import islice
from typing import Any

import torch
from pairs import PAIRS, Seconds, device_of, ours, recipe, say, timed, told
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from seep_lightning.config.targets import build
from seep_lightning.config.training import TrainConfig
from seep_lightning.data.augment import Augment
from seep_lightning.data.batches import ChipDataset
from seep_lightning.data.datamodule import SeepDataModule, worker_count
from seep_lightning.nets.building import build_net
from seep_lightning.training.machine_precision import precision_of
from seep_lightning.training.optimisation import build_optimizer
from seep_lightning.training.schedules import WarmupCosine


class Augmented(Dataset[tuple[Tensor, ...]]):
    """Chips that lie in memory as normalised tensors, augmented at each use."""

    def __init__(self, chips: list[Any], augment: Any) -> None:
        self.chips, self.augment = chips, augment

    def __len__(self) -> int:
        return len(self.chips)

    def __getitem__(self, k: int) -> tuple[Tensor, ...]:
        image, mask, valid = (part[0].numpy() for part in self.chips[k])
        out = self.augment(image=image[..., None], mask=mask, valid=valid.view("uint8"))
        return tuple(torch.from_numpy(out[name].copy()) for name in ("image", "mask", "valid"))


class Bare:
    """The loop that one would write by hand."""

    def __init__(self, config: TrainConfig, data: SeepDataModule) -> None:
        self.batch, self.steps = data.batch_size, int(config.trainer.limit_train_batches or 0)
        self.bf16, self.clip = config.trainer.precision == "bf16-mixed", config.trainer.gradient_clip_val
        self.device = device_of(config)
        self.net = build_net(config.model, 1, 0, config.channels_last).to(self.device)
        self.loss = build("loss", config.loss, nn.Module)
        self.optimizer = build_optimizer(self.net, config.optimizer)
        self.schedule = build("scheduler", config.scheduler, WarmupCosine, self.optimizer, total_steps=3 * self.steps)
        plain = ChipDataset(data.chips, data.normalise)
        train, self.val = ([plain[0, i][:3] for i in data.indices(part)] for part in ("train", "val"))
        self.val = self.val[: self.batch * int(config.trainer.limit_val_batches or 0)]
        on_gpu = self.device.type == "cuda"
        workers = worker_count(config.data, on_gpu)
        more: Any = {"num_workers": workers, "persistent_workers": workers > 0, "pin_memory": on_gpu}
        chips = Augmented(train, Augment(config.augment, config.seed).pipeline)
        self.loader = DataLoader(chips, self.batch, shuffle=True, drop_last=True, **more)

    def forward(self, image: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        image, target, valid = (part.to(self.device, non_blocking=True) for part in (image, target, valid))
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            return self.loss(self.net(image), (target > 0).float(), valid)

    def epoch(self) -> None:
        for image, target, valid in islice(self.loader, self.steps):
            loss = self.forward(image.permute(0, 3, 1, 2), target[:, None], valid[:, None].bool())
            self.optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.clip)
            self.optimizer.step()
            self.schedule.step()

    def validate(self) -> None:
        self.net.eval()
        with torch.inference_mode():
            for start in range(0, len(self.val), self.batch):
                self.forward(*(torch.stack(parts) for parts in zip(*self.val[start : start + self.batch], strict=True)))
        self.net.train()


def bare(config: TrainConfig, data: SeepDataModule) -> tuple[Seconds, Seconds]:
    """The second epoch of the bare loop, as `ours`; its loader's threads have ended then."""
    loop = Bare(config, data)
    loop.epoch()
    training, validation = timed(loop.epoch), timed(loop.validate)
    return training, Seconds(training.wall + validation.wall, training.cpu + validation.cpu)


def main() -> None:
    small = ["trainer.limit_train_batches=16", "trainer.limit_val_batches=4"]
    config = recipe(*small, *sys.argv[1:], "trainer.max_epochs=3")
    config.trainer.precision = precision_of(config.trainer)
    data = SeepDataModule(config.data, config.split, config.augment, seed=config.seed)
    data.setup()
    say(model=config.model, batch=data.batch_size, precision=config.trainer.precision, small=small)
    print("augmentation:", config.augment)
    found = []
    for pair in range(PAIRS):
        a, b = (ours(config), bare(config, data)) if pair % 2 == 0 else reversed((bare(config, data), ours(config)))
        found.append((a, b))
        parts = [f"{x.wall:.3f}/{y.wall:.3f} s ({x.cpu:.3f}/{y.cpu:.3f} cpu)" for x, y in zip(a, b, strict=True)]
        print(f"  ours/bare: training {parts[0]}, whole {parts[1]}", flush=True)
    for k, part in enumerate(("training part", "whole epoch")):
        told(f"{part}: ours", "bare", [(a[k], b[k]) for a, b in found])


if __name__ == "__main__":
    main()
