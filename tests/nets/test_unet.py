import pytest
import torch

from seep_lightning.errors import UserError
from seep_lightning.nets.building import build_net
from seep_lightning.nets.unet import UNet
from seep_lightning.training.module import SeepModule


def test_the_reference_variant_has_the_notebooks_parameters() -> None:
    from seep_lightning.commands.composition import compose

    net = build_net(compose("train", ["model=unet_reference"]).model, bands=1, classes=0)
    assert sum(p.numel() for p in net.parameters()) == 14_787_777


@pytest.mark.parametrize("norm", ["batch", "group", "instance"])
@pytest.mark.parametrize("up", ["transposed", "bilinear"])
@pytest.mark.parametrize("up_width", ["halve", "keep"])
def test_every_variant_gives_logits_of_the_images_size(norm: str, up: str, up_width: str) -> None:
    net = UNet(width=8, depth=2, norm=norm, up=up, up_width=up_width, dropout=0.1, classes=3)
    assert net(torch.randn(2, 1, 16, 24)).shape == (2, 3, 16, 24)


def test_deep_supervision_adds_coarser_heads_in_training_only() -> None:
    net = UNet(width=4, depth=3, deep_supervision=True)
    heads = net(torch.randn(1, 1, 32, 32))
    assert [h.shape for h in heads] == [(1, 1, 32, 32)] * 3
    assert isinstance(net.eval()(torch.randn(1, 1, 32, 32)), torch.Tensor)


def test_sizes_that_the_stride_does_not_divide_are_padded_and_cropped_back() -> None:
    module = SeepModule({"_target_": "seep_lightning.nets.unet.UNet", "width": 4, "depth": 3}).eval()
    for size in [(30, 33), (5, 7), (1, 9)]:
        assert module(torch.randn(1, 1, *size)).shape == (1, 1, *size)
    image = torch.randn(1, 1, 32, 32)
    assert torch.equal(module(image), module.net(image))


@pytest.mark.parametrize("bad", [{"norm": "layer"}, {"up": "nearest"}, {"widths": [4, 8], "decoder": [4, 4]}])
def test_an_unknown_choice_is_named(bad: dict[str, object]) -> None:
    with pytest.raises(UserError, match=r"model"):
        UNet(**bad)


def test_blocks_of_pixels_are_folded_into_channels_and_back() -> None:
    torch.manual_seed(0)
    net = UNet(width=4, depth=2, patch=2, deep_supervision=True)
    assert net.stride == 8
    assert [tuple(head.shape) for head in net(torch.zeros(2, 1, 16, 24))] == [(2, 1, 16, 24)] * 2
    moved = torch.zeros(1, 1, 16, 16)
    moved[..., 5, 3] = 1  # each pixel of a block has its own way through the net
    assert len({net.eval()(torch.roll(moved, k, -1)).sum().item() for k in range(2)}) == 2
