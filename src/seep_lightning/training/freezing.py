"""Parts of a network that are not trained, for ever or for the first epochs (`model.freeze`)."""

from collections.abc import Mapping
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback
from torch import nn
from torch.optim import Optimizer

from seep_lightning.errors import UserError
from seep_lightning.nets.building import FREEZE
from seep_lightning.nets.parts import check_parts


def frozen_parts(node: Mapping[str, Any]) -> dict[str, int | None]:
    """What a `model` node freezes.

    Args:
        node: Holds under `freeze` a list of parts, or a mapping from parts to the epoch in which they thaw.

    Returns:
        The epoch (0 the first) from which each part is trained; None: never.

    Raises:
        UserError: It is something else.
    """
    freeze = node.get(FREEZE)
    if not freeze:
        return {}
    if _is_list_of_names(freeze):
        return dict.fromkeys(freeze)
    if _is_mapping_to_epochs(freeze):
        return {str(part): epoch for part, epoch in freeze.items()}
    raise UserError(
        f"model.freeze={freeze}: expected a list of parts, such as [encoder], "
        "or the epoch in which each thaws, such as {encoder: 5}."
    )


def _is_list_of_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_mapping_to_epochs(value: Any) -> bool:
    return isinstance(value, Mapping) and all(_is_epoch(item) for item in value.values())


def _is_epoch(value: Any) -> bool:
    """Whether a value is the number of an epoch, or None."""
    if value is None:
        return True
    # a bool is an int as well
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return is_number and value >= 0


def freeze_parts(net: nn.Module, parts: Mapping[str, int | None]) -> None:
    """Take the parts that never thaw out of the training: no gradient, and norms as they are in use.

    Args:
        net: The network.
        parts: See `frozen_parts`.

    Raises:
        UserError: The network lacks one of them.
    """
    check_parts("model.freeze", net, parts)
    for name, epoch in parts.items():
        part = net.get_submodule(name)
        part.eval()
        if epoch is None:
            part.requires_grad_(False)
    is_trained = [parameter.requires_grad for parameter in net.parameters()]
    if not any(is_trained):
        raise UserError(f"model.freeze={list(parts)}: nothing is left to train.")


class Thawing(Callback):
    """Keeps parts of the network as they are up to their epoch: a function of the epoch, so that a resume is exact.

    Their gradients are computed and dropped, since several processes agree before the training which ones there are.
    """

    def __init__(self, parts: Mapping[str, int]) -> None:
        self.parts = dict(parts)
        self.frozen: list[nn.Parameter] = []

    def on_fit_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Refuse a recorded step, which would go on as it was recorded."""
        if pl_module.replay is not None:
            raise UserError("model.freeze with epochs and cuda_graphs=true: pass one of them.")

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Freeze what is to be frozen in this epoch, and thaw the rest."""
        self.frozen = []
        for name, epoch in self.parts.items():
            part = pl_module.net.get_submodule(name)
            thawed = trainer.current_epoch >= epoch
            part.train(thawed)
            if not thawed:
                self.frozen.extend(part.parameters())

    def on_before_optimizer_step(self, trainer: pl.Trainer, pl_module: Any, optimizer: Optimizer) -> None:
        """Drop the gradients of frozen parts, before they are clipped with the others."""
        for parameter in self.frozen:
            parameter.grad = None
