"""One-line messages for errors of ours, Hydra's and OmegaConf's, with the nearest key for a misspelt one."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seep_lightning.commands.composition import conf_dir
from seep_lightning.errors import UserError

# starts of lines in Hydra's and OmegaConf's messages that say nothing to a user
NOISE = ("object_type=", "full_key:", "reference_type=", "To append to your config use", "Set the environment")
# OmegaConf's words before the message of a `UserError` that a resolver raised
FROM_A_RESOLVER = "UserError raised while resolving interpolation: "


def error_message(error: Exception, command: str) -> str:
    """Say in one line what an error means for the user.

    Args:
        error: An error of ours, Hydra's, OmegaConf's or the operating system's.
        command: The verb that was running, whose keys a misspelt one is compared with.
    """
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError) and not isinstance(error, HydraException):
        return f"{error}. Does the place exist, is there room, and may you write there?"
    if FROM_A_RESOLVER in str(error):
        message = str(error).partition(FROM_A_RESOLVER)[2]
        return message.splitlines()[0]
    text = _plain_text(error)
    suggestion = _nearest_key(text, command)
    if not suggestion:
        return text
    return f"{text.rstrip('.')}.{suggestion}"


def _plain_text(error: Exception) -> str:
    """What an error of Hydra's and its cause in OmegaConf say, in one line, nothing twice."""
    texts = [str(error)]
    if isinstance(error.__cause__, OmegaConfBaseException):
        texts.append(str(error.__cause__))
    lines = [line.strip() for line in "\n".join(texts).splitlines()]
    telling = [line for line in lines if line and not line.startswith(NOISE)]
    return " ".join(dict.fromkeys(telling))


def _nearest_key(text: str, command: str) -> str:
    """Sentences with the nearest known key and all keys beside it, if a message is about an unknown key."""
    match = re.search(r"Could not override '([^']+)'", text)
    if match is None or match[1].startswith("hydra."):
        return ""
    try:
        GlobalHydra.instance().clear()
        with hydra.initialize_config_dir(str(conf_dir()), version_base="1.3"):
            cfg = hydra.compose(command)
        parent, name = _known_parent(cfg, match[1])
        siblings = OmegaConf.select(cfg, parent)
    except (HydraException, OmegaConfBaseException):
        return ""
    return _suggestion(parent, name, siblings)


def _known_parent(cfg: DictConfig, key: str) -> tuple[str, str]:
    """The deepest node above an unknown key, and the unknown name in it.

    Of `trainerr.max_epochs`, it is `trainerr` that is misspelt, at the top.
    """
    *parents, name = key.split(".")
    while parents and not isinstance(OmegaConf.select(cfg, ".".join(parents)), DictConfig):
        *parents, name = parents
    return ".".join(parents), name


def _suggestion(parent: str, name: str, siblings: Iterable[object]) -> str:
    """Sentences that suggest keys for a misspelt name below a parent, which is empty at the top."""
    known = [str(key) for key in siblings if not str(key).startswith("_")]
    nearest = get_close_matches(name, known, 1)
    hint = ""
    if nearest:
        prefix = f"{parent}." if parent else ""
        hint = f" Did you mean {prefix}{nearest[0]}?"
    of_parent = f" of {parent}" if parent else ""
    return f"{hint} Keys{of_parent}: {', '.join(known)}."
