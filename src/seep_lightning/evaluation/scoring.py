"""A network's probabilities of chips, and the counts from which all figures of an evaluation follow."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seep_lightning.counted import DoneTeller
from seep_lightning.metrics.calibration import Reliability
from seep_lightning.metrics.classes import Matrix, confusion_matrix
from seep_lightning.metrics.counts import Counts, count_pixels
from seep_lightning.metrics.figures import BatchFigure
from seep_lightning.metrics.histogram import BINS, count_probabilities
from seep_lightning.metrics.summaries import class_figures, pooled_figures
from seep_lightning.scene.levels import check_finite, class_numbers

if TYPE_CHECKING:
    from seep_lightning.data.batches import Batch
    from seep_lightning.data.chips import Chips
    from seep_lightning.data.images import ChipPixels
    from seep_lightning.predictor.base import Predictor


@dataclass(frozen=True)
class ScoredChip:
    """What a network says of one chip, beside the truth; arrays are (H, W).

    Attributes:
        index: The chip's position in the data set.
        pixels: The chip as it was read.
        probability: Of seep, float32 in 0..1; 0 where there is no data.
        classes: The most probable class of seep, uint8 from 1; 1 where the network tells no classes apart.
        target: The true class, uint8, 0 for the sea.
        valid: Where there are data, bool.
    """

    index: int
    pixels: "ChipPixels"
    probability: NDArray[np.float32]
    classes: NDArray[np.uint8]
    target: NDArray[np.uint8]
    valid: NDArray[np.bool_]

    @property
    def truth(self) -> NDArray[np.bool_]:
        """Where valid pixels are seep."""
        return (self.target > 0) & self.valid

    def predicted(self, threshold: float) -> NDArray[np.bool_]:
        """Valid pixels that are seep by this threshold: their probability is above it."""
        return (self.probability > threshold) & self.valid

    def predicted_classes(self, threshold: float) -> NDArray[np.uint8]:
        """The class of each pixel that is seep by this threshold, 0 elsewhere."""
        return np.where(self.predicted(threshold), self.classes, 0).astype(np.uint8)


@dataclass
class Scores:
    """Counts of scored chips, from which the figures follow.

    Attributes:
        chips: Counts of each chip by threshold.
        confusion: The matrix of true and predicted classes by threshold; empty where no classes are told apart.
        batch_figures: Means over batches of the figures that the run asks for, by key.
        histogram: Counts of probabilities, see `metrics.histogram.count_probabilities`.
        reliability: Counts of logits, for scaling and calibration error.
    """

    chips: dict[float, list[Counts]]
    confusion: dict[float, Matrix]
    batch_figures: dict[str, float] = field(default_factory=dict)
    histogram: list[list[int]] = field(default_factory=list)
    reliability: Reliability = field(default_factory=Reliability)

    @classmethod
    def empty(cls, thresholds: set[float], classes: int) -> "Scores":
        """Nothing counted yet.

        Args:
            thresholds: Those at which pixels are counted.
            classes: How many classes the network tells apart; 0 for none.
        """
        size = classes + 1
        counts: dict[float, list[Counts]] = {threshold: [] for threshold in thresholds}
        if not classes:
            return cls(counts, {})
        return cls(counts, {threshold: np.zeros((size, size), np.int64) for threshold in thresholds})

    def add(self, chip: ScoredChip) -> None:
        """Count one chip."""
        valid = chip.valid
        truth = chip.truth
        self.reliability.add(chip.probability, truth, valid)
        for threshold, counts in self.chips.items():
            counts.append(count_pixels(chip.predicted(threshold), truth))
        for threshold, matrix in self.confusion.items():
            predicted = chip.predicted_classes(threshold)
            matrix += confusion_matrix(chip.target[valid], predicted[valid], len(matrix))

    def figures_at(self, threshold: float) -> dict[str, float]:
        """Give all pooled figures at one of the thresholds."""
        figures = pooled_figures(self.chips[threshold])
        if self.confusion:
            figures |= class_figures(self.confusion[threshold])
        return figures


def score_chips(
    predictor: "Predictor",
    chips: "Chips",
    indices: list[int],
    *,
    batch_size: int,
    batch_figures: Sequence[BatchFigure] = (),
    sink: Callable[[ScoredChip], None] | None = None,
) -> Scores:
    """Score chips, each once, at the thresholds 0.5 and the predictor's own.

    Args:
        predictor: The network.
        chips: The data set.
        indices: Positions of the chips in it.
        batch_size: Chips a batch.
        batch_figures: Figures of batches to work out.
        sink: Is shown each chip in turn.

    Returns:
        The counts of all of them.
    """
    import torch

    from seep_lightning.metrics.soft_dice import soft_dice

    scores = Scores.empty({0.5, predictor.threshold}, predictor.classes)
    histogram = np.zeros((2, BINS), np.int64)
    batch_dice: list[float] = []
    teller = DoneTeller("scored", len(indices), "chips")
    scored = 0
    for pixels, batch in _batches(predictor, chips, indices, batch_size):
        teller.tell(scored)
        scored += len(batch.image)
        probability = predictor.probability(batch.image.numpy())
        seep = probability[:, :1]
        if batch_figures:
            batch_dice.append(float(soft_dice(torch.from_numpy(seep), (batch.target > 0).float(), batch.valid)))
        check_finite(seep, batch.valid.numpy())
        histogram += count_probabilities(seep, batch.target.numpy(), batch.valid.numpy())
        for chip in _chips_of(batch, pixels, probability):
            scores.add(chip)
            if sink is not None:
                sink(chip)
    scores.histogram = histogram.tolist()
    for figure in batch_figures:
        values = [figure.function(soft) for soft in batch_dice]
        scores.batch_figures[figure.key] = float(np.mean(values))
    return scores


def _batches(
    predictor: "Predictor", chips: "Chips", indices: list[int], batch_size: int
) -> "Iterator[tuple[list[ChipPixels], Batch]]":
    """The chips in batches, in their order: as they are read, and as network input."""
    from seep_lightning.data.batches import ChipDataset, collate

    dataset = ChipDataset(chips, predictor.normalise)
    for start in range(0, len(indices), batch_size):
        part = indices[start : start + batch_size]
        pixels = [chips.read(index) for index in part]
        inputs = [dataset.prepared(chip, 0, index) for chip, index in zip(pixels, part, strict=True)]
        yield pixels, collate(inputs)


def _chips_of(batch: "Batch", pixels: "list[ChipPixels]", probability: NDArray[np.float32]) -> list[ScoredChip]:
    """The chips of a batch with their probabilities (B, 1 + classes, H, W)."""
    targets = batch.target[:, 0].numpy()
    valids = batch.valid[:, 0].numpy()
    classes = class_numbers(probability)
    chips = []
    for k, index in enumerate(batch.chip.tolist()):
        seep = np.where(valids[k], probability[k, 0], np.float32(0))
        chips.append(ScoredChip(index, pixels[k], seep, classes[k], targets[k], valids[k]))
    return chips
