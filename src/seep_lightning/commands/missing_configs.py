"""What to say where a group of configs, such as `data`, does not have the config that was chosen."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from hydra.errors import MissingConfigException

from seep_lightning.commands.config_folder import conf_dir
from seep_lightning.commands.global_files import IN_FILE
from seep_lightning.commands.path_keys import config_folders

SUFFIX = ".yaml"


def missing_config(error: MissingConfigException, arguments: Sequence[str]) -> str | None:
    """Say which config was not found, which is the nearest, and which there are.

    Args:
        error: Hydra's error.
        arguments: The command line, with the user's folders of configs.

    Returns:
        The message; None for a config of no group.
    """
    group, _, name = (error.missing_cfg_file or "").rpartition("/")
    if not group:
        return None
    choice = f"{_asker(str(error))}{group}={name}"
    # of a list, such as logger=[default,wandb], Hydra does not tell
    known = list(error.options or _configs_in(group, arguments))
    if not known:
        return f"{choice}: there is no group of configs called {group}."
    nearest = get_close_matches(name.removesuffix(SUFFIX), known, 1)
    suggestion = f" Did you mean {group}={nearest[0]}?" if nearest else ""
    return f"{choice}: there is no such config.{suggestion} There are: {', '.join(known)}."


def _configs_in(group: str, arguments: Sequence[str]) -> list[str]:
    """The names of a group's files, in our folder of configs and in those of the user."""
    folders = [conf_dir(), *map(Path, config_folders(arguments))]
    files = [path for folder in folders for path in (folder / group).glob(f"*{SUFFIX}")]
    return sorted({path.stem for path in files})


def _asker(text: str) -> str:
    """The config file that asks for the config, as a beginning; empty where the command line does."""
    match = IN_FILE.search(text)
    if match is None or match["group"] == "hydra":
        return ""
    return f"{match['group']}/{match['name']}{SUFFIX}: "
