"""Images of any size through a network whose input sides must be multiples of its stride."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from seep_lightning.nets.outputs import Heads, heads_at_size

DEFAULT_STRIDE = 32
"""Pixels; of networks that do not say theirs."""


def stride_of(net: nn.Module) -> int:
    """Sides of the network's input must be multiples of this, in pixels."""
    stride = getattr(net, "stride", DEFAULT_STRIDE)
    # a layer may be called `stride`, or hold a pair
    return stride if isinstance(stride, int) else DEFAULT_STRIDE


def forward_padded(net: Callable[[Tensor], Any], image: Tensor, stride: int) -> Heads:
    """Logits of network input of any size: padded by reflection to the stride, and cut back.

    Args:
        net: The network.
        image: (B, C, H, W), float.
        stride: What H and W are padded to a multiple of, in pixels.

    Returns:
        Logits (B, K, H, W), or a tuple of them where the network has several heads, the main one first.

    Raises:
        UserError: The network gives something that holds no logits.
    """
    height, width = image.shape[-2:]
    down = -height % stride
    right = -width % stride
    if down == 0 and right == 0:
        return heads_at_size(net(image), (height, width))
    # a reflection cannot be wider than the image
    reflects = down < height and right < width
    mode = "reflect" if reflects else "replicate"
    padded = F.pad(image, (0, right, 0, down), mode=mode)
    padded_size = (height + down, width + right)
    heads = heads_at_size(net(padded), padded_size)
    return _cut(heads, height, width)


def _cut(logits: Heads, height: int, width: int) -> Heads:
    """Logits without what belongs to the padding."""
    if isinstance(logits, tuple):
        return tuple(head[..., :height, :width] for head in logits)
    return logits[..., :height, :width]
