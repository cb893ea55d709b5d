"""Build what a `_target_` node names, after checking what it is and which keys it takes.

Hydra's `instantiate` would call anything that a config names. A config travels inside checkpoints, and a checkpoint
from a stranger must not run code: so the target must be a class of the kind that is asked for.
"""

import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from inspect import Parameter
from typing import Any, TypeVar

from seep_lightning.errors import UserError, first_line

T = TypeVar("T")

TARGET = "_target_"

# Classes that were moved. Their old names stand in stored configs and checkpoints, which stay readable.
MOVED = {
    "seep_lightning.losses.BCEDice": "seep_lightning.training.losses.BCEDice",
    "seep_lightning.losses.CEDice": "seep_lightning.training.losses.CEDice",
    "seep_lightning.schedule.WarmupCosine": "seep_lightning.training.schedules.WarmupCosine",
    "seep_lightning.logs.TensorBoard": "seep_lightning.training.loggers.TensorBoard",
    "seep_lightning.logs.Csv": "seep_lightning.training.loggers.Csv",
}


def build(key: str, node: Any, kind: type[T], *args: Any, **keywords: Any) -> T:
    """Call the class that a node names with the node's other keys; nested nodes are built first.

    Args:
        key: Where the node stands in the config, for messages.
        node: `_target_` and the keywords of its constructor.
        kind: What the class must be a subclass of; nested nodes too.
        args: Positional arguments, before the node's own.
        keywords: Keyword arguments, beside the node's own.

    Returns:
        The instance.

    Raises:
        UserError: The target does not exist, is no `kind`, does not take a key, or refuses its settings.
    """
    target = resolve(key, node, kind)
    settings = settings_of_node(node)
    _check_keywords(key, target, settings, len(args), keywords)
    built = {name: _nested(f"{key}.{name}", value, kind) for name, value in settings.items()}
    try:
        return target(*args, **keywords, **built)
    except UserError:
        raise
    except ModuleNotFoundError as error:
        raise UserError(f"{key} needs a package: pip install 'seep_lightning[{key.rpartition('.')[2]}]'") from error
    # a constructor of another library may raise anything
    except Exception as error:
        raise UserError(f"{key}: {target.__name__} refuses its settings {settings}: {error}") from error


def resolve(key: str, node: Any, kind: type[T]) -> type[T]:
    """The class that a node names.

    Args:
        key: Where the node stands in the config, for messages.
        node: A mapping with `_target_`.
        kind: What the class must be a subclass of.

    Returns:
        The class, not yet called.

    Raises:
        UserError: The node has no target, or the target cannot be imported or is no `kind`.
    """
    if not is_node(node):
        raise UserError(f"{key}: expected a node with _target_ (a class) and its arguments, found {node!r}.")
    path = str(node[TARGET])
    module, _, name = MOVED.get(path, path).rpartition(".")
    try:
        target = getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        raise UserError(f"{key}._target_={path}: cannot import it ({error}). {_how_to_install(error)}") from error
    # a module of another library, or of the user, may fail with anything when it is imported
    except Exception as error:
        reason = first_line(error)
        raise UserError(f"{key}._target_={path}: cannot import it ({reason}). Is the package installed?") from error
    if not (inspect.isclass(target) and issubclass(target, kind)):
        raise UserError(f"{key}._target_={path} is not a {kind.__module__}.{kind.__qualname__}.")
    return target


def is_node(value: Any) -> bool:
    """Whether a value of a config names a class to build."""
    return isinstance(value, Mapping) and TARGET in value


def settings_of_node(node: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a node that are keywords of its class."""
    return {name: value for name, value in node.items() if name != TARGET}


def parameters_of(target: Callable[..., Any]) -> dict[str, Parameter]:
    """The parameters of a constructor or function by name, without `*args` and `**kwargs`."""
    variadic = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    parameters = inspect.signature(target).parameters
    return {name: parameter for name, parameter in parameters.items() if parameter.kind not in variadic}


def mapped_values(value: Any, change: Callable[[Any], Any]) -> Any:
    """A tree of mappings and lists with each of its leaves changed."""
    if isinstance(value, Mapping):
        return {name: mapped_values(item, change) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [mapped_values(item, change) for item in value]
    return change(value)


def _check_keywords(
    key: str, target: Callable[..., Any], settings: Mapping[str, Any], positional: int, keywords: Mapping[str, Any]
) -> None:
    """Refuse a key of the node that the constructor does not take."""
    parameters = list(inspect.signature(target).parameters.values())
    if any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters):
        return
    free = [parameter.name for parameter in parameters[positional:] if parameter.kind is not Parameter.VAR_POSITIONAL]
    known = [name for name in free if name not in keywords]
    for name in settings:
        if name not in known:
            raise UserError(f"{key}.{name}: {target.__name__} takes {', '.join(known)}{_hint(name, known)}")


def _hint(name: str, known: Sequence[str]) -> str:
    """The end of a sentence about a misspelt key."""
    near = get_close_matches(name, known, 1)
    return f"; did you mean {near[0]!r}?" if near else "."


def _how_to_install(error: ModuleNotFoundError) -> str:
    """What to do about a module that is not there."""
    package = str(error.name).partition(".")[0].replace("_", "-")
    return f"Install it (pip install {package}), or correct the name; a file of your own must be on PYTHONPATH."


def _nested(key: str, value: Any, kind: type[Any]) -> Any:
    """A value of a node, with the nodes inside it built."""
    if is_node(value):
        return build(key, value, kind)
    if isinstance(value, Mapping):
        return {name: _nested(f"{key}.{name}", item, kind) for name, item in value.items()}
    if isinstance(value, list):
        return [_nested(f"{key}[{i}]", item, kind) for i, item in enumerate(value)]
    return value
