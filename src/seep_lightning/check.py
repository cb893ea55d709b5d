"""Audit a data set before anyone trains on it: `python -m seep_lightning.check`."""

from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from seep_lightning import api
from seep_lightning.commands.callable_modules import make_callable
from seep_lightning.commands.composition import typed_config
from seep_lightning.commands.entry import run_command
from seep_lightning.config.commands import CheckConfig
from seep_lightning.data.audit import Audit, audit
from seep_lightning.errors import UserError


def print_audit(found: Audit) -> None:
    """The audit as two tables and a verdict."""
    from rich.console import Console
    from rich.markup import escape

    from seep_lightning.commands.tables import print_table

    for title, rows in ((found.root, found.facts), ("what a split would leak", found.leaks)):
        if rows:
            print_table(title, {name: {"": what} for name, what in rows.items()}, [""], justify="left")
    console = Console()
    for problem in found.problems:
        console.print(f"[bold red]stops a training:[/] {escape(problem)}", highlight=False, soft_wrap=True)


def main(cfg: DictConfig) -> Any:
    """The job of one `seep check`."""
    config: CheckConfig = typed_config(cfg)
    found = audit(config.data, config.split)
    print_audit(found)
    if found.problems:
        raise UserError(f"{Path(found.root)}: {len(found.problems)} problem(s) would stop a training; see above.")
    print("nothing here would stop a training")
    return found


make_callable(__name__, api.check)

if __name__ == "__main__":
    run_command("check", main)
