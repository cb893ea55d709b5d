"""What the machine is good at: numbers of 16 bit, the layout of tensors, memory that stays."""

import ctypes
import platform
from typing import Any

from seep_lightning.config.training import TrainerConfig

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, NEVER = -1, -3, 2**30  # of glibc's malloc.h


def precision_of(trainer: TrainerConfig) -> Any:
    """The Trainer's precision; `auto` is bf16-mixed where this machine multiplies bf16 in hardware, else 32-true."""
    import torch

    if trainer.precision != "auto":
        return trainer.precision
    fast = False
    if trainer.accelerator in ("gpu", "cuda", "auto") and torch.cuda.is_available():
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    elif trainer.accelerator in ("cpu", "auto"):
        fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16-mixed" if fast else "32-true"


def keep_memory() -> None:
    """Let this process keep the memory that it frees. By default glibc gives each large tensor back to the kernel,
    which has to clear the same pages again at the next step: on a CPU up to a third of a training step."""
    if platform.libc_ver()[0] == "glibc":
        for threshold in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD):
            ctypes.CDLL(None).mallopt(threshold, NEVER)
