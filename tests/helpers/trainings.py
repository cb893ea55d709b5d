"""What tests read from a finished run, and how they break a training off."""

import csv
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch

from seep_lightning.runs.directory import Run
from seep_lightning.training.session import train


def weights(run: Path, which: str = "last") -> dict[str, torch.Tensor]:
    content = torch.load(run / "checkpoints" / f"{which}.ckpt", weights_only=True)
    return content["state_dict"] | {f"current.{k}": v for k, v in content.get("current_model_state", {}).items()}


def assert_equal_runs(a: Path, b: Path) -> None:
    """Weights of both checkpoints, the whole curve but for its clock, and the final figures."""
    for which in ("last", "best"):
        first, second = weights(a, which), weights(b, which)
        assert first.keys() == second.keys()
        assert all(torch.equal(first[k], second[k]) for k in first)
    assert curve(a) == curve(b)
    assert Run(a).summary()["figures"] == Run(b).summary()["figures"]


def curve(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    return [
        {k: v for k, v in row.items() if k not in ("epoch_seconds", "chips_per_second", "wait_share")} for row in rows
    ]


class StopIn(pl.Callback):
    """Break off in the middle of an epoch."""

    def __init__(self, epoch: int, error: BaseException) -> None:
        self.epoch, self.error = epoch, error

    def on_train_batch_end(self, trainer: pl.Trainer, *_: object) -> None:
        if trainer.current_epoch == self.epoch:
            raise self.error


def break_off(config: object, out: Path, monkeypatch: pytest.MonkeyPatch, epoch: int, error: BaseException) -> None:
    original = pl.Trainer.__init__

    def with_stop(self: pl.Trainer, *args: object, callbacks: list[pl.Callback], **kwargs: object) -> None:
        original(self, *args, callbacks=[*callbacks, StopIn(epoch, error)], **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(pl.Trainer, "__init__", with_stop)
        train(config, out)
