"""A config with nothing left open: settings of data and optimiser that follow from the chips."""

import logging
import math
from dataclasses import replace
from typing import TYPE_CHECKING

from seep_lightning.config.training import BASE_RATE, TrainConfig
from seep_lightning.data.choices import USUAL_BATCH, Choice

if TYPE_CHECKING:
    from seep_lightning.data.datamodule import SeepDataModule

log = logging.getLogger(__name__)

LEARNING_RATE = "lr"


def settle(config: TrainConfig, data: "SeepDataModule") -> tuple[TrainConfig, list[Choice]]:
    """Fill in what a config leaves open, and log each choice with its reason.

    Args:
        config: The settings of a training.
        data: Its chips, read and split.

    Returns:
        The config as it is stored, and what was chosen.
    """
    choices = list(data.choices)
    optimizer = dict(config.optimizer)
    base_rate = optimizer.pop(BASE_RATE, None)
    if base_rate is not None and optimizer.get(LEARNING_RATE) is None:
        choice = _choose_rate(base_rate, data)
        optimizer[LEARNING_RATE] = choice.value
        choices.append(choice)
    for choice in choices:
        log.info("chosen: %s", choice)
    return replace(config, data=data.settled, optimizer=optimizer), choices


def _choose_rate(base_rate: float, data: "SeepDataModule") -> Choice:
    """The optimiser's learning rate: smaller for a batch that was chosen to be smaller.

    The noise of a gradient falls with the square root of the batch, and Adam's steps go by it (Malladi et al. 2022,
    arXiv:2205.10287). A batch that somebody asked for leaves the rate as it is: both are theirs to choose.
    """
    key = f"optimizer.{LEARNING_RATE}"
    batch = data.batch_size
    was_chosen = data.data.batch_size is None
    if not was_chosen or batch == USUAL_BATCH:
        return Choice(key, base_rate, f"optimizer.{BASE_RATE}")
    rate = float(f"{base_rate * math.sqrt(batch / USUAL_BATCH):.2g}")
    formula = f"{base_rate} x sqrt({batch} / {USUAL_BATCH})"
    return Choice(key, rate, f"optimizer.{BASE_RATE}, {formula} for the smaller batch")
