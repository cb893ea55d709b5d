"""The LightningModule of a config, checked before anything is written."""

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from seep_lightning.config.training import TrainConfig
from seep_lightning.errors import UserError
from seep_lightning.runs.weights import starting_weights

if TYPE_CHECKING:
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
