"""What a training tells before its first epoch: what learns, from how much, on what, from where on."""

import logging
import math
from typing import TYPE_CHECKING, Any

from seep_lightning.config.training import TrainConfig
from seep_lightning.runs.directory import Run
from seep_lightning.training.length import TrainingLength, expected_limits, training_length
from seep_lightning.training.outcome import device_in_words

if TYPE_CHECKING:
    import lightning.pytorch as pl

    from seep_lightning.data.datamodule import SeepDataModule
    from seep_lightning.training.module import SeepModule

log = logging.getLogger(__name__)

FEW_STEPS = 500
"""Fewer steps than this hardly teach a network with new weights.

The average of the weights alone is over 50 of them, and the default schedule warms up in the first third.
"""


def tell_start(
    config: TrainConfig,
    run: Run,
    data: "SeepDataModule",
    module: "SeepModule",
    trainer: "pl.Trainer",
    last_checkpoint: dict[str, Any] | None,
) -> None:
    """Log what is going to run, a few lines below those about data, choices and split.

    Args:
        config: The settings, with nothing left open.
        run: The run directory.
        data: The chips, split.
        module: The network.
        trainer: What is going to train it.
        last_checkpoint: What the run resumes from; None for a new one.
    """
    limits = expected_limits(trainer, data)
    steps_done = 0 if last_checkpoint is None else last_checkpoint["global_step"]
    length = training_length(limits, data.first_epoch, steps_done)
    weights = _origin(config, last_checkpoint)
    log.info("net: %s, %s, stride %d, %s", *_net(module), module.stride, weights)
    log.info("steps: %s", _steps(data, limits.steps_per_epoch, length, trainer.world_size))
    if last_checkpoint is None and config.init is None and length.steps < FEW_STEPS and not config.trainer.fast_dev_run:
        log.info("steps: %s", _advice(length, limits.steps_per_epoch))
    log.info("device: %s", device_in_words(trainer))
    done = "new" if last_checkpoint is None else f"resumed after epoch {data.first_epoch}"
    log.info("run directory: %s, %s", run.dir, done)


def _net(module: "SeepModule") -> tuple[str, str]:
    """The class of the network, and the number of its parameters."""
    count = sum(parameter.numel() for parameter in module.net.parameters())
    return type(module.net).__name__, f"{count:,} parameters"


def _origin(config: TrainConfig, last_checkpoint: dict[str, Any] | None) -> str:
    """Where the weights come from."""
    if last_checkpoint is not None:
        return "weights of its last checkpoint"
    return f"new weights (seed {config.seed})" if config.init is None else f"weights of init={config.init}"


def _steps(data: "SeepDataModule", per_epoch: int, length: TrainingLength, processes: int) -> str:
    """How many steps there are, and of how many chips."""
    scenes = len(set(data.chips.scenes))
    batches = f"batches of {data.batch_size}" + (f" on each of {processes} processes" if processes > 1 else "")
    chips = f"{len(data.indices('train'))} of {len(data.chips)} chips of {_number_of(scenes, 'scene')}, in {batches}"
    in_all = "no end" if length.epochs is None else f"{length.steps:,} in {_number_of(length.epochs, 'epoch')}"
    return f"{per_epoch:,} an epoch, {in_all} ({chips})"


def _advice(length: TrainingLength, per_epoch: int) -> str:
    """What to do where there are too few steps to learn."""
    epochs = math.ceil(FEW_STEPS / max(per_epoch, 1) / 10) * 10
    return (
        f"{length.steps:,} are few for new weights. Pass trainer.max_epochs={epochs} for some {FEW_STEPS}, "
        "or init=seeps to begin with a trained network"
    )


def _number_of(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
