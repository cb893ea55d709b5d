"""`trainer.precision=auto`: the precision of a training that this machine is fast at."""

from dataclasses import replace
from typing import Any

from seep_lightning.config.training import TrainConfig, TrainerConfig
from seep_lightning.nets.hardware import has_fast_bf16


def with_machine_precision(config: TrainConfig) -> TrainConfig:
    """The config with `trainer.precision=auto` replaced by what this machine is fast at."""
    trainer = replace(config.trainer, precision=precision_of(config.trainer))
    return replace(config, trainer=trainer)


def precision_of(trainer: TrainerConfig) -> Any:
    """Choose the Trainer's precision.

    Args:
        trainer: The settings; `precision=auto` is bf16-mixed where this machine multiplies bf16 in hardware, else
            32-true.

    Returns:
        A precision as Lightning's Trainer takes it.
    """
    if trainer.precision != "auto":
        return trainer.precision
    return "bf16-mixed" if has_fast_bf16(trainer.accelerator) else "32-true"
