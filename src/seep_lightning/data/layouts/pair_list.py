"""Chips that a CSV lists: `data.pairs=pairs.csv` with the columns image, mask, and scene, tile, split where known."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from seep_lightning.config.data import DataConfig
from seep_lightning.config.pair_columns import EXAMPLE, NEEDED_COLUMNS, PAIR_COLUMNS
from seep_lightning.data.layouts.interfaces import ChipFiles, Listing
from seep_lightning.data.layouts.names import chip_name, split_name
from seep_lightning.data.left_out import left_out
from seep_lightning.documents.tables import is_header, read_csv
from seep_lightning.errors import UserError, as_error_of
from seep_lightning.files import with_home
from seep_lightning.scene.raster_formats import chip_suffixes

ENTRY_KINDS = ("image", "mask")


@dataclass(frozen=True)
class ListedPair:
    """A row of the list.

    Attributes:
        line: Its line in the file, counted from 1.
        cells: Its cells by column, without blanks around them.
    """

    line: int
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")


class PairList:
    """The layout of `data.pairs`: the rows of a CSV."""

    def __init__(self, config: DataConfig) -> None:
        """Keep what the config says of the list."""
        self.config = config

    def pairs(self, root: Path) -> list[ChipFiles]:
        """List the pairs; see `listing`."""
        return self.listing(root).pairs

    def listing(self, root: Path) -> Listing:
        """List the pairs, and what the list says of the split.

        Raises:
            UserError: The list is no such table, or a row has an empty cell, a file that is not there (unless
                `data.unpaired` is `skip`) or one that another row has.
        """
        path = pairs_path(self.config, root)
        rows = _read_rows(path, self.config.pair_columns or {})
        folders = {column: self._folders(path, root, column) for column in ENTRY_KINDS}
        found: list[tuple[ListedPair, Path, Path | None]] = []
        missing: list[str] = []
        for row in rows:
            image, mask = (self._file(path, row, column, folders[column]) for column in ENTRY_KINDS)
            has_mask = mask is not None or self._is_empty(row)
            if image is None or not has_mask:
                missing.append(row["image"])
            else:
                found.append((row, image, mask))
        _check_images(path, found)
        names = _chip_names([image for _, image, _ in found])
        places = [self._place(path, row, image) for row, image, _ in found]
        counts = Counter(places)
        pairs: list[ChipFiles] = []
        for (row, image, mask), name, (scene, tile) in zip(found, names, places, strict=True):
            # numbers that begin anew in each folder are of no one scene
            is_own = tile < 0 and not row["scene"] and counts[scene, tile] > 1 and name != image.name
            pairs.append(ChipFiles(image, mask, Path(name).stem if is_own else scene, tile, name))
        if not pairs:
            raise UserError(
                f"data.pairs: {path} lists no pair of files that are there: looked for images in "
                f"{_folders_text(folders['image'])}, for masks in {_folders_text(folders['mask'])}. "
                "Pass data.images=FOLDER data.masks=FOLDER where the list names them without their folders."
            )
        reason = "the row names a file that is not there"
        left = left_out(missing, path.name, reason, readable=True, alone=True)
        parts = {image: row["split"] for row, image, _ in found if row["split"]}
        return Listing(pairs, f"listed in {path}", left, parts)

    def problems(self, root: Path) -> list[str]:
        """List the rows whose files are not there, unless `data.unpaired` says what becomes of them."""
        if self.config.unpaired != "error":
            return []
        lenient = PairList(replace(self.config, unpaired="skip"))
        cure = "Remove the lines, add the files, or pass data.unpaired=skip"
        return [f"data.pairs: {entry}. {cure}" for entry in lenient.listing(root).left_out]

    def _folders(self, path: Path, root: Path, column: str) -> list[Path]:
        """Where a column's files may lie: beside the list, below the root, in the folder of images or of masks."""
        named = self.config.images if column == "image" else self.config.masks
        below = root / with_home(named)
        places = [path.parent, root, below] if below.is_dir() else [path.parent, root]
        return list(dict.fromkeys(places))

    def _file(self, path: Path, row: ListedPair, column: str, folders: Sequence[Path]) -> Path | None:
        """The file that a cell names; None where it is not there and may be skipped."""
        text = row[column]
        may_skip = self.config.unpaired == "skip"
        may_be_empty = column == "mask" and self._is_empty(row)
        if not text and (may_skip or may_be_empty):
            return None
        if not text:
            raise UserError(f"data.pairs: {path} line {row.line} has no {column}. {_cure(column)}")
        for folder in folders:
            file = folder / with_home(text)
            if file.is_file():
                return _checked_format(path, row, file)
        if may_skip:
            return None
        raise UserError(
            f"data.pairs: {path} line {row.line}: there is no {column} {text}. Looked in {_folders_text(folders)}. "
            f"{_cure(column)}"
        )

    def _is_empty(self, row: ListedPair) -> bool:
        """Whether a row without a mask is a chip that is sea everywhere."""
        return self.config.unpaired == "empty" and not row["mask"]

    def _place(self, path: Path, row: ListedPair, image: Path) -> tuple[str, int]:
        """Scene and tile of a row: as its cells say, else as the image's name does."""
        tile = row["tile"]
        if tile and not tile.removeprefix("-").isdecimal():
            raise UserError(f"data.pairs: {path} line {row.line} has the tile {tile!r}; expected a whole number.")
        if row["scene"]:
            return row["scene"], int(tile or -1)
        name = row["image"] if "/" in self.config.pattern else image.name
        scene, tile_of_name = split_name(name, self.config.pattern, self.config.image_suffix or "")
        return scene, int(tile or tile_of_name)


