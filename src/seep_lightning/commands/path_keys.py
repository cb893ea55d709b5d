"""Where paths stand on a command line. Imports no Hydra: completion asks at each stroke of the key."""

from collections.abc import Sequence
from itertools import pairwise

PATH_KEYS = frozenset(
    {
        "area",
        "csv",
        "data.cache_folder",
        "data.images",
        "data.masks",
        "data.pairs",
        "data.pattern",
        "data.root",
        "history",
        "hydra.run.dir",
        "hydra.sweep.dir",
        "init",
        "input",
        "labels",
        "land",
        "maps",
        "output",
        "python",
        "review",
        "run",
        "runs",
        "scenes",
        "scripts",
        "second_look",
        "split.path",
    }
)
# flags of Hydra after which a path follows
CONFIG_FOLDER_FLAGS = ("--config-dir", "-cd", "--config-path", "-cp")


def config_folders(arguments: Sequence[str]) -> list[str]:
    """The folders of configs that a command line names."""
    folders = []
    for before, argument in pairwise(["", *arguments]):
        flag, separator, folder = argument.partition("=")
        if before in CONFIG_FOLDER_FLAGS:
            folders.append(argument)
        elif separator and flag in CONFIG_FOLDER_FLAGS:
            folders.append(folder)
    return folders
