"""`split.csv`: which chip of a data set is in which part, a row a chip."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from seep_lightning.data.chips import Chips
from seep_lightning.data.parts import PART_SYNONYMS, PARTS
from seep_lightning.documents.tables import read_csv
from seep_lightning.errors import UserError, as_error_of
from seep_lightning.files import write_table

ADVICE = "A split has a row for each chip: its name and its part."


def write_split(path: Path, chips: Chips, parts: Sequence[str]) -> None:
    """Write a `split.csv`.

    Args:
        path: The file.
        chips: The data set.
        parts: The part of each chip.
    """
    rows = []
    for name, scene, part in zip(chips.names, chips.scenes, parts, strict=True):
        rows.append({"name": name, "scene": scene, "part": part})
    write_table(path, rows)


def read_split(chips: Chips, path: str | None) -> list[str]:
    """Read a `split.csv`.

    Args:
        chips: The data set that it is of.
        path: The file, as `split.path` names it.

    Returns:
        The part of each chip.

    Raises:
        UserError: There is no such file, it is no such table, or it is of other chips.
    """
    advice = (
        "Pass the split.csv of a run, or name,scene,part rows (or data.pairs with a column split, or chips in folders "
        "called train, val, test)"
    )
    if path is None:
        raise UserError(f"split.path: it is not set. {advice}.")
    if not Path(path).is_file():
        raise UserError(f"split.path: there is no file {path}. {advice}.")
    parts = _read_parts(path)
    _check_chips(path, chips, parts)
    return [parts[name] for name in chips.names]


def part_called(text: str) -> str:
    """The part that a list or a folder calls so, such as `val` of `Validation`; other texts as they are."""
    return PART_SYNONYMS.get(text.lower(), text.lower())


def listed_split(chips: Chips) -> list[str]:
    """Take the parts that the column `split` of `data.pairs` gives, or the folders that the chips lie in.

    Args:
        chips: The data set.

    Returns:
        The part of each chip.

    Raises:
        UserError: A chip has none, or one that is none.
    """
    parts: list[str] = []
    for name, text in zip(chips.names, chips.listed_parts, strict=True):
        part = part_called(text)
        if part not in PARTS:
            raise _unlisted_error(chips, name, text)
        parts.append(part)
    return parts


def _unlisted_error(chips: Chips, name: str, text: str) -> UserError:
    """The error for a chip of which neither list nor folder says the part."""
    expected = ", ".join(PARTS)
    if chips.config.pairs is None:
        return UserError(
            f"split=file: {name} lies in no folder that is called {expected}, as other chips do. Move it into one, or "
            "choose another split than split=file."
        )
    return UserError(
        f"data.pairs: {chips.config.pairs} gives {name} the split {text!r}; expected {expected}. "
        "Correct the column, or choose another split than split=file."
    )


def _read_parts(path: str) -> dict[str, str]:
    """The part of each name in the file."""
    with as_error_of("split.path", UserError):
        rows = read_csv(Path(path), ["name", "part"], advice=ADVICE).rows
    names = [row.cells["name"] for row in rows]
    _check_names(path, names)
    parts = [row.cells["part"] for row in rows]
    _check_parts(path, names, parts)
    return dict(zip(names, parts, strict=True))


def _check_names(path: str, names: Sequence[str]) -> None:
    """Raise `UserError` for a name that occurs twice."""
    counts = Counter(names)
    repeated = [name for name, count in counts.most_common() if count > 1]
    if repeated:
        raise UserError(f"split.path: {path} has more than one row for {repeated[0]}; every chip must have one.")


def _check_parts(path: str, names: Sequence[str], parts: Sequence[str]) -> None:
    """Raise `UserError` for a part that is none."""
    expected = ", ".join(PARTS)
    for name, part in zip(names, parts, strict=True):
        if part not in PARTS:
            raise UserError(f"split.path: {path} gives {name} the part {part!r}; expected {expected}.")


def _check_chips(path: str, chips: Chips, parts: Mapping[str, str]) -> None:
    """Raise `UserError` for a chip without a row, or a row without a chip."""
    names = set(chips.names)
    lacking = sorted(names - parts.keys())
    if lacking:
        raise UserError(_mismatch(path, "has no row for chip", lacking))
    unknown = sorted(parts.keys() - names)
    if unknown:
        raise UserError(_mismatch(path, "names a chip that is not in the data:", unknown))


def _mismatch(path: str, problem: str, names: Sequence[str]) -> str:
    """That a file and its chips do not belong together, in words, with the first of some names."""
    examples = names[0]
    if len(names) > 1:
        examples += f" and {len(names) - 1} more"
    return f"split.path: {path} {problem} {examples}. Was it made from other data?"
