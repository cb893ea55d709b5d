"""Lightning's Trainer of a config."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from seep_lightning import compat
from seep_lightning.config.training import TrainConfig
from seep_lightning.errors import as_error_of
from seep_lightning.nets.hardware import chosen_accelerator
from seep_lightning.runs.directory import Run

if TYPE_CHECKING:
    import lightning.pytorch as pl


def build_trainer(config: TrainConfig, run: Run, first_epoch: int = 0) -> "pl.Trainer":
    """Build Lightning's Trainer with our callbacks, loggers and way of writing checkpoints.

    Args:
        config: The run's config.
        run: The run directory.
        first_epoch: The epoch that training begins with; above 0 for a resumed run.

    Returns:
        The Trainer.

    Raises:
        UserError: Lightning, a callback or a logger refuses its settings.
    """
    import lightning.pytorch as pl
    from lightning.fabric.utilities.exceptions import MisconfigurationException

    from seep_lightning.training.callbacks import build_callbacks
    from seep_lightning.training.checkpointing import WholeFiles
    from seep_lightning.training.loggers import build_loggers

    callbacks = build_callbacks(config, run)
    loggers = build_loggers(config, run, first_epoch)
    settings = asdict(config.trainer)
    settings["accelerator"] = chosen_accelerator(config.trainer.accelerator)
    plugins = [*_as_list(settings.pop("plugins")), WholeFiles(run.checkpoints / "best.ckpt")]
    with as_error_of("trainer", ValueError, TypeError, RuntimeError, MisconfigurationException):
        trainer = pl.Trainer(
            **settings,
            plugins=plugins,
            logger=loggers,
            callbacks=callbacks,
            default_root_dir=str(run.dir),
            # our EpochSampler shares the chips out among processes, without padding
            use_distributed_sampler=False,
        )
    compat.resume_with_the_next_epoch(trainer)
    return trainer


def _as_list(plugins: Any) -> list[Any]:
    """The user's plugins: `trainer.plugins` takes None, one, or a list."""
    if not plugins:
        return []
    return plugins if isinstance(plugins, list) else [plugins]
