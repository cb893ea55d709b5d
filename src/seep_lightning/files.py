"""The run directory: the contract between all commands. Its paths, config, summary; what may change on resume."""

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


def absolute(path: Any) -> str | None:
    """A path that holds from any folder; None of None, and the folder itself of an empty one."""
    return None if path is None else str(Path(path).absolute())


def digest(path: Path) -> str:
    """A hash of a file: two checkpoints with one digest are the same checkpoint."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()[:16]


def write_whole(path: Path, content: bytes | memoryview, *, sync: bool = True) -> None:
    """Write a whole file or none of it: the old one stays until the new one is complete; `DiskError` where it cannot.

    sync: wait until the disk has it; else a power cut may leave the new name with nothing in it.
    """
    part = path.with_name(f".{path.name}.{uuid4().hex[:8]}.part")  # other processes may write this file
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
    """Write a whole text file or none of it, see `write_whole`."""
    write_whole(path, text.encode())


def write_table(path: Path, rows: Collection[Mapping[str, Any]], columns: Iterable[str] = ()) -> None:
    """Write rows as CSV, all or nothing: `columns`, then others in the order in which they come up."""
    text, every = io.StringIO(), dict.fromkeys([*columns, *(key for row in rows for key in row)])
    writer = csv.DictWriter(text, list(every), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def make_output_folder(path: Path, overwrite: bool, key: str) -> Path:
    """Make an output folder; one that holds something is refused, unless `overwrite`."""
    if path.exists() and not path.is_dir():
        raise UserError(f"{key}={path} is a file; expected a folder to write into.")
    if path.is_dir() and any(path.iterdir()) and not overwrite:
        raise UserError(f"{key}={path} exists and is not empty. Choose another, or pass overwrite=true.")
    with as_user_error(f"{key}={path}: cannot make this folder", OSError):
        path.mkdir(parents=True, exist_ok=True)
    return path
