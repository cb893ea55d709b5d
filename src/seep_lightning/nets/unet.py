"""One configurable U-Net (Ronneberger et al. 2015, arXiv:1505.04597) with padded convolutions."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seep_lightning.errors import UserError
from seep_lightning.ranges import COUNT, Span, check_choice, check_number

GROUP_CHANNELS = 8
"""Channels of one group of `norm=group`."""

MOST_STAGES = 12
"""Below the finest one: each halves the sides of an image."""


class UNet(nn.Module):
    """U-Net: (B, in_channels, H, W) to logits (B, classes, H, W).

    Attributes:
        stride: H and W must be multiples of it, in pixels.
        patch: Side of the pixel blocks that the net works on.
        encoder: One stage for each resolution, finest first; the last one is the bottleneck.
        ups: What doubles the resolution before each stage of the decoder.
        decoder: One stage for each resolution above the bottleneck, coarsest first.
        head: 1x1 convolution to the logits.
        coarse_heads: The same for each coarser stage of the decoder, under deep supervision.
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
        """Build the layers.

        Args:
            in_channels: Bands of the image.
            classes: Channels of the logits.
            width: Channels of the finest stage; they double at each stage.
            depth: Stages below the finest one, `MOST_STAGES` at most.
            widths: Channels of each encoder stage, the last one the bottleneck; instead of `width` and `depth`.
            decoder: Channels of each decoder stage, coarsest first; None: those of the encoder.
            norm: `batch`, `group` (`GROUP_CHANNELS` a group) or `instance`.
            up: `transposed` convolution, or `bilinear` and a 1x1 convolution.
            up_width: `halve` (channels of the stage above) or `keep` (those of the stage below, as in the reference).
            dropout: Share of channels that are dropped after each encoder stage but the finest, 0 to less than 1.
            bias: Whether the 3x3 convolutions have one; not needed before a norm.
            deep_supervision: In training mode, return a tuple of logits: the finest, then one for each coarser stage.
            patch: 2 folds each 2x2 block of pixels into channels first, and unfolds the logits at the end (pixel
                shuffle, Shi et al. 2016, arXiv:1609.05158), which saves the stage that costs most.

        Raises:
            UserError: Widths do not fit each other, or a choice is not known.
        """
        super().__init__()
        check_choice("model.bias", bias, (True, False))
        check_choice("model.deep_supervision", deep_supervision, (True, False))
        check_number("model.dropout", dropout, Span(at_least=0, below=1))
        check_number("model.patch", patch, COUNT)
        check_number("model.width", width, COUNT)
        check_number("model.depth", depth, Span(at_least=1, at_most=MOST_STAGES, whole=True))
        encoder_widths = list(widths) if widths is not None else [width * 2**level for level in range(depth + 1)]
        decoder_widths = list(decoder) if decoder is not None else encoder_widths[-2::-1]
        _check_widths(encoder_widths, decoder_widths, patch)
        if up_width not in ("halve", "keep"):
            raise UserError(f"model.up_width={up_width}: expected halve or keep.")
        self.patch = patch
        self.stride = patch * 2 ** (len(encoder_widths) - 1)
        self.deep_supervision = deep_supervision
        # the order in which layers are made decides which random numbers their weights get
        self.encoder = nn.ModuleList()
        inputs = in_channels * patch**2
        for level, channels in enumerate(encoder_widths):
            stage_dropout = dropout if level > 0 else 0.0
            self.encoder.append(_stage(inputs, channels, norm, bias, stage_dropout))
            inputs = channels
        self.ups = nn.ModuleList()
        self.decoder = nn.ModuleList()
        for skip, channels in zip(encoder_widths[-2::-1], decoder_widths, strict=True):
            raised = inputs if up_width == "keep" else skip
            self.ups.append(_up(inputs, raised, up))
            self.decoder.append(_stage(raised + skip, channels, norm, bias, 0.0))
            inputs = channels
        outputs = classes * patch**2
        self.head = nn.Conv2d(decoder_widths[-1], outputs, 1)
        coarser_widths = decoder_widths[:-1] if deep_supervision else []
        self.coarse_heads = nn.ModuleList(nn.Conv2d(channels, outputs, 1) for channels in coarser_widths)

    def forward(self, image: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Logits of an image.

        Args:
            image: (B, in_channels, H, W), float.

        Returns:
            (B, classes, H, W); with deep supervision in training mode a tuple of them, the finest first, the coarser
            ones enlarged to (H, W).
        """
        features = self._decoded(self._encoded(image))
        logits = F.pixel_shuffle(self.head(features[-1]), self.patch)
        if not (self.deep_supervision and self.training):
            return logits
        size = image.shape[-2:]
        pairs = zip(self.coarse_heads, features[:-1], strict=True)
        coarse = [self._coarse_logits(head, x, size) for head, x in pairs]
        return (logits, *reversed(coarse))

    def _encoded(self, image: Tensor) -> list[Tensor]:
        """Features of each encoder stage, finest first."""
        x = F.pixel_unshuffle(image, self.patch)
        features: list[Tensor] = []
        for stage in self.encoder:
            if features:
                x = F.max_pool2d(x, 2)
            x = stage(x)
            features.append(x)
        return features

    def _decoded(self, encoded: list[Tensor]) -> list[Tensor]:
        """Features of each decoder stage, coarsest first."""
        x = encoded.pop()
        features: list[Tensor] = []
        for up, stage in zip(self.ups, self.decoder, strict=True):
            x = stage(torch.cat([encoded.pop(), up(x)], dim=1))
            features.append(x)
        return features

    def _coarse_logits(self, head: nn.Module, x: Tensor, size: torch.Size) -> Tensor:
        """Logits of a coarser stage, enlarged to the image's size."""
        return F.interpolate(F.pixel_shuffle(head(x), self.patch), size, mode="bilinear")


def _check_widths(encoder: list[int], decoder: list[int], patch: int) -> None:
    """Refuse widths that do not fit each other."""
    stages = len(encoder) - 1
    if stages < 1 or len(decoder) != stages:
        raise UserError(f"model: {len(encoder)} widths need {stages} decoder widths, found {len(decoder)}.")
    if min(patch, *encoder, *decoder) < 1:
        raise UserError(f"model: patch={patch}, widths={encoder}, decoder={decoder}: all must be 1 or more.")


def _stage(inputs: int, outputs: int, norm: str, bias: bool, dropout: float) -> nn.Sequential:
    """Two 3x3 convolutions, each with a norm and ReLU."""
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers.append(nn.Conv2d(channels, outputs, 3, padding=1, bias=bias))
        layers.append(_norm(norm, outputs))
        layers.append(nn.ReLU(inplace=True))
    if dropout:
        layers.append(nn.Dropout2d(dropout))
    return nn.Sequential(*layers)


def _norm(kind: str, channels: int) -> nn.Module:
    """A normalisation layer."""
    match kind:
        case "batch":
            return nn.BatchNorm2d(channels)
        case "group":
            return nn.GroupNorm(max(channels // GROUP_CHANNELS, 1), channels)
        case "instance":
            return nn.InstanceNorm2d(channels, affine=True)
    raise UserError(f"model.norm={kind}: expected batch, group or instance.")


def _up(inputs: int, outputs: int, kind: str) -> nn.Module:
    """What doubles the resolution."""
    match kind:
        case "transposed":
            return nn.ConvTranspose2d(inputs, outputs, 2, stride=2)
        case "bilinear":
            return nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(inputs, outputs, 1))
    raise UserError(f"model.up={kind}: expected transposed or bilinear.")
