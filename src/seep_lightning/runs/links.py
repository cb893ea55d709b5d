"""Links in a run directory or a sweep folder that lead out of it: what is written into it would land elsewhere."""

import os
import stat
from contextlib import suppress
from pathlib import Path

from seep_lightning.documents.regular_files import entries_below
from seep_lightning.errors import UserError
from seep_lightning.runs.directory import Run


def check_no_way_out(run: Run) -> None:
    """Refuse to write into a run directory in which a link, or a pipe in the place of a log, leads elsewhere.

    Args:
        run: The run, which may be a stranger's.

    Raises:
        UserError: There is such a link, at any depth: a stored logger may name any folder of the run.
    """
    check_folder(run.dir, "run")
    if run.log_path.exists() and not run.log_path.is_file():
        raise UserError(f"run={run.dir}: {run.log_path.name} is no file. Remove it.")


def check_folder(home: Path, key: str) -> None:
    """Refuse to write into a folder in which a link, a pipe or a device leads elsewhere, at any depth.

    Args:
        home: The folder; there may be none yet.
        key: Of the config, that names it.

    Raises:
        UserError: There is one.
    """
    resolved = home.resolve()
    for path in entries_below(home):
        # what another process writes here may be gone already
        with suppress(FileNotFoundError):
            _check_entry(path, home, resolved, key)


def _check_entry(path: Path, home: Path, resolved: Path, key: str) -> None:
    """Raise `UserError` for what is no folder, no file and no link to one of them within a folder."""
    mode = path.lstat().st_mode
    # nearly all are; a run may hold thousands
    if stat.S_ISDIR(mode) or stat.S_ISREG(mode):
        return
    name = path.relative_to(home)
    if not stat.S_ISLNK(mode):
        raise UserError(f"{key}={home}: {name} is no file and no folder, but a pipe or the like. Remove it.")
    # a link that leads back to itself stays what it is, and is told where it is read
    target = Path(os.path.realpath(path))
    if not target.is_relative_to(resolved):
        raise UserError(
            f"{key}={home}: {name} is a link that leads out of the folder, to {target}. "
            "Put the file or folder itself in its place."
        )
