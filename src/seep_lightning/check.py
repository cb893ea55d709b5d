"""Audit a data set before anyone trains on it: `python -m seep_lightning.check`."""

from omegaconf import DictConfig

from seep_lightning import api
from seep_lightning.commands.callable_modules import make_callable
from seep_lightning.commands.composition import typed_config
from seep_lightning.commands.entry import run_command
from seep_lightning.config.commands import CheckConfig
from seep_lightning.data.audit import Audit, audit
from seep_lightning.errors import UserError


def print_audit(findings: Audit) -> None:
    """Print facts and leakage as tables, and each problem as a line.

    Args:
        findings: What the audit found.
    """
    from rich.console import Console
    from rich.markup import escape

    _print_facts(findings.root, findings.facts)
    _print_facts("what a split would leak", findings.leaks)
    console = Console()
    for problem in findings.problems:
        console.print(f"[bold red]stops a training:[/] {escape(problem)}", highlight=False, soft_wrap=True)


def _print_facts(title: str, facts: dict[str, str]) -> None:
    """Print names and texts as a table; nothing where there are none."""
    from seep_lightning.commands.tables import print_table

    if facts:
        rows = {name: {"": text} for name, text in facts.items()}
        print_table(title, rows, [""], justify="left")


def main(cfg: DictConfig) -> Audit:
    """Do what `seep check` is asked for.

    Args:
        cfg: The composed `CheckConfig`.

    Returns:
        What the audit found.

    Raises:
        UserError: Something would stop a training.
    """
    config: CheckConfig = typed_config(cfg)
    findings = audit(config.data, config.split)
    print_audit(findings)
    if findings.problems:
        raise UserError(f"{findings.root}: {len(findings.problems)} problem(s) would stop a training; see above.")
    print("nothing here would stop a training")
    return findings


make_callable(__name__, api.check)

if __name__ == "__main__":
    run_command("check", main)
