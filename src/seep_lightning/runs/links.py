"""Links in a run directory that lead out of it: what is written into the run would land elsewhere."""

import os
from pathlib import Path

from seep_lightning.errors import UserError
from seep_lightning.runs.directory import Run


def check_no_way_out(run: Run) -> None:
    """Refuse to write into a run directory in which a link, or a pipe in the place of a log, leads elsewhere.

    Args:
        run: The run, which may be a stranger's.

    Raises:
        UserError: There is such a link, at any depth: a stored logger may name any folder of the run.
    """
    home = run.dir.resolve()
    for folder, folders, files in os.walk(run.dir):
        for name in (*folders, *files):
            _check_within(Path(folder, name), home, run)
    if run.log_path.exists() and not run.log_path.is_file():
        raise UserError(f"run={run.dir}: {run.log_path.name} is no file. Remove it.")


def _check_within(path: Path, home: Path, run: Run) -> None:
    """Raise `UserError` for a link that leads out of the folder `home`."""
    if not path.is_symlink():
        return
    # a link that leads back to itself stays what it is, and is told where it is read
    target = Path(os.path.realpath(path))
    if not target.is_relative_to(home):
        raise UserError(
            f"run={run.dir}: {path.relative_to(run.dir)} is a link that leads out of the run, to "
            f"{target}. Put the file or folder itself in its place."
        )
