"""Chips one by one, as a notebook reads them: a sequence that reads each chip when it is asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.data import DataConfig
from seep_lightning.data.chips import Chips
from seep_lightning.data.layouts import pair_chips
from seep_lightning.data.roots import with_root
from seep_lightning.files import absolute


@dataclass(frozen=True)
class Chip:
    """One chip with its pixels.

    Attributes:
        name: The chip's name, which is its file's.
        scene: The scene that it was cut from.
        tile: Its number in the scene; -1 if it has none.
        image: (C, H, W) uint8 or uint16 as in the file; float32 where the file has floats or signed numbers.
        mask: (H, W) uint8: 0 for no seep, else the class of seep.
        valid: (H, W) bool: where the image holds data and the mask says something.
    """

    name: str
    scene: str
    tile: int
    image: NDArray[Any]
    mask: NDArray[np.uint8]
    valid: NDArray[np.bool_]


class ChipSequence(Sequence[Chip]):
    """The chips of a data set, sorted by name. A slice of them is a sequence too, and reads nothing yet.

    Attributes:
        chips: What is known of all chips without reading a pixel.
        indices: Which of them are in this sequence.
    """

    def __init__(self, chips: Chips, indices: Sequence[int]) -> None:
        """Take some of the chips of a data set.

        Args:
            chips: All chips of the data set.
            indices: The positions of those that are in this sequence.
        """
        self.chips = chips
        self.indices = list(indices)

    @property
    def names(self) -> list[str]:
        """The names of the chips in this sequence."""
        return [self.chips.names[index] for index in self.indices]

    def __len__(self) -> int:
        return len(self.indices)

    def __repr__(self) -> str:
        return f"{len(self)} chips in {self.chips.root}"

    @overload
    def __getitem__(self, position: int) -> Chip: ...
    @overload
    def __getitem__(self, position: slice) -> "ChipSequence": ...
    def __getitem__(self, position: int | slice) -> "Chip | ChipSequence":
        if isinstance(position, slice):
            return ChipSequence(self.chips, self.indices[position])
        return self._read(self.indices[position])

    def __iter__(self) -> Iterator[Chip]:
        return map(self._read, self.indices)

    def _read(self, index: int) -> Chip:
        pixels = self.chips.read(index)
        return Chip(
            name=self.chips.names[index],
            scene=self.chips.scenes[index],
            tile=self.chips.tiles[index],
            image=pixels.image,
            mask=pixels.mask,
            valid=pixels.valid,
        )


def open_chips(config: DataConfig) -> ChipSequence:
    """List the chips of a data set, without reading a pixel.

    Args:
        config: Where they lie and how they are read. Generated ones are made in the cache at their first use.

    Raises:
        UserError: There are no chips, or their layout is not as expected.
    """
    on_disk = with_root(config)
    # so that chips are found after the working folder has changed, as in a notebook it may
    chips = pair_chips(replace(on_disk, root=absolute(on_disk.root)))
    return ChipSequence(chips, range(len(chips)))
