"""Train, or resume, one network: `python -m seep_lightning.train`."""

import inspect
import os
from dataclasses import asdict
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from seep_lightning.config.training import TrainConfig, ranked_by
from seep_lightning.errors import UserError, as_error_of
from seep_lightning.runs.directory import Run
from seep_lightning.runs.settings import settings_of
from seep_lightning.runs.weights import starting_weights
from seep_lightning.training.process import TRIAL

if TYPE_CHECKING:
    import lightning.pytorch as pl

    from seep_lightning.data.datamodule import SeepDataModule
    from seep_lightning.training.module import SeepModule


def build_module(cfg: TrainConfig, data: "SeepDataModule", init: str | None = None) -> "SeepModule":
    """The LightningModule of a config, with the weights that `init` names."""
    from seep_lightning.data.augment import Augment
    from seep_lightning.metrics.classes import class_shares
    from seep_lightning.predictor.weights import load_weights
    from seep_lightning.runs.checkpoints import read_checkpoint
    from seep_lightning.training.module import SeepModule

    loss = cfg.loss
    if loss.get("shares", ...) is None:  # of classes
        loss = {**loss, "shares": class_shares(data.chips.class_pixels(data.indices("train"))[1:])}
    model = SeepModule(
        model=cfg.model,
        loss=loss,
        optimizer=cfg.optimizer,
        scheduler=cfg.scheduler,
        facts={**data.facts(), "task": cfg.task},
        seed=cfg.seed,
        channels_last=cfg.channels_last,
    )
    if (made_for := getattr(model.loss, "task", cfg.task)) != cfg.task:
        raise UserError(f"loss={type(model.loss).__name__} is for task={made_for}, not {cfg.task}. Choose another.")
    if init is not None:
        weights = starting_weights(init)
        load_weights(model.net, read_checkpoint(weights), weights, new_head=True)
    # once what `fit` builds late, so that a misspelt key leaves no run directory behind
    Augment(cfg.augment, cfg.seed)
    model.trainer = cast(Any, SimpleNamespace(estimated_stepping_batches=100))
    model.configure_optimizers()
    model.trainer = None
    if cfg.compile:
        model.net.compile()  # in place: `torch.compile(net)` would rename the checkpoint's keys
    return model


def build_trainer(cfg: TrainConfig, run: Run, first_epoch: int = 0) -> "pl.Trainer":
    """Lightning's Trainer with our callbacks and loggers."""
    import lightning.pytorch as pl
    from lightning.fabric.utilities.exceptions import MisconfigurationException
    from lightning.pytorch.callbacks import RichProgressBar
    from lightning.pytorch.loggers import Logger

    from seep_lightning.config.targets import build, resolve
    from seep_lightning.reporting.panels import Panels
    from seep_lightning.training.averaging import MovingAverage
    from seep_lightning.training.callbacks import CudaGraphs, EarlyStopping, EpochFacts
    from seep_lightning.training.checkpointing import RunCheckpoint, WholeFiles

    mode = "min" if cfg.monitor.startswith("loss") else "max"
    best = RunCheckpoint(run.checkpoints, "best", cfg.checkpoint_every, cfg.monitor, mode)
    last = RunCheckpoint(run.checkpoints, "last", cfg.checkpoint_every)
    callbacks: list[pl.Callback] = [EpochFacts(), Panels(cfg.panels), best, last]
    if cfg.ema_decay is not None:
        callbacks.append(MovingAverage(cfg.ema_decay))
    if cfg.cuda_graphs:
        callbacks.append(CudaGraphs())
    if cfg.early_stop is not None:
        callbacks.append(EarlyStopping(cfg.monitor, patience=cfg.early_stop, mode=mode, strict=False))
    if TRIAL in os.environ:
        from seep_lightning.training.pruning import Pruning

        callbacks.append(Pruning(ranked_by(cfg.monitor), os.environ[TRIAL]))
    if cfg.trainer.enable_progress_bar:
        callbacks.append(RichProgressBar(leave=False))
    callbacks += [build(f"callbacks.{k}", node, pl.Callback) for k, node in (cfg.callbacks or {}).items() if node]
    loggers = []
    for name, node in (cfg.logger or {}).items():
        if not node or cfg.trainer.fast_dev_run:
            continue
        takes = inspect.signature(resolve(f"logger.{name}", node, Logger)).parameters
        ours = (("save_dir", str(run.dir)), ("purge_step", first_epoch or None))
        given: dict[str, Any] = {k: v for k, v in ours if k in takes and k not in node}
        node = {k: v.replace("{run}", str(run.dir)) if isinstance(v, str) else v for k, v in node.items()}
        loggers.append(build(f"logger.{name}", node, Logger, **given))
        with as_error_of(f"logger.{name}", Exception):  # whatever another library raises
            loggers[-1].log_hyperparams(settings_of(cfg))  # opens it: a missing account is known before the training
    with as_error_of("trainer", ValueError, TypeError, RuntimeError, MisconfigurationException):
        given = asdict(cfg.trainer)
        plugins, whole_files = given.pop("plugins") or [], WholeFiles(run.checkpoints / "best.ckpt")
        trainer = pl.Trainer(
            **given,
            plugins=[*(plugins if isinstance(plugins, list) else [plugins]), whole_files],
            logger=loggers,
            callbacks=callbacks,
            default_root_dir=str(run.dir),
            use_distributed_sampler=False,  # EpochSampler shares the chips out, without padding
        )
    # with max_steps, Lightning would take each resume for one inside an epoch; ours begin with the next one
    trainer.fit_loop._iteration_based_training = lambda: False  # type: ignore[method-assign]
    return trainer
