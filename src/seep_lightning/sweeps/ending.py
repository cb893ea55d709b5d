"""The end of a sweep: its jobs side by side, as `compare` prints them, and the best of them."""

from pathlib import Path
from shlex import quote

from seep_lightning.commands.console import tell
from seep_lightning.commands.sweep_progress import Sweep
from seep_lightning.errors import UserError
from seep_lightning.metrics.ranking import RANKING
from seep_lightning.reporting.comparison import Row, compare
from seep_lightning.reporting.run_table import print_rows
from seep_lightning.runs.directory import Run
from seep_lightning.training.cases import trusting_own


def print_jobs(sweep: Sweep) -> Run | None:
    """Print the table of a sweep's jobs, and name the best of them.

    Args:
        sweep: The sweep, of which no job runs any more.

    Returns:
        The best run; None where no job has figures, as after `trainer.fast_dev_run`.
    """
    with trusting_own(sweep.config):
        rows = ranked_jobs(sweep.folder, sweep.metric)
    if not rows:
        return None
    print_rows(rows, sweep.metric, names_failed=False)
    best = rows[0]
    tell(f"best: {sweep.metric} {best.figures[sweep.metric]:.3f} on validation{_settings(best)}")
    tell(f"run directory: {best.run.dir}")
    metric = "" if sweep.metric == RANKING.key else f" metric={sweep.metric}"
    tell(f"compare them again:  python -m seep_lightning.compare {quote(f'runs={sweep.folder}')}{metric}")
    return best.run


def ranked_jobs(folder: Path, metric: str) -> list[Row]:
    """The jobs of a sweep, best first; none where no job has figures."""
    try:
        rows = compare([str(folder)], metric, tells_failed_starts=False)
    except UserError:
        return []
    return rows if rows[0].figures else []


def _settings(row: Row) -> str:
    """What tells a job from the others, to be typed."""
    words = [f"{key}={value}" for key, value in row.settings.items() if value is not None]
    return f" with {' '.join(words)}" if words else ""
