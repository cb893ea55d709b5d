"""What the machine is good at: numbers of 16 bit, the layout of tensors, memory that stays."""

import ctypes
import platform
from typing import TYPE_CHECKING, Any

from seep_lightning.config import TrainerConfig

if TYPE_CHECKING:
    from torch import nn

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, NEVER = -1, -3, 2**30  # of glibc's malloc.h
WIDE = 256  # channels


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


def memory_format(net: "nn.Module", channels_last: bool | None = None) -> Any:
    """Torch's layout of the weights of a net; None: channels last where there is AVX-512 or a GPU, used or not.

    With AVX2 alone only nets whose convolutions all have less than `WIDE` channels are the faster for it; those of
    wider ones take up to half as long again, and get torch's own layout (docs/performance.md).
    """
    import torch

    if channels_last is None:
        widest = max((m.out_channels for m in net.modules() if isinstance(m, torch.nn.Conv2d)), default=0)
        channels_last = torch.cuda.is_available() or torch.cpu._is_avx512_supported() or widest < WIDE
    return torch.channels_last if channels_last else torch.contiguous_format


def keep_memory() -> None:
    """Let this process keep the memory that it frees. By default glibc gives each large tensor back to the kernel,
    which has to clear the same pages again at the next step: on a CPU up to a third of a training step."""
    if platform.libc_ver()[0] == "glibc":
        for threshold in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD):
            ctypes.CDLL(None).mallopt(threshold, NEVER)
