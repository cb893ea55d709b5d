"""Train, or resume, one network: `python -m seep_lightning.train`."""

import logging
import warnings

from seep_lightning.training.hardware import keep_memory

TRIAL = "SEEP_LIGHTNING_TRIAL"  # in the environment of a trial of a search, and so on all its ranks


def prepare_process(seed: int) -> None:
    """Seed everything, keep memory, and send Lightning's warnings through the root logger, without its own handlers."""
    import lightning.pytorch as pl
    import torch

    pl.seed_everything(seed, workers=True, verbose=False)
    keep_memory()
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined] # for bugs; slow
    for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.WARNING)
    known = "does not have many workers|exists and is not empty|isinstance.treespec, LeafSpec|litlogger"
    warnings.filterwarnings("ignore", message=f".*({known}).*")
