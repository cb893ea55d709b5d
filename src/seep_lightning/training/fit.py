"""The training itself: `trainer.fit`, with what may go wrong in it as one sentence."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from seep_lightning.compat import raised_while_restoring
from seep_lightning.config.training import TrainConfig
from seep_lightning.errors import LONGEST_REASON, Interrupted, Preempted, UserError, as_error_of, first_line
from seep_lightning.runs.directory import Run
from seep_lightning.shortages import MEMORY, ShortageError, shortage_of
from seep_lightning.training.os_signals import resume_hint, sigusr1_as_sigterm

if TYPE_CHECKING:
    import lightning.pytorch as pl

    from seep_lightning.data.datamodule import SeepDataModule
    from seep_lightning.training.module import SeepModule


def fit(trainer: "pl.Trainer", module: "SeepModule", data: "SeepDataModule", run: Run, config: TrainConfig) -> None:
    """Train, from the run's last checkpoint where there is one.

    Args:
        trainer: Lightning's Trainer, with our callbacks and loggers.
        module: The network with its loss.
        data: The chips.
        run: The run directory.
        config: The run's config.

    Raises:
        Preempted: A scheduler's signal ended the training.
        Interrupted: Ctrl-C ended the training.
        ShortageError: Memory or another resource ran out.
        UserError: Lightning refuses the settings.
    """
    from lightning.fabric.utilities.exceptions import MisconfigurationException

    last_checkpoint = str(run.last) if run.last.is_file() else None
    try:
        with (
            interruptions_explained(run, config.trainer.max_epochs),
            shortages_explained(run, data.batch_size),
            damage_explained(run),
            sigusr1_as_sigterm(),
            as_error_of("trainer", MisconfigurationException),
        ):
            trainer.fit(module, datamodule=data, ckpt_path=last_checkpoint, weights_only=True)
    finally:
        close_wandb(config)


@contextmanager
def interruptions_explained(run: Run, max_epochs: int | None) -> Iterator[None]:
    """Turn Lightning's ways to end at a signal or Ctrl-C into errors that say what is kept, and how to go on.

    Args:
        run: The run to go on with.
        max_epochs: Of the whole training; None or below 0 where no number of epochs ends it.

    Raises:
        Preempted: A signal.
        Interrupted: Ctrl-C.
    """
    from lightning.pytorch.utilities.exceptions import SIGTERMException

    try:
        yield
    except SIGTERMException as error:
        raise Preempted(f"stopped by a signal; {_kept(run, max_epochs)}. {resume_hint(run)}") from error
    except SystemExit as error:
        # Lightning ends the program at Ctrl-C; others that do so are a launcher, or code of the user's
        if not isinstance(error.__context__, KeyboardInterrupt):
            raise
        raise Interrupted(f"stopped by Ctrl-C; {_kept(run, max_epochs)}. {resume_hint(run)}") from error


def _kept(run: Run, max_epochs: int | None) -> str:
    """How much of a training its last checkpoint holds, such as `3 of 30 epochs are saved`."""
    from seep_lightning.runs.checkpoints import read_checkpoint

    if not run.last.is_file():
        return "no epoch is saved yet"
    # what is wrong with it is told when the training goes on
    with suppress(UserError):
        done = read_checkpoint(run.last)["epoch"] + 1
        of_all = f" of {max_epochs}" if max_epochs is not None and max_epochs >= done else ""
        is_one = done == 1 and not of_all
        return f"{done}{of_all} {'epoch is' if is_one else 'epochs are'} saved"
    return "whole epochs are saved"


@contextmanager
def damage_explained(run: Run) -> Iterator[None]:
    """Turn whatever a damaged checkpoint raises while Lightning takes it over into one sentence.

    Args:
        run: The run that is resumed.

    Raises:
        UserError: Its last checkpoint cannot be taken over.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if shortage_of(error) is not None or not raised_while_restoring(error):
            raise
        reason = first_line(error)[:LONGEST_REASON]
        raise UserError(
            f"{run.last} cannot be resumed from; it may be damaged ({type(error).__name__}: {reason}). Put it back, or "
            f"start anew with init={run.dir}."
        ) from error


@contextmanager
def shortages_explained(run: Run, batch_size: int) -> Iterator[None]:
    """Turn libraries' errors about a resource that ran out into a line that says which one and what to try.

    Args:
        run: The run to go on with.
        batch_size: Chips in a batch, of one process.

    Raises:
        ShortageError: Memory, shared memory, open files or processes ran out.
    """
    try:
        yield
    except Exception as error:
        shortage = shortage_of(error)
        if shortage is None:
            raise
        if shortage != MEMORY:
            raise ShortageError(f"{shortage.what}. {shortage.cure('train')} {resume_hint(run)}") from error
        raise ShortageError(
            f"memory ran out with data.batch_size={batch_size}. Begin anew with half of it (and "
            f"trainer.accumulate_grad_batches=2), or add trainer.precision=bf16-mixed. {resume_hint(run)}"
        ) from error


def close_wandb(config: TrainConfig) -> None:
    """End the W&B run where there is one: otherwise the next job of a sweep would write into it."""
    loggers = config.logger or {}
    if loggers.get("wandb"):
        importlib.import_module("wandb").finish()
