"""One configurable U-Net (Ronneberger et al. 2015, arXiv:1505.04597) with padded convolutions."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seep_lightning.errors import UserError


class UNet(nn.Module):
    """U-Net: (B, in_channels, H, W) to logits (B, classes, H, W); H and W must be multiples of `stride`.

    widths: channels of each encoder stage, the last one the bottleneck; or `width` and `depth`, doubling at each stage.
    norm: `batch`, `group` (8 a group) or `instance`. up: `transposed` convolution, or `bilinear` and 1x1 convolution.
    up_width: `halve` (channels of the stage above) or `keep` (those of the stage below, as in the reference).
    bias: of the 3x3 convolutions; not needed before a norm. patch: side of the pixel blocks that the net works on: 2
    folds each 2x2 block into channels first and unfolds the logits at the end (pixel shuffle, Shi et al. 2016,
    arXiv:1609.05158), which saves the stage that costs most. deep_supervision: in training mode, return a tuple of
    logits, the full-size ones first, then one for each coarser decoder stage.
    """

    def __init__(
        self,
        in_channels: int = 1,
        classes: int = 1,
        width: int = 64,
        depth: int = 4,
        widths: Sequence[int] | None = None,
        decoder: Sequence[int] | None = None,
        norm: str = "batch",
        up: str = "transposed",
        up_width: str = "halve",
        dropout: float = 0.0,
        bias: bool = False,
        deep_supervision: bool = False,
        patch: int = 1,
    ) -> None:
        super().__init__()
        wide = list(widths) if widths is not None else [width * 2**i for i in range(depth + 1)]
        out = list(decoder) if decoder is not None else wide[-2::-1]
        if len(wide) < 2 or len(out) != len(wide) - 1:
            raise UserError(f"model: {len(wide)} widths need {len(wide) - 1} decoder widths, found {len(out)}.")
        if min(patch, *wide, *out) < 1:
            raise UserError(f"model: patch={patch}, widths={wide}, decoder={out}: all must be 1 or more.")
        if up_width not in ("halve", "keep"):
            raise UserError(f"model.up_width={up_width}: expected halve or keep.")
        self.patch, self.stride = patch, patch * 2 ** (len(wide) - 1)
        self.deep_supervision = deep_supervision
        self.encoder = nn.ModuleList(
            _stage(a, b, norm, bias, dropout if i else 0.0)
            for i, (a, b) in enumerate(zip([in_channels * patch**2, *wide[:-1]], wide, strict=True))
        )
        self.ups, self.decoder = nn.ModuleList(), nn.ModuleList()
        below = wide[-1]
        for skip, channels in zip(wide[-2::-1], out, strict=True):
            raised = below if up_width == "keep" else skip
            self.ups.append(_up(below, raised, up))
            self.decoder.append(_stage(raised + skip, channels, norm, bias, 0.0))
            below = channels
        self.head = nn.Conv2d(out[-1], classes * patch**2, 1)
        coarser = out[:-1] if deep_supervision else []
        self.coarse_heads = nn.ModuleList(nn.Conv2d(channels, classes * patch**2, 1) for channels in coarser)

    def forward(self, image: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Logits (B, classes, H, W); with deep supervision in training mode a tuple, coarser ones resized to (H, W)."""
        skips = []
        x = F.pixel_unshuffle(image, self.patch)
        for i, stage in enumerate(self.encoder):
            x = stage(F.max_pool2d(x, 2) if i else x)
            skips.append(x)
        skips.pop()
        features = []
        for up, stage in zip(self.ups, self.decoder, strict=True):
            x = stage(torch.cat([skips.pop(), up(x)], dim=1))
            features.append(x)
        logits = F.pixel_shuffle(self.head(x), self.patch)
        if not (self.deep_supervision and self.training):
            return logits
        coarse = [F.pixel_shuffle(h(f), self.patch) for h, f in zip(self.coarse_heads, features[:-1], strict=True)]
        return (logits, *(F.interpolate(c, image.shape[-2:], mode="bilinear") for c in coarse[::-1]))


def _stage(inputs: int, outputs: int, norm: str, bias: bool, dropout: float) -> nn.Sequential:
    """Two 3x3 convolutions, each with a norm and ReLU."""
    layers: list[nn.Module] = []
    for a in (inputs, outputs):
        layers += [nn.Conv2d(a, outputs, 3, padding=1, bias=bias), _norm(norm, outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, *([nn.Dropout2d(dropout)] if dropout else []))


def _norm(kind: str, channels: int) -> nn.Module:
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    if kind == "group":
        return nn.GroupNorm(max(channels // 8, 1), channels)
    if kind == "instance":
        return nn.InstanceNorm2d(channels, affine=True)
    raise UserError(f"model.norm={kind}: expected batch, group or instance.")


def _up(inputs: int, outputs: int, kind: str) -> nn.Module:
    if kind == "transposed":
        return nn.ConvTranspose2d(inputs, outputs, 2, stride=2)
    if kind == "bilinear":
        return nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(inputs, outputs, 1))
    raise UserError(f"model.up={kind}: expected transposed or bilinear.")
