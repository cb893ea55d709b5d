"""The newest run below a folder, for commands that take one run: `run=outputs/mine`."""

import logging
from contextlib import suppress
from pathlib import Path

from seep_lightning.documents.regular_files import is_there
from seep_lightning.files import with_home
from seep_lightning.runs.directory import Run, runs_below

log = logging.getLogger(__name__)


def run_or_newest_below(path: str | Path, checkpoint: str = "best") -> Path:
    """A run directory as it is; of a folder that holds runs, the one with the newest checkpoint, and say which.

    Args:
        path: What a person named.
        checkpoint: The checkpoint that is wanted, `best` or `last`. Runs without it do not count.

    Returns:
        The run's directory. The path itself where nothing was found, so that opening it tells what is wrong.
    """
    folder = with_home(path)
    if not folder.is_dir() or is_there(Run(folder).config_path):
        return folder
    written: dict[Path, int] = {}
    for directory in runs_below(folder):
        # a run without it, or one that goes away while we look
        with suppress(OSError):
            written[directory] = (Run(directory).checkpoints / f"{checkpoint}.ckpt").stat().st_mtime_ns
    if not written:
        return folder
    newest = max(written, key=lambda directory: written[directory])
    log.info("run=%s: %s is the newest of %d run(s) with %s.ckpt there", path, newest, len(written), checkpoint)
    return newest
