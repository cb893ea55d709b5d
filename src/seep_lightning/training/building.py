"""The LightningModule of a config, checked before anything is written."""

import logging
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from seep_lightning.config.targets import TARGET
from seep_lightning.config.training import TrainConfig
from seep_lightning.errors import UserError
from seep_lightning.runs.directory import is_first_process
from seep_lightning.runs.weights import starting_weights

if TYPE_CHECKING:
    from seep_lightning.data.datamodule import SeepDataModule
    from seep_lightning.training.module import SeepModule

log = logging.getLogger(__name__)


def build_module(
    cfg: TrainConfig, data: "SeepDataModule", init: str | None = None, *, resumes: bool = False
) -> "SeepModule":
    """Build the LightningModule of a config.

    Args:
        cfg: The settings.
        data: The data module, set up.
        init: Names the weights to start from; None: those that the network's constructor gives.
        resumes: Whether a checkpoint's weights will be loaded, so that the constructor reads none.

    Returns:
        The module, whose optimiser and schedule have been tried.

    Raises:
        UserError: A node or a weights file does not fit.
    """
    from seep_lightning.data.augment import Augment
    from seep_lightning.nets.bounds import check_activations
    from seep_lightning.nets.forward import stride_of
    from seep_lightning.predictor.weights import start_from
    from seep_lightning.training.module import SeepModule
    from seep_lightning.training.optimisation import check_optimisation
    from seep_lightning.training.trial_batch import check_trial_batch

    model = SeepModule(
        model=cfg.model,
        loss=_with_class_shares(cfg.loss, data),
        optimizer=cfg.optimizer,
        scheduler=cfg.scheduler,
        facts={**data.facts(), "task": cfg.task},
        seed=cfg.seed,
        channels_last=cfg.channels_last,
        resumes=resumes,
        figures=cfg.figures,
        metrics=cfg.metrics,
    )
    if resumes:
        bands = data.facts().get("bands", 1)
        check_activations(model.net, str(cfg.model[TARGET]), bands, stride_of(model.net), "the run's config")
    if init is not None:
        start_from(model.net, starting_weights(init))
        _tell_other_normalisation(init, data)
    # build once what `fit` builds late, so that a misspelt key leaves no run directory behind
    Augment(cfg.augment, cfg.seed)
    check_optimisation(model.net, cfg.optimizer, cfg.scheduler)
    check_trial_batch(model, data)
    if cfg.compile:
        # in place: `torch.compile(net)` would rename the checkpoint's keys
        model.net.compile()
    return model


def _tell_other_normalisation(init: str, data: "SeepDataModule") -> None:
    """Warn where the network that a training starts from learned from chips that were normalised in another way."""
    from seep_lightning.runs.checkpoints import read_checkpoint

    now = asdict(data.normalise)
    before = now
    # weights of another program do not tell
    with suppress(UserError):
        before = read_checkpoint(starting_weights(init))["hyper_parameters"]["facts"]["normalise"]
    if before != now and is_first_process():
        settings = " ".join(f"data.normalise.{key}={value}".lower() for key, value in before.items())
        log.warning("init=%s learned from other network input; pass %s to keep what it knows", init, settings)


def _with_class_shares(node: Any, data: "SeepDataModule") -> Any:
    """A `loss` node, and the nodes in it, with the classes' shares of the training part where `shares` is null."""
    from seep_lightning.metrics.classes import class_shares

    if not isinstance(node, dict):
        return node
    filled = {name: _with_class_shares(value, data) for name, value in node.items()}
    if "shares" in filled and filled["shares"] is None:
        pixels = data.chips.class_pixels(data.indices("train"))
        filled["shares"] = class_shares(pixels[1:])
    return filled