def pairs_path(config: DataConfig, root: Path) -> Path:
    """The file of `data.pairs`: absolute, or relative to the working folder, or to `data.root`.

    Args:
        config: The data set's config, with `pairs` set.
        root: `data.root`.

    Raises:
        UserError: There is no such file.
    """
    named = with_home(config.pairs or "")
    for path in (named, root / named):
        if path.is_file():
            # so that its chips are found after the working folder has changed, as in a notebook it may
            return path.absolute()
    raise UserError(
        f"data.pairs: there is no file {named}, nor one in {root}. Expected a CSV with the columns image and mask, and "
        "scene, tile, split where they are known."
    )


def _folders_text(folders: Sequence[Path]) -> str:
    """Folders in words, each once."""
    return " and ".join(dict.fromkeys(str(folder.absolute()) for folder in folders))


def _cure(column: str) -> str:
    """What to do about a row without a file."""
    cure = f"Remove the line, add the {column}, or pass data.unpaired=skip"
    if column == "mask":
        cure += ", or data.unpaired=empty to read pictures of an empty cell as sea everywhere"
    return f"{cure}."


def _read_rows(path: Path, names: Mapping[str, str]) -> list[ListedPair]:
    """The rows of a list, without empty ones; `names` says what its columns are called, where not as here."""
    with as_error_of("data.pairs", UserError):
        table = read_csv(path, may_end_early=True, advice="Expected a row for each chip.")
    columns = _named_columns(path, [name.lower() for name in table.columns], names)
    _check_columns(path, columns)
    column_of = dict(zip(table.columns, columns, strict=True))
    rows: list[ListedPair] = []
    for row in table.rows:
        cells = {column_of[name]: cell.strip() for name, cell in row.cells.items()}
        rows.append(ListedPair(row.line, cells))
    return rows


def _named_columns(path: Path, written: Sequence[str], names: Mapping[str, str]) -> list[str]:
    """The columns as they are called here; `UserError` for a name that no column has."""
    own_names = {name.strip().lower(): column for column, name in names.items()}
    for column, name in names.items():
        if name.strip().lower() not in written:
            there = _told_columns(written)
            raise UserError(
                f"data.pair_columns: {path} has no column {name!r} for {column}. Its columns are {there}; name one of "
                "them."
            )
    # a column whose name was given to another one is not read
    others = {column: "" for column in names if column not in own_names}
    return [own_names.get(name, others.get(name, name)) for name in written]


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    """Raise `UserError` where the columns of files are not there."""
    if not set(NEEDED_COLUMNS) <= set(columns):
        known = ", ".join(PAIR_COLUMNS)
        found = _told_columns(list(filter(None, columns)))
        raise UserError(
            f"data.pairs: {path} line 1 needs the columns image and mask (known are {known}); found {found}. Say what "
            f"they are called, such as {EXAMPLE}."
        )


def _told_columns(columns: Sequence[str]) -> str:
    """The columns of a list for a message; a file that is no table, perhaps one of passwords, is not shown."""
    return ", ".join(columns) if is_header(columns) else "none with a name"


def _checked_format(path: Path, row: ListedPair, file: Path) -> Path:
    """A file; `UserError` where its suffix is not that of a chip."""
    if file.suffix.lower() not in chip_suffixes():
        known = ", ".join(chip_suffixes())
        raise UserError(f"data.pairs: {path} line {row.line}: {file.name} is not one of {known}.")
    return file


def _check_images(path: Path, found: Iterable[tuple[ListedPair, Path, Path | None]]) -> None:
    """Raise `UserError` for an image that two rows have."""
    lines: dict[Path, int] = {}
    for row, image, _ in found:
        first = lines.setdefault(image, row.line)
        if first != row.line:
            raise UserError(f"data.pairs: {path} lists {image} in line {first} and in line {row.line}. Remove one.")


def _chip_names(images: Sequence[Path]) -> list[str]:
    """The names of chips: those of their files, and the folders before them where two files have one name."""
    counts = Counter(image.name for image in images)
    if all(count == 1 for count in counts.values()):
        return [image.name for image in images]
    common = Path(os.path.commonpath([image.parent for image in images]))
    return [_name_below(common, image) for image in images]


def _name_below(folder: Path, image: Path) -> str:
    """The name of a chip with the folders between another one and its own."""
    between = image.parent.relative_to(folder).parts
    return chip_name("/".join(between), image.name)
