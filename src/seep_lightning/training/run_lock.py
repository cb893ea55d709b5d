"""One training at a time in one run directory."""

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from seep_lightning.commands.run_directories import job_id
from seep_lightning.errors import InUse
from seep_lightning.files import remove_leftovers
from seep_lightning.locks import lock_inside, locked
from seep_lightning.runs.directory import Run, is_first_process
from seep_lightning.training.process import TRIAL_VARIABLE

log = logging.getLogger(__name__)

WORK = "train"
# A requeued job may start before its last start has ended, and a file server frees the locks of a machine that is gone
# after about 90 s.
SECONDS_FOR_REQUEUED_JOB = 180.0


@contextmanager
def run_locked(run: Run) -> Iterator[None]:
    """Hold a run directory for training, and clear away what a killed training left of unfinished files.

    Of several processes of one training the first one holds it. Whether a trial of a search may be taken up again is
    decided by the search, which knows that the process before gave no sign of life: it may hang, and hold the lock.

    Args:
        run: The run directory; made where there is none, and removed where nothing comes of it.

    Raises:
        InUse: Another training is at work there.
    """
    if not is_first_process():
        yield
        return
    patience = SECONDS_FOR_REQUEUED_JOB if job_id() is not None else 0.0
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(lock_inside(run.dir, WORK), f"run={run.dir}", WORK, patience=patience))
        except InUse as error:
            if TRIAL_VARIABLE not in os.environ:
                raise
            log.warning("%s The search takes it for hung, and goes on with the trial.", error)
        remove_leftovers(run.dir)
        remove_leftovers(run.checkpoints)
        yield
