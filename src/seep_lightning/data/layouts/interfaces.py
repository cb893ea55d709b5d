"""What a layout is: a class that lists each chip's image, mask, scene and tile."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from seep_lightning.data.left_out import LeftOut


class ChipFiles(NamedTuple):
    """The files of one chip, and where it comes from.

    Attributes:
        image: The picture, a file that GDAL reads.
        mask: The classes of its pixels, likewise; None where all of them are sea.
        scene: The name of the scene that it was cut from.
        tile: Its number in the scene, row * columns + column; -1 where it has none.
        name: What it is called in tables and in the files of an evaluation; by default the image's file name. No two
            chips of a data set may have one name.
    """

    image: Path
    mask: Path | None
    scene: str
    tile: int = -1
    name: str = ""


@dataclass(frozen=True)
class Listing:
    """The chips of a data set, and how they were found.

    Attributes:
        pairs: The chips, in any order.
        found: How their files are called, for people: `images/NAME.jpg with masks/NAME_mask.png`.
        left_out: The files beside them that are not used.
        parts: What a list of pairs, or folders, say of the split: the part of each chip by its image; empty where they
            say nothing.
    """

    pairs: list[ChipFiles]
    found: str = ""
    left_out: list[LeftOut] = field(default_factory=list)
    parts: dict[Path, str] = field(default_factory=dict)


@runtime_checkable
class Layout(Protocol):
    """What a class needs to be a `data.layout`."""

    def pairs(self, root: Path) -> Iterable[ChipFiles]:
        """List the chips of a data set, without reading a pixel.

        Args:
            root: `data.root`.

        Returns:
            The chips, in any order.
        """
        ...


@runtime_checkable
class ToldLayout(Layout, Protocol):
    """A layout that also tells how it found the chips, and what it left out."""

    def listing(self, root: Path) -> Listing:
        """List the chips of a data set, without reading a pixel."""
        ...


@runtime_checkable
class AuditedLayout(Layout, Protocol):
    """A layout that `check` also asks for files that would not be used."""

    def problems(self, root: Path) -> list[str]:
        """List what would stop a training, a line each."""
        ...
