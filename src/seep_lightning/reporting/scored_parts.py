"""The figures of a part of a run's data, for a page: those that `evaluate` stored, or scored now where it did not."""

import logging
from pathlib import Path
from typing import Any

from seep_lightning.config.commands import EvaluateConfig, ReportConfig
from seep_lightning.documents.regular_files import is_there
from seep_lightning.errors import UserError
from seep_lightning.evaluation.evaluation import evaluate
from seep_lightning.evaluation.stored import SUMMARY_NAME, read_evaluation
from seep_lightning.files import digest
from seep_lightning.locks import WAIT_FOREVER, lock_path, remove_left_lock
from seep_lightning.runs.directory import Run

log = logging.getLogger(__name__)


def scored_part(run: Run, config: ReportConfig) -> dict[str, Any]:
    """Read the summary of `evaluate/<part>`; score it now where it is missing or of another checkpoint.

    Args:
        run: The run.
        config: The part, and the device to score it on.

    Returns:
        The evaluation's summary.

    Raises:
        UserError: The folder holds another part or other data: somebody has given it this name.
    """
    folder = run.dir / "evaluate" / config.part
    reason = ""
    if is_there(folder / SUMMARY_NAME):
        stored = read_evaluation(folder)
        _check_stored(stored, run, config.part, folder)
        checkpoint = run.checkpoint(stored.get("checkpoint", "best"))
        if stored.get("checkpoint_digest") == digest(checkpoint):
            # of one that was killed when it had written this
            remove_left_lock(lock_path(folder))
            return stored
        reason = " again: the checkpoint is another now"
    log.info("scoring part=%s of %s%s", config.part, run.dir, reason)
    scoring = EvaluateConfig(run=str(run.dir), part=config.part, overwrite=True, device=config.device)
    return evaluate(scoring, patience=WAIT_FOREVER)


def _check_stored(stored: dict[str, Any], run: Run, part: str, folder: Path) -> None:
    """Raise `UserError` where an evaluation is of another part or of other data: somebody has given it this name."""
    data = stored["data"]
    trained_on = run.summary().get("data", {}).get("fingerprint")
    if stored["part"] != part or data["fingerprint"] != trained_on:
        raise UserError(f"{folder} holds part={stored['part']} of {data['root']}. Move it away.")
