"""The highest probability of a map: of one without seeps it tells how near the networks were to one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rasterio.windows import Window

from seep_lightning.scene.datasets import open_dataset
from seep_lightning.scene.levels import LEVELS, level
from seep_lightning.scene.raster import READ_ROWS
from seep_lightning.scene.scene_map import THRESHOLD_TAG


@dataclass(frozen=True)
class Peak:
    """The highest probability of a map.

    Attributes:
        stored: The probability as `levels.quantise` gives it, 1 to 255; 0 where nothing is mapped.
        threshold: The least probability of a seep; None for a map of an earlier version, which does not tell it.
    """

    stored: int
    threshold: float | None

    @property
    def text(self) -> str:
        """What a person is told of a map without seeps."""
        met = f"the highest probability met is {max(self.stored - 1, 0) / LEVELS:.2f}"
        if self.threshold is None:
            return met
        threshold = f"the threshold of {self.threshold:.4g}"
        if self.stored < level(self.threshold):
            return f"{met}, below {threshold}"
        return f"{met}, above {threshold}, but nothing there is as large as min_area"


def peak_of(probability: Path) -> Peak:
    """Look for the highest probability of a map.

    Args:
        probability: Its raster of probabilities.

    Raises:
        UserError: The raster cannot be read any more.
    """
    stored = 0
    with open_dataset(probability) as dataset:
        for top in range(0, dataset.height, READ_ROWS):
            rows = min(READ_ROWS, dataset.height - top)
            values = dataset.read(1, window=Window(0, top, dataset.width, rows))
            stored = max(stored, int(values.max()))
        threshold = dataset.tags().get(THRESHOLD_TAG)
    return Peak(stored, None if threshold is None else float(threshold))


def highest_peak(peaks: Sequence[Peak]) -> Peak:
    """The highest one of several maps."""
    return max(peaks, key=lambda peak: peak.stored)
