import pytest
import torch
from torch.nn import functional as F

from seep_lightning.errors import UserError
from seep_lightning.metrics.soft_dice import soft_dice
from seep_lightning.training.losses import BCEDice

VARIANTS = [{}, {"pool": "image"}, {"form": "notebook"}, {"positive_weight": 3.0}, {"bce": 0.0}, {"dice": 0.0}]


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    target = (torch.rand(3, 1, 16, 16) > 0.9).float()
    return torch.randn(3, 1, 16, 16), target, torch.rand(3, 1, 16, 16) > 0.2


@pytest.mark.parametrize("variant", VARIANTS)
def test_is_zero_at_the_truth_and_pulls_everywhere_else(
    variant: dict[str, object], batch: tuple[torch.Tensor, ...]
) -> None:
    logits, target, valid = batch
    loss = BCEDice(**variant)
    assert loss((target * 2 - 1) * 40, target, valid).item() == pytest.approx(0, abs=1e-6)
    logits.requires_grad_()
    value = loss(logits, target, valid)
    value.backward()
    assert value.item() > 0.1
    assert (logits.grad[valid] != 0).all()


@pytest.mark.parametrize("variant", VARIANTS)
def test_nodata_takes_no_part(variant: dict[str, object], batch: tuple[torch.Tensor, ...]) -> None:
    logits, target, valid = batch
    other = torch.where(valid, logits, 30.0).requires_grad_()
    loss = BCEDice(**variant)
    assert torch.equal(loss(other, target, valid), loss(logits, target, valid))
    loss(other, target, valid).backward()
    assert (other.grad[~valid] == 0).all()


def test_the_notebooks_form_is_bce_plus_one_minus_2s_over_1_plus_s(batch: tuple[torch.Tensor, ...]) -> None:
    logits, target, _ = batch
    everywhere = torch.ones_like(target, dtype=torch.bool)
    p = logits.sigmoid()
    s = (2 * (p * target).sum() + 1) / (p.sum() + target.sum() + 1)
    expected = F.binary_cross_entropy_with_logits(logits, target) + 1 - 2 * s / (1 + s)
    assert BCEDice(form="notebook")(logits, target, everywhere).item() == pytest.approx(expected.item(), rel=1e-6)


def test_an_image_pool_is_the_mean_of_each_images_dice(batch: tuple[torch.Tensor, ...]) -> None:
    logits, target, valid = batch
    each = [1 - soft_dice(logits[i : i + 1].sigmoid(), target[i : i + 1], valid[i : i + 1].float()) for i in range(3)]
    pooled = BCEDice(bce=0, pool="image")(logits, target, valid)
    assert pooled.item() == pytest.approx(torch.stack(each).mean().item(), rel=1e-6)
    assert pooled.item() != pytest.approx(BCEDice(bce=0)(logits, target, valid).item(), rel=1e-4)


def test_empty_truth_and_prediction_are_perfect() -> None:
    nothing, everywhere = torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 8, 8)
    assert soft_dice(nothing, nothing, everywhere).item() == 1


def test_a_batch_without_a_valid_pixel_gives_a_finite_loss() -> None:
    nothing = torch.zeros(1, 1, 8, 8)
    assert torch.isfinite(BCEDice()(nothing, nothing, nothing.bool()))


def test_an_unknown_pool_is_refused() -> None:
    with pytest.raises(UserError, match="loss.pool=chip"):
        BCEDice(pool="chip")
