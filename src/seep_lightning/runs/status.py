"""What a run's `summary.json` says about how far its training came."""

from enum import StrEnum


class RunStatus(StrEnum):
    """The value of `status` in `summary.json`; a file format, so the words stay as they are.

    Attributes:
        RUNNING: Training now, or killed without being able to say so.
        INTERRUPTED: Stopped by Ctrl-C or by a scheduler's signal; whole epochs are kept.
        FAILED: Ended by an error, which the summary's `error` tells; its traceback is in `train.log`.
        PRUNED: Ended early by a search as hopeless.
        FINISHED: Came to its end.
        TRIED: `trainer.fast_dev_run` went through; nothing was kept.
    """

    RUNNING = "running"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    PRUNED = "pruned"
    FINISHED = "finished"
    TRIED = "tried"
