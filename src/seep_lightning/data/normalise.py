"""From pixel values to network input. Used by training, prediction and export, so it stands below all of them."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.errors import UserError

Floats = NDArray[np.float32]
KINDS = ("scale", "chip", "scene")
# the largest value of the types that images have
FULL_SCALE = {"uint8": 255.0, "uint16": 65535.0}
# floor before a logarithm, of full scale, or of twice the median where that is less: a scene in raw numbers of 16 bit
# may use a thousandth of it. It lies below one level of the 8-bit stretch that the chips come in
DARKEST = 1 / 1024
# robust z-scores are clipped here: ships reach 30 and would rule the first convolution
LIMIT = 5.0
# the interquartile range of a normal distribution, in standard deviations
IQR_OF_NORMAL = 1.349
# the least spread that values are divided by
LEAST_SPREAD = 1e-3
QUARTILES = np.array([0.25, 0.5, 0.75])


@dataclass(frozen=True)
class Normaliser:
    """From values to network input; a few numbers that travel with the checkpoint.

    Attributes:
        kind: `scale` (value / full scale, in 0..1), `chip` or `scene` (robust z-score: minus the median, over the
            interquartile range / 1.349, of the chip or of its whole scene).
        log: Whether to take the logarithm first. Speckle multiplies the power, so its spread is the same everywhere
            after it.
    """

    kind: str = "chip"
    log: bool = True

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UserError(f"data.normalise.kind: {self.kind!r} is not known; choose one of {', '.join(KINDS)}.")

    def __call__(self, image: Floats, valid: NDArray[np.bool_], quartiles: Floats) -> Floats:
        """Normalise an image.

        Args:
            image: (C, H, W) in 0..1 of full scale.
            valid: (H, W), False for pixels without data, which become 0.
            quartiles: (C, 3), the 25, 50 and 75 % quantiles of the valid pixels of the chip or scene, in 0..1.

        Returns:
            (C, H, W) float32.
        """
        if self.kind == "scale":
            values = self._stretch(image, np.full(1, DARKEST, np.float32))
        else:
            values = self._robust_scores(image, quartiles)
        if valid.all():
            return values
        return np.where(valid, values, np.float32(0))

    def _robust_scores(self, image: Floats, quartiles: Floats) -> Floats:
        """Deviations from the median in robust standard deviations, clipped at LIMIT."""
        # (C, 3, 1, 1), so that each quartile broadcasts over the pixels of its band
        by_band = quartiles[:, :, None, None]
        lower_quartile = by_band[:, 0]
        median = by_band[:, 1]
        upper_quartile = by_band[:, 2]
        twice_the_median = 2 * median
        floor = np.float32(DARKEST) * twice_the_median.clip(DARKEST, 1)
        low = self._stretch(lower_quartile, floor)
        centre = self._stretch(median, floor)
        high = self._stretch(upper_quartile, floor)
        standard_deviation = (high - low) / IQR_OF_NORMAL
        spread = np.maximum(standard_deviation, LEAST_SPREAD)
        scores = self._stretch(image, floor) - centre
        # in place, which saves a third of the time
        scores /= spread
        np.clip(scores, -LIMIT, LIMIT, out=scores)
        return scores

    def _stretch(self, values: Floats, floor: Floats) -> Floats:
        """The logarithm of values that are not below a floor, if it is to be taken."""
        if not self.log:
            return values
        floored = np.maximum(values, floor, dtype=np.float32)
        return np.log(floored)


@dataclass(frozen=True)
class ValueRange:
    """Which of an image's values become 0 and 1; travels with the checkpoint where they are not those of the type.

    Attributes:
        low: What becomes 0 in each band, or in all of them; values below it too.
        high: What becomes 1, likewise; values above it too.
        scale: `db` where values are decibels, which become power first; else None.
        counted: Whether values are unsigned integers of 8 or 16 bit: then `low` is 0, `high` the type's largest value,
            and histograms are small.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    scale: str | None = None
    counted: bool = False

    @classmethod
    def of_type(cls, dtype: np.dtype[Any]) -> "ValueRange":
        """The range of a type of 8 or 16 bit unsigned."""
        return cls((0.0,), (FULL_SCALE[dtype.name],), counted=True)

    def in_unit_range(self, image: NDArray[Any], data: NDArray[np.bool_]) -> Floats:
        """Bring values to 0..1.

        Args:
            image: (C, H, W) as stored.
            data: (H, W), where they are data; elsewhere floats become 0.

        Returns:
            (C, H, W) float32.
        """
        if self.counted:
            return image.astype(np.float32) / np.float32(self.high[0])
        return self.unit_values(np.where(data, image, np.float32(0)))

    def unit_values(self, values: NDArray[Any]) -> Floats:
        """Bring values (C, ...) to 0..1, float32."""
        if self.counted:
            return np.asarray(values.astype(np.float32) / np.float32(self.high[0]), np.float32)
        low = _by_band(self.low, values.ndim)
        high = _by_band(self.high, values.ndim)
        shares: Floats = (power(values, self.scale) - low) / (high - low)
        return shares.clip(0, 1)

    def ratio_values(self, image: NDArray[Any], data: NDArray[np.bool_]) -> NDArray[Any]:
        """Values of an image whose ratios mean something.

        Args:
            image: (C, H, W) as stored.
            data: (H, W), where they are data.

        Returns:
            (C, H, W): as stored; decibels as power; values of which some are below 0 in 0..1.
        """
        if self.counted:
            return image
        if min(self.low) < 0:
            return self.in_unit_range(image, data)
        return power(np.where(data, image, np.float32(0)), self.scale)

    def __str__(self) -> str:
        """What a network was trained on, in words."""
        if self.counted:
            return "8 or 16 bit unsigned"
        lows = power_text(min(self.low), self.scale)
        highs = power_text(max(self.high), self.scale)
        kind = "dB" if self.scale == "db" else "floats or signed integers"
        return f"{kind}, {lows} to {highs}"

    def as_facts(self) -> dict[str, Any] | None:
        """What a checkpoint must know of it, primitives only; None where the type of an image tells all."""
        if self.counted:
            return None
        return {"low": list(self.low), "high": list(self.high), "scale": self.scale}

    @classmethod
    def of_facts(cls, facts: dict[str, Any] | None) -> "ValueRange | None":
        """What `as_facts` gave; None where the type of an image tells all, as it does for older checkpoints."""
        if facts is None:
            return None
        return cls(tuple(facts["low"]), tuple(facts["high"]), facts["scale"])


