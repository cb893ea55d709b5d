from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score, jaccard_score, precision_score, recall_score

from seep_lightning.metrics.counts import count_pixels
from seep_lightning.metrics.figures import BatchFigure, declared
from seep_lightning.metrics.histogram import BINS, best_threshold, count_probabilities, dice_by_threshold
from seep_lightning.metrics.pixels import MeanFigures, ProbabilityHistogram, pixel_metrics
from seep_lightning.metrics.soft_dice import soft_dice
from seep_lightning.metrics.summaries import pixel_figures, pooled_figures


@pytest.fixture
def scene() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """probability, target (classes), valid of 6 chips, in two batches of 3."""
    torch.manual_seed(0)
    target = (torch.rand(6, 1, 20, 20) > 0.8).to(torch.uint8) * 3
    target[4] = 0
    probability = (0.3 * torch.rand(6, 1, 20, 20) + 0.5 * (target > 0) * torch.rand(6, 1, 20, 20)).clamp(0, 1)
    probability[4] *= 0.1
    return probability, target, torch.rand(6, 1, 20, 20) > 0.1


def test_pooled_figures_equal_scikit_learns_on_valid_pixels(scene: tuple[torch.Tensor, ...]) -> None:
    probability, target, valid = scene
    metrics = pixel_metrics(0.25)
    for part in (slice(0, 3), slice(3, 6)):
        metrics.update(probability[part], target[part], valid[part])
    truth, predicted = (target > 0)[valid].numpy(), (probability > 0.25)[valid].numpy()
    scores = {"dice": f1_score, "jaccard": jaccard_score, "precision": precision_score, "recall": recall_score}
    expected = {name: score(truth, predicted) for name, score in scores.items()}
    assert {k: float(v) for k, v in metrics.compute().items()} == pytest.approx(expected, rel=1e-6)
    counted = [
        count_pixels(((p > 0.25) & v).numpy()[0], ((t > 0) & v).numpy()[0]) for p, t, v in zip(*scene, strict=True)
    ]
    assert {k: pooled_figures(counted)[k] for k in expected} == pytest.approx(expected, rel=1e-12)


def test_per_chip_dice_counts_a_chip_empty_in_both_as_one(scene: tuple[torch.Tensor, ...]) -> None:
    probability, target, valid = scene
    means = MeanFigures([], threshold=0.25)
    for part in (slice(0, 2), slice(2, 6)):
        means.update(*(t[part] for t in scene))
    each = []
    for p, t, v in zip(*scene, strict=True):
        a, b = ((p > 0.25) & v).numpy(), ((t > 0) & v).numpy()
        each.append(1.0 if not (a.any() or b.any()) else 2 * (a & b).sum() / (a.sum() + b.sum()))
    assert each[4] == 1.0
    assert means.metrics().keys() == {"dice_per_chip"}
    assert float(means.metrics()["dice_per_chip"].compute()) == pytest.approx(np.mean(each), rel=1e-6)
    counted = [
        count_pixels(((p > 0.25) & v).numpy()[0], ((t > 0) & v).numpy()[0]) for p, t, v in zip(*scene, strict=True)
    ]
    assert pooled_figures(counted)["dice_per_chip"] == pytest.approx(np.mean(each))


def test_a_chip_empty_in_one_only_counts_zero() -> None:
    counts = np.array([[0, 5, 0], [0, 0, 5], [0, 0, 0], [2, 1, 1]])
    assert pixel_figures(counts)["dice"] == pytest.approx([0, 0, 1, 2 / 3])
    assert pixel_figures(counts)["jaccard"] == pytest.approx([0, 0, 1, 0.5])


def test_the_notebooks_figures_are_means_over_batches(scene: tuple[torch.Tensor, ...]) -> None:
    means, expected = MeanFigures(declared(BatchFigure)), []
    for part in (slice(0, 3), slice(3, 6)):
        p, t, v = (x[part] for x in scene)
        means.update(p, t, v)
        expected.append(float(soft_dice(p, (t > 0).float(), v.float())))
    metrics = means.metrics()
    assert float(metrics["soft_dice_S"].compute()) == pytest.approx(np.mean(expected))
    assert float(metrics["soft_2S_over_1_plus_S"].compute()) == pytest.approx(
        np.mean([2 * x / (1 + x) for x in expected])
    )


def test_the_histogram_gives_dice_at_every_threshold_and_the_best_one(scene: tuple[torch.Tensor, ...]) -> None:
    probability, target, valid = scene
    histogram = ProbabilityHistogram()
    histogram.update(*scene)
    counts = histogram.compute()
    assert counts.sum() == valid.sum()
    truth, kept = (target > 0)[valid].numpy(), probability[valid].numpy()
    expected = [f1_score(truth, kept >= k / BINS) for k in range(BINS)]
    assert np.array_equal(count_probabilities(*(each.numpy() for each in scene)), counts)
    assert dice_by_threshold(counts.numpy()) == pytest.approx(expected, rel=1e-9)
    assert best_threshold(counts.numpy()) == pytest.approx((int(np.argmax(expected[1:])) + 1) / BINS)


def test_of_thresholds_that_are_equally_good_the_middle_one_is_taken() -> None:
    counts = np.zeros((2, BINS), np.int64)
    counts[0, 0], counts[1, BINS // 2] = 100, 10
    assert best_threshold(counts) == pytest.approx(0.25, abs=1 / BINS)


def test_without_seep_the_threshold_stays_at_a_half() -> None:
    assert best_threshold(np.zeros((2, BINS), np.int64)) == 0.5


class OnApple(torch.Tensor):
    """A tensor that says it lies on Apple's GPU, and refuses float64 as that does."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func == torch.Tensor.device.__get__:
            return torch.device("mps")
        result = super().__torch_function__(func, types, args, kwargs)
        goes_to_cpu = func is torch.Tensor.cpu or any(str(argument) == "cpu" for argument in args[1:])
        if goes_to_cpu:
            return result.as_subclass(torch.Tensor)
        if isinstance(result, OnApple) and result.dtype == torch.float64:
            raise TypeError("the MPS framework doesn't support float64")
        return result


def test_figures_of_training_need_no_float64_of_a_gpu_of_apple() -> None:
    """With stand-ins for its tensors, since no such GPU is at hand."""
    probability = torch.rand(2, 1, 4, 4)
    batch = (probability, probability.round(), probability > 0)
    there = [tensor.as_subclass(OnApple) for tensor in batch]
    with pytest.raises(TypeError):
        there[0].double()

    def figures(device: Callable[[torch.Tensor], torch.Tensor], batch: Sequence[torch.Tensor]) -> list[float]:
        pooled, means = pixel_metrics(), MeanFigures([])
        for metric in (pooled, means):
            metric._apply(device)
            metric.update(*batch)
        values = [*pooled.compute().values(), *(mean.compute() for mean in means.metrics().values())]
        return [float(value) for value in values]

    def to_apple(state: torch.Tensor) -> torch.Tensor:
        if state.dtype == torch.float64:
            raise TypeError("the MPS framework doesn't support float64")
        return state.as_subclass(OnApple)

    assert figures(to_apple, there) == figures(lambda state: state, batch)
