"""Passwords and keys do not belong into a config: a run stores it, and run directories are passed on."""

from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from typing import Any

from seep_lightning.errors import UserError
from seep_lightning.masking import is_secret


def check_no_secrets(config: Any) -> None:
    """Refuse a config that holds what looks like a password or a key.

    Args:
        config: A dataclass of the schema.

    Raises:
        UserError: There is one; the message does not repeat it.
    """
    for key, value in _texts("", vars(config)):
        if is_secret(key.rpartition(".")[2], value):
            raise UserError(
                f"{key} holds a password or a key, which would be stored in the run. Put it into an environment "
                f"variable, and pass '{key}=${{oc.env:VARIABLE}}'."
            )


def _texts(key: str, value: Any) -> Iterator[tuple[str, str]]:
    """The texts in a config with their keys."""
    if is_dataclass(value):
        value = vars(value)
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _texts(f"{key}.{name}" if key else str(name), item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(key, item)
