"""The door of every command: Hydra around a plain function. Errors become one line and an exit code outside of it."""

import re
from difflib import get_close_matches

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seep_lightning.commands.composition import conf_dir
from seep_lightning.errors import UserError


def error_message(error: Exception, command: str) -> str:
    """One message for an error of ours, Hydra's or OmegaConf's; with the nearest known key for a misspelt one."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError) and not isinstance(error, HydraException):
        return f"{error}. Is there such a place, is there room, and may you write there?"
    if "UserError raised while resolving interpolation: " in str(error):
        return str(error).partition("interpolation: ")[2].splitlines()[0]
    cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else None
    lines = [line.strip() for e in (error, cause) if e is not None for line in str(e).splitlines()]
    noise = ("object_type=", "full_key:", "reference_type=", "To append to your config use", "Set the environment")
    text = " ".join(line for line in dict.fromkeys(lines) if line and not line.startswith(noise))
    return text + _nearest_key(text, command)


def _nearest_key(text: str, command: str) -> str:
    match = re.search(r"Could not override '([^']+)'", text)
    if match is None or match[1].startswith("hydra."):
        return ""
    *parents, name = match[1].split(".")
    try:
        GlobalHydra.instance().clear()
        with hydra.initialize_config_dir(str(conf_dir()), version_base="1.3"):
            cfg = hydra.compose(command)
        while parents and not isinstance(OmegaConf.select(cfg, ".".join(parents)), DictConfig):
            *parents, name = parents  # trainerr.max_epochs: it is the group that is misspelt
        parent = ".".join(parents)
        known = [str(k) for k in OmegaConf.select(cfg, parent) if not str(k).startswith("_")]
    except (HydraException, OmegaConfBaseException):
        return ""
    near = get_close_matches(name, known, 1)
    hint = f" Did you mean {'.'.join([*parents, near[0]])}?" if near else ""
    return f"{hint} Keys{f' of {parent}' if parent else ''}: {', '.join(known)}."
