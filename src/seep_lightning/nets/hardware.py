"""What the machine is good at: numbers of 16 bit, and memory that stays with the process."""

import ctypes
import logging
import platform

from seep_lightning import compat

log = logging.getLogger(__name__)

# of glibc's malloc.h
M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
# a threshold in bytes that no tensor reaches
NEVER = 2**30


def has_fast_bf16(accelerator: str) -> bool:
    """Whether a device of this kind, as `trainer.accelerator` names it, multiplies bf16 in hardware."""
    import torch

    uses_gpu = accelerator in ("gpu", "cuda", "auto") and torch.cuda.is_available()
    if uses_gpu:
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if accelerator in ("cpu", "auto"):
        return compat.cpu_multiplies_bf16()
    return False


def chosen_accelerator(accelerator: str) -> str:
    """Choose what trains, as `device=auto` of the other commands does: a CUDA GPU, else the CPU.

    Args:
        accelerator: As `trainer.accelerator` names it.

    Returns:
        The same, but the CPU for `auto` where Lightning would take Apple's GPU, on which nothing was tried.
    """
    import torch

    if accelerator == "auto" and torch.backends.mps.is_available():
        log.info("trainer.accelerator=auto: the CPU; mps would take Apple's GPU, on which nothing was tried")
        return "cpu"
    return accelerator


def keep_memory() -> None:
    """Let this process keep the memory that it frees.

    By default glibc gives each large tensor back to the kernel, which has to clear the same pages again at the next
    step: on a CPU up to a third of a training step.
    """
    is_glibc = platform.libc_ver()[0] == "glibc"
    if not is_glibc:
        return
    c_library = ctypes.CDLL(None)
    for threshold in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD):
        c_library.mallopt(threshold, NEVER)
