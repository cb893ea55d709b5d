"""Overrides on a command line: paths quoted for Hydra's grammar, and what names the folders of a sweep."""

from itertools import pairwise

from hydra.core.override_parser.overrides_parser import OverridesParser

PATH_KEYS = frozenset(
    {
        "area",
        "csv",
        "data.root",
        "hydra.run.dir",
        "hydra.sweep.dir",
        "init",
        "input",
        "labels",
        "land",
        "output",
        "run",
        "runs",
        "scenes",
        "split.path",
    }
)
# flags of Hydra after which a path follows
CONFIG_FOLDER_FLAGS = ("--config-dir", "-cd", "--config-path", "-cp")
MULTIRUN_FLAGS = ("-m", "--multirun")


def prepare_arguments(arguments: list[str]) -> list[str]:
    """Prepare a command line for Hydra.

    Values of path-valued keys are quoted. In a multirun, Hydra is told which overrides are the same in every job, so
    that the jobs' folders are named by what differs.

    Args:
        arguments: What the user typed after the command.
    """
    multirun = _asks_for_multirun(arguments)
    quoted = [quote_path(argument, multirun=multirun) for argument in arguments]
    if not multirun:
        return quoted
    names = [f"'{key}'" for key in _keys_of_all_jobs(quoted)]
    exclude = f"hydra.job.config.override_dirname.exclude_keys=[{','.join(names)}]"
    # other flags, such as `--cfg job`, may follow the overrides
    end = _end_of_overrides(quoted)
    return [*quoted[:end], exclude, *quoted[end:]]


def quote_path(argument: str, *, multirun: bool) -> str:
    """Quote the value of a path-valued key: `=`, brackets, commas and blanks mean something in Hydra's grammar.

    Args:
        argument: One argument of a command line.
        multirun: Whether a comma separates the values of several jobs.
    """
    key, separator, value = argument.partition("=")
    if not separator or key.lstrip("+") not in PATH_KEYS:
        return argument
    if _is_for_hydra(value, multirun):
        return argument
    return f"{key}={quote_value(value)}"


def quote_value(value: str) -> str:
    """Quote a text so that Hydra's grammar takes it as it is."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _is_for_hydra(value: str, multirun: bool) -> bool:
    """Whether Hydra's grammar has to read a path's value: null, a text in quotes, a list, an interpolation."""
    if value.lower() in ("", "null"):
        return True
    if value.startswith(("'", '"', "[", "${")):
        return True
    return multirun and "," in value


def _asks_for_multirun(arguments: list[str]) -> bool:
    """Whether a command line starts several jobs: by a flag, or by a config of the group `sweep`."""
    by_flag = any(argument in MULTIRUN_FLAGS for argument in arguments)
    by_group = any(argument.startswith("sweep=") for argument in arguments)
    return by_flag or by_group


def _keys_of_all_jobs(arguments: list[str]) -> list[str]:
    """The keys that have one value in all jobs of a multirun; those of Hydra itself name no folder."""
    texts = []
    for before, argument in pairwise(["", *arguments]):
        is_override = "=" in argument and not argument.startswith("-")
        if is_override and before not in CONFIG_FOLDER_FLAGS:
            texts.append(argument)
    overrides = OverridesParser.create().parse_overrides(texts)
    keys = [override.key_or_group for override in overrides if not override.is_sweep_override()]
    return [key for key in keys if not key.startswith("hydra.")]


def _end_of_overrides(arguments: list[str]) -> int:
    """The index after the last override or multirun flag."""
    last = 0
    for index, argument in enumerate(arguments):
        if "=" in argument or argument in MULTIRUN_FLAGS:
            last = index
    return last + 1
