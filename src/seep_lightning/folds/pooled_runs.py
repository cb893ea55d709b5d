"""A folder of folds as one experiment with one result: what `compare` and the end of a sweep say of it."""

from collections.abc import Sequence

from seep_lightning.commands.console import tell
from seep_lightning.errors import UserError
from seep_lightning.folds.setting_scores import Request, SettingScores, score_settings
from seep_lightning.folds.setting_table import pooled_line, print_settings
from seep_lightning.reporting.comparison import Row
from seep_lightning.runs.fold_folders import KFOLD
from seep_lightning.runs.recipes import FOLD, FREE_SETTINGS, SPLIT_SEED

TEST = "test"


def are_folds(rows: Sequence[Row]) -> bool:
    """Whether runs are folds of a split: all with figures are, and more than one fold is among them."""
    finished = [row for row in rows if row.figures]
    if any(row.run.config.split.kind != KFOLD for row in finished):
        return False
    return len({row.settings.get(FOLD) for row in finished}) > 1


def varied_settings(rows: Sequence[Row]) -> list[str]:
    """The settings by which folds differ beside fold, seed and what they chose from their own chips: of `by=`."""
    chosen = {key for row in rows for key in row.run.summary().get("chosen", {})}
    return [key for key in rows[0].settings if key not in (*FREE_SETTINGS, SPLIT_SEED) and key not in chosen]


def print_pooled(rows: Sequence[Row], metric: str) -> SettingScores | None:
    """Print the pooled figure of folds, by setting where they have several; or why they are not pooled.

    Args:
        rows: Runs, best first, with the settings that differ; nothing is printed where they are no folds.
        metric: The figure.

    Returns:
        The settings; None where nothing could be pooled.
    """
    if not are_folds(rows):
        return None
    try:
        scores = score_settings(rows, Request(varied_settings(rows), metric))
    except UserError as error:
        tell(f"the folds are not pooled: {error}")
        return None
    if len(scores.rows) > 1:
        print_settings(scores)
    else:
        for note in scores.notes:
            tell(note)
    tell(pooled_line(scores))
    return scores


def print_pooled_test(rows: Sequence[Row], metric: str) -> None:
    """Print the pooled figure of folds of one recipe whose test parts were scored, or why there is none."""
    try:
        tell(pooled_line(score_settings(rows, Request([], metric, TEST))))
    except UserError as error:
        tell(f"the folds are not pooled on {TEST}: {error}")
