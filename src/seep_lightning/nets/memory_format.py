"""The memory layout of a network's weights that is fastest on this machine."""

from typing import TYPE_CHECKING, Any

from seep_lightning import compat

if TYPE_CHECKING:
    from torch import nn

WIDE = 256
"""Channels of a convolution from which torch's own layout is the faster one with AVX2 alone."""


def memory_format(net: "nn.Module", channels_last: bool | None = None) -> Any:
    """Torch's layout of the weights of a net.

    With AVX-512 or a GPU (used or not) channels last is faster. With AVX2 alone it is so only for nets whose
    convolutions all have less than `WIDE` channels; wider ones take up to half as long again (docs/performance.md).

    Args:
        net: The network.
        channels_last: Whether channels lie last; None: where that is faster.

    Returns:
        `torch.channels_last` or `torch.contiguous_format`.
    """
    import torch

    if channels_last is None:
        fast_everywhere = torch.cuda.is_available() or compat.cpu_has_avx512()
        channels_last = fast_everywhere or _widest_convolution(net) < WIDE
    return torch.channels_last if channels_last else torch.contiguous_format


def _widest_convolution(net: "nn.Module") -> int:
    """Output channels of the widest convolution; 0 where there is none."""
    import torch

    widths = [module.out_channels for module in net.modules() if isinstance(module, torch.nn.Conv2d)]
    return max(widths, default=0)
