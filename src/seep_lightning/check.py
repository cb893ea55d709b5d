"""Audit a data set before anyone trains on it: `python -m seep_lightning.check`."""

from typing import TYPE_CHECKING

from omegaconf import DictConfig

from seep_lightning import api
from seep_lightning.commands.callable_modules import make_callable
from seep_lightning.commands.composition import typed_config
from seep_lightning.commands.console import tell, terminal
from seep_lightning.commands.entry import run_command
from seep_lightning.config.commands import CheckConfig
from seep_lightning.data.audit.finding import Severity
from seep_lightning.errors import UserError, printable

if TYPE_CHECKING:
    from seep_lightning.data.audit.auditing import Audit

# so many findings are printed, the worst first; each trap has one line, or a few
MOST_FINDINGS = 14
COLOURS = {
    Severity.STOPS: "bold red",
    Severity.MEANINGLESS: "bold magenta",
    Severity.WORTH_KNOWING: "yellow",
}


def print_audit(result: "Audit") -> None:
    """Print facts and leakage, and each finding as a line: fewer than 40 lines, however many chips there are.

    Args:
        result: What the audit found.
    """
    from rich.markup import escape

    console = terminal()
    _print_facts(result.root, result.facts)
    _print_facts("what a split would leak", result.leaks)
    for finding in result.findings[:MOST_FINDINGS]:
        severity = f"[{COLOURS[finding.severity]}]{finding.severity}:[/]"
        console.print(f"{severity} {escape(printable(finding.text))}", highlight=False)
    hidden = len(result.findings) - MOST_FINDINGS
    if hidden > 0:
        console.print(f"and {hidden} more findings, which are no worse", highlight=False)


def _print_facts(title: str, facts: dict[str, str]) -> None:
    """Print names and texts, a line each; nothing where there are none."""
    if not facts:
        return
    tell(title)
    width = max(len(name) for name in facts)
    for name, text in facts.items():
        tell(f"  {name:{width}}  {text}")


def main(cfg: DictConfig) -> "Audit":
    """Do what `seep check` is asked for.

    Args:
        cfg: The composed `CheckConfig`.

    Returns:
        What the audit found.

    Raises:
        UserError: Something would stop a training.
    """
    from seep_lightning.data.audit.auditing import audit

    config: CheckConfig = typed_config(cfg)
    result = audit(config.data, config.split)
    print_audit(result)
    if result.problems:
        raise UserError(f"{result.root}: {len(result.problems)} problem(s) would stop a training; see above.")
    meaningless = len(result.texts(Severity.MEANINGLESS))
    if meaningless:
        tell(f"nothing here would stop a training, but {meaningless} finding(s) would make its figures meaningless")
    else:
        tell("nothing here would stop a training")
    return result


make_callable(__name__, api.check)

if __name__ == "__main__":
    run_command("check", main)
