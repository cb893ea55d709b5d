"""Score a run on a part of its data, or on other data: `python -m seep_lightning.evaluate`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seep_lightning.metrics.calibration import Reliability
from seep_lightning.metrics.classes import Matrix, class_figures, confusion
from seep_lightning.metrics.counts import Counts, count, pooled
from seep_lightning.scene.levels import class_numbers

if TYPE_CHECKING:
    from seep_lightning.data.chips import Chips
    from seep_lightning.predictor.base import Predictor


@dataclass(frozen=True)
class Scored:
    """Counts of each chip at each threshold, the notebook's two soft figures, `metrics.ProbabilityHistogram`, and the
    matrix of classes at each threshold where they are told apart (`classes.confusion`)."""

    chips: dict[float, list[Counts]]
    soft: dict[str, float]
    histogram: list[list[int]]
    confusion: dict[float, Matrix]
    reliability: Reliability

    def at(self, threshold: float) -> dict[str, float]:
        """All pooled figures at one of the thresholds."""
        more = {"macro_dice": class_figures(self.confusion[threshold])["macro_dice"]} if self.confusion else {}
        return pooled(self.chips[threshold]) | more


def score_indices(
    predictor: "Predictor", chips: "Chips", indices: list[int], *, batch_size: int, sink: Callable[..., None]
) -> Scored:
    """Score chips by their positions, each once, at the thresholds 0.5 and the predictor's own (seep is above it).

    sink(index, probability, truth, valid, class) sees each in turn, arrays (H, W): float32 and bool of seep, bool, and
    the number of the most probable class (1 where classes are not told apart).
    """
    import torch
    from torch.utils.data import DataLoader

    from seep_lightning.data.datamodule import ChipDataset
    from seep_lightning.metrics.histogram import ProbabilityHistogram
    from seep_lightning.metrics.soft_dice import soft_dice

    histogram, reliability = ProbabilityHistogram(), Reliability()
    counts: dict[float, list[Counts]] = {level: [] for level in (0.5, predictor.threshold)}
    soft: list[float] = []
    size = predictor.classes + 1
    confused = {level: np.zeros((size, size), np.int64) for level in counts if predictor.classes}
    for batch in DataLoader(ChipDataset(chips, predictor.normalise), batch_size, sampler=[(0, i) for i in indices]):
        probability = predictor.probability(batch.image.numpy())
        seep = torch.from_numpy(probability[:, :1])
        soft.append(float(soft_dice(seep, (batch.target > 0).float(), batch.valid)))
        histogram.update(seep, batch.target, batch.valid)
        truths, valids = batch.target[:, 0].numpy(), batch.valid[:, 0].numpy()
        every = zip(batch.chip.tolist(), probability[:, 0], truths, valids, class_numbers(probability), strict=True)
        for i, p, t, v, n in every:
            truth = (t > 0) & v
            reliability.add(p, truth, v)
            for level, scored in counts.items():
                scored.append(count((p > level) & v, truth))
            for level, matrix in confused.items():
                matrix += confusion(t[v], np.where(p > level, n, 0)[v], size)
            sink(i, np.where(v, p, np.float32(0)), truth, v, n)
    means = {"soft_dice_S": np.mean(soft), "soft_2S_over_1_plus_S": np.mean([2 * s / (1 + s) for s in soft])}
    soft_figures = {name: float(mean) for name, mean in means.items()}
    return Scored(counts, soft_figures, histogram.counts.tolist(), confused, reliability)
