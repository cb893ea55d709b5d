"""A trained run as a callable on arrays."""

from pathlib import Path
from typing import Any

from torch import nn

from seep_lightning.errors import UserError


def load_weights(net: nn.Module, content: dict[str, Any], path: Path, new_head: bool = False) -> None:
    """Put a checkpoint's network weights into `net`; `UserError` where the networks differ.

    new_head: a last layer (`head`) with other channels, such as those of classes, keeps the weights that it has.
    """
    weights = {k.removeprefix("net."): v for k, v in content["state_dict"].items() if k.startswith("net.")}
    for name, own in net.state_dict().items() if new_head else ():
        if name.startswith("head.") and name in weights and weights[name].shape != own.shape:
            weights[name] = own
    try:
        net.load_state_dict(weights)
    except RuntimeError as error:
        said = f"{path}: its network differs from model ({str(error).splitlines()[-1].strip().rstrip('.')})"
        raise UserError(f"{said}. Use the model it was trained with{', or init=null' * new_head}.") from error
