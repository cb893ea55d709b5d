"""One page that tells what a run, or a sweep, is worth: `python -m seep_lightning.report run=DIR`."""

import logging

from omegaconf import DictConfig

from seep_lightning import api
from seep_lightning.commands.callable_modules import make_callable
from seep_lightning.commands.composition import typed_config
from seep_lightning.commands.entry import run_command
from seep_lightning.reporting.page import report

log = logging.getLogger(__name__)


def main(cfg: DictConfig) -> str:
    """The job of one `seep report`. Returns the page's path."""
    out = report(typed_config(cfg))
    print(f"written to {out} ({out.stat().st_size / 1e6:.1f} MB)")
    return str(out)


make_callable(__name__, api.report)

if __name__ == "__main__":
    run_command("report", main)
