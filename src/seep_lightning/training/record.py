"""The `summary.json` of a run while it trains: the facts about it, and its status."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from seep_lightning.config.training import TrainConfig
from seep_lightning.errors import DiskError, Interrupted, RunTakenOver
from seep_lightning.runs.directory import Run
from seep_lightning.runs.status import RunStatus
from seep_lightning.training.failures import first_reason, is_exit_of_launcher, log_traceback, reason_of
from seep_lightning.training.os_signals import StoppedBySignal
from seep_lightning.training.outcome import TrainingOutcome

if TYPE_CHECKING:
    from seep_lightning.data.datamodule import SeepDataModule

# what an earlier session measured; it stays in the summary until this session has measured it anew
MEASURED = ("best", "epochs", "figures", "floors", "scene_counts", "device")
# at recording a failure, which the deaths of several loader workers may interrupt
MOST_TRIES = 20


class RunRecord:
    """Owns the status of one run: every change of it goes through here into `summary.json`.

    Attributes:
        facts: What stands in the summary whatever the status is.
    """

    def __init__(self, run: Run, facts: dict[str, Any], earlier: dict[str, Any], started: float) -> None:
        """Begin a record.

        Args:
            run: The run directory.
            facts: What this session knows before it trains (`facts_of_run`).
            earlier: The summary that an earlier session of the same run left; empty for a new run.
            started: `time.perf_counter()` when this session began.
        """
        measured_before = {key: earlier[key] for key in MEASURED if key in earlier}
        self.facts = {**facts, **measured_before}
        self._run = run
        self._seconds_before: float = earlier.get("seconds", 0.0)
        self._started = started

    @property
    def seconds(self) -> float:
        """Seconds of training so far, over all sessions of the run."""
        return self._seconds_before + time.perf_counter() - self._started

    def running(self) -> None:
        """Record that the training begins."""
        self._write(RunStatus.RUNNING, seconds=self._seconds_before)

    def tried(self) -> None:
        """Record that `trainer.fast_dev_run` went through."""
        self._write(RunStatus.TRIED)

    def ended(self, status: RunStatus, outcome: TrainingOutcome) -> None:
        """Record that the training came to its end, or that a search ended it.

        Args:
            status: `FINISHED` or `PRUNED`.
            outcome: The final figures.
        """
        self._write(status, **outcome.as_summary(), seconds=round(self.seconds, 1))

    @contextmanager
    def of_errors(self) -> Iterator[None]:
        """Record whatever ends the training, with its traceback in `train.log`, and raise it again.

        A run that another process has taken up (`RunTakenOver`) is no longer ours to write about.
        """
        try:
            yield
        except RunTakenOver:
            raise
        except (Interrupted, StoppedBySignal, KeyboardInterrupt) as error:
            self._stopped(error)
            raise
        except BaseException as error:
            if isinstance(error, SystemExit) and is_exit_of_launcher(error):
                self._stopped(error)
            else:
                self._failed(error)
            raise

    def _stopped(self, error: BaseException) -> None:
        with suppress(DiskError):
            self._write(RunStatus.INTERRUPTED, error=reason_of(error), seconds=self.seconds)

    def _failed(self, error: BaseException) -> None:
        log_traceback(self._run, error)
        facts = {
            **self.facts,
            "error": first_reason(self._run, error),
            "seconds": self.seconds,
            "status": RunStatus.FAILED,
        }
        for _ in range(MOST_TRIES):
            # a full disk may be what the error is about
            with suppress(DiskError):
                try:
                    # another process of the run may be the only one that knows
                    self._run.write_summary(facts, by_any_process=True)
                except RuntimeError:
                    # torch tells of a dead loader worker wherever this process is, here too
                    continue
            return

    def _write(self, status: RunStatus, **changes: Any) -> None:
        self._run.write_summary({**self.facts, **changes, "status": status})


def facts_of_run(config: TrainConfig, data: "SeepDataModule", leakage: str) -> dict[str, Any]:
    """What `summary.json` says of a run before it trains.

    Args:
        config: The run's config.
        data: Its data, read and split.
        leakage: The line about what validation and test share with training.
    """
    return {"name": config.name, "split": config.split.kind, "leakage": leakage, "data": facts_of_data(data)}


def facts_of_data(data: "SeepDataModule") -> dict[str, Any]:
    """What a run was trained on, for `summary.json`."""
    return {
        "source": data.data.source,
        "root": str(data.chips.root),
        "fingerprint": data.chips.fingerprint,
        "chips": {part: len(data.indices(part)) for part in ("train", "val", "test")},
        "scenes": len(set(data.chips.scenes)),
    }
