"""The door of every command: Hydra around a plain function. Errors become one line and an exit code outside of it."""

from itertools import pairwise

from hydra.core.override_parser.overrides_parser import OverridesParser

from seep_lightning.commands.single_job import FOLDERS

PATH_KEYS = {"run", "init", "input", "output", "area", "land", "runs", "scenes", "labels", "csv"}
PATH_KEYS |= {"data.root", "split.path", "hydra.run.dir", "hydra.sweep.dir"}


def prepare_arguments(arguments: list[str]) -> list[str]:
    """Quote values of path-valued keys, and tell Hydra which overrides are the same in every job of a multirun."""
    multirun = bool({"-m", "--multirun"} & set(arguments)) or any(a.startswith("sweep=") for a in arguments)
    quoted = [_quote(a, multirun=multirun) for a in arguments]
    if not multirun:
        return quoted
    overrides = [a for before, a in pairwise(["", *quoted]) if "=" in a and a[0] != "-" and before not in FOLDERS]
    given = OverridesParser.create().parse_overrides(overrides)
    fixed = [o.key_or_group for o in given if not o.is_sweep_override()]
    names = ",".join(f"'{key}'" for key in fixed if not key.startswith("hydra."))
    end = 1 + max(i for i, a in enumerate(quoted) if "=" in a or a in ("-m", "--multirun"))  # `--cfg job` may follow
    return [*quoted[:end], f"hydra.job.config.override_dirname.exclude_keys=[{names}]", *quoted[end:]]


def _quote(argument: str, *, multirun: bool) -> str:
    """Wrap a path in quotes: `=`, brackets, commas and blanks in it mean something to Hydra's grammar."""
    key, separator, value = argument.partition("=")
    plain = value.lower() in ("", "null") or value[0] in "'\"[" or value.startswith("${") or (multirun and "," in value)
    if key.lstrip("+") not in PATH_KEYS or not separator or plain:
        return argument
    return f"{key}={quote_value(value)}"


def quote_value(value: str) -> str:
    """A value that Hydra's grammar takes as it is."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
