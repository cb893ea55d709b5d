"""What the machine is good at: numbers of 16 bit, the layout of tensors, memory that stays."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

WIDE = 256  # channels


def memory_format(net: "nn.Module", channels_last: bool | None = None) -> Any:
    """Torch's layout of the weights of a net; None: channels last where there is AVX-512 or a GPU, used or not.

    With AVX2 alone only nets whose convolutions all have less than `WIDE` channels are the faster for it; those of
    wider ones take up to half as long again, and get torch's own layout (docs/performance.md).
    """
    import torch

    if channels_last is None:
        widest = max((m.out_channels for m in net.modules() if isinstance(m, torch.nn.Conv2d)), default=0)
        channels_last = torch.cuda.is_available() or torch.cpu._is_avx512_supported() or widest < WIDE
    return torch.channels_last if channels_last else torch.contiguous_format
