"""References such as `${oc.env:MLFLOW_TRACKING_URI}`: resolved on a command line, but texts where they are stored.

What an environment variable holds may be a secret. So a run stores the reference, not the value: loggers and callbacks
keep theirs as they are written, and are given the value when they are opened. Elsewhere a stored config holds none.
"""

import os
import re
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, flag_override

from seep_lightning.config.targets import mapped_values
from seep_lightning.errors import UserError

LITERAL_SECTIONS = ("logger", "callbacks")
"""Sections of a config whose references to environment variables stay as they are written."""

REFERENCE = "${"
"""How a reference of OmegaConf begins."""
# with a default, which may be a text in quotes and hold `{run}`
OF_ENVIRONMENT = re.compile(r"\$\{oc\.env:\s*(?P<variable>\w+)\s*(?:,(?P<default>(?:[^${}]|\{[^${}]*\})*))?\}")
# stands for a reference while OmegaConf resolves the others
_PLACEHOLDER = re.compile("\0(\\d+)\0")


def check_no_references(path: Path, stored: Any) -> None:
    """Refuse a stored config that asks for a value from elsewhere, such as an environment variable.

    Args:
        path: The file, for messages.
        stored: Mappings and lists, not resolved.

    Raises:
        UserError: There is a reference outside of `LITERAL_SECTIONS`.
    """
    sections = stored.items() if isinstance(stored, dict) else [("", stored)]
    for section, value in sections:
        if section not in LITERAL_SECTIONS:
            mapped_values(value, _refuser(path, str(section)))


def _refuser(path: Path, section: str) -> Callable[[Any], Any]:
    """A function that refuses a text with a reference."""

    def refuse(value: Any) -> Any:
        if isinstance(value, str) and REFERENCE in value:
            text = value if len(value) <= 80 else f"{value[:80]}..."
            raise UserError(
                f"{path}: {section} holds {text!r}, which a stored config is not asked to look up. "
                "Expected the value itself."
            )
        return value

    return refuse


def resolved_but_secrets(cfg: DictConfig) -> Any:
    """A composed config as its dataclass, with the references of loggers and callbacks left as they are written.

    Args:
        cfg: As Hydra composed it from a schema.
    """
    references: list[str] = []

    def hide(value: Any) -> Any:
        """A text with a placeholder for each reference to an environment variable."""
        if not isinstance(value, str):
            return value

        def noted(match: re.Match[str]) -> str:
            references.append(match[0])
            return f"\0{len(references) - 1}\0"

        return OF_ENVIRONMENT.sub(noted, value)

    def show(value: Any) -> Any:
        """The same text with its references."""
        if not isinstance(value, str):
            return value
        return _PLACEHOLDER.sub(lambda match: references[int(match[1])], value)

    sections = [section for section in LITERAL_SECTIONS if section in cfg and isinstance(cfg[section], DictConfig)]
    hidden = deepcopy(cfg)
    with flag_override(hidden, ["readonly", "struct"], False):
        for section in sections:
            written = OmegaConf.to_container(cfg[section], resolve=False)
            hidden[section] = mapped_values(written, hide)
    config = OmegaConf.to_object(hidden)
    for section in sections:
        setattr(config, section, mapped_values(getattr(config, section), show))
    return config


def looked_up(value: Any) -> Any:
    """A value of a logger's or callback's node with its references replaced by what the environment holds.

    Args:
        value: A text, or mappings and lists of them.

    Raises:
        UserError: An environment variable is not set, and the reference has no default.
    """
    return mapped_values(value, _looked_up_text)


def variables_in(text: str) -> list[str]:
    """The environment variables that a text refers to."""
    return [match["variable"] for match in OF_ENVIRONMENT.finditer(text)]


def _looked_up_text(value: Any) -> Any:
    """A leaf of a node with its references replaced."""
    if not isinstance(value, str) or REFERENCE not in value:
        return value
    whole = OF_ENVIRONMENT.fullmatch(value)
    if whole is not None and whole["variable"] not in os.environ and str(whole["default"]).strip() == "null":
        return None
    return OF_ENVIRONMENT.sub(_value_of, value)


def _value_of(reference: re.Match[str]) -> str:
    """What a reference to an environment variable stands for."""
    variable = reference["variable"]
    if variable in os.environ:
        return os.environ[variable]
    if reference["default"] is None:
        raise UserError(f"{reference[0]}: the environment variable {variable} is not set. Set it, and try again.")
    default = reference["default"].strip()
    is_quoted = len(default) >= 2 and default[0] == default[-1] and default[0] in "\"'"
    return default[1:-1] if is_quoted else default
