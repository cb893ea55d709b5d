"""From a config's `model` node to a network."""

from typing import Any

from torch import nn

from seep_lightning.config.targets import build, resolve
from seep_lightning.nets.keywords import with_channels
from seep_lightning.nets.memory_format import memory_format
from seep_lightning.nets.once import without_first_weights

# Keys of a `model` node that are ours, not the constructor's: `training.freezing` and `nets.once` read them
FREEZE, ONCE = "freeze", "once"


def build_net(
    node: dict[str, Any], bands: int, classes: int, channels_last: bool | None = None, *, trained: bool = False
) -> nn.Module:
    """Build the network that a `model` node names.

    Args:
        node: `_target_`, keywords of its constructor, and our own keys `freeze` and `once`.
        bands: Number of input channels.
        classes: Number of classes that are told apart; 0 for seep or sea.
        channels_last: Memory layout of the weights; None: what is faster here.
        trained: Whether a checkpoint gives the weights: then the constructor does not read or download any.

    Returns:
        The network, in training mode.

    Raises:
        UserError: The node names no network, or one that refuses its settings.
    """
    target = resolve("model", node, nn.Module)
    if trained:
        node = without_first_weights(node, node.get(ONCE) or [])
    settings = {name: value for name, value in node.items() if name not in (FREEZE, ONCE)}
    net = build("model", with_channels(settings, target, bands, logit_channels(classes)), nn.Module)
    layout = memory_format(net, channels_last)
    return net.to(memory_format=layout)  # type: ignore[no-any-return, call-overload]


def logit_channels(classes: int) -> int:
    """Channels of a network's logits: one for seep or sea, else the sea and each class."""
    return classes + 1
