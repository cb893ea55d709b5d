"""What a review has found, as the file `review.json`: `prepare review=` takes the objects from it, pixel by pixel."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from seep_lightning.documents.json_files import read_json
from seep_lightning.documents.regular_files import is_there
from seep_lightning.documents.shapes import Count
from seep_lightning.errors import UserError, as_user_error
from seep_lightning.labelling.suspect_kinds import KINDS

NAME = "review.json"
FORMAT = 1
# bytes: of 100,000 chips and some thousand objects
LARGEST_REVIEW = 256 * 2**20
ADVICE = "Give seep review again."
# of the data set's config: what the values of masks and images mean
KEPT_DATA_KEYS = (
    "bands", "nodata", "nodata_bands", "classes", "mask_band", "mask_values", "scale", "factor",
)  # fmt: skip
FOLDER_KEYS = ("images", "masks")
PLAIN_FOLDER = re.compile(r"\w[\w -]{0,99}")
# bytes, as most disks have it
LONGEST_NAME = 255
# px, of a chip that is not read yet: from its top left corner to the last pixel of any object on it
LARGEST_CHIP = 2**27
# px, of all objects together, each with the box around it
MOST_PIXELS = 2**30

Mask = NDArray[np.bool_]
Label = Annotated[int, Meta(ge=0, le=254)]
Side = Annotated[int, Meta(ge=0, le=1_000_000)]
Columns = Annotated[int, Meta(ge=1, le=2**62)]
Tile = Annotated[int, Meta(ge=-1, le=2**62)]


@dataclass(frozen=True)
class Patch:
    """The part of an object that lies on one chip.

    Attributes:
        chip: The chip's name.
        top: First row on the chip.
        left: First column.
        height: Rows.
        width: Columns.
        label: Its labelled pixels as lengths of runs, row by row; the first run is of pixels that are not.
        suggestion: The pixels that are labelled in the suggestion, likewise.
    """

    chip: str
    top: Side
    left: Side
    height: Side
    width: Side
    label: list[Side]
    suggestion: list[Side]

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns on the chip."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)

    def mask(self, runs: list[int]) -> Mask:
        """The pixels (h, w) of `label` or `suggestion`.

        Raises:
            UserError: The runs do not fill the part.
        """
        if sum(runs) != self.height * self.width:
            raise UserError(f"{NAME}: an object on {self.chip} is damaged. {ADVICE}")
        flags = np.arange(len(runs)) % 2 == 1
        return np.repeat(flags, runs).reshape(self.height, self.width)


@dataclass(frozen=True)
class ListedLabel:
    """One object of the list.

    Attributes:
        number: Its place in the list, from 1.
        kind: A name of `suspect_kinds.KINDS`.
        scene: The scene.
        top: First row in the scene.
        left: First column.
        bottom: Row after the last.
        right: Column after the last.
        x: Of its middle: longitude where the scene is georeferenced, else the column.
        y: Latitude, else minus the row.
        area: Pixels.
        p_mean: The mean probability of seep.
        loss_change: How much less the log loss of a training would be if it were corrected, nats.
        label: The class that it is labelled as; 0 for none.
        suggested: The class that the network suggests; 0 for none.
        reason: Why it is listed, in words.
        judged_by: The run that judged it, which did not learn from it.
        choices: What each answer does, in words.
        patches: Its pixels.
        placed_by: The chip whose georeference gave its outline a place; empty in reviews of earlier versions.
    """

    number: Count
    kind: str
    scene: str
    top: int
    left: int
    bottom: int
    right: int
    x: float
    y: float
    area: Count
    p_mean: float
    loss_change: float
    label: Label
    suggested: Label
    reason: str
    judged_by: str
    choices: dict[str, str]
    patches: list[Patch]
    placed_by: str = ""

    @property
    def chips(self) -> list[str]:
        """The names of the chips that it lies on."""
        return list(dict.fromkeys(patch.chip for patch in self.patches))


@dataclass(frozen=True)
class ReviewedChip:
    """A chip of the data set.

    Attributes:
        name: Its name.
        scene: Its scene.
        tile: Its number there; -1 for none.
        image: The file.
        mask: The mask's file; None for sea everywhere.
    """

    name: str
    scene: str
    tile: Tile
    image: str
    mask: str | None

    @property
    def file_name(self) -> str:
        """The name of its image in a new data set: chips in several folders have a path for a name."""
        return self.name.replace("/", "-")


@dataclass(frozen=True)
class ReviewFile:
    """All that a review found.

    Attributes:
        runs: The runs that judged.
        judged: Which chips they judged, in words.
        root: The data set's folder.
        data: Keys of `DataConfig` by which masks and images are read.
        chips: All chips of the data set.
        columns: Tiles in a row, by scene.
        offsets: The column of a scene that is column 0 on the ground, where that is not 0.
        candidates: The list.
        in_degrees: Whether x and y are longitude and latitude.
        id: What tells this review from others.
        format: Of this file.
    """

    runs: list[str]
    judged: str
    root: str
    data: dict[str, Any]
    chips: list[ReviewedChip]
    columns: dict[str, Columns]
    offsets: dict[str, int]
    candidates: list[ListedLabel]
    in_degrees: bool = False
    id: str = ""
    format: int = FORMAT

    def check(self) -> None:
        """Raise ValueError for what no review says: its names become those of files, and it may be a stranger's."""
        unknown = sorted(set(self.data) - {*KEPT_DATA_KEYS, *FOLDER_KEYS})
        if unknown:
            raise ValueError(f"data names {unknown[0][:40]!r}, which no review keeps")
        folders = [str(self.data.get(key, key)) for key in FOLDER_KEYS]
        if not all(PLAIN_FOLDER.fullmatch(folder) for folder in folders) or folders[0] == folders[1]:
            raise ValueError("data.images and data.masks are no plain names of two folders")
        if not self.chips:
            raise ValueError("it has no chips")
        for chip in self.chips:
            if not _is_plain_name(chip.file_name):
                raise ValueError(f"{chip.name[:40]!r} is no name of a chip")
        for candidate in self.candidates:
            if candidate.kind not in KINDS:
                raise ValueError(f"number {candidate.number} is of the kind {candidate.kind[:40]!r}")
        self._check_patches()

    def _check_patches(self) -> None:
        """Raise ValueError for objects that no chip holds: each is unpacked, however few runs tell it."""
        pixels = 0
        for candidate in self.candidates:
            for patch in candidate.patches:
                pixels += patch.height * patch.width
                bottom, right = patch.top + patch.height, patch.left + patch.width
                if bottom * right > LARGEST_CHIP:
                    raise ValueError(f"number {candidate.number} reaches to row {bottom:,} and column {right:,}")
        if pixels > MOST_PIXELS:
            raise ValueError(f"its objects have {pixels:,} px")

    def text(self) -> str:
        """The file's text."""
        return json.dumps(asdict(self), separators=(",", ":")) + "\n"


