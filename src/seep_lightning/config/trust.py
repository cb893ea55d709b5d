"""Which classes a stored config may name. They are judged by name, before anything is imported.

A run directory, a checkpoint or an exported file may come from a stranger, and importing a module runs its code. So
what is stored may name classes of a few packages that are known to do nothing but compute, and of packages that the
person at the keyboard trusts. What a person writes on a command line is that person's own, and stays free.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from seep_lightning.config.known_classes import NETWORK_SECTION, NETWORKS, REFUSED_NAMES, is_known
from seep_lightning.config.targets import MOVED, TARGET, is_node
from seep_lightning.errors import UserError

# Packages that one person trusts always, separated by commas
TRUSTED_VARIABLE = "SEEP_TRUSTED"

DOTTED_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)

# An address in a stored node would be fetched, or written to.
# One letter before a colon is a drive of Windows.
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/|file:|hf-hub:|hf_hub:|local-dir:", re.IGNORECASE)
# Sections of a config whose values are judged when they are opened, see `training.containment`
JUDGED_WHEN_OPENED = ("logger", "callbacks")

# A stored config of a run has some hundred values. References within one file can stand for many more.
MOST_VALUES = 200_000
DEEPEST_NESTING = 64


class WithTrusted(Protocol):
    """The config of a command that reads stored runs."""

    trusted: list[str]


Config = TypeVar("Config", bound=WithTrusted)
More = ParamSpec("More")
Result = TypeVar("Result")

_trusted_here: ContextVar[tuple[str, ...]] = ContextVar("trusted", default=())
# what the command line's own config names, and a stored one may then name, too
_named_here: ContextVar[tuple[str, ...]] = ContextVar("named", default=())


class Untrusted(UserError):
    """A stored config names a class that may not be imported unasked.

    Attributes:
        package: What would have to be trusted.
    """

    def __init__(self, message: str, package: str) -> None:
        super().__init__(message)
        self.package = package


@dataclass(frozen=True)
class NamedObject:
    """A class or another object that a config names.

    Attributes:
        key: Where, such as `loss.terms.bce`.
        name: As it is written; a name is text, but a stored one may be anything.
    """

    key: str
    name: Any


@contextmanager
def trusting(names: Iterable[str], named: Iterable[str] = ()) -> Iterator[None]:
    """Let stored configs name more classes while the block runs.

    Args:
        names: Packages, modules or classes, such as `mynets`: whatever begins with one of them is trusted.
        named: Classes that the command line's own config names, see `names_in`: a stored config may name them, too.

    Raises:
        UserError: A name is no dotted name.
    """
    trusted = tuple(names)
    for name in trusted:
        _check_trusted(f"trusted={name}", name)
    token = _trusted_here.set((*_trusted_here.get(), *trusted))
    named_token = _named_here.set((*_named_here.get(), *named))
    try:
        yield
    finally:
        _trusted_here.reset(token)
        _named_here.reset(named_token)


def trusting_its_config(
    command: Callable[Concatenate[Config, More], Result],
) -> Callable[Concatenate[Config, More], Result]:
    """Let a command's function trust what the key `trusted` of its config names.

    Args:
        command: Takes the config of a command, and what else it may take.
    """

    @wraps(command)
    def trusting_command(config: Config, /, *more: More.args, **keywords: More.kwargs) -> Result:
        with trusting(config.trusted):
            return command(config, *more, **keywords)

    return trusting_command


def is_vouched_for(name: str) -> bool:
    """Whether the person at the keyboard trusts a class, and so what a stored config says of it."""
    return any(_is_within(name, trusted) for trusted in (*_trusted_here.get(), *_always_trusted()))


def _may_be_named(name: str) -> bool:
    """Whether a class is vouched for, or the command line's own config names it."""
    return name in _named_here.get() or is_vouched_for(name)


def judge_stored(source: str, stored: Any) -> None:
    """Refuse a stored config that names anything but classes of trusted packages.

    Nothing is imported.

    Args:
        source: The file, for messages.
        stored: Mappings and lists, as read from the file.

    Raises:
        Untrusted: A class is of another package.
        UserError: Names or addresses that nobody can trust, or too many values.
    """
    for key, node in _nodes(source, stored):
        _judge_class(source, NamedObject(key, node[TARGET]))
        if not key.startswith(JUDGED_WHEN_OPENED):
            _judge_addresses(source, key, node)
    figures = stored.get("figures") if isinstance(stored, Mapping) else None
    for figure in figures if isinstance(figures, Sequence) else ():
        if isinstance(figure, str) and "." in figure:
            _judge_figure(source, figure)


def names_in(config: Any) -> list[str]:
    """All classes and figures that a config of a command line names: these are the person's own.

    Args:
        config: Mappings and lists.

    Returns:
        Dotted names, also the ones that moved classes have now.
    """
    names = [node[TARGET] for _, node in _nodes("the command line", config)]
    figures = config.get("figures") if isinstance(config, Mapping) else None
    names += figures or []
    # a name without a dot is that of a figure of ours
    dotted = [name for name in names if isinstance(name, str) and "." in name and DOTTED_NAME.fullmatch(name)]
    return [*dotted, *(MOVED[name] for name in dotted if name in MOVED)]


def trusted_argument(config: Any, more: Iterable[str] = ()) -> str:
    """What a command needs beside `run=DIR` to read the run of a config again.

    Args:
        config: Mappings and lists.
        more: Classes that are known, but to be trusted for what the config asks of them.

    Returns:
        An argument such as `'trusted=[mynets]'`, for a shell, after a blank; empty where all classes are known.
    """
    always = _always_trusted()
    classes = [name for name in more if not any(_is_within(name, trusted) for trusted in always)]
    packages = sorted({*_packages_to_trust(config), *classes})
    return f" 'trusted=[{','.join(packages)}]'" if packages else ""


