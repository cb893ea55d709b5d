"""Files that are written as a whole or not at all, folders for output, and hashes of files."""

import csv
import hashlib
import io
import os
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from seep_lightning.errors import UserError, as_user_error, writing_to

# hexadecimal digits of a file's hash
DIGEST_LENGTH = 16


def with_home(path: str | Path) -> Path:
    """Replace `~` at the beginning of a path by the home folder; one of a user who does not exist stays."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def absolute(path: str | Path | None) -> str | None:
    """Make a path hold from any folder.

    Args:
        path: A path, or None; an empty one is the working folder.

    Returns:
        The absolute path; None for None.
    """
    return None if path is None else str(Path(path).absolute())


def digest(path: Path) -> str:
    """Hash a file: two checkpoints with one digest are the same checkpoint."""
    with path.open("rb") as file:
        whole_digest = hashlib.file_digest(file, "blake2b").hexdigest()
    return whole_digest[:DIGEST_LENGTH]


def write_whole(path: Path, content: bytes | memoryview, *, sync: bool = True) -> None:
    """Write a whole file or none of it: the old one stays until the new one is complete.

    Args:
        path: The file.
        content: All of its bytes.
        sync: Whether to wait until the disk has it. Without that, a power cut may leave an empty file of this name.

    Raises:
        DiskError: The disk is full, or the file cannot be written.
    """
    # other processes may write the same file at the same time
    part = path.with_name(f".{path.name}.{uuid4().hex[:8]}.part")
    try:
        with writing_to(path):
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                if sync:
                    os.fsync(file.fileno())
            part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write a whole text file or none of it, see `write_whole`.

    Args:
        path: The file.
        text: All of its text, written as UTF-8.

    Raises:
        DiskError: The disk is full, or the file cannot be written.
    """
    write_whole(path, text.encode())


def write_table(path: Path, rows: Collection[Mapping[str, Any]], columns: Iterable[str] = ()) -> None:
    """Write rows as a whole CSV file or none of it, see `write_whole`.

    Args:
        path: The file.
        rows: Values by column. A row may leave out columns.
        columns: The first columns; after them come the rows' others, in the order in which they first occur.

    Raises:
        DiskError: The disk is full, or the file cannot be written.
    """
    names = list(columns)
    for row in rows:
        names.extend(row)
    header = list(dict.fromkeys(names))
    text = io.StringIO()
    writer = csv.DictWriter(text, header, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def make_output_folder(path: Path, overwrite: bool, key: str) -> Path:
    """Make an output folder.

    Args:
        path: The folder.
        overwrite: Whether it may hold something already.
        key: The key of the config that names it, for messages.

    Returns:
        The folder.

    Raises:
        UserError: It is a file, it is not empty and `overwrite` is false, or it cannot be made.
    """
    if path.exists() and not path.is_dir():
        raise UserError(f"{key}={path} is a file; expected a folder to write into.")
    if path.is_dir() and any(path.iterdir()) and not overwrite:
        raise UserError(f"{key}={path} exists and is not empty. Choose another, or pass overwrite=true.")
    with as_user_error(f"{key}={path}: cannot make this folder", OSError):
        path.mkdir(parents=True, exist_ok=True)
    return path
