"""Losses of other libraries leave nodata out, and give a gradient everywhere else."""

import monai.losses
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seep_lightning.errors import UserError
from seep_lightning.training.foreign_losses import build_loss, confident_logits, for_valid_pixels
from seep_lightning.training.loss_sums import TermMeans, WeightedSum
from seep_lightning.training.losses import BCEDice

BINARY = {
    "bce": nn.BCEWithLogitsLoss(),
    "bce map": nn.BCEWithLogitsLoss(reduction="none"),
    "dice": monai.losses.DiceLoss(sigmoid=True),
    "tversky": monai.losses.TverskyLoss(sigmoid=True),
    "focal map": monai.losses.FocalLoss(reduction="none"),
}
CLASSES = {
    "ce": nn.CrossEntropyLoss(),
    "weighted ce": nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 3.0, 1.0])),
    "dice and ce": monai.losses.DiceCELoss(softmax=True, to_onehot_y=True),
}
Batch = tuple[Tensor, Tensor, Tensor]


@pytest.fixture
def valid() -> Tensor:
    torch.manual_seed(0)
    return torch.rand(3, 1, 16, 16) > 0.2


def batch_of(channels: int, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Random logits, and a target with all classes."""
    target = torch.randint(0, max(channels, 2), valid.shape)
    target = target.float() if channels == 1 else target.to(torch.uint8)
    return torch.randn(3, channels, 16, 16), target


@pytest.mark.parametrize(("channels", "name"), [*((1, name) for name in BINARY), *((4, name) for name in CLASSES)])
def test_nodata_changes_nothing_and_gets_no_gradient(channels: int, name: str, valid: Tensor) -> None:
    loss = for_valid_pixels("loss", BINARY[name] if channels == 1 else CLASSES[name])
    logits, target = batch_of(channels, valid)
    other = torch.where(valid, logits, 7.0).requires_grad_()
    other_target = torch.where(valid, target, 1)
    value = loss(other, other_target, valid)
    assert value.item() == pytest.approx(loss(logits, target, valid).item())
    value.backward()
    assert (other.grad * ~valid == 0).all()
    assert (other.grad.abs().sum(1, keepdim=True)[valid] > 0).float().mean() > 0.9


@pytest.mark.parametrize(("channels", "name"), [*((1, name) for name in BINARY), *((4, name) for name in CLASSES)])
def test_it_is_zero_at_the_truth(channels: int, name: str, valid: Tensor) -> None:
    loss = for_valid_pixels("loss", BINARY[name] if channels == 1 else CLASSES[name])
    _, target = batch_of(channels, valid)
    assert loss(confident_logits(target, channels), target, valid).item() == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_torchs_own_losses_are_means_over_the_valid_pixels_alone(reduction: str, valid: Tensor) -> None:
    logits, target = batch_of(1, valid)
    loss = for_valid_pixels("loss", nn.BCEWithLogitsLoss(reduction=reduction))
    expected = F.binary_cross_entropy_with_logits(logits[valid], target[valid])
    assert loss(logits, target, valid).item() == pytest.approx(expected.item(), rel=1e-5)


def test_half_precision_is_widened_first(valid: Tensor) -> None:
    logits, target = batch_of(1, valid)
    assert for_valid_pixels("loss", nn.BCEWithLogitsLoss())(logits.bfloat16(), target, valid).dtype == torch.float32


def test_a_loss_that_takes_valid_pixels_is_left_alone() -> None:
    loss = BCEDice()
    assert for_valid_pixels("loss", loss) is loss


def test_a_sum_is_its_terms_times_their_weights(valid: Tensor) -> None:
    node = {
        "_target_": "seep_lightning.training.loss_sums.WeightedSum",
        "terms": {
            "bce": {"weight": 2.0, "loss": {"_target_": "torch.nn.BCEWithLogitsLoss"}},
            "dice": {"loss": {"_target_": "seep_lightning.training.losses.BCEDice", "bce": 0.0}},
            "none": None,
        },
    }
    logits, target = batch_of(1, valid)
    loss = build_loss(node, "binary")
    assert isinstance(loss, WeightedSum)
    expected = BCEDice(bce=2.0)(logits, target, valid)
    assert loss(logits, target, valid).item() == pytest.approx(expected.item(), rel=1e-5)
    means = TermMeans(loss.names)
    means.update(loss.terms(logits, target, valid), 3)
    means.update(torch.zeros(2), 1)
    named = means.named_means("val")
    assert named.keys() == {"loss_bce/val", "loss_dice/val"}
    assert named["loss_dice/val"].item() == pytest.approx(0.75 * BCEDice(bce=0.0)(logits, target, valid).item())


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({}, "expected at least one term"),
        ({"a": {"weight": 1.0}}, "loss.terms.a: expected weight .* and loss"),
        ({"a": {"weight": "much", "loss": nn.BCEWithLogitsLoss()}}, "loss.terms.a.weight=much: expected 0 to 1000000"),
    ],
)
def test_a_sum_of_something_else_is_refused(terms: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        WeightedSum(terms)


def test_the_place_of_a_recorded_step_stays_when_means_begin_anew() -> None:
    means = TermMeans(["bce"])
    place = means.sums.data_ptr()
    means.update(torch.ones(1), 2)
    means.reset()
    assert means.sums.data_ptr() == place
    assert means.compute().item() == 0
