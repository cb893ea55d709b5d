"""One-line messages for errors of ours, Hydra's and OmegaConf's, with the nearest key for a misspelt one."""

import re
from collections.abc import Sequence
from difflib import get_close_matches

from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seep_lightning.commands.composition import compose_arguments
from seep_lightning.commands.global_files import IN_FILE, missing_header
from seep_lightning.commands.missing_configs import missing_config
from seep_lightning.commands.overrides import key_of, single_runs
from seep_lightning.config.targets import TARGET
from seep_lightning.errors import UserError, printable
from seep_lightning.shortages import shortage_text

# starts of lines in Hydra's and OmegaConf's messages that say nothing to a user
NOISE = ("object_type=", "full_key:", "reference_type=", "To append to your config use", "Set the environment")
# OmegaConf's words before the message of a `UserError` that a resolver raised
FROM_A_RESOLVER = "UserError raised while resolving interpolation: "
# longer than any useful path
LONG_WORD = re.compile(r"\S{600,}")
# Hydra's words about a key that is not there: `key=value`, `~key`, and a key in a config file
UNKNOWN_KEY = re.compile(
    r"Could not override '(?P<override>[^']+)'"
    r"|Could not delete from config\. '(?P<deletion>[^']+)' does not exist"
    r"|Key '[^']+' not in '\w+'\s+full_key: (?P<in_file>\S+)"
)

# keys of other commands that mean the same as one here
OTHER_WORDS = {"input": ("scenes", "maps"), "scenes": ("input",)}


def error_message(error: Exception, command: str, arguments: Sequence[str] = ()) -> str:
    """Say in one line what an error means for the user.

    Args:
        error: An error of ours, Hydra's, OmegaConf's or the operating system's.
        command: The verb that was running, with whose keys a misspelt one is compared.
        arguments: The verb's command line, which may choose other groups with other keys.
    """
    shortage = shortage_text(error, command)
    text = shortage or _message(error, command, arguments)
    return printable(_with_short_words(" ".join(text.split("\n"))))


def _message(error: Exception, command: str, arguments: Sequence[str]) -> str:
    """What an error means for the user, with words of any length."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError) and not isinstance(error, HydraException):
        return f"{error}. Does the place exist, is there room, and may you write there?"
    if isinstance(error, OverrideParseException):
        return _unreadable_argument(error, command)
    if FROM_A_RESOLVER in str(error):
        message = str(error).partition(FROM_A_RESOLVER)[2]
        return message.splitlines()[0]
    return _about_config(error, command, arguments)


def _about_config(error: Exception, command: str, arguments: Sequence[str]) -> str:
    """What an error of Hydra's or OmegaConf's says of a file or a key, with the one that was probably meant."""
    text = _plain_text(error)
    header = missing_header(text, command, arguments)
    if header is not None:
        return header
    if isinstance(error, MissingConfigException):
        return missing_config(error, arguments) or text
    unknown = _unknown_key(str(error))
    if unknown is None:
        return text
    suggestion = _nearest_key(unknown, command, arguments)
    if not suggestion:
        return text
    return f"{text.rstrip('.')}.{suggestion}"


def _with_short_words(text: str) -> str:
    """A message with the beginning alone of each word that is far too long to be read."""
    return LONG_WORD.sub(lambda word: f"{word[0][:100]}... ({len(word[0])} characters)", text)


def _unreadable_argument(error: OverrideParseException, command: str) -> str:
    """What to do about an argument that Hydra's grammar does not take."""
    if "=" not in error.override:
        example = f"seep {command} --help shows examples"
        return f"{error.override}: expected key=value, without blanks around the = ({example})."
    reason = " ".join(error.message.partition("\nSee ")[0].split())
    advice = "Put it in single quotes if it holds blanks, braces or quotes, such as 'data.mask_values={255: 1}'."
    return f"{error.override} cannot be read ({reason}). {advice}"


