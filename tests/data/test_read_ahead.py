"""Batches are prepared ahead of the step, in the same order and with the same numbers; waiting is measured."""

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import Dataset, default_collate

from helpers.chips import make_chips, seeps_config
from seep_lightning.config.data import SplitConfig
from seep_lightning.data import datamodule
from seep_lightning.data.batches import collate
from seep_lightning.data.datamodule import SeepDataModule
from seep_lightning.data.read_ahead import ReadAheadLoader, WaitClock
from seep_lightning.shortages import HANDLES, KILLED_READER, shortage_of

FLIP = {"_target_": "albumentations.HorizontalFlip"}
NOISE = {"_target_": "albumentations.GaussNoise", "p": 1.0}


class Slow(torch.utils.data.Dataset[int]):
    """Numbers, each of which takes a while."""

    def __init__(self, seconds: float, fails_at: int | None = None) -> None:
        self.seconds = seconds
        self.fails_at = fails_at
        self.asked: list[int] = []

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> int:
        time.sleep(self.seconds)
        self.asked.append(index)
        if index == self.fails_at:
            raise ValueError("a chip that cannot be read")
        return index


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "read ahead"]


def batches_of(root: Path, in_thread: bool, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    monkeypatch.setattr(datamodule, "core_count", lambda: 2 if in_thread else 1)
    module = SeepDataModule(seeps_config(root, batch_size=4), SplitConfig(), [FLIP, NOISE], seed=1)
    module.setup()
    loader = module.train_dataloader()
    assert loader.in_thread == in_thread
    batches: list[Any] = []
    for epoch in range(2):
        loader.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
        batches += loader
    return batches + list(module.val_dataloader())


def test_batches_of_a_thread_are_the_same_to_the_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_chips(tmp_path)
    state = torch.get_rng_state()
    ahead, plain = (batches_of(tmp_path, in_thread, monkeypatch) for in_thread in (True, False))
    assert len(ahead) == len(plain) > 8
    for first, second in zip(ahead, plain, strict=True):
        for a, b in zip(first, second, strict=True):
            assert a.dtype == b.dtype
            assert torch.equal(a, b)
    # dropout's numbers go on where they were
    assert torch.equal(torch.get_rng_state(), state)


def test_batches_are_collated_as_torch_does(tmp_path: Path) -> None:
    module = SeepDataModule(seeps_config(make_chips(tmp_path, scenes=3)), SplitConfig(), [])
    module.setup()
    dataset = module.train_dataloader().dataset
    chips = [dataset[0, index] for index in (3, 1, 2)]
    for a, b in zip(collate(chips), default_collate(chips), strict=True):
        assert a.dtype == b.dtype
        assert torch.equal(a, b)


def test_a_step_hardly_waits_for_what_is_ready_and_the_wait_is_measured() -> None:
    waited: dict[bool, float] = {}
    for in_thread in (True, False):
        clock = WaitClock()
        for _ in ReadAheadLoader(Slow(0.02), clock=clock, in_thread=in_thread):
            time.sleep(0.04)
        waited[in_thread] = clock.seconds
    assert waited[False] >= 8 * 0.02
    # the first batch alone
    assert waited[True] < 0.6 * waited[False]


def test_an_error_in_the_thread_reaches_the_step() -> None:
    loader = ReadAheadLoader(Slow(0, fails_at=3), in_thread=True)
    seen: list[int] = []
    with pytest.raises(ValueError, match="cannot be read"):
        seen += [int(number) for number in loader]
    assert not threads() or not any(thread.is_alive() for thread in _ended(threads()))


def _ended(alive: list[threading.Thread]) -> Iterator[threading.Thread]:
    for thread in alive:
        thread.join(5)
        yield thread


@pytest.mark.parametrize("take", [lambda batches: next(batches), lambda batches: None], ids=["some", "none"])
def test_an_epoch_that_is_cut_short_leaves_no_thread(take: Callable[[Iterator[Any]], Any]) -> None:
    batches = iter(ReadAheadLoader(Slow(0), in_thread=True))
    take(batches)
    del batches
    assert not any(thread.is_alive() for thread in _ended(threads()))


def test_an_augmentation_of_ones_own_stays_in_the_main_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datamodule, "core_count", lambda: 2)
    node = {"_target_": f"{__name__}.Same"}
    module = SeepDataModule(seeps_config(make_chips(tmp_path, scenes=3)), SplitConfig(), [node])
    assert not module.train_dataloader().in_thread
    assert module.val_dataloader().in_thread


class Same:
    """An augmentation that does nothing."""

    def __call__(self, image: Any, mask: Any, valid: Any, rng: Any) -> Any:
        return image, mask, valid


class Unsendable:
    """What a worker cannot hand over."""

    def __reduce__(self) -> Any:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


class UnsendableItems(Dataset[Any]):
    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Any:
        return Unsendable()


def test_a_batch_that_a_worker_cannot_send_is_an_error_and_no_endless_wait(
    capfd: pytest.CaptureFixture[str],
) -> None:
    loader = ReadAheadLoader(UnsendableItems(), num_workers=1, collate_fn=lambda items: items[0], timeout=30)
    with pytest.raises(OSError, match="Too many open files") as raised:
        list(loader)
    assert shortage_of(raised.value) == HANDLES
    assert capfd.readouterr().err == ""


def break_off() -> None:
    raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))


class BreaksOff:
    """A batch that breaks off while it is handed over."""

    def __reduce__(self) -> Any:
        return break_off, ()


class BatchesThatBreakOff(UnsendableItems):
    def __getitem__(self, index: int) -> Any:
        return BreaksOff()


def test_a_worker_whose_connection_breaks_is_told_as_killed() -> None:
    loader = ReadAheadLoader(BatchesThatBreakOff(), num_workers=1, collate_fn=lambda items: items[0], timeout=30)
    with pytest.raises(RuntimeError, match="exited unexpectedly") as raised:
        list(loader)
    assert shortage_of(raised.value) == KILLED_READER
