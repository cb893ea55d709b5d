"""From raw numbers to network input on torch, as part of an exported graph: what `Predictor` does with numpy.

A foreign program gives windows and nothing else, so every statistic is that of the window's pixels with data.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from seep_lightning.data.normalise import (
    DARKEST,
    FULL_SCALE,
    IQR_OF_NORMAL,
    LEAST_SPREAD,
    LIMIT,
    Normaliser,
    ValueRange,
)
from seep_lightning.errors import UserError
from seep_lightning.scene.nodata import LARGEST_MEASUREMENT, SENTINEL

# a window with a value above it is of 16 bit
LARGEST_OF_8_BIT = FULL_SCALE["uint8"]
# no measurement of signed integers, see `scene.nodata.is_measurement`
LEAST_OF_16_BIT = -32768
# a foreign program may have divided and multiplied a value before we see it
NODATA_TOLERANCE = 1e-6
# of the sorted values of a window: a quarter, a half and three quarters lie at or below the quartiles
QUARTERS = (1, 2, 3)
# what a program feeds, as `export values=` names it
COUNTED_VALUES = tuple(FULL_SCALE)
# either of these
TOLD_BY_WINDOW = "counted"


@dataclass(frozen=True)
class RawValues:
    """What the numbers are that a foreign program feeds, by what the network was trained on.

    Attributes:
        kind: `uint8`, `uint16`, `linear`, `db`, or `counted` for 8 or 16 bit, told by the window's largest value.
        trained_range: What becomes 0 and 1, for floats of the kind that the network was trained on; else None.
        nodatas: The values of pixels without data.
        nodata_bands: `all` or `any`, see `scene.nodata`.
        factor: What stored integers were multiplied by in the training; None where floats are fed, or nothing was.
    """

    kind: str
    trained_range: ValueRange | None
    nodatas: tuple[float, ...]
    nodata_bands: str
    factor: float | None

    @classmethod
    def of_network(cls, facts: dict[str, Any], values: str | None, fill: float | None = None) -> "RawValues":
        """What a network takes, where the user says nothing else.

        Args:
            facts: What the checkpoint knows of its data.
            values: `uint8`, `uint16`, `linear`, `db`; None: what the network was trained on.
            fill: What the program puts where a raster has no pixels; of floats it is no data.

        Raises:
            UserError: The network was trained on floats, and cannot take 8 or 16 bit.
        """
        trained_range = ValueRange.of_facts(facts.get("values"))
        trained_kind = TOLD_BY_WINDOW if trained_range is None else trained_range.scale or "linear"
        kind = values or trained_kind
        if kind in COUNTED_VALUES and trained_range is not None:
            raise UserError(f"values={values}: this run was trained on {trained_range}. Leave the key out.")
        is_trained_kind = kind == trained_kind
        nodatas = {facts["nodata"]}
        if kind == "db" and not is_trained_kind:
            # 0 dB is a measurement
            nodatas.clear()
        if kind not in (*COUNTED_VALUES, TOLD_BY_WINDOW):
            nodatas |= {fill, SENTINEL}
        factor = facts.get("factor") if values is None else None
        if factor is not None:
            nodatas.add(LEAST_OF_16_BIT)
        return cls(
            kind=kind,
            trained_range=trained_range if is_trained_kind else None,
            nodatas=tuple(sorted({float(value) for value in nodatas if value is not None})),
            nodata_bands=facts.get("nodata bands", "any"),
            factor=factor,
        )

    @property
    def counted(self) -> bool:
        """Whether they are unsigned integers."""
        return self.kind in (*COUNTED_VALUES, TOLD_BY_WINDOW)

    @property
    def told_by_window(self) -> bool:
        """Whether the window's largest value says of which type they are."""
        return self.kind == TOLD_BY_WINDOW

    @property
    def meaning(self) -> str:
        """What becomes 0 and 1, in words, for metadata."""
        if self.trained_range is not None:
            factor = f"times {self.factor}, " if self.factor else ""
            return f"{factor}values of the training: {self.trained_range}"
        match self.kind:
            case "counted":
                return "8 bit; 16 bit where the window holds a value above 255"
            case "uint8" | "uint16":
                return f"0 to {FULL_SCALE[self.kind]:.0f}"
            case _:
                return f"{self.kind}; twice the window's median becomes 1"


