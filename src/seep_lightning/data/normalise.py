"""From pixel values to network input. Used by training, prediction and export, so it stands below all of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.errors import UserError

Floats = NDArray[np.float32]
KINDS = ("scale", "chip", "scene")
FULL_SCALE = {"uint8": 255.0, "uint16": 65535.0}  # the largest value of the types that images have
# floor before a logarithm, of full scale, or of twice the median where that is less: a scene in raw numbers of 16 bit
# may use a thousandth of it. It lies below one level of the 8-bit stretch that the chips come in
DARKEST = 1 / 1024
LIMIT = 5.0  # robust z-scores are clipped here: ships reach 30 and would rule the first convolution


@dataclass(frozen=True)
class Normaliser:
    """Value to network input; a few numbers that travel with the checkpoint.

    kind: `scale` (value / full scale, in 0..1), `chip` or `scene` (robust z-score: minus the median, over the
    interquartile range / 1.349, of the chip or of its whole scene).
    log: take the logarithm first. Speckle multiplies the power, so its spread is the same everywhere after it.
    """

    kind: str = "chip"
    log: bool = True

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UserError(f"data.normalise.kind: {self.kind!r} is not known; choose one of {', '.join(KINDS)}.")

    def __call__(self, image: Floats, valid: NDArray[np.bool_], quartiles: Floats) -> Floats:
        """Normalise `image` (C, H, W) in 0..1 of full scale; nodata (`valid` (H, W) False) becomes 0.

        quartiles: (C, 3), the 25, 50 and 75 % quantiles of the valid pixels of the chip or scene, in 0..1.
        """
        if self.kind == "scale":
            values = self._stretch(image, np.full(1, DARKEST, np.float32))
        else:
            floor = np.float32(DARKEST) * (2 * quartiles[:, 1, None, None]).clip(DARKEST, 1)
            low, centre, high = (self._stretch(quartiles[:, k, None, None], floor) for k in range(3))
            values = self._stretch(image, floor) - centre
            values /= np.maximum((high - low) / 1.349, 1e-3)
            np.clip(values, -LIMIT, LIMIT, out=values)
        return values if valid.all() else np.where(valid, values, np.float32(0))

    def _stretch(self, values: Floats, floor: Floats) -> Floats:
        return np.log(np.maximum(values, floor, dtype=np.float32)) if self.log else values


def power(values: NDArray[Any], scale: str | None) -> NDArray[np.float32]:
    """Values of a scene on a linear scale, from `db` where that is their `scale`."""
    with np.errstate(over="ignore"):  # of values that are no dB: see `twice_median`
        return np.asarray(10 ** (values / 10) if scale == "db" else values, np.float32)


def twice_median(median: NDArray[np.float32], path: Path) -> NDArray[np.float32]:
    """What takes the place of full scale in a scene without: twice its median `power`. `UserError` if that is none."""
    if not (median > 0).all():
        asked = (
            "values dB? Then pass scale=db" if (median < 0).any() else "zeros no data? Then gdal_edit.py -a_nodata 0"
        )
        raise UserError(f"{path}: its median is not above 0. Are its {asked}.")
    if not np.isfinite(median).all():
        raise UserError(f"{path}: its median is too large for dB. Are its values linear? Then pass scale=linear.")
    return 2 * median


def histogram(image: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Counts of each value of the valid pixels of the unsigned bands `image` (C, H, W): (C, 256) or (C, 65536)."""
    return np.stack([np.bincount(band[valid], minlength=int(FULL_SCALE[image.dtype.name]) + 1) for band in image])


def quartiles_of(counts: NDArray[np.int64]) -> NDArray[np.float32]:
    """The 25, 50 and 75 % quantiles of a `histogram` (..., bins), in 0..1 of full scale: (..., 3); zeros of nothing."""
    total = np.cumsum(counts, axis=-1)[..., None, :]
    values = (total < np.array([0.25, 0.5, 0.75])[:, None] * total[..., -1:]).sum(axis=-1)
    return np.asarray(values / (counts.shape[-1] - 1), np.float32)
