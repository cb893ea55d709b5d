"""The process that trains: its random numbers, its memory, what it warns about."""

import logging

from seep_lightning.foreign_warnings import ignore_foreign_warnings
from seep_lightning.nets.hardware import keep_memory
from seep_lightning.runs.directory import is_first_process

TRIAL_VARIABLE = "SEEP_LIGHTNING_TRIAL"
"""Environment variable of a trial of a search, and so of all its ranks: `DATABASE:NUMBER`."""


def prepare_process(seed: int) -> None:
    """Seed all random numbers, keep freed memory, and send Lightning's messages through the root logger.

    Args:
        seed: The run's seed.
    """
    import lightning.pytorch as pl
    import torch

    pl.seed_everything(seed, workers=True, verbose=False)
    keep_memory()
    # filling new tensors helps to find bugs, and is slow
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    quieten_lightning()
    if not is_first_process():
        quieten_console()


def quieten_console() -> None:
    """Leave what is no error to the first process, which says the same; the log file of this one keeps it."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler):
            handler.setLevel(logging.ERROR)


def quieten_lightning() -> None:
    """Pass on Lightning's warnings without its own handlers, and leave out those that are expected."""
    for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.WARNING)
    ignore_foreign_warnings()
