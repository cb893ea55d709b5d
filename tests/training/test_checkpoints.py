"""Which epochs `best` and `last` are of, what they hold, and that they are whole."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch

from helpers.trainings import break_off, curve
from seep_lightning.errors import UserError
from seep_lightning.training.checkpointing import RunCheckpoint, WholeFiles
from seep_lightning.training.session import train

Compose = Callable[..., object]


def test_a_checkpoint_that_the_disk_refuses_leaves_the_one_before_it(
    compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = train(compose_tiny("trainer.max_epochs=1"), tmp_path / "run").run
    before, sync = run.last.read_bytes(), os.fsync

    def full(number: int) -> None:
        if ".ckpt" in str(Path(f"/proc/self/fd/{number}").readlink()):
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(number)

    with monkeypatch.context() as patch, pytest.raises(UserError, match=r"disk of .*\.ckpt is full .No space"):
        patch.setattr(os, "fsync", full)
        train(compose_tiny("trainer.max_epochs=2"), tmp_path / "run")
    assert run.last.read_bytes() == before
    assert run.summary()["status"] == "failed"
    assert {path.name for path in run.checkpoints.iterdir()} == {"best.ckpt", "last.ckpt"}
    assert train(compose_tiny("trainer.max_epochs=2"), tmp_path / "run").run.summary()["epochs"] == 2


def test_only_the_last_checkpoint_holds_what_a_resume_needs(compose_tiny: Compose, tmp_path: Path) -> None:
    run = train(compose_tiny("trainer.max_epochs=1"), tmp_path / "run").run
    best, last = (torch.load(run.checkpoint(name), weights_only=True).keys() for name in ("best", "last"))
    assert {"optimizer_states", "lr_schedulers", "callbacks", "loops", "current_model_state"} <= last - best
    assert run.checkpoint("best").stat().st_size < run.checkpoint("last").stat().st_size / 2
    another = tmp_path / "of a user" / "best.ckpt"
    WholeFiles(run.checkpoint("best")).save_checkpoint({"loops": {}}, another)
    assert torch.load(another) == {"loops": {}}


def test_the_last_checkpoint_is_the_last_epochs_also_where_another_was_better(
    compose_tiny: Compose, tmp_path: Path
) -> None:
    run = train(compose_tiny("trainer.max_epochs=4", "monitor=lr"), tmp_path / "run").run
    best, last = (torch.load(run.checkpoint(which), weights_only=True)["epoch"] for which in ("best", "last"))
    assert best < last == 3


def test_checkpoints_are_written_as_often_as_asked_for_and_after_the_last_epoch(
    compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[tuple[str, int]] = []
    save = pl.Trainer.save_checkpoint

    def told(self: pl.Trainer, path: str, *args: object, **more: object) -> None:
        written.append((Path(path).stem, self.current_epoch))
        save(self, path, *args, **more)

    monkeypatch.setattr(pl.Trainer, "save_checkpoint", told)
    train(compose_tiny("trainer.max_epochs=5", "checkpoint_every=2", "monitor=lr"), tmp_path / "run")
    assert [epoch for which, epoch in written if which == "last"] == [1, 3, 4]
    assert {epoch for which, epoch in written if which == "best"} <= {1, 3, 4}


def test_what_ends_early_keeps_its_last_epoch_also_where_checkpoints_are_rare(
    compose_tiny: Compose, tmp_path: Path
) -> None:
    config = compose_tiny("optimizer.lr=1e-12", "early_stop=2", "trainer.max_epochs=20", "checkpoint_every=20")
    config.monitor = "recall/val"
    run = train(config, tmp_path / "run").run
    assert torch.load(run.last, weights_only=True)["epoch"] == len(curve(run.dir)) - 1 < 19


def test_steps_that_end_a_training_leave_its_last_epoch(compose_tiny: Compose, tmp_path: Path) -> None:
    config = compose_tiny("trainer.max_epochs=10", "trainer.max_steps=5", "checkpoint_every=9", "data.batch_size=8")
    run = train(config, tmp_path / "run").run
    last, best = (torch.load(run.checkpoint(name), weights_only=True) for name in ("last", "best"))
    assert last["global_step"] == 5 and best["epoch"] <= last["epoch"] < 9


def test_the_best_epoch_is_one_that_was_validated_also_after_a_resume(
    compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = ("trainer.max_epochs=5", "trainer.check_val_every_n_epoch=2", "checkpoint_every=3", "monitor=epoch")
    with pytest.raises(RuntimeError):
        break_off(compose_tiny(*more), tmp_path / "resumed", monkeypatch, 3, RuntimeError())
    for name in ("whole", "resumed"):
        run = train(compose_tiny(*more), tmp_path / name).run
        assert torch.load(run.checkpoint("best"), weights_only=True)["epoch"] == 3
        assert torch.load(run.last, weights_only=True)["epoch"] == 4


def test_checkpoints_hold_tensors_and_plain_values_only(trained: Path) -> None:
    for which in ("best", "last"):
        content = torch.load(trained / "checkpoints" / f"{which}.ckpt", weights_only=True)
        assert content["seep_lightning"]["format"] == 1
        assert 0 < content["seep_lightning"]["threshold"] < 1


def test_a_stored_path_is_moved_with_its_run(tmp_path: Path) -> None:
    callback = RunCheckpoint(tmp_path, "best", 1, monitor="dice/val", mode="max")
    state = callback.state_dict()
    old = {"dirpath": "/old", "best_model_path": "/old/best.ckpt", "last_model_path": "/old/last.ckpt"}
    callback.load_state_dict(state | old | {"best_k_models": {"/old/best.ckpt": torch.tensor(0.5)}})
    assert callback.best_model_path == str(tmp_path / "best.ckpt")
    assert list(callback.best_k_models) == [str(tmp_path / "best.ckpt")]


def test_a_best_checkpoint_in_place_of_the_last_is_refused(compose_tiny: Compose, tmp_path: Path) -> None:
    run = train(compose_tiny("trainer.max_epochs=1"), tmp_path / "run").run
    run.last.write_bytes(run.checkpoint("best").read_bytes())
    with pytest.raises(UserError, match="is not a last checkpoint: it holds weights alone. Start anew with init="):
        train(compose_tiny("trainer.max_epochs=2"), run.dir)
