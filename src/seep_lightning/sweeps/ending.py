"""The end of a sweep: its jobs side by side, as `compare` prints them, and the best of them."""

from dataclasses import asdict
from pathlib import Path
from shlex import quote

from seep_lightning.commands.console import tell
from seep_lightning.commands.sweep_progress import Sweep
from seep_lightning.config.trust import trusted_argument
from seep_lightning.errors import UserError
from seep_lightning.files import from_working_folder
from seep_lightning.folds.pooled_runs import print_pooled, print_pooled_test
from seep_lightning.folds.setting_scores import SettingScores
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
        The best run; None where no job has figures, as after `trainer.fast_dev_run`, and where the jobs are folds,
        which act as one: then their commands are printed here.
    """
    with trusting_own(sweep.config):
        rows = ranked_jobs(sweep.folder, sweep.metric)
    if not rows:
        return None
    print_rows(rows, sweep.metric, names_failed=False)
    scores = print_pooled(rows, sweep.metric)
    if scores is not None:
        if sweep.config.test and len(scores.rows) == 1:
            print_pooled_test(rows, sweep.metric)
        _print_commands_of_folds(sweep, scores)
        return None
    best = rows[0]
    tell(f"best: {sweep.metric} {best.figures[sweep.metric]:.3f} on validation{_settings(best)}")
    tell(f"run directory: {best.run.dir}")
    runs = quote(f"runs={from_working_folder(sweep.folder)}")
    tell(f"compare them again:  python -m seep_lightning.compare {runs}{_metric(sweep)}")
    return best.run


def _print_commands_of_folds(sweep: Sweep, scores: SettingScores) -> None:
    """Print the commands that go on with folds, which act as one."""
    by = quote(f"by={','.join(scores.rows[0].settings)}") if len(scores.rows) > 1 else ""
    runs = quote(f"runs={sweep.folder}")
    tell(f"compare them again:  python -m seep_lightning.compare {runs} {by}".rstrip() + _metric(sweep))
    trusted = trusted_argument(asdict(scores.rows[0].runs[0].run.config))
    folder = quote(f"run={sweep.folder}") + trusted
    tell(f"a page about them:   python -m seep_lightning.report {folder}")
    if not sweep.config.test:
        tell(f"score the test part: python -m seep_lightning.report {folder} part=test output=test.html")
    elif by:
        tell(f"on the test part:    python -m seep_lightning.compare {runs} {by} part=test{_metric(sweep)}")
    networks = folder
    if len(scores.rows) > 1:
        paths = ",".join(sorted(str(row.run.dir) for row in scores.rows[0].runs))
        networks = quote(f"run=[{paths}]") + trusted
    tell(f"map with their mean: python -m seep_lightning.predict {networks} input=PATH output=maps")


def _metric(sweep: Sweep) -> str:
    """What names the figure to `compare`, where it is not the usual one."""
    return "" if sweep.metric == RANKING.key else f" metric={sweep.metric}"


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