def _plain_text(error: Exception) -> str:
    """What an error of Hydra's and its cause in OmegaConf say, in one line, nothing twice."""
    texts = [str(error)]
    if isinstance(error.__cause__, OmegaConfBaseException):
        texts.append(str(error.__cause__))
    lines = [line.strip() for line in "\n".join(texts).splitlines()]
    telling = [line for line in lines if line and not line.startswith(NOISE)]
    return " ".join(dict.fromkeys(telling))


def _unknown_key(text: str) -> str | None:
    """The key that a message says is not there; None for other messages, and for Hydra's own keys."""
    match = UNKNOWN_KEY.search(text)
    if match is None:
        return None
    key = str(match[str(match.lastgroup)])
    return None if key.startswith("hydra.") else key


def _nearest_key(unknown: str, command: str, arguments: Sequence[str]) -> str:
    """Sentences with the known key that is nearest to an unknown one, and all keys beside it."""
    for overrides in single_runs(arguments):
        cfg = _composed_without(unknown, command, overrides)
        if cfg is None:
            continue
        parent, name = _known_parent(cfg, unknown)
        siblings = OmegaConf.select(cfg, parent)
        if name not in siblings:
            return _suggestion(parent, name, siblings, _choice(cfg, parent))
        if siblings[name] is None:
            return f" {name} is null so far: pass +{unknown}=..."
        # another job of the sweep lacks it
    return ""


def _composed_without(unknown: str, command: str, overrides: Sequence[str]) -> DictConfig | None:
    """The config that overrides ask for, without those of an unknown key, and of further ones; None: they give none."""
    kept = [override for override in overrides if key_of(override) != unknown]
    try:
        GlobalHydra.instance().clear()
        return compose_arguments(command, kept)
    except (HydraException, OmegaConfBaseException) as error:
        in_file = IN_FILE.search(str(error))
        # the choice of the file that holds the key, or an override of another unknown key
        further = in_file["group"] if in_file else _unknown_key(str(error))
    is_left = any(key_of(override) == further for override in kept)
    if further is None or not is_left:
        return None
    return _composed_without(further, command, kept)


def _choice(cfg: DictConfig, parent: str) -> str:
    """Name a node, with what was chosen for it where it is a group of configs, such as `optimizer=sgd`."""
    choice = OmegaConf.select(cfg, f"hydra.runtime.choices.{parent}") if parent else None
    return parent if choice is None else f"{parent}={choice}"


def _known_parent(cfg: DictConfig, key: str) -> tuple[str, str]:
    """The deepest node above an unknown key, and the unknown name in it.

    Of `trainerr.max_epochs`, it is `trainerr` that is misspelt, at the top.
    """
    *parents, name = key.split(".")
    while parents and not isinstance(OmegaConf.select(cfg, ".".join(parents)), DictConfig):
        *parents, name = parents
    return ".".join(parents), name


def _suggestion(parent: str, name: str, siblings: DictConfig, described: str) -> str:
    """Sentences that suggest keys for a misspelt name below a parent, which is empty at the top.

    Args:
        parent: The node that lacks the name.
        name: The name.
        siblings: The node's content.
        described: What the node is called.
    """
    known = [str(key) for key in siblings if not str(key).startswith("_") and key != "hydra"]
    if not known:
        return f" {described} has no keys."
    of_parent = f" of {described}" if parent else ""
    keys = f" Keys{of_parent}: {', '.join(known)}."
    same = [key for key in OTHER_WORDS.get(name, ()) if key in known and not parent]
    nearest = same or get_close_matches(name, known, 1)
    if nearest:
        prefix = f"{parent}." if parent else ""
        return f" Did you mean {prefix}{nearest[0]}?{keys}"
    if TARGET in siblings:
        # a config need not list all arguments of its class
        class_name = str(siblings[TARGET]).rpartition(".")[2]
        return f"{keys} If {class_name} takes {name}, pass +{parent}.{name}=..."
    return keys
