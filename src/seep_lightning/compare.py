"""Runs side by side, ranked by validation: `python -m seep_lightning.compare runs=outputs/...`."""

import sys
from dataclasses import asdict
from pathlib import Path
from shlex import quote

from omegaconf import DictConfig

from seep_lightning import api
from seep_lightning.commands.callable_modules import make_callable
from seep_lightning.commands.composition import typed_config
from seep_lightning.commands.console import log_to_stderr, tell
from seep_lightning.commands.entry import run_command
from seep_lightning.config.commands import CompareConfig
from seep_lightning.config.trust import trusted_argument, trusting_its_config
from seep_lightning.files import from_working_folder
from seep_lightning.folds.comparing import scores_by
from seep_lightning.folds.pooled_runs import print_pooled
from seep_lightning.folds.setting_scores import SettingScores
from seep_lightning.folds.setting_table import show_settings
from seep_lightning.metrics.figures import DICE
from seep_lightning.metrics.floors import floors_above
from seep_lightning.reporting.comparison import Row, compare
from seep_lightning.reporting.pairing import PAIRED_PART, Paired, pair_folders, print_pair
from seep_lightning.reporting.row_values import chosen_columns, selected
from seep_lightning.reporting.run_table import print_csv, print_json, print_rows, write_rows


def main(cfg: DictConfig) -> Paired | SettingScores | list[Row]:
    """Do the job of one `seep compare`.

    Args:
        cfg: The composed config.

    Returns:
        The runs, best first; with `paired=true` the Dice of the two sets; with `by=` the settings.
    """
    return compare_and_print(typed_config(cfg))


@trusting_its_config
def compare_and_print(config: CompareConfig) -> Paired | SettingScores | list[Row]:
    """Compare runs, or two of them chip by chip, and print what comes of it; see `main`."""
    runs = config.runs if isinstance(config.runs, list) else [config.runs]
    folders = [str(folder) for folder in runs]
    if config.paired:
        pair = pair_folders(folders, config.part or PAIRED_PART)
        print_pair(folders, pair)
        return pair
    if config.format != "table":
        # the output is for a program
        log_to_stderr()
    if config.by is not None:
        scores = scores_by(folders, config)
        show_settings(scores, config.format, config.columns, config.csv)
        _tell_written(config)
        return scores
    rows = selected(compare(folders, config.metric), config.where, config.sort)
    columns = chosen_columns(config.columns, rows) if config.columns else []
    match config.format:
        case "csv":
            print_csv(rows, columns)
        case "json":
            print_json(rows, columns)
        case _:
            print_rows(rows, config.metric, columns)
            pooled = print_pooled(rows, config.metric)
            if pooled is None and config.sort is None:
                _tell_test_command(rows[0])
    if config.csv is not None:
        write_rows(Path(config.csv), rows, columns)
    _tell_written(config)
    return rows


def _tell_test_command(best: Row) -> None:
    """Say how the best run is scored on the test part, unless it was, or is no better than a rule on validation."""
    has_test = (best.run.dir / "evaluate/test/summary.json").is_file()
    if has_test or DICE.key not in best.figures:
        return
    floors = best.run.summary().get("floors", {}).get("val", {})
    if floors_above(best.figures[DICE.key], floors):
        return
    run = quote(f"run={from_working_folder(best.run.dir)}") + trusted_argument(asdict(best.run.config))
    tell(f"score the best one on the test part: python -m seep_lightning.evaluate {run}")


def _tell_written(config: CompareConfig) -> None:
    """Say where the ranking was written, where it was: not among what is for a program."""
    if config.csv is not None:
        tell(f"written to {config.csv}", file=sys.stderr if config.format != "table" else None)


make_callable(__name__, api.compare)

if __name__ == "__main__":
    run_command("compare", main)
