"""Whether the values of a set can be brought to 0..1, as a training does."""

from typing import TYPE_CHECKING

from seep_lightning.data.audit.reading_errors import ReadingError
from seep_lightning.errors import UserError

if TYPE_CHECKING:
    from seep_lightning.data.chips import Chips
    from seep_lightning.data.images import ChipPixels
    from seep_lightning.data.statistics import Measurement


class RangeCheck:
    """Measures chips of floats as a training does; of other types nothing can be wrong but the keys.

    Args:
        chips: The data set.
    """

    def __init__(self, chips: "Chips") -> None:
        self.chips = chips
        self.first_name = ""
        self.band_counts: set[int] = set()
        self.measurement: Measurement | None = None
        self.message = ""

    def add(self, index: int, pixels: "ChipPixels") -> None:
        """Measure a chip."""
        is_float = pixels.image.dtype.kind == "f"
        if not self.band_counts:
            self._begin(index, pixels, is_float=is_float)
        self.band_counts.add(len(pixels.image))
        # chips that differ are told already
        is_alike = is_float and len(self.band_counts) == 1
        if is_alike and self.measurement is not None and pixels.data.any():
            self.measurement.add(self.chips.scenes[index], pixels)

    def errors(self) -> list[ReadingError]:
        """Why a training would refuse the values; nothing where chips differ, which is told already."""
        if self.measurement is not None and len(self.band_counts) == 1:
            try:
                self.measurement.result()
            except UserError as error:
                self.message = str(error)
        return [ReadingError(self.first_name, self.message)] if self.message else []

    def _begin(self, index: int, pixels: "ChipPixels", *, is_float: bool) -> None:
        """Choose how chips like the first one are measured."""
        from seep_lightning.data.statistics import measurement_of

        self.first_name = self.chips.names[index]
        try:
            measurement = measurement_of(pixels.image.dtype, self.chips.scenes, self.chips.config)
        except UserError as error:
            self.message = str(error)
            return
        if is_float:
            self.measurement = measurement
