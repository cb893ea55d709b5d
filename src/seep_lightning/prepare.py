"""Scenes and an analyst's labels to chips and masks: `python -m seep_lightning.prepare`."""

from omegaconf import DictConfig

from seep_lightning import api
from seep_lightning.commands.callable_modules import make_callable
from seep_lightning.commands.composition import typed_config
from seep_lightning.commands.entry import run_command
from seep_lightning.config.commands import PrepareConfig
from seep_lightning.data.label_sources import label_lines
from seep_lightning.data.preparation import prepare


def main(cfg: DictConfig) -> int:
    """Do what `seep prepare` is asked for.

    Args:
        cfg: The composed `PrepareConfig`.

    Returns:
        The number of chips.
    """
    config: PrepareConfig = typed_config(cfg)
    facts = prepare(config)
    for line in label_lines(facts):
        print(line)
    print(f"{facts['chips']} chips, {facts['with_seep']} of them with seep, in {config.output}")
    settings = f"data.root={config.output}"
    if facts["classes"] > 1:
        settings += f" data.classes={facts['classes']}"
    print(f"check them: python -m seep_lightning.check {settings}")
    return int(facts["chips"])


make_callable(__name__, api.prepare)

if __name__ == "__main__":
    run_command("prepare", main)
