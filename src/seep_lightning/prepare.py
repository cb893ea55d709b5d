"""Scenes and an analyst's polygons to chips and masks: `python -m seep_lightning.prepare`."""

import logging

from omegaconf import DictConfig

from seep_lightning.commands.composition import typed
from seep_lightning.commands.entry import open_door
from seep_lightning.config.commands import PrepareConfig
from seep_lightning.data.preparation import prepare

log = logging.getLogger(__name__)


def task(cfg: DictConfig) -> int:
    """The job of one `seep prepare`. Returns the number of chips."""
    config: PrepareConfig = typed(cfg)
    facts = prepare(config)
    print(f"{facts['chips']} chips, {facts['with_seep']} of them with seep, in {config.output}")
    print(f"check them: python -m seep_lightning.check data.root={config.output}")
    return int(facts["chips"])


if __name__ == "__main__":
    open_door("prepare", task)
