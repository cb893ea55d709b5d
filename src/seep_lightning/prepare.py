"""Scenes and an analyst's labels to chips and masks: `python -m seep_lightning.prepare`."""

import shlex
from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig

from seep_lightning import api
from seep_lightning.commands.callable_modules import make_callable
from seep_lightning.commands.composition import typed_config
from seep_lightning.commands.config_folder import conf_dir
from seep_lightning.commands.console import tell
from seep_lightning.commands.entry import run_command
from seep_lightning.config.commands import PrepareConfig
from seep_lightning.config.data import DataConfig
from seep_lightning.data.label_sources import label_lines
from seep_lightning.data.preparation import prepare
from seep_lightning.documents.yaml_files import read_yaml

# the config of the group `data` that `conf/check.yaml` names
USUAL_GROUP = "chips"


def main(cfg: DictConfig) -> int:
    """Do what `seep prepare` is asked for.

    Args:
        cfg: The composed `PrepareConfig`.

    Returns:
        The number of chips.
    """
    config: PrepareConfig = typed_config(cfg)
    if config.review is not None:
        return _correct(config)
    facts = prepare(config)
    for line in label_lines(facts):
        tell(line)
    tell(f"{facts['chips']} chips, {facts['with_seep']} of them with seep, in {config.output}")
    tell(f"check them: python -m seep_lightning.check {settings_of_chips(config.output, facts)}")
    return int(facts["chips"])


def _correct(config: PrepareConfig) -> int:
    """Correct labels by the answers to a review, and print what became of them. Returns the number of chips."""
    from seep_lightning.labelling.corrections import correct_labels

    facts = correct_labels(config)
    review = facts["review"]
    answers = ", ".join(f"{count} {answer}" for answer, count in review["by_answer"].items())
    tell(f"{review['answered']} of {review['listed']} labels are answered: {answers}")
    redrawn = f", {review['redrawn']} of them as you drew them" if review["redrawn"] else ""
    tell(f"  corrected: {review['changed']}, {review['changed_pixels']:,} px{redrawn}")
    tell(f"  ignored:   {review['ignored']}, {review['ignored_pixels']:,} px; all else stays as it is")
    tell(f"{facts['chips']} chips, {facts['with_seep']} of them with seep, in {config.output}")
    tell(f"check them: python -m seep_lightning.check {settings_of_corrected(config.output, facts)}")
    return int(facts["chips"])


def settings_of_corrected(output: str, facts: Mapping[str, Any]) -> str:
    """The fewest settings by which `check` and `train` read corrected chips, such as `data=seeps data.root=DIR`.

    Args:
        output: Their folder.
        facts: What `dataset.json` holds.
    """
    # the package of layouts reads chips, which a call that only asks for help need not
    from seep_lightning.data.layouts.known import KNOWN_FOLDERS

    by_group = {group: read_yaml(conf_dir() / "data" / f"{group}.yaml") for group in KNOWN_FOLDERS}
    # the grids of dataset.json count before those of the config, which are for scenes of certain names
    has_grid = bool(facts["columns"])
    choices = [
        [*_choice_of(group), _setting("root", output), *_settings_beside(of_group, facts["settings"])]
        for group, of_group in by_group.items()
        if has_grid or "grid" not in of_group
    ]
    shortest = min(choices, key=lambda settings: len(settings))
    return " ".join(shortest)


def _choice_of(group: str) -> list[str]:
    """What chooses a config of the group `data`; nothing for the one that `check` has without."""
    return [] if group == USUAL_GROUP else [f"data={group}"]


def _settings_beside(of_group: Mapping[str, Any], settings: Mapping[str, Any]) -> list[str]:
    """The settings that corrected chips need beside those of a config of the group `data`.

    Args:
        of_group: What the config's file says.
        settings: Those by which they are read, where these are not as `DataConfig` has them.
    """
    usual = vars(DataConfig())
    keys = [key for key in usual if key not in ("root", "grid")]
    corrected = {key: settings.get(key, usual[key]) for key in keys}
    return [_setting(key, value) for key, value in corrected.items() if value != of_group.get(key, usual[key])]


def _setting(key: str, value: Any) -> str:
    """A key of `data` as a command line has it."""
    if value is None:
        text = "null"
    elif isinstance(value, list | tuple):
        text = f"[{','.join(str(item) for item in value)}]"
    else:
        text = str(value)
    return shlex.quote(f"data.{key}={text}")


def settings_of_chips(output: str, facts: Mapping[str, Any]) -> str:
    """The settings by which `check` and `train` read the chips.

    Args:
        output: Their folder.
        facts: What `dataset.json` holds.
    """
    settings = [f"data.root={output}"]
    if facts["classes"] > 1:
        settings.append(f"data.classes={facts['classes']}")
    bands = facts["bands"]
    # `grey` makes one band of several
    count = len(bands) if isinstance(bands, list) else 1
    if count > 1:
        numbers = ",".join(str(number) for number in range(1, count + 1))
        settings.append(f"data.bands=[{numbers}]")
    return " ".join(settings)


make_callable(__name__, api.prepare)

if __name__ == "__main__":
    run_command("prepare", main)
