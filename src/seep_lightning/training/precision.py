"""Networks whose weights themselves are of 16 or 64 bit: `trainer.precision=64-true`, `bf16-true`, `16-true`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch.plugins.precision import DoublePrecision, HalfPrecision

from seep_lightning.errors import UserError
from seep_lightning.training.optimisation import build_optimizer

if TYPE_CHECKING:
    import lightning.pytorch as pl
    from torch import nn

STABLE_EPS = 1e-4
"""With this `eps` the steps of Adam and the like stay finite in 16 bit, where squares below 6e-8 are 0."""


def convert_weights(trainer: "pl.Trainer", module: "pl.LightningModule") -> None:
    """Give a module's weights the precision in which they are trained.

    Lightning does so itself, but only after it has loaded the checkpoint that a run resumes from, so that weights of 64
    bit would be rounded to 32; and after the average of the weights was made.

    Args:
        trainer: The Trainer, which knows the precision.
        module: The module; changed in place.
    """
    plugin = trainer.precision_plugin
    if isinstance(plugin, DoublePrecision | HalfPrecision):
        plugin.convert_module(module)


def check_optimizer_in_half(trainer: "pl.Trainer", net: "nn.Module", node: Mapping[str, Any]) -> None:
    """Refuse an optimiser that would divide by 0 in float16.

    Args:
        trainer: The Trainer, which knows the precision.
        net: The network.
        node: The `optimizer` node.

    Raises:
        UserError: The precision is `16-true`, and the optimiser's `eps` is 0 in it.
    """
    if trainer.precision_plugin.precision != "16-true":
        return
    eps = build_optimizer(net, node).defaults.get("eps")
    if eps is None or float(torch.tensor(eps).half()) > 0:
        return
    key = "optimizer.eps" if "eps" in node else "+optimizer.eps"
    raise UserError(
        f"trainer.precision=16-true: eps={eps} of the optimizer is 0 in 16 bit, and the weights would become NaN. "
        f"Pass {key}={STABLE_EPS}, or trainer.precision=bf16-true or 16-mixed."
    )
