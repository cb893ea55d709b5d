"""Runs side by side, ranked by validation: `python -m seep_lightning.compare runs=outputs/...`."""

import logging
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from seep_lightning import api
from seep_lightning.commands.callable_modules import make_callable
from seep_lightning.commands.composition import typed_config
from seep_lightning.commands.entry import run_command
from seep_lightning.config.commands import CompareConfig
from seep_lightning.errors import UserError
from seep_lightning.reporting.comparison import compare, print_rows, write_rows
from seep_lightning.reporting.pairing import check_scored, paired

log = logging.getLogger(__name__)


def main(cfg: DictConfig) -> Any:
    """The job of one `seep compare`."""
    config: CompareConfig = typed_config(cfg)
    folders = [str(f) for f in (config.runs if isinstance(config.runs, list) else [config.runs])]
    if config.paired:
        files = [sorted(Path(f).rglob(f"evaluate/{config.part}/chips.csv")) for f in folders]
        if len(files) != 2 or not all(files):
            raise UserError(f"paired=true needs runs=[A,B], each evaluated with part={config.part}; found {folders}.")
        for path in (*files[0], *files[1]):
            check_scored(path.parent, config.part)
        result = first, second, scenes, interval = paired(*files)
        spread = "95 % {:+.3f} to {:+.3f}".format(*interval) if interval else "no interval below 6 scenes"
        print(f"{folders[0]}: Dice {first:.4f}\n{folders[1]}: Dice {second:.4f}")
        print(f"difference {first - second:+.4f} over {scenes} scenes, {spread} (bootstrap over paired scenes)")
        return result
    rows = compare(folders, config.metric)
    print_rows(rows, config.metric)
    if config.csv is not None:
        write_rows(Path(config.csv), rows)
        print(f"written to {config.csv}")
    return rows


make_callable(__name__, api.compare)

if __name__ == "__main__":
    run_command("compare", main)
