"""From a config's `model` node to a network."""

from typing import Any

from torch import nn

from seep_lightning.config.targets import build
from seep_lightning.nets.memory_format import memory_format


def build_net(node: dict[str, Any], bands: int, classes: int, channels_last: bool | None = None) -> nn.Module:
    """Build the network that a `model` node names.

    Args:
        node: `_target_` and its keywords.
        bands: Number of input channels.
        classes: Number of classes that are told apart; 0 for seep or sea.
        channels_last: Memory layout of the weights; None: what is faster here.

    Raises:
        UserError: The node names no network, or one that refuses its settings.
    """
    given = {"in_channels": bands, "classes": classes + 1}
    net = build("model", {**given, **node}, nn.Module)
    layout = memory_format(net, channels_last)
    return net.to(memory_format=layout)  # type: ignore[no-any-return, call-overload]
