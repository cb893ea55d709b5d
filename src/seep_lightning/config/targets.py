"""Build what a `_target_` node names, after checking what it is and which keys it takes.

Hydra's `instantiate` would call anything that a config names. A config travels inside checkpoints, and a checkpoint
from a stranger must not run code: so the target must be a class of the kind that is asked for.
"""

import importlib
import inspect
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from seep_lightning.errors import UserError

T = TypeVar("T")

# Classes that were moved. Their old names stand in stored configs and checkpoints, which stay readable.
MOVED = {
    "seep_lightning.losses.BCEDice": "seep_lightning.training.losses.BCEDice",
    "seep_lightning.losses.CEDice": "seep_lightning.training.losses.CEDice",
    "seep_lightning.schedule.WarmupCosine": "seep_lightning.training.schedules.WarmupCosine",
    "seep_lightning.logs.TensorBoard": "seep_lightning.training.loggers.TensorBoard",
    "seep_lightning.logs.Csv": "seep_lightning.training.loggers.Csv",
}


def build(key: str, node: Any, kind: type[T], *args: Any, **more: Any) -> T:
    """Call the class that `node["_target_"]` names with the node's other keys; nested nodes are built as well.

    key: where the node stands in the config, for messages; args and more come before the node's own.
    Raises `UserError` for a target that does not exist, is not a `kind`, or does not take a key.
    """
    target = resolve(key, node, kind)
    given = {k: v for k, v in node.items() if k != "_target_"}
    parameters = list(inspect.signature(target).parameters.values())[len(args) :]
    known = [p.name for p in parameters if p.name not in more and p.kind is not p.VAR_POSITIONAL]
    for name in given:
        if name not in known and not any(p.kind is p.VAR_KEYWORD for p in parameters):
            near = get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            raise UserError(f"{key}.{name}: {target.__name__} takes {', '.join(known)}{hint}")
    built = {k: _nested(f"{key}.{k}", v, kind) for k, v in given.items()}
    try:
        return target(*args, **more, **built)
    except UserError:
        raise
    except ModuleNotFoundError as error:
        raise UserError(f"{key} needs a package: pip install 'seep_lightning[{key.rpartition('.')[2]}]'") from error
    except Exception as error:  # whatever a constructor of another library raises
        raise UserError(f"{key}: {target.__name__} refuses its settings {given}: {error}") from error


def resolve(key: str, node: Any, kind: type[T]) -> type[T]:
    """The class that a node names; it must be a subclass of `kind`."""
    if not isinstance(node, Mapping) or "_target_" not in node:
        raise UserError(f"{key}: expected a node with _target_ (a class) and its arguments, found {node!r}.")
    path = str(node["_target_"])
    module, _, name = MOVED.get(path, path).rpartition(".")
    try:
        target = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(f"{key}._target_={path}: cannot import it ({error}). Is the package installed?") from error
    if not (inspect.isclass(target) and issubclass(target, kind)):
        raise UserError(f"{key}._target_={path} is not a {kind.__module__}.{kind.__qualname__}.")
    return target


def _nested(key: str, value: Any, kind: type[Any]) -> Any:
    if isinstance(value, Mapping) and "_target_" in value:
        return build(key, value, kind)
    if isinstance(value, list):
        return [_nested(f"{key}[{i}]", item, kind) for i, item in enumerate(value)]
    return value
