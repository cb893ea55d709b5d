"""A config with nothing left open: settings that follow from the chips."""

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from seep_lightning.config.training import TrainConfig, TrainerConfig

if TYPE_CHECKING:
    from seep_lightning.data.datamodule import SeepDataModule

GPU_ACCELERATORS = ("auto", "gpu", "cuda")

log = logging.getLogger(__name__)


def process_count(config: TrainerConfig) -> int:
    """How many processes are going to train, as far as the settings and the machine say."""
    match config.devices:
        case int(count) if count > 0:
            devices = count
        case str(text) if text.isdigit():
            devices = int(text)
        case str(text) if "," in text:
            devices = len(text.strip(",").split(","))
        case list(numbers):
            devices = len(numbers)
        case _:
            devices = _gpu_count() if config.accelerator in GPU_ACCELERATORS else 1
    return devices * config.num_nodes


def _gpu_count() -> int:
    """How many GPUs there are; 1 where the processor trains."""
    import torch

    return max(torch.cuda.device_count(), 1)


def settle(config: TrainConfig, data: "SeepDataModule") -> TrainConfig:
    """Fill in what a config leaves open, and log each choice with its reason.

    Args:
        config: The settings of a training.
        data: Its chips, read and split.

    Returns:
        The config as it is stored.
    """
    data.processes = process_count(config.trainer)
    for choice in data.choices:
        log.info("chosen: %s", choice)
    return replace(config, data=data.settled)
