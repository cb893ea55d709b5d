"""A config with nothing left open: settings that follow from the chips."""

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from seep_lightning.config.training import TrainConfig

if TYPE_CHECKING:
    from seep_lightning.data.datamodule import SeepDataModule

log = logging.getLogger(__name__)


def settle(config: TrainConfig, data: "SeepDataModule") -> TrainConfig:
    """Fill in what a config leaves open, and log each choice with its reason.

    Args:
        config: The settings of a training.
        data: Its chips, read and split.

    Returns:
        The config as it is stored.
    """
    for choice in data.choices:
        log.info("chosen: %s", choice)
    return replace(config, data=data.settled)
