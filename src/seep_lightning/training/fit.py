"""Train, or resume, one network: `python -m seep_lightning.train`."""

import importlib
from typing import TYPE_CHECKING

from seep_lightning.config.training import TrainConfig
from seep_lightning.errors import Interrupted, Preempted, UserError, as_error_of
from seep_lightning.runs.directory import Run
from seep_lightning.training.os_signals import go_on, lightnings_own

if TYPE_CHECKING:
    import lightning.pytorch as pl

    from seep_lightning.data.datamodule import SeepDataModule
    from seep_lightning.training.module import SeepModule


def fit(trainer: "pl.Trainer", model: "SeepModule", data: "SeepDataModule", run: Run, cfg: TrainConfig) -> None:
    """`trainer.fit`, from the last checkpoint where there is one; one sentence for what can go wrong outside of us."""
    import torch
    from lightning.fabric.utilities.exceptions import MisconfigurationException
    from lightning.pytorch.utilities.exceptions import SIGTERMException

    try:
        with lightnings_own(), as_error_of("trainer", MisconfigurationException):
            last = str(run.last) if run.last.is_file() else None
            trainer.fit(model, datamodule=data, ckpt_path=last, weights_only=True)
    except SIGTERMException as error:
        raise Preempted(f"stopped by a signal; whole epochs are kept. {go_on(run)}") from error
    except SystemExit as error:
        if error.code != 1:  # a launcher's own; Lightning turns Ctrl-C into 1
            raise
        raise Interrupted(f"stopped by Ctrl-C; whole epochs are kept. {go_on(run)}") from error
    except (RuntimeError, MemoryError) as error:
        if not isinstance(error, torch.OutOfMemoryError | MemoryError) and "DefaultCPUAllocator" not in str(error):
            raise
        raise UserError(
            f"memory ran out with data.batch_size={cfg.data.batch_size}. Begin anew with half of it (and "
            f"trainer.accumulate_grad_batches=2), or add trainer.precision=bf16-mixed. {go_on(run)}"
        ) from error
    finally:
        if (cfg.logger or {}).get("wandb"):  # else the next job of a sweep would go on with this one's W&B run
            importlib.import_module("wandb").finish()
