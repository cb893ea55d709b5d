"""From stored values to what they mean: the scale and the offset of each band."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seep_lightning.scene.interfaces import Floats, Values


@dataclass(frozen=True)
class Scaling:
    """What a file says that its stored values mean: stored value x scale + offset, as GDAL defines both.

    Attributes:
        scales: Of each band.
        offsets: Of each band.
    """

    scales: tuple[float, ...] = (1.0,)
    offsets: tuple[float, ...] = (0.0,)

    @classmethod
    def of_bands(cls, scales: Sequence[float], offsets: Sequence[float], indices: Sequence[int]) -> "Scaling":
        """The scaling of some bands.

        Args:
            scales: Of all bands of a file.
            offsets: Of all bands of a file.
            indices: The bands, from 0.
        """
        return cls(tuple(scales[index] for index in indices), tuple(offsets[index] for index in indices))

    @classmethod
    def by_factor(cls, factor: float | None, bands: int) -> "Scaling":
        """The scaling that multiplies every band by one number; None leaves stored values as they are."""
        return cls((factor or 1.0,) * bands, (0.0,) * bands)

    @property
    def is_identity(self) -> bool:
        """Whether stored values mean themselves."""
        return set(self.scales) == {1.0} and set(self.offsets) == {0.0}

    def apply(self, stored: Values) -> Floats:
        """What stored values mean.

        Args:
            stored: (C, ...), a band for each scale.

        Returns:
            float32 of the same shape.
        """
        by_band = (-1, *[1] * (stored.ndim - 1))
        scales = np.array(self.scales).reshape(by_band)
        offsets = np.array(self.offsets).reshape(by_band)
        # what overflows is no measurement
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(stored * scales + offsets, np.float32)

    def __str__(self) -> str:
        """As messages name it, such as `scale 0.01`."""
        scales = "/".join(f"{scale:g}" for scale in dict.fromkeys(self.scales))
        offsets = "/".join(f"{offset:g}" for offset in dict.fromkeys(self.offsets))
        return f"scale {scales}" if offsets == "0" else f"scale {scales} and offset {offsets}"
