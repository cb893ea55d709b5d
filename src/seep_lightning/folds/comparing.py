"""What `compare by=` is asked for: the runs below folders, chosen, and their settings set side by side."""

from collections.abc import Sequence

from seep_lightning.config.commands import CompareConfig
from seep_lightning.errors import UserError
from seep_lightning.folds.scored_runs import VALIDATION
from seep_lightning.folds.setting_scores import Request, SettingScores, score_settings
from seep_lightning.reporting.comparison import Row, compare
from seep_lightning.reporting.row_values import full_name, selected
from seep_lightning.runs.recipes import FOLD


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
        by=_names(config.by, rows),
        metric=config.metric,
        part=config.part or VALIDATION,
        sort=config.sort,
        against=config.against,
    )
    return score_settings(rows, request)


def _names(text: str, rows: Sequence[Row]) -> list[str]:
    """The full names of the keys of a `by=`, which stand between commas; `UserError` for what is no setting."""
    names = [full_name(name.strip(), rows, f"by={text}") for name in text.strip("[]").split(",")]
    for name in names:
        is_setting = any(name in row.all_settings for row in rows)
        if not is_setting or name == FOLD:
            raise UserError(f"by={text}: {name} is no setting whose values can be told apart; such as optimizer.lr.")
    return names