class RawInput(nn.Module):
    """Raw numbers to network input.

    Args:
        values: What the numbers are.
        normaliser: Of the network; of kind `scene` it takes the statistics of the window.
        divisor: What the program has divided every number by.
    """

    def __init__(self, values: RawValues, normaliser: Normaliser, divisor: float = 1.0) -> None:
        super().__init__()
        self.values = values
        self.normaliser = normaliser
        self.divisor = divisor

    def described(self) -> dict[str, Any]:
        """What happens inside of a graph, for its metadata."""
        by_window = self.normaliser.kind != "scale"
        return {
            "multiplied by": self.divisor,
            "values": self.values.meaning,
            "nodata": list(self.values.nodatas),
            "nodata bands": self.values.nodata_bands,
            "normalise": asdict(self.normaliser),
            "statistics": "of the window" if by_window else "none",
        }

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Network input of windows, and which of their pixels hold data.

        Args:
            image: (B, C, H, W) float32, as stored in the raster, divided by `divisor`.

        Returns:
            (B, C, H, W) float32 network input, 0 without data; (B, 1, H, W) bool.
        """
        stored = image
        if self.divisor != 1:
            stored = image * self.divisor
            if self.values.counted:
                stored = stored.round()
        valid = self._valid(stored)
        if self.values.factor is not None:
            stored = stored * self.values.factor
        data = torch.where(valid, stored, 0.0)
        quartiles = _quartiles(data, valid)
        units = self._unit_values(data, data, quartiles)
        unit_quartiles = self._unit_values(quartiles, data, quartiles)
        normalised = self._normalised(units, unit_quartiles)
        return torch.where(valid, normalised, 0.0), valid

    def _valid(self, stored: Tensor) -> Tensor:
        """Which pixels hold data, (B, 1, H, W): `scene.nodata.pixels_with_data`."""
        # neither NaN nor an infinity is below it
        valid = (stored.abs() < LARGEST_MEASUREMENT).all(1, keepdim=True)
        for nodata in self.values.nodatas:
            differs = (stored - nodata).abs() > NODATA_TOLERANCE * abs(nodata)
            is_no_measurement = not self.values.counted and nodata != 0
            if self.values.nodata_bands == "any" or is_no_measurement:
                valid = valid & differs.all(1, keepdim=True)
            else:
                valid = valid & differs.any(1, keepdim=True)
        return valid

    def _unit_values(self, numbers: Tensor, data: Tensor, quartiles: Tensor) -> Tensor:
        """Numbers in 0..1: `ValueRange.unit_values`.

        Args:
            numbers: (B, C, H, W) or (B, C, 3), as stored.
            data: (B, C, H, W), which tell full scale.
            quartiles: (B, C, 3) of these, likewise.
        """
        ones = (1,) * (numbers.ndim - 2)
        trained = self.values.trained_range
        if trained is not None:
            low = torch.tensor(trained.low).reshape(1, -1, *ones)
            high = torch.tensor(trained.high).reshape(1, -1, *ones)
            return ((_power(numbers, trained.scale) - low) / (high - low)).clamp(0.0, 1.0)
        match self.values.kind:
            case "counted":
                largest = data.amax((1, 2, 3)).reshape(-1, 1, *ones)
                is_8_bit = largest <= LARGEST_OF_8_BIT
                full_scale = torch.where(is_8_bit, LARGEST_OF_8_BIT, FULL_SCALE["uint16"])
                return numbers / full_scale
            case "uint8" | "uint16":
                return numbers / FULL_SCALE[self.values.kind]
            case _:
                median = _power(quartiles[:, :, 1], self.values.kind)
                # nothing can be told of a window without a median above 0
                usable = torch.where(median > 0, median, 0.5)
                shares = _power(numbers, self.values.kind) / (2 * usable).reshape(*usable.shape, *ones)
                return shares.clamp(0.0, 1.0)

    def _normalised(self, units: Tensor, quartiles: Tensor) -> Tensor:
        """Units (B, C, H, W) by their quartiles (B, C, 3): `Normaliser`."""
        if self.normaliser.kind == "scale":
            return self._stretched(units, torch.full((1,), DARKEST))
        by_band = quartiles[..., None, None]
        lower_quartile = by_band[:, :, 0]
        median = by_band[:, :, 1]
        upper_quartile = by_band[:, :, 2]
        floor = DARKEST * (2 * median).clamp(DARKEST, 1.0)
        low = self._stretched(lower_quartile, floor)
        centre = self._stretched(median, floor)
        high = self._stretched(upper_quartile, floor)
        spread = ((high - low) / IQR_OF_NORMAL).clamp(min=LEAST_SPREAD)
        scores = (self._stretched(units, floor) - centre) / spread
        return scores.clamp(-LIMIT, LIMIT)

    def _stretched(self, values: Tensor, floor: Tensor) -> Tensor:
        """The logarithm of values that are not below a floor, if it is to be taken."""
        if not self.normaliser.log:
            return values
        return torch.maximum(values, floor).log()


def _power(values: Tensor, scale: str | None) -> Tensor:
    """Values on a linear scale: decibels become power."""
    if scale != "db":
        return values
    return torch.exp(values * (math.log(10) / 10))


def _quartiles(data: Tensor, valid: Tensor) -> Tensor:
    """The 25, 50 and 75 % quantiles of the pixels with data of each window: `data.normalise.quartiles_in`.

    Args:
        data: (B, C, H, W).
        valid: (B, 1, H, W).

    Returns:
        (B, C, 3), the least values that so many do not exceed; zeros where a window has no data.
    """
    # pixels without data come last
    ordered = torch.where(valid, data, math.inf).flatten(2).sort(-1).values
    count = valid.flatten(1).sum(-1, dtype=torch.int64)
    positions = [(count * quarter + 3) // 4 - 1 for quarter in QUARTERS]
    places = torch.stack(positions, -1).clamp(min=0)
    by_band = places[:, None].expand(-1, data.shape[1], -1)
    quartiles = ordered.gather(-1, by_band)
    has_data = (count > 0)[:, None, None]
    return torch.where(has_data, quartiles, 0.0)
