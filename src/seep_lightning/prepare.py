"""Scenes and an analyst's polygons to chips and masks: `python -m seep_lightning.prepare`."""

import logging

from omegaconf import DictConfig

from seep_lightning import api
from seep_lightning.commands.callable_modules import make_callable
from seep_lightning.commands.composition import typed_config
from seep_lightning.commands.entry import run_command
from seep_lightning.config.commands import PrepareConfig
from seep_lightning.data.preparation import prepare

log = logging.getLogger(__name__)


def main(cfg: DictConfig) -> int:
    """The job of one `seep prepare`. Returns the number of chips."""
    config: PrepareConfig = typed_config(cfg)
    facts = prepare(config)
    print(f"{facts['chips']} chips, {facts['with_seep']} of them with seep, in {config.output}")
    classes = f" data.classes={facts['classes']}" if facts["classes"] > 1 else ""
    print(f"check them: python -m seep_lightning.check data.root={config.output}{classes}")
    return int(facts["chips"])


make_callable(__name__, api.prepare)

if __name__ == "__main__":
    run_command("prepare", main)
