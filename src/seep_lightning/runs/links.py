"""Links in a run directory that lead out of it: what is written into the run would land elsewhere."""

import os
from pathlib import Path

from seep_lightning.errors import UserError
from seep_lightning.runs.directory import Run

# folders in which commands write by name, beside the run's directory itself
_FOLDERS = ("checkpoints", "evaluate")


def check_no_way_out(run: Run) -> None:
    """Refuse to write into a run directory in which a link, or a pipe in the place of a log, leads elsewhere.

    Args:
        run: The run, which may be a stranger's.

    Raises:
        UserError: There is such a link, at the top or among the checkpoints and evaluations.
    """
    home = run.dir.resolve()
    for folder in (run.dir, *(run.dir / name for name in _FOLDERS)):
        if not folder.is_dir():
            continue
        for path in folder.iterdir():
            # a link that leads back to itself stays what it is, and is told where it is read
            target = Path(os.path.realpath(path))
            if path.is_symlink() and not target.is_relative_to(home):
                raise UserError(
                    f"run={run.dir}: {path.relative_to(run.dir)} is a link that leads out of the run, to "
                    f"{target}. Put the file or folder itself in its place."
                )
    if run.log_path.exists() and not run.log_path.is_file():
        raise UserError(f"run={run.dir}: {run.log_path.name} is no file. Remove it.")
