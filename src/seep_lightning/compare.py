"""Runs side by side, ranked by validation: `python -m seep_lightning.compare runs=outputs/...`."""

from pathlib import Path

from omegaconf import DictConfig

from seep_lightning import api
from seep_lightning.commands.callable_modules import make_callable
from seep_lightning.commands.composition import typed_config
from seep_lightning.commands.console import tell
from seep_lightning.commands.entry import run_command
from seep_lightning.config.commands import CompareConfig
from seep_lightning.config.trust import trusting_its_config
from seep_lightning.reporting.comparison import Row, compare, print_rows, write_rows
from seep_lightning.reporting.pairing import Paired, pair_folders, print_pair


def main(cfg: DictConfig) -> Paired | list[Row]:
    """Do the job of one `seep compare`.

    Args:
        cfg: The composed config.

    Returns:
        The runs, best first; with `paired=true` the Dice of the two sets.
    """
    return compare_and_print(typed_config(cfg))


@trusting_its_config
def compare_and_print(config: CompareConfig) -> Paired | list[Row]:
    """Compare runs, or two of them chip by chip, and print what comes of it; see `main`."""
    runs = config.runs if isinstance(config.runs, list) else [config.runs]
    folders = [str(folder) for folder in runs]
    if config.paired:
        pair = pair_folders(folders, config.part)
        print_pair(folders, pair)
        return pair
    rows = compare(folders, config.metric)
    print_rows(rows, config.metric)
    if config.csv is not None:
        write_rows(Path(config.csv), rows)
        tell(f"written to {config.csv}")
    return rows


make_callable(__name__, api.compare)

if __name__ == "__main__":
    run_command("compare", main)
