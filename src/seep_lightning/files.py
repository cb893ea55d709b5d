"""Files that are written as a whole or not at all, folders for output, and hashes of files."""

import csv
import hashlib
import io
import os
import platform
import re
import shutil
import stat
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from seep_lightning.errors import UserError, as_user_error, writing_to

# what a spreadsheet computes, and what has an apostrophe before it already
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
# hexadecimal digits of a file's hash
DIGEST_LENGTH = 16
# characters of a file's name that its draft keeps, so that the draft's is never too long
DRAFT_NAME_LENGTH = 40
# `.NAME.MACHINE-PROCESS-NUMBER.part`, with a suffix where a format asks for one
DRAFT_PATTERN = re.compile(r"\..*\.(?P<machine>[0-9a-f]{6})-(?P<pid>\d+)-[0-9a-f]{6}\.part(\..+)?", re.DOTALL)
# seconds after which a draft of another machine, whose processes cannot be seen, is taken for abandoned
SECONDS_OF_FOREIGN_DRAFT = 24 * 3600
HIDDEN_FILES_OF_OURS = re.compile(r"\..*(\.part(\..+)?|\.lock)", re.DOTALL)

_OPEN_DRAFTS: set[Path] = set()
"""Drafts that this process writes right now."""


def with_home(path: str | Path) -> Path:
    """Replace `~` at the beginning of a path by the home folder; one of a user who does not exist stays."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def real_path(path: str | Path) -> Path:
    """Where a path leads, absolute, with all links followed.

    A circle of links stays as it is, to be told where the file is opened; `Path.resolve` would raise a RuntimeError.

    Args:
        path: Of a file or folder, which need not be there.
    """
    return Path(os.path.realpath(path))


def absolute(path: str | Path | None) -> str | None:
    """Make a path hold from any folder.

    Args:
        path: A path, or None; an empty one is the working folder.

    Returns:
        The absolute path; None for None.
    """
    return None if path is None else str(Path(path).absolute())


def from_working_folder(path: Path) -> str:
    """A path as it is shortest to type: relative where it lies below the working folder, else as it is.

    Args:
        path: An absolute path.
    """
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def digest(path: Path) -> str:
    """Hash a file: two checkpoints with one digest are the same checkpoint."""
    with path.open("rb") as file:
        whole_digest = hashlib.file_digest(file, "blake2b").hexdigest()
    return whole_digest[:DIGEST_LENGTH]


def machine_name() -> str:
    """The name of this machine in its network."""
    return platform.node()


@contextmanager
def draft_of(path: Path, suffix: str = "") -> Iterator[Path]:
    """A name beside a file or folder for what is not whole yet. What is left there at the end is removed.

    The name tells which process writes it: see `remove_leftovers`.

    Args:
        path: The file or folder.
        suffix: What the draft's name must end in, where a library knows a format by it; such a draft may be taken for
            a file by whoever looks for files of this suffix.

    Raises:
        UserError: There is a device or a pipe of this name, which a file would replace.
    """
    _check_replaceable(path)
    owner = f"{_machine_digest()}-{os.getpid()}-{uuid4().hex[:6]}"
    draft = path.with_name(f".{path.name[:DRAFT_NAME_LENGTH]}.{owner}.part{suffix}")
    _OPEN_DRAFTS.add(draft.absolute())
    try:
        yield draft
    finally:
        _remove(draft)
        _OPEN_DRAFTS.discard(draft.absolute())


def _check_replaceable(path: Path) -> None:
    """Raise `UserError` for a device, a pipe or a socket: who may replace `/dev/null` breaks a whole machine."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        # nothing is there, or the writer tells better
        return
    is_replaceable = stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)
    if not is_replaceable:
        raise UserError(f"{path} is a device or a pipe; expected the name of a file to write. Choose another.")


def remove_leftovers(folder: Path) -> None:
    """Remove what processes that were killed left in a folder: drafts of files and folders.

    Those of living processes stay, and so do those of other machines for a day.

    Args:
        folder: The folder, which need not be there.
    """
    with suppress(OSError):
        for entry in list(folder.iterdir()):
            if _is_abandoned(entry):
                _remove(entry)


def _is_abandoned(path: Path) -> bool:
    """Whether this is a draft whose process is gone."""
    match = DRAFT_PATTERN.fullmatch(path.name)
    if match is None:
        return False
    # on Windows, asking for a process ends it
    cannot_ask = sys.platform == "win32"
    if cannot_ask or match["machine"] != _machine_digest():
        return time.time() - path.lstat().st_mtime > SECONDS_OF_FOREIGN_DRAFT
    pid = int(match["pid"])
    if pid == os.getpid():
        # of a process of this number before: in containers they begin with 1
        return not any(path.name.startswith(draft.name) for draft in list(_OPEN_DRAFTS))
    return not _is_alive(pid)


def _is_alive(pid: int) -> bool:
    """Whether a process of this machine lives."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        # somebody else's
        return True
    return True


def _machine_digest() -> str:
    """A short hash of this machine's name."""
    return hashlib.blake2b(machine_name().encode(), digest_size=3).hexdigest()


def _remove(path: Path) -> None:
    """Remove a file or folder; nothing where there is none."""
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            remove_folder(path)
        else:
            path.unlink(missing_ok=True)


def remove_folder(folder: Path) -> None:
    """Remove a folder with all that is in it; what cannot be removed stays.

    Args:
        folder: The folder, which may be a stranger's.
    """
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:
        # it calls itself for each folder in a folder
        _remove_deep_folder(folder)


