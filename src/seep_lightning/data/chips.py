"""The chips of a data set: what they are called, where they come from, and what was measured when they were read."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.data import DataConfig
from seep_lightning.data.description import ReviewedLabels
from seep_lightning.data.grid import Cell, cell, place
from seep_lightning.data.images import ChipNotes, ChipPixels, read_noted_pair, read_pair
from seep_lightning.data.left_out import LeftOut
from seep_lightning.data.normalise import ValueRange
from seep_lightning.data.pixel_stores.layout import DamagedPixelsError
from seep_lightning.data.statistics import ValueStatistics

if TYPE_CHECKING:
    from seep_lightning.data.pixel_stores.memory import PixelStore

log = logging.getLogger(__name__)


def _no_statistics() -> ValueStatistics:
    nothing = np.zeros((0, 1, 3), np.float32)
    return ValueStatistics(ValueRange((0.0,), (0.0,)), nothing, {})


def _first_band() -> list[int | str]:
    return [1]


@dataclass
class Chips:
    """A paired set of chips, sorted by name. `load_chips` checks all of them, and fills `digests` to `key`.

    Attributes:
        config: How the chips are read, with the grids of their scenes.
        root: The folder of the data set.
        names: What each chip is called: its file name.
        scenes: The scene that each chip was cut from.
        tiles: The number of each chip in its scene; -1 where its name has none.
        image_paths: The file of each picture.
        mask_paths: The file of each mask; None for a chip without one, which is sea everywhere.
        digests: A text for each chip that changes with its name and its pixels, see `blocks.digest`.
        class_counts: How many valid pixels each chip has of each class that it holds, 0 for the sea.
        statistics: Quartiles of chips and scenes, and what becomes 0 and 1.
        bands: The bands that a network of these chips takes: numbers from 1, names, or `grey`.
        band_meanings: What each of these is, such as `VV`; empty where the files do not say.
        size: Height and width of each chip, px.
        was_fitted: Whether `data.size` cropped or padded any: such chips do not lie edge to edge in their scene.
        store: The pixels of all chips; None where they could not be kept, and are read again at each use.
        key: What all that was measured depends on, see `cache.keys`; empty where that is not known.
        found: How the files are called, for people, such as `images/NAME.jpg with masks/NAME_mask.png`.
        left_out: The files beside them that are not used, and why.
        listed_parts: The part that `data.pairs` gives each chip, as it stands there, or the folder that the chip lies
            in; empty texts where neither says one.
    """

    config: DataConfig
    root: Path
    names: list[str]
    scenes: list[str]
    tiles: list[int]
    image_paths: list[Path]
    mask_paths: Sequence[Path | None]
    digests: list[str] = field(default_factory=list)
    class_counts: list[dict[int, int]] = field(default_factory=list)
    statistics: ValueStatistics = field(default_factory=_no_statistics)
    bands: list[int | str] = field(default_factory=_first_band)
    band_meanings: list[str] = field(default_factory=list)
    size: tuple[int, int] = (0, 0)
    was_fitted: bool = False
    store: "PixelStore | None" = None
    key: str = ""
    found: str = ""
    left_out: list[LeftOut] = field(default_factory=list)
    listed_parts: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.names)

    def read(self, index: int) -> ChipPixels:
        """Read one chip, from where its pixels are kept or from its files.

        Args:
            index: The chip's position.

        Returns:
            Its pixels.

        Raises:
            UserError: A file cannot be read, or is not what a chip must be.
        """
        if self.store is not None:
            try:
                return self.store.read(index)
            except DamagedPixelsError:
                self._give_up_store(self.store)
        return read_pair(self.image_paths[index], self.mask_paths[index], self.config)

    def _give_up_store(self, store: "PixelStore") -> None:
        """Read chips from their files from now on, since what was kept of their pixels is damaged."""
        log.warning(
            "data: the decoded chips that were kept are damaged, and are removed; chips are decoded at each use"
        )
        store.discard()
        self.store = None

    def read_noted(self, index: int) -> tuple[ChipPixels, ChipNotes]:
        """Read one chip from disk, and note what was decided.

        Args:
            index: The chip's position.

        Raises:
            UserError: A file cannot be read, or is not what a chip must be.
        """
        return read_noted_pair(self.image_paths[index], self.mask_paths[index], self.config)

    def mask_of(self, index: int) -> Path:
        """The mask of a chip that has one."""
        path = self.mask_paths[index]
        assert path is not None
        return path

    def counted_files(self) -> str:
        """How many chips there are with a mask, and without one, in words."""
        pairs = sum(path is not None for path in self.mask_paths)
        text = f"{pairs} pairs"
        return text if pairs == len(self) else f"{text} and {len(self) - pairs} pictures without a mask"

    @property
    def is_reviewed(self) -> bool:
        """Whether `prepare review=` wrote the labels."""
        return ReviewedLabels.of(self.root).answered > 0

    def told_files(self) -> list[str]:
        """What there is to tell about the files, a line each: how they pair, and what is left out."""
        lines = [f"data: {self.counted_files()} in {self.root}: {self.found}"] if self.found else []
        reviewed = str(ReviewedLabels.of(self.root))
        if reviewed:
            lines.append(f"data: {reviewed}")
        return lines + [f"data: left out {entry}" for entry in self.left_out]

    def class_pixels(self, indices: Sequence[int]) -> NDArray[np.int64]:
        """Count the valid pixels of sea and of each class.

        Args:
            indices: The positions of the chips to count in.

        Returns:
            Counts (1 + classes,), sea first.
        """
        counts = np.zeros(self.config.classes + 1, np.int64)
        for index in indices:
            for label, count in self.class_counts[index].items():
                counts[label] += count
        return counts

    @property
    def quartiles(self) -> NDArray[np.float32]:
        """The 25, 50 and 75 % quantiles of each chip's pixels with data, (N, C, 3) in 0..1."""
        return self.statistics.quartiles

    @property
    def scene_quartiles(self) -> NDArray[np.float32]:
        """The quartiles of each chip's whole scene, over all its chips here: (N, C, 3) in 0..1."""
        by_chip = [self.statistics.scene_quartiles[scene] for scene in self.scenes]
        return np.stack(by_chip)

    @property
    def value_range(self) -> ValueRange:
        """What becomes 0 and 1."""
        return self.statistics.value_range

    @property
    def fingerprint(self) -> str:
        """A hash of all names and pixels: two data sets with one fingerprint are the same data."""
        all_digests = "".join(self.digests)
        return hashlib.blake2b(all_digests.encode(), digest_size=8).hexdigest()

    def picture_digests(self) -> list[str]:
        """The hash of each chip's picture alone; empty texts where the chips were not read."""
        if not self.digests:
            return [""] * len(self)
        return [digest.rpartition(":")[2] for digest in self.digests]

    def cells(self) -> list[Cell | None]:
        """(row, column) of each chip inside its own scene; None where the scene's grid is not known."""
        named_tiles = zip(self.scenes, self.tiles, strict=True)
        return [cell(self.config, scene, tile) for scene, tile in named_tiles]

    def cell_of(self, index: int) -> Cell | None:
        """(row, column) of a chip that lies edge to edge with others in its scene; None for one that stands alone.

        So does each chip of a set of which `data.size` cropped or padded some: there are gaps between them.

        Args:
            index: The chip's position.
        """
        return None if self.was_fitted else cell(self.config, self.scenes[index], self.tiles[index])

    def places(self) -> list[Cell | None]:
        """(row, column) of each chip on the common ground grid; None where the scene's grid is not known."""
        named_tiles = zip(self.scenes, self.tiles, strict=True)
        return [place(self.config, scene, tile) for scene, tile in named_tiles]
