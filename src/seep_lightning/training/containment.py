"""What a resumed run may write to: its own directory, unless the command line says otherwise.

A run directory may come from a stranger. Loggers and callbacks of its stored config are built and write files, or send
what they are given to a server: so their settings must not lead out of the directory.
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from seep_lightning.config.references import REFERENCE, looked_up, variables_in
from seep_lightning.config.targets import TARGET, is_node
from seep_lightning.config.training import TrainConfig
from seep_lightning.config.trust import is_vouched_for
from seep_lightning.errors import UserError, shortened
from seep_lightning.files import real_path, with_home
from seep_lightning.runs.directory import Run
from seep_lightning.training.run_placeholder import fill_in_run

SECTIONS = ("logger", "callbacks")
# Settings that are paths, also where they do not look like one.
PATH_SETTINGS = frozenset(
    {"artifact_location", "dir", "dirpath", "file", "folder", "log_dir", "path", "root_dir", "save_dir", "sub_dir"}
)
# Names of files with figures in them, such as `{epoch}-{dice/val:.2f}`: other formats could write any letters.
FILENAME_SETTINGS = frozenset({"filename", "filename_suffix"})
# Lightning writes the figure's name into that of the file, so it must not lead anywhere: `dice/val`, but not `../val`.
FIGURE_IN_FILENAME = re.compile(r"\{[^\W\d][\w. -]*(/[^\W\d][\w. -]*)*(:0?\d{0,2}(\.\d{1,2})?[dfeg]?)?\}")
# What no name of a file holds beside its figures
SEPARATORS = ("/", "\\", "{", "}")
PARENT = ".."
# Lightning's loggers look up `$NAME` and `%NAME%` of the environment in their paths
VARIABLE = re.compile(r"\$|%\w+%")
# What is said before the path of a store on this machine
LOCAL_STORES = ("sqlite:///", "file://", "file:")
# The one reference that `conf/logger/` has, and where
SERVER_SETTING = "tracking_uri"
SERVER_VARIABLE = "MLFLOW_TRACKING_URI"
# Loggers that reach a server, with the settings that leave it at the one of the person's own account.
_WANDB_SETTINGS = ("id", "job_type", "log_model", "name", "notes", "offline", "project", "save_dir", "tags", "version")
_MLFLOW_SETTINGS = ("experiment_name", "log_model", "run_id", "run_name", "save_dir", "tags", SERVER_SETTING)
SETTINGS_OF_SERVERS: dict[str, tuple[str, ...]] = {
    "lightning.pytorch.loggers.WandbLogger": _WANDB_SETTINGS,
    "lightning.pytorch.loggers.MLFlowLogger": _MLFLOW_SETTINGS,
}


def check_contained(run: Run, config: TrainConfig) -> None:
    """Refuse to go on with a run whose stored loggers and callbacks lead out of its directory.

    Args:
        run: The run, with its stored config.
        config: What it goes on with. What differs from the stored config came from the command line, and is free.

    Raises:
        UserError: A stored setting leads elsewhere.
    """
    for section in SECTIONS:
        stored_nodes = getattr(run.config, section) or {}
        nodes = getattr(config, section) or {}
        for name, node in nodes.items():
            if node and node == stored_nodes.get(name):
                _check_node(run, f"{section}.{name}", node)
    registry = config.trainer.model_registry
    if registry is not None and registry == run.config.trainer.model_registry:
        raise UserError(
            f"run={run.dir}: trainer.model_registry={registry} sends checkpoints to a server. "
            "Pass trainer.model_registry=null, or the name itself."
        )


def _check_node(run: Run, key: str, node: Any) -> None:
    """Refuse a stored node that leads out of the run, unless its class is one that the user vouches for."""
    name = str(node[TARGET]) if is_node(node) else ""
    if is_vouched_for(name):
        return
    known = SETTINGS_OF_SERVERS.get(name)
    unknown = [setting for setting in node if known is not None and setting not in (TARGET, *known)]
    for setting in unknown:
        raise _leads_out(run, f"{key}.{setting}={node[setting]}", key, name, "may reach another server")
    for setting_key, value in _texts(key, node):
        setting = setting_key.rpartition(".")[2]
        if setting != TARGET and not _stays(run, setting, value):
            raise _leads_out(run, f"{setting_key}={value}", key, name, "leads out of the run")


def _leads_out(run: Run, setting: str, key: str, name: str, problem: str) -> UserError:
    """The error for a setting that a stored config may not have."""
    return UserError(
        f"run={run.dir}: {shortened([setting])!r} of its stored config {problem}. Leave it out with {key}=null, give "
        f"the whole node on the command line, or add trusted=[{name}] if you know the run."
    )


def _texts(key: str, value: Any) -> Iterator[tuple[str, str]]:
    """The texts in a node with their keys."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _texts(f"{key}.{name}", item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(key, item)


def _stays(run: Run, setting: str, value: str) -> bool:
    """Whether a setting can lead nowhere but below the run's directory."""
    if REFERENCE in value:
        if not _is_own_server(setting, value):
            return False
        if SERVER_VARIABLE in os.environ:
            return True
        value = str(looked_up(value))
    elif VARIABLE.search(value):
        return False
    filled = fill_in_run(value, run)
    if setting in FILENAME_SETTINGS and not _is_plain_filename(filled):
        return False
    return _is_within(run, setting, filled)


def _is_within(run: Run, setting: str, text: str) -> bool:
    """Whether a text is no path, or one below the run's directory."""
    for prefix in LOCAL_STORES:
        if text.startswith(prefix):
            return _lies_below(run, text.removeprefix(prefix))
    if "://" in text:
        return False
    if PARENT in Path(text).parts:
        # what it leads to depends on the folder that it is put below
        return False
    is_path = setting in PATH_SETTINGS
    looks_like_path = text.startswith(("/", "~", "\\"))
    return not (is_path or looks_like_path) or _lies_below(run, text)


def _is_plain_filename(value: str) -> bool:
    """Whether a name of files takes nothing but numbers in, and leads to no other folder."""
    literal = FIGURE_IN_FILENAME.sub("", value)
    # figures begin with letters, so that dots around them make no way up
    return PARENT not in value and not any(separator in literal for separator in SEPARATORS)


def _is_own_server(setting: str, value: str) -> bool:
    """Whether a reference is the one that `conf/logger/mlflow.yaml` has: what it holds goes to its own server alone."""
    others = [variable for variable in variables_in(value) if variable != SERVER_VARIABLE]
    is_one_reference = value.count(REFERENCE) == 1 and value.startswith(REFERENCE) and value.endswith("}")
    names_server = setting == SERVER_SETTING and SERVER_VARIABLE in variables_in(value)
    return names_server and is_one_reference and not others


def _lies_below(run: Run, text: str) -> bool:
    """Whether a path is the run's directory, or lies below it, wherever links lead."""
    return real_path(with_home(text)).is_relative_to(real_path(run.dir))