def _remove_deep_folder(folder: Path) -> None:
    """Remove a folder in which a thousand others lie, one in the other."""
    folders = [str(folder)]
    for place in folders:
        # below a path that is too long nothing can be reached by its name
        with suppress(OSError), os.scandir(place) as found:
            for entry in list(found):
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    Path(entry.path).unlink()
    for place in reversed(folders):
        with suppress(OSError):
            Path(place).rmdir()


def replace_folder(draft: Path, folder: Path) -> None:
    """Put a whole folder in the place of another one, which is removed afterwards.

    Args:
        draft: The new folder, on the same disk.
        folder: The place, where there may be an old one.

    Raises:
        DiskError: The disk refuses it.
    """
    with draft_of(folder) as old, writing_to(folder):
        if folder.is_dir():
            folder.replace(old)
        draft.replace(folder)


def write_whole(path: Path, content: bytes | memoryview, *, sync: bool = True) -> None:
    """Write a whole file or none of it: the old one stays until the new one is complete.

    Args:
        path: The file.
        content: All of its bytes.
        sync: Whether to wait until the disk has it. Without that, a power cut may leave an empty file of this name.

    Raises:
        DiskError: The disk is full, or the file cannot be written.
    """
    with draft_of(path) as draft, writing_to(path):
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        draft.replace(path)


def write_into_draft(path: Path, content: bytes) -> None:
    """Write a file of a folder that is a draft itself, see `draft_of`: it needs no draft of its own, which costs time.

    Args:
        path: The file.
        content: All of its bytes.

    Raises:
        DiskError: The disk is full, or the file cannot be written.
    """
    with writing_to(path), path.open("wb") as file:
        file.write(content)


def publish(draft: Path, path: Path) -> None:
    """Give a whole file its name, once the disk has it.

    Args:
        draft: The file, beside its later place.
        path: Its name.

    Raises:
        DiskError: The disk refuses it, which some tell only now.
    """
    with writing_to(path):
        _sync(draft)
        draft.replace(path)


def sync_folder(folder: Path) -> None:
    """Wait until the disk has all files below a folder that were written without waiting.

    Args:
        folder: The folder.

    Raises:
        DiskError: The disk refuses one, which some tell only now.
    """
    for path in folder.rglob("*"):
        if path.is_file():
            with writing_to(path):
                _sync(path)


def _sync(path: Path) -> None:
    """Wait until the disk has a file."""
    # Windows keeps only files that may be written
    mode = "r+b" if sys.platform == "win32" else "rb"
    with path.open(mode) as file:
        os.fsync(file.fileno())


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
    write_text(path, table_text(rows, columns))


def table_text(rows: Collection[Mapping[str, Any]], columns: Iterable[str] = ()) -> str:
    """Rows as the text of a CSV file; see `write_table`.

    Args:
        rows: Values by column. A row may leave out columns.
        columns: The first columns.
    """
    names = list(columns)
    for row in rows:
        names.extend(row)
    header = list(dict.fromkeys(names))
    text = io.StringIO()
    writer = csv.DictWriter(text, header, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: quoted_cell(value) for name, value in row.items()})
    return text.getvalue()


def quoted_cell(value: Any) -> Any:
    """A cell that a spreadsheet takes for a text: it computes what begins with `=`, `+`, `-` or `@`.

    Args:
        value: Of a cell. Numbers stay, also as text.

    Returns:
        The value, with an apostrophe before a text that would be computed; `plain_cell` takes it away again.
    """
    if not isinstance(value, str) or not _FORMULA.match(value) or _is_number(value):
        return value
    return f"'{value}"


def plain_cell(cell: str) -> str:
    """A cell as it was before `quoted_cell`."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _is_number(text: str) -> bool:
    """Whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


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
    check_output_folder(path, overwrite, key)
    with as_user_error(f"{key}={path}: cannot make this folder", OSError):
        path.mkdir(parents=True, exist_ok=True)
    return path


def check_output_folder(path: Path, overwrite: bool, key: str) -> None:
    """Check that a folder may be written into, or replaced; nothing is made.

    Args:
        path: The folder, which need not be there.
        overwrite: Whether it may hold something already.
        key: The key of the config that names it, for messages.

    Raises:
        UserError: It is a file, or it is not empty and `overwrite` is false.
    """
    if path.exists() and not path.is_dir():
        raise UserError(f"{key}={path} is a file; expected a folder to write into.")
    if path.is_dir() and not overwrite and not is_empty(path):
        raise UserError(f"{key}={path} exists and is not empty. Choose another, or pass overwrite=true.")


def make_inner_folder(folder: Path) -> None:
    """Make a folder inside an output, unless it is there.

    Args:
        folder: The folder.

    Raises:
        UserError: See `check_stays_inside`.
    """
    check_stays_inside(folder)
    folder.mkdir(parents=True, exist_ok=True)


def check_stays_inside(path: Path) -> None:
    """Check that a folder or file inside an output is no way out of it: the output may be a stranger's.

    Args:
        path: The folder or file, which need not be there.

    Raises:
        UserError: It is a link that leads out of the folder in which it lies.
    """
    target = real_path(path)
    if path.is_symlink() and not target.is_relative_to(real_path(path.parent)):
        raise UserError(
            f"{path} is a link that leads out of its folder, to {target}. Put the file or folder itself in its place, "
            "or choose another output."
        )


def is_empty(folder: Path) -> bool:
    """Whether a folder holds nothing but locks and drafts, which killed processes may have left.

    Args:
        folder: The folder.
    """
    return all(HIDDEN_FILES_OF_OURS.fullmatch(path.name) for path in folder.iterdir())
