"""What a training tells before its first epoch: what learns, from how much, on what, from where on."""

import logging
from typing import TYPE_CHECKING, Any

from seep_lightning.config.training import TrainConfig
from seep_lightning.runs.directory import Run
from seep_lightning.runs.weights import SHIPPED_NETWORKS
from seep_lightning.training.length import (
    FEW_STEPS,
    TrainingLength,
    epochs_of_steps,
    expected_limits,
    steps_of_all_chips,
    training_length,
    validated_chips,
)
from seep_lightning.training.outcome import device_in_words

if TYPE_CHECKING:
    import lightning.pytorch as pl

    from seep_lightning.data.datamodule import SeepDataModule
    from seep_lightning.training.module import SeepModule

log = logging.getLogger(__name__)


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
    steps = _steps(data, limits.steps_per_epoch, length, trainer)
    is_new = last_checkpoint is None and config.init is None and not config.trainer.fast_dev_run
    if is_new and length.steps < FEW_STEPS:
        steps += _advice(module, limits.steps_per_epoch)
    log.info("steps: %s", steps)
    if validation := _validation(trainer, data, config):
        log.info("validation: %s", validation)
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


def _steps(data: "SeepDataModule", per_epoch: int, length: TrainingLength, trainer: "pl.Trainer") -> str:
    """How many steps there are, and of how many chips."""
    whole = steps_of_all_chips(trainer, data)
    epoch = f"{per_epoch:,} an epoch"
    if per_epoch < whole:
        epoch = f"{per_epoch:,} of {whole:,} an epoch (trainer.limit_train_batches={trainer.limit_train_batches})"
    in_all = "no end" if length.epochs is None else f"{length.steps:,} in {_number_of(length.epochs, 'epoch')}"
    processes = trainer.world_size
    batches = f"batches of {data.batch_size} chips" + (f" on each of {processes} processes" if processes > 1 else "")
    return f"{epoch}, {in_all}, in {batches}"


def _advice(module: "SeepModule", per_epoch: int) -> str:
    """What to do where there are too few steps to learn, as words that follow."""
    # reads weights with torch
    from seep_lightning.predictor.weights import fits

    epochs = epochs_of_steps(FEW_STEPS, per_epoch)
    advice = f": few for new weights. Pass trainer.max_epochs={epochs} for some {FEW_STEPS}"
    if fits(module.net, SHIPPED_NETWORKS["seeps"]):
        advice += ", or init=seeps to begin with a trained network"
    return advice


def _validation(trainer: "pl.Trainer", data: "SeepDataModule", config: TrainConfig) -> str:
    """How many chips score an epoch, where it is not all of them; empty where it is."""
    chips = len(data.indices("val"))
    scored = len(validated_chips(trainer, data, config))
    if scored == chips:
        return ""
    limit = f"trainer.limit_val_batches={trainer.limit_val_batches}"
    return f"{scored} of the {chips} val chips score each epoch ({limit}), all of them the end result"


def _number_of(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