def power_text(value: float, scale: str | None) -> str:
    """A power as a file of this scale has it, such as `-3.2` dB."""
    if scale != "db":
        return f"{value:.4g}"
    return f"{10 * math.log10(value):.1f}" if value > 0 else "any low value"


def _by_band(values: tuple[float, ...], dimensions: int) -> Floats:
    """Numbers of bands, (C, 1, ...), so that they broadcast over values (C, ...)."""
    return np.array(values, np.float32).reshape(-1, *[1] * (dimensions - 1))


def power(values: NDArray[Any], scale: str | None) -> NDArray[np.float32]:
    """Bring the values of a scene to a linear scale.

    Args:
        values: Of any shape.
        scale: `db` for decibels, which are converted; anything else is linear already.

    Returns:
        float32 of the same shape.
    """
    if scale != "db":
        return np.asarray(values, np.float32)
    # values that are no dB overflow, which `twice_median` tells
    with np.errstate(over="ignore"):
        linear = 10 ** (values / 10)
        return np.asarray(linear, np.float32)


def twice_median(median: NDArray[np.float32], path: Path) -> NDArray[np.float32]:
    """Find what takes the place of full scale in a scene that has none: twice its median.

    Args:
        median: The median `power` of each band.
        path: The scene, for the message.

    Returns:
        The same shape as `median`.

    Raises:
        UserError: A median is not above 0, or not finite.
    """
    if (median < 0).any():
        raise UserError(f"{path}: its median is not above 0. Are its values dB? Then pass scale=db.")
    if not (median > 0).all():
        raise UserError(f"{path}: its median is not above 0. Are its zeros no data? Then gdal_edit.py -a_nodata 0.")
    if not np.isfinite(median).all():
        raise UserError(f"{path}: its median is too large for dB. Are its values linear? Then pass scale=linear.")
    return 2 * median


def histogram(image: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count how often each value occurs.

    Args:
        image: (C, H, W) uint8 or uint16.
        valid: (H, W), which pixels to count.

    Returns:
        (C, 256) or (C, 65536).
    """
    bins = int(FULL_SCALE[image.dtype.name]) + 1
    is_whole = bool(valid.all())
    bands = [band.ravel() if is_whole else band[valid] for band in image]
    counts = [np.bincount(band, minlength=bins) for band in bands]
    return np.stack(counts)


def quartiles_in(values: NDArray[Any]) -> NDArray[Any]:
    """Find the 25, 50 and 75 % quantiles of values: the least values that so many do not exceed.

    Args:
        values: (C, N); N may be 0.

    Returns:
        (C, 3) of the same type; zeros for nothing.
    """
    if not values.shape[1]:
        return np.zeros((len(values), len(QUARTILES)), values.dtype)
    return np.asarray(np.quantile(values, QUARTILES, axis=1, method="inverted_cdf").T, values.dtype)


def image_quartiles(image: NDArray[Any], data: NDArray[np.bool_], value_range: ValueRange) -> Floats:
    """Find the quartiles of an image's pixels with data.

    Args:
        image: (C, H, W) as stored.
        data: (H, W), where there are data.
        value_range: Of its values.

    Returns:
        (C, 3) in 0..1.
    """
    if value_range.counted:
        return quartiles_of(histogram(image, data))
    return value_range.unit_values(quartiles_in(image[:, data]))


def quartiles_of(counts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Find the 25, 50 and 75 % quantiles of a histogram.

    Args:
        counts: (..., bins), as `histogram` gives them.

    Returns:
        (..., 3) in 0..1 of full scale; zeros for a histogram of nothing.
    """
    bins = counts.shape[-1]
    rows = counts.reshape(-1, bins)
    # pictures of 16 bit use few of the 65,536 values
    used = np.flatnonzero(rows.any(axis=0))
    rows = np.cumsum(rows[:, : used.max(initial=0) + 1], axis=-1)
    # the first value at which so many are reached
    values = [np.searchsorted(row, QUARTILES * row[-1]) for row in rows]
    by_row = np.reshape(values, (*counts.shape[:-1], len(QUARTILES)))
    return np.asarray(by_row / (bins - 1), np.float32)
