"""Images of any size through a network whose input sides must be multiples of its stride."""

from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

DEFAULT_STRIDE = 32  # of networks that do not say theirs


def stride_of(net: nn.Module) -> int:
    """Sides of the network's input must be multiples of this, in pixels."""
    return int(getattr(net, "stride", DEFAULT_STRIDE))


def forward_padded(net: nn.Module, image: Tensor, stride: int) -> Any:
    """Logits of network input of any size: padded by reflection to the stride, and cut back.

    Args:
        net: The network.
        image: (B, C, H, W), float.
        stride: What H and W are padded to a multiple of.

    Returns:
        What the network gives: logits (B, K, H, W), or a tuple of them.
    """
    height, width = image.shape[-2:]
    down, right = -height % stride, -width % stride
    if not (down or right):
        return net(image)
    mode = "reflect" if down < height and right < width else "replicate"
    logits = net(F.pad(image, (0, right, 0, down), mode=mode))
    if isinstance(logits, tuple):
        return tuple(head[..., :height, :width] for head in logits)
    return logits[..., :height, :width]
