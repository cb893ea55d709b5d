"""Configs from Python: keyword arguments and their values as overrides for Hydra's grammar."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from seep_lightning.commands.composition import compose_untyped
from seep_lightning.commands.messages import error_message
from seep_lightning.commands.overrides import quote_value
from seep_lightning.errors import UserError


class _AsConfigured:
    """The type of `AS_CONFIGURED`, which reads well in signatures."""

    def __repr__(self) -> str:
        return "<as configured>"


AS_CONFIGURED: Any = _AsConfigured()
"""The default of a keyword argument that leaves a key as `conf/` and the schema have it: defaults stand there only."""


def without_unset(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out keyword arguments that were not passed."""
    return {key: value for key, value in settings.items() if value is not AS_CONFIGURED}


@dataclass(frozen=True)
class Composition:
    """A config that was composed from Python.

    Attributes:
        cfg: The config, not yet checked.
        overrides: The same as a command line would have them.
    """

    cfg: DictConfig
    overrides: list[str]


def compose_keywords(command: str, overrides: Sequence[str], settings: Mapping[str, Any]) -> Composition:
    """Compose a command's config from overrides and keyword arguments.

    Args:
        command: A verb, such as `train`.
        overrides: As on a command line.
        settings: Values by key. A dict sets the keys below its own, such as `{"trainer": {"max_epochs": 3}}`.

    Returns:
        The config, and all overrides that gave it.

    Raises:
        UserError: A key or value that does not fit, in the words that the command line has for it.
    """
    nested = {key: value for key, value in settings.items() if isinstance(value, Mapping) and value}
    texts = list(overrides)
    texts += [f"{key}={override_value(value)}" for key, value in settings.items() if key not in nested]
    try:
        if nested:
            cfg = compose_untyped(command, texts)
            for key, values in nested.items():
                texts += _nested_overrides(cfg, key, values)
        return Composition(compose_untyped(command, texts), texts)
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(error_message(error, command, texts)) from error


def override_value(value: Any) -> str:
    """Write a value of Python as Hydra's grammar reads it.

    Args:
        value: None, a number, a text or path, or lists and dicts of these.

    Raises:
        UserError: It is of another type, which a config cannot hold.
    """
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case str() | Path():
            return quote_value(str(value))
        case Mapping():
            items = [f"{_override_key(key)}:{override_value(item)}" for key, item in value.items()]
            return "{" + ",".join(items) + "}"
        case list() | tuple():
            return "[" + ",".join(map(override_value, value)) + "]"
        case _:
            raise UserError(f"{value!r} is no value of a config. Expected numbers, texts, paths, lists and dicts.")


def _override_key(key: Any) -> str:
    """Write the key of a dict as Hydra's grammar reads it: it takes no quotes there; a colour may be a tuple."""
    text = ",".join(map(str, key)) if isinstance(key, tuple) else str(key)
    return text.replace(",", r"\,")


def _nested_overrides(node: DictConfig, path: str, values: Mapping[str, Any]) -> Iterator[str]:
    """The overrides that a dict comes to: one for each key that the config has below it.

    Where the config has nothing yet below a key, such as `callbacks`, the whole dict is one override.
    """
    key = path.rpartition(".")[2]
    if key not in node:
        # Hydra's error suggests the nearest key
        yield f"{path}={override_value(values)}"
    elif not isinstance(node[key], DictConfig) or not node[key]:
        yield f"++{path}={override_value(values)}"
    else:
        for name, value in values.items():
            if isinstance(value, Mapping):
                yield from _nested_overrides(node[key], f"{path}.{name}", value)
            else:
                yield f"{path}.{name}={override_value(value)}"
