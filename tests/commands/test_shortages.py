"""A resource of the machine that runs out is one line: which one, and what to lower or to change."""

import errno
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from seep_lightning.commands.messages import error_message
from seep_lightning.errors import UserError
from seep_lightning.runs.directory import Run
from seep_lightning.shortages import (
    HANDLES,
    KILLED_READER,
    MEMORY,
    PROCESSES,
    SHARED_MEMORY,
    TEMPORARY_FOLDER,
    Shortage,
    ShortageError,
    shortage_of,
    shortage_text,
)
from seep_lightning.training.failures import in_one_line, reason_of
from seep_lightning.training.fit import shortages_explained

# what libraries said on machines with little of each resource
SAID: list[tuple[Shortage, Exception]] = [
    (MEMORY, MemoryError()),
    (MEMORY, np._core._exceptions._ArrayMemoryError((10**6, 10**6), np.dtype("float32"))),
    (MEMORY, torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")),
    (
        MEMORY,
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to "
            "allocate 402653184 bytes. Error code 12 (Cannot allocate memory)"
        ),
    ),
    (MEMORY, RuntimeError("could not create a primitive")),
    (MEMORY, RuntimeError("could not create a memory object")),
    (MEMORY, RuntimeError("std::bad_alloc")),
    (
        MEMORY,
        cv2.error(
            "OpenCV(4.13.0) alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate 40000000000 bytes in "
            "function 'OutOfMemoryError'"
        ),
    ),
    (MEMORY, ImportError("libtorch_cpu.so: failed to map segment from shared object")),
    (MEMORY, OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))),
    (
        SHARED_MEMORY,
        RuntimeError("unable to write to file </torch_4711_2806153744_0>: No space left on device (28)"),
    ),
    (SHARED_MEMORY, RuntimeError("unable to allocate shared memory(shm) for file </torch_1_2_3>: No space left (28)")),
    (
        SHARED_MEMORY,
        RuntimeError(
            "DataLoader worker (pid 4711) is killed by signal: Bus error. It is possible that dataloader's workers are "
            "out of shared memory. Please try to raise your shared memory limit."
        ),
    ),
    (KILLED_READER, RuntimeError("DataLoader worker (pid 4711) is killed by signal: Killed. ")),
    (KILLED_READER, RuntimeError("DataLoader worker (pid(s) 4711, 4712) exited unexpectedly")),
    (HANDLES, OSError(errno.EMFILE, os.strerror(errno.EMFILE), "/chips/a.tif")),
    (HANDLES, RuntimeError("received 0 items of ancdata")),
    (
        HANDLES,
        RuntimeError("unable to open shared memory object </torch_1_2_3> in read-write mode: Too many open files (24)"),
    ),
    (PROCESSES, RuntimeError("can't start new thread")),
    (PROCESSES, BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))),
    (TEMPORARY_FOLDER, FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp', '/']")),
]


@pytest.mark.parametrize(("resource", "error"), SAID, ids=lambda value: "")
def test_each_library_says_in_its_own_words_which_resource_ran_out(resource: Shortage, error: Exception) -> None:
    assert shortage_of(error) == resource
    text = error_message(error, "train")
    assert text.startswith(resource.what) and text.endswith(resource.cure("train"))
    assert "\n" not in text
    assert reason_of(error) == text


@pytest.mark.parametrize("verb", ["train", "evaluate", "predict", "prepare", "export", "report"])
def test_the_cure_is_that_of_the_command(verb: str) -> None:
    text = error_message(RuntimeError("could not create a primitive"), verb)
    own = {"train": "data.batch_size", "evaluate": "batch_size", "predict": "window", "prepare": "size"}
    assert own.get(verb, "a machine with more") in text


def test_what_we_say_about_an_error_of_memory_names_the_memory() -> None:
    error = UserError("model, loss: a step on 2 x 1 x 256 x 256 failed (could not create a primitive).")
    error.__cause__ = RuntimeError("could not create a primitive")
    text = shortage_text(error, "train")
    assert text is not None and text.startswith("memory ran out (model, loss: a step on 2 x 1 x 256 x 256 failed")


@pytest.mark.parametrize(
    "error", [ValueError("no sea"), UserError("too large for the memory budget"), RuntimeError("shape [3] is invalid")]
)
def test_other_errors_are_no_shortage(error: Exception) -> None:
    assert shortage_of(error) is None


def test_a_lock_of_another_process_is_no_shortage() -> None:
    error = UserError("another process is at work in this folder.")
    error.__cause__ = BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    assert shortage_of(error) is None


@pytest.mark.parametrize(("resource", "error"), SAID, ids=lambda value: "")
def test_a_training_that_lacks_a_resource_says_how_to_go_on(
    resource: Shortage, error: Exception, tmp_path: Path
) -> None:
    with pytest.raises(ShortageError, match="same command again") as raised, shortages_explained(Run(tmp_path), 4):
        raise error
    assert str(raised.value).startswith(resource.what)
    # it is told as it is, not once more
    assert shortage_text(raised.value) is None
    assert error_message(raised.value, "train") == str(raised.value)


def test_an_unforeseen_end_for_lack_of_a_resource_is_no_failure_of_the_program(tmp_path: Path) -> None:
    ended: Any = in_one_line(Run(tmp_path), OSError(errno.EMFILE, "Too many open files"))
    assert isinstance(ended, ShortageError) and ended.exit_code == 2
