"""What `compare by=` is asked for: the runs below folders, chosen, and their settings set side by side."""

from collections.abc import Sequence

from seep_lightning.config.commands import CompareConfig
from seep_lightning.folds.scored_runs import VALIDATION
from seep_lightning.folds.setting_scores import Request, SettingScores, by_names, score_settings
from seep_lightning.reporting.comparison import compare
from seep_lightning.reporting.row_values import selected


def scores_by(folders: Sequence[str], config: CompareConfig) -> SettingScores:
    """Set the settings of the runs below some folders side by side.

    Args:
        folders: Runs, or folders that hold some.
        config: With `by`.

    Raises:
        UserError: A name is wrong, the runs of a setting are not of one recipe, or they were not scored.
    """
    rows = selected(compare(folders, config.metric), config.where, None)
    assert config.by is not None
    request = Request(
        by=by_names(config.by, rows),
        metric=config.metric,
        part=config.part or VALIDATION,
        sort=config.sort,
        against=config.against,
    )
    return score_settings(rows, request)
