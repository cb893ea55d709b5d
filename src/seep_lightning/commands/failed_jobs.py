"""The failed jobs of a sweep: the process that runs one notes it, the process that started the sweep tells all of them.

Launchers hand Hydra the error of each job, but a sweeper of Hydra's raises the first of them only.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from shlex import quote

from seep_lightning.documents.json_files import parsed_json
from seep_lightning.documents.regular_files import is_regular
from seep_lightning.documents.shapes import as_shape
from seep_lightning.documents.text import read_text
from seep_lightning.errors import UserError

NOTES_NAME = "failed_jobs.jsonl"
"""Of the file in the sweep's folder: an object of JSON for each failed job, one a line."""


@dataclass(frozen=True)
class FailedJob:
    """A job of a sweep that failed.

    Attributes:
        sweep: Which start of the sweep it belongs to: one folder may have been given to several.
        directory: Of the job.
        reason: Why it failed, in one line.
    """

    sweep: str
    directory: str
    reason: str


def note_failed_job(folder: Path, job: FailedJob) -> None:
    """Note a failed job in the sweep's folder.

    Args:
        folder: The sweep's folder.
        job: The job.
    """
    line = json.dumps(asdict(job)) + "\n"
    # the disk may be full, and the job's own error is the one to tell
    with suppress(OSError), (folder / NOTES_NAME).open("a") as file:
        file.write(line)


def describe_failed_jobs(folder: Path, sweep: str) -> list[str]:
    """Name the failed jobs of a sweep, each with the reason and its directory.

    Args:
        folder: The sweep's folder.
        sweep: Which start of it.

    Returns:
        The lines: a name in one of them may hold what ends a line, and is printed as text.
    """
    jobs = list(_noted_jobs(folder, sweep))
    if not jobs:
        return [f"a job of the sweep in {folder} failed."]
    are_jobs = "1 job of the sweep" if len(jobs) == 1 else f"{len(jobs)} jobs of the sweep"
    lines = [f"{are_jobs} failed:"]
    told: set[str] = set()
    for job in jobs:
        reason = "for the same reason" if job.reason in told else job.reason
        lines.append(f"  {job.directory}: {reason}")
        told.add(job.reason)
    argument = quote(f"hydra.sweep.dir={folder}")
    have_run = "The others have run. " if _has_others(folder, jobs) else ""
    lines.append(f"{have_run}Give the same command with {argument} to try these again.")
    return lines


def first_of_same_reason(folder: Path, directory: Path) -> str | None:
    """Name the first job of a sweep that failed for the same reason as a later one.

    Args:
        folder: The sweep's folder.
        directory: Of the later job, which was noted last of those in it.

    Returns:
        The name of the first job's folder; None where the later one is the first, or its reason is not noted.
    """
    jobs = list(_all_noted_jobs(folder))
    notes = [job for job in jobs if job.directory == str(directory)]
    if not notes:
        return None
    same = [job for job in jobs if (job.sweep, job.reason) == (notes[-1].sweep, notes[-1].reason)]
    first = Path(same[0].directory)
    return None if first == directory else first.name


def _has_others(folder: Path, failed: Sequence[FailedJob]) -> bool:
    """Whether a sweep has jobs that did not fail."""
    directories = {Path(job.directory) for job in failed}
    return any(path.is_dir() and path not in directories for path in folder.iterdir())


def _noted_jobs(folder: Path, sweep: str) -> Iterator[FailedJob]:
    """The failed jobs of one start of a sweep."""
    return (job for job in _all_noted_jobs(folder) if job.sweep == sweep)


def _all_noted_jobs(folder: Path) -> Iterator[FailedJob]:
    """The failed jobs of all starts of a sweep."""
    path = folder / NOTES_NAME
    if not is_regular(path):
        return
    for line in read_text(path).splitlines():
        # a process that was killed may have left half a line
        with suppress(UserError):
            yield as_shape(parsed_json(line, str(path)), FailedJob, str(path))