def _is_plain_name(name: str) -> bool:
    """Whether a text is the name of one file."""
    is_name = name not in ("", ".", "..") and "\0" not in name
    return is_name and len(name.encode()) <= LONGEST_NAME


def identity(runs: list[str], candidates: list[ListedLabel]) -> str:
    """What tells a review from others: a hash of who judged and of what was found."""
    content = json.dumps([runs, [asdict(candidate) for candidate in candidates]])
    return hashlib.blake2b(content.encode(), digest_size=4).hexdigest()


def run_lengths(mask: Mask) -> list[int]:
    """A mask (h, w) as lengths of runs, row by row; the first run is of False."""
    flags = mask.ravel()
    changes = np.flatnonzero(flags[1:] != flags[:-1]) + 1
    ends = np.array([0, *changes.tolist(), flags.size])
    lengths = [int(length) for length in np.diff(ends)]
    starts_true = bool(flags.size) and bool(flags[0])
    return [0, *lengths] if starts_true else lengths


def read_review(folder: Path) -> ReviewFile:
    """Read the review in a folder.

    Args:
        folder: What `seep review` wrote.

    Raises:
        UserError: There is none, or it is damaged or of a later version.
    """
    path = folder / NAME
    if not is_there(path):
        raise UserError(f"{folder} has no {NAME}, which seep review writes. Give the folder that it wrote.")
    review = read_json(path, ReviewFile, largest=LARGEST_REVIEW, advice=ADVICE)
    if review.format > FORMAT:
        raise UserError(f"{path} is of format {review.format}, but this version reads {FORMAT}. Update seep_lightning.")
    with as_user_error(f"{path} is damaged", ValueError, advice=ADVICE):
        review.check()
    return review