def _packages_to_trust(config: Any) -> set[str]:
    """The packages of a config that are neither known nor in SEEP_TRUSTED."""
    always = _always_trusted()
    names = [name for name in names_in(config) if not is_known(name)]
    left = [name for name in names if not any(_is_within(name, trusted) for trusted in always)]
    return {name.partition(".")[0] for name in left}


def _always_trusted() -> list[str]:
    """What SEEP_TRUSTED names."""
    names = [name.strip() for name in os.environ.get(TRUSTED_VARIABLE, "").split(",")]
    names = [name for name in names if name]
    for name in names:
        _check_trusted(f"{TRUSTED_VARIABLE}={name}", name)
    return names


def _check_trusted(key: str, name: Any) -> None:
    """Raise `UserError` for what is no name of a package, module or class."""
    if not (isinstance(name, str) and DOTTED_NAME.fullmatch(name)):
        raise UserError(f"{key}: expected the name of a package, such as mynets.")


def _is_within(name: str, package: str) -> bool:
    """Whether a dotted name is that of a package, or of something in it."""
    return name == package or name.startswith(f"{package}.")


def _judge_class(source: str, named: NamedObject) -> None:
    """Refuse a class that is not trusted."""
    name = named.name
    key = f"{named.key}.{TARGET}"
    if not (isinstance(name, str) and DOTTED_NAME.fullmatch(name) and "." in name):
        raise UserError(f"{source}: {key}={_shown(name)} is no name of a class. Nothing was imported.")
    if _may_be_named(name):
        return
    if not is_known(name):
        raise _untrusted(source, f"{key}={name}", name, REFUSED_NAMES.get(name.rpartition(".")[2]))
    is_network = any(_is_within(name, package) for package in NETWORKS)
    if is_network and named.key.partition(".")[0] != NETWORK_SECTION:
        # of networks alone, the first weights are left out
        raise _untrusted(source, f"{key}={name}", name, "may download weights")
    _check_not_in_working_folder(source, f"{key}={name}", name)


def _judge_figure(source: str, name: str) -> None:
    """Refuse a figure of somebody's own that is not trusted: MODULE.NAME."""
    if not DOTTED_NAME.fullmatch(name):
        raise UserError(f"{source}: figures={_shown(name)} is no name of a figure. Nothing was imported.")
    if not _may_be_named(name):
        raise _untrusted(source, f"figures={name}", name)


def _untrusted(source: str, setting: str, name: str, problem: str | None = None) -> Untrusted:
    """The error for a name that is not trusted, because its package is unknown or because of what that class does."""
    package = name.partition(".")[0]
    to_trust = name if problem else package
    reason = f"which {problem}" if problem else "and importing it runs its code"
    return Untrusted(
        f"{source} names {setting}, {reason}. Nothing was imported. "
        f"If you know that code, add trusted=[{to_trust}], or set {TRUSTED_VARIABLE}={to_trust}.",
        to_trust,
    )


def _check_not_in_working_folder(source: str, setting: str, name: str) -> None:
    """Refuse a package that lies in the working folder, which Python searches too, in the place of the installed one.

    Nothing is imported: of a package at the top, Python looks for the file alone.
    """
    package = name.partition(".")[0]
    if package == __name__.partition(".")[0]:
        # it runs already
        return
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return
    if spec is None:
        return
    places = [spec.origin] if spec.origin else []
    places += spec.submodule_search_locations or []
    folder = Path.cwd().resolve()
    for place in places:
        path = Path(place).resolve()
        home = path.parent.parent if path.name == "__init__.py" else path.parent
        if home == folder:
            raise _untrusted(source, f"{setting}, which here is {path}", name)


def _judge_addresses(source: str, key: str, node: Mapping[str, Any]) -> None:
    """Refuse an address among the settings of a class that is not trusted by the user."""
    if _may_be_named(str(node[TARGET])):
        return
    for name, value in node.items():
        for text in _texts(value):
            if ADDRESS.search(text):
                raise UserError(
                    f"{source}: {key}.{name}={_shown(text)} is an address, which a stored config may not name. "
                    f"If you know it, add trusted=[{node[TARGET]}]."
                )


def _texts(value: Any) -> Iterator[str]:
    """The texts of a setting; nodes within it are judged by themselves."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, Mapping) and not is_node(value):
        for item in value.values():
            yield from _texts(item)


def _nodes(source: str, config: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each mapping that names a class, with its key.

    References within a file can stand for endlessly many values, or for a tree without an end: both are refused.
    """
    waiting: list[tuple[str, int, Any]] = [("", 0, config)]
    seen = 0
    while waiting:
        key, depth, value = waiting.pop()
        seen += 1
        if seen > MOST_VALUES or depth > DEEPEST_NESTING:
            raise UserError(f"{source} holds more values, or deeper ones, than any config has. Expected that of a run.")
        if isinstance(value, Mapping):
            if is_node(value):
                yield key, value
            waiting += [(_joined(key, name), depth + 1, item) for name, item in value.items()]
        elif isinstance(value, list | tuple):
            waiting += [(f"{key}[{index}]", depth + 1, item) for index, item in enumerate(value)]


def _joined(key: str, name: Any) -> str:
    """The key of a value in a mapping."""
    shown = _shown(name)
    return f"{key}.{shown}" if key else shown


def _shown(value: Any, longest: int = 80) -> str:
    """A value for a message: one line, without control characters, and not endless."""
    text = value if isinstance(value, str) else type(value).__name__
    printable = "".join(letter if letter.isprintable() else "?" for letter in text[: longest + 1])
    return printable if len(printable) <= longest else f"{printable[:longest]}..."
