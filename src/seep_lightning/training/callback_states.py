"""What the states of callbacks in a stored checkpoint may name: Lightning deletes and fetches what their paths say.

The checkpoint may come from a stranger. `ModelCheckpoint` removes the file that it keeps as the best one, a folder with
all that it holds, and asks the server of an address for it.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from seep_lightning.config.known_classes import is_known
from seep_lightning.config.targets import TARGET
from seep_lightning.config.training import TrainConfig
from seep_lightning.config.trust import is_vouched_for
from seep_lightning.errors import UserError
from seep_lightning.files import real_path, with_home
from seep_lightning.metrics.figures import BEFORE_SCALING
from seep_lightning.runs.directory import Run
from seep_lightning.training.run_placeholder import fill_in_run

# Parts of an address of fsspec, by which Lightning reads and writes: `local:///folder`, `zip::/folder/file`
ADDRESS_MARKS = ("://", "::")
# Settings of callbacks and loggers below which a callback may keep its files
FOLDER_SETTINGS = ("dirpath", "save_dir")
# A state of Lightning's callbacks has a few dozen values
DEEPEST_STATE = 16
# Letters of a name in an error
LONGEST_SHOWN = 80


def check_callback_states(run: Run, config: TrainConfig, states: Any) -> None:
    """Refuse states of callbacks that name files outside of the run.

    Args:
        run: The run that goes on.
        config: What it goes on with: where its callbacks write has been judged, or was typed.
        states: Of its last checkpoint, by callback.

    Raises:
        UserError: A state names an address, or a path that lies elsewhere.
    """
    if not isinstance(states, Mapping):
        raise UserError(f"{run.last} is damaged in the states of its callbacks. Start anew with init={run.dir}.")
    folders = [str(run.dir), *_folders_of(run, config)]
    own_classes = _own_classes(config)
    for name, state in states.items():
        if str(name).partition("{")[0] in own_classes:
            continue
        stored_folder = state.get("dirpath") if isinstance(state, Mapping) else None
        for text in _texts(state):
            if not _may_be_named(text, folders, stored_folder):
                raise _names_outside(run, str(name), text)


def name_states_as_now(states: dict[str, Any], keys: Iterable[str]) -> None:
    """Give states of a run of an older version their names of today: Lightning names them by their monitors.

    Args:
        states: Of its last checkpoint, by callback.
        keys: Of the callbacks that the training has now.
    """
    for key in keys:
        older = key.replace(BEFORE_SCALING, "")
        if key not in states and older in states:
            states[key] = states.pop(older)


def _names_outside(run: Run, name: str, text: str) -> UserError:
    """The error for a path or an address of a state."""
    callback = name.partition("{")[0][:LONGEST_SHOWN]
    return UserError(
        f"{run.last}: the state of its callback {callback} names {text[:LONGEST_SHOWN]!r}, which lies outside of the "
        f"run. Nothing was deleted or fetched. Start anew with init={run.dir}."
    )


def _own_classes(config: TrainConfig) -> set[str]:
    """Classes of callbacks of one's own, by the name that Lightning gives their states."""
    names = [str(node.get(TARGET)) for node in (config.callbacks or {}).values() if isinstance(node, Mapping)]
    return {name.rpartition(".")[2] for name in names if is_vouched_for(name) or not is_known(name)}


def _folders_of(run: Run, config: TrainConfig) -> Iterator[str]:
    """Where the config's callbacks and loggers write."""
    for section in (config.callbacks, config.logger):
        for node in (section or {}).values():
            for setting in FOLDER_SETTINGS:
                folder = node.get(setting) if isinstance(node, Mapping) else None
                if isinstance(folder, str):
                    yield str(fill_in_run(folder, run))


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    """The texts in a state, also those by which mappings are ordered: `best_k_models` has paths there."""
    if depth > DEEPEST_STATE:
        # deeper than any state; a text of it is an error
        yield "://"
    elif isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(key, depth + 1)
            yield from _texts(item, depth + 1)
    elif isinstance(value, list | tuple | set):
        for item in value:
            yield from _texts(item, depth + 1)


def _may_be_named(text: str, folders: list[str], stored_folder: Any) -> bool:
    """Whether a text is no path, or one below a folder of this training."""
    if any(mark in text for mark in ADDRESS_MARKS):
        return any(_is_address(folder) and text.startswith(folder) and ".." not in text for folder in folders)
    if ".." in (*PurePosixPath(text).parts, *PureWindowsPath(text).parts):
        return False
    is_absolute = text.startswith(("/", "\\", "~")) or PureWindowsPath(text).is_absolute()
    if not is_absolute:
        # a word, or the name of a figure such as `dice/val`
        return True
    return any(_lies_below(text, folder) for folder in folders) or _was_moved(text, folders, stored_folder)


def _is_address(folder: str) -> bool:
    return any(mark in folder for mark in ADDRESS_MARKS)


def _lies_below(text: str, folder: str) -> bool:
    """Whether a path is a folder, or lies below it, wherever links lead."""
    if _is_address(folder):
        return False
    return real_path(text).is_relative_to(real_path(with_home(folder)))


def _was_moved(text: str, folders: list[str], stored_folder: Any) -> bool:
    """Whether a path lies where the callback wrote before the run was moved: Lightning then forgets it."""
    if not isinstance(stored_folder, str):
        return False
    is_todays = any(_lies_below(stored_folder, folder) for folder in folders)
    return not is_todays and PurePosixPath(text).is_relative_to(PurePosixPath(stored_folder))
