"""Build what a `_target_` node names, after checking what it is and which keys it takes.

Hydra's `instantiate` would call anything that a config names. A config travels inside checkpoints, and a checkpoint
from a stranger must not run code: so the target must be a class of the kind that is asked for.
"""

import importlib
import inspect
import math
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
    free_names = _names_of_keywords(target, len(args))
    if free_names is not None:
        own_names = [name for name in free_names if name not in keywords]
        _check_keywords(key, target, settings, own_names)
    _check_numbers(key, settings)
    built = _build_nested(key, settings, kind)
    try:
        return target(*args, **keywords, **built)
    except UserError:
        raise
    except ModuleNotFoundError as error:
        extra = key.rpartition(".")[2]
        raise UserError(f"{key} needs a package: pip install 'seep_lightning[{extra}]'") from error
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
    todays_path = MOVED.get(path, path)
    module_name, _, class_name = todays_path.rpartition(".")
    try:
        module = importlib.import_module(module_name)
        target = getattr(module, class_name)
    except ModuleNotFoundError as error:
        raise UserError(f"{key}._target_={path}: cannot import it ({error}). {_how_to_install(error)}") from error
    # a module of another library, or of the user, may fail with anything when it is imported
    except Exception as error:
        reason = first_line(error)
        raise UserError(f"{key}._target_={path}: cannot import it ({reason}). Is the package installed?") from error
    if not (inspect.isclass(target) and issubclass(target, kind)):
        raise UserError(f"{key}._target_={path} is not a {kind.__module__}.{kind.__qualname__}.")
    return target


def with_current_names(stored: Any) -> Any:
    """A stored config with each class that was moved by the name that it has now.

    Args:
        stored: Mappings and lists, as read from a file.

    Returns:
        The same tree. Without it a config of an older version would differ from a new one that means the same.
    """
    return mapped_values(stored, _current_name)


def _current_name(value: Any) -> Any:
    """A value of a config; the new name if it is the name of a class that was moved."""
    return MOVED.get(value, value) if isinstance(value, str) else value


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


def _names_of_keywords(target: Callable[..., Any], positional: int) -> list[str] | None:
    """What a constructor takes after so many positional arguments; None: anything."""
    parameters = list(inspect.signature(target).parameters.values())
    kinds = [parameter.kind for parameter in parameters]
    if Parameter.VAR_KEYWORD in kinds:
        return None
    free = parameters[positional:]
    return [parameter.name for parameter in free if parameter.kind is not Parameter.VAR_POSITIONAL]


def _check_keywords(
    key: str, target: Callable[..., Any], settings: Mapping[str, Any], own_names: Sequence[str]
) -> None:
    """Refuse a key of the node that is none of the constructor's own names."""
    for name in settings:
        if name not in own_names:
            listed = ", ".join(own_names)
            hint = _hint(name, own_names)
            raise UserError(f"{key}.{name}: {target.__name__} takes {listed}{hint}")


def _check_numbers(key: str, settings: Any) -> None:
    """Refuse NaN wherever it stands in a node: no constructor means anything by it, and some take it."""
    match settings:
        case Mapping():
            for name, value in settings.items():
                _check_numbers(f"{key}.{name}", value)
        case list() | tuple():
            for item in settings:
                _check_numbers(key, item)
        case float() if math.isnan(settings):
            raise UserError(f"{key}=nan: expected a number.")


def _hint(name: str, known: Sequence[str]) -> str:
    """The end of a sentence about a misspelt key."""
    near = get_close_matches(name, known, 1)
    if not near:
        return "."
    return f"; did you mean {near[0]!r}?"


def _how_to_install(error: ModuleNotFoundError) -> str:
    """What to do about a module that is not there."""
    top_module = str(error.name).partition(".")[0]
    package = top_module.replace("_", "-")
    own_file = "a file of your own must be in the working folder or on PYTHONPATH"
    return f"Install it (pip install {package}), or correct the name; {own_file}."


def _build_nested(key: str, settings: Mapping[str, Any], kind: type[Any]) -> dict[str, Any]:
    """The values of a mapping, with the nodes inside them built."""
    built: dict[str, Any] = {}
    for name, value in settings.items():
        built[name] = _nested(f"{key}.{name}", value, kind)
    return built


def _nested(key: str, value: Any, kind: type[Any]) -> Any:
    """A value of a node, with the nodes inside it built."""
    if is_node(value):
        return build(key, value, kind)
    if isinstance(value, Mapping):
        return _build_nested(key, value, kind)
    if isinstance(value, list):
        return [_nested(f"{key}[{i}]", item, kind) for i, item in enumerate(value)]
    return value
