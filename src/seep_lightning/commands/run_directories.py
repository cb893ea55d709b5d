"""Where a run's directory lies: by name and time, by the job of a cluster, or by what differs in a sweep."""

import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from seep_lightning.commands.overrides import key_of
from seep_lightning.config.references import REFERENCE
from seep_lightning.config.trust import Untrusted
from seep_lightning.errors import UserError
from seep_lightning.runs.directory import Run, open_run
from seep_lightning.runs.links import check_no_way_out
from seep_lightning.scene.locations import check_name

OUTPUTS = Path("outputs")
RUN_KEYS = ("hydra.run.dir", "hydra.sweep.dir", "run")
"""Keys of `train` that say where runs lie."""
# names that SLURM gives to a job at a prompt, which is not requeued
INTERACTIVE_JOBS = ("bash", "interactive")
# torchrun's name for a job without one
UNNAMED_JOB = "none"
# Hydra's flags that show something and run nothing
SHOWING_FLAGS = ("--cfg", "-c", "--info", "-i", "--help", "-h", "--hydra-help")


def claimed_directory(run: str | None, ckpt: str | None, name: str) -> str:
    """Choose the directory of a run, and make one that is named by the time. A resolver of `conf/train.yaml`.

    Whoever makes it has it: a command that starts in the same moment takes another one.

    Args:
        run: See `run_directory`, also for the rest.
        ckpt: Likewise.
        name: Likewise.
    """
    directory = Path(run_directory(run, ckpt, name))
    goes_on = bool(run) or (directory / "checkpoints" / "last.ckpt").is_file()
    only_shows = any(argument.startswith(SHOWING_FLAGS) for argument in sys.argv[1:])
    if goes_on or only_shows or job_id() is not None:
        return str(directory)
    return str(_made_alone(directory))


def check_folders_of_runs(arguments: Sequence[str]) -> None:
    """Raise `UserError` where a run would lie in a folder called `${...}`: Hydra looks that up as it opens its log.

    Args:
        arguments: A command line that `prepare_arguments` prepared: `${` of a name stands after a backslash.
    """
    literal = f"\\{REFERENCE}"
    names = [key_of(argument) for argument in arguments if key_of(argument) in RUN_KEYS and literal in argument]
    if REFERENCE in str(Path.cwd()):
        names.append("the folder to work in")
    if names:
        raise UserError(f"{names[0]}: a run cannot lie in a folder called ${{...}}. Choose another folder.")


def _made_alone(directory: Path) -> Path:
    """Make a directory that was not there, with a number added where another process was faster."""
    number = 1
    candidate = directory
    while True:
        with suppress(OSError):
            candidate.mkdir(parents=True)
            return candidate
        if not candidate.exists():
            # Hydra tells what is wrong with the place
            return candidate
        number += 1
        candidate = directory.with_name(f"{directory.name}-{number}")


def run_directory(run: str | None, ckpt: str | None, name: str) -> str:
    """Choose the directory of a run.

    Args:
        run: The run that is resumed, if any.
        ckpt: `last`: the newest run of this name that has a checkpoint, if there is one.
        name: The name of new runs.

    Returns:
        A directory, which for a new run is `outputs/<name>/<time or job>` and does not exist yet.

    Raises:
        UserError: There is no such run, its name is not UTF-8, or torchrun's processes could not agree on a directory.
    """
    if run:
        directory = Run(Path(run))
        # loggers write it into files of their own
        check_name(directory.dir.absolute())
        # before Hydra would make a directory of a misspelt name; what is trusted is not known yet
        with suppress(Untrusted):
            open_run(run)
        # ... and before it opens the log
        check_no_way_out(directory)
        return str(directory.dir)
    home = OUTPUTS / name
    if ckpt == "last":
        newest = _newest_run(home)
        if newest is not None:
            return str(newest)
    job = job_id()
    if job is None and _is_one_of_torchruns_processes():
        raise UserError(
            "torchrun gave this job no name, so its processes cannot agree on a directory. "
            "Pass torchrun --standalone (one machine) or --rdzv-id=NAME, or set hydra.run.dir=DIR."
        )
    return str(home / (job or time_with_milliseconds()))


def job_id() -> str | None:
    """The name of this job in SLURM or torchrun, the same on all ranks and when the job is requeued.

    None in an interactive session of SLURM, and outside of both.
    """
    is_batch_job = os.environ.get("SLURM_JOB_NAME") not in INTERACTIVE_JOBS
    if "SLURM_JOB_ID" in os.environ and is_batch_job:
        return os.environ["SLURM_JOB_ID"]
    name = os.environ.get("TORCHELASTIC_RUN_ID", UNNAMED_JOB)
    return None if name == UNNAMED_JOB else name


def sweep_folder_name(overrides: str) -> str:
    """Name a job's folder in a sweep; `conf/train.yaml` calls this as a resolver.

    Args:
        overrides: What differs between the jobs, such as `optimizer.lr-0.001;seed-1`.

    Returns:
        A name such as `lr-0.001_seed-1`, without `=`, comma or bracket, which Hydra's grammar reserves.
    """
    names = []
    for override in overrides.split(";"):
        without_groups = re.sub(r"^([\w@/]+\.)+(?=\w+-)", "", override)
        plain = re.sub(r"-?[^\w.+-]+", "-", without_groups)
        names.append(plain.strip("-"))
    return "_".join(names) or "0"


def time_with_milliseconds() -> str:
    """The time as the name of a directory."""
    microseconds = datetime.now().strftime("%Y-%m-%d_%H-%M-%S-%f")
    return microseconds[:-3]


def _newest_run(home: Path) -> Path | None:
    """The run below a folder whose last checkpoint is the newest."""

    def written(checkpoint: Path) -> int:
        return checkpoint.stat().st_mtime_ns

    checkpoints = list(home.glob("*/checkpoints/last.ckpt"))
    if not checkpoints:
        return None
    return max(checkpoints, key=written).parents[1]


def _is_one_of_torchruns_processes() -> bool:
    """Whether torchrun started this process and others beside it."""
    return "TORCHELASTIC_RUN_ID" in os.environ and os.environ.get("WORLD_SIZE") != "1"
