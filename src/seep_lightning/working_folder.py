"""Where Python finds a user's own modules: in the working folder, after all that is installed."""

import os
import sys
from collections.abc import Sequence

_OWN_CODE = ("_target_", "trusted=", "attributes=", "figures=", "--config-dir", "-cd")
"""What a command line holds that names code or configs of a person's own."""
_RUNS = ("run=", "init=")


def look_into_working_folder_last(verb: str) -> None:
    """Let `_target_=mine.Net` find `mine.py` in the working folder, but no `torch.py` there that a stranger planted.

    `python -m` looks there first, and a console script never. Where the user forbids it, with `python -P` or
    PYTHONSAFEPATH, it is not looked into at all. Nor is it where the command line names no code of the person's own:
    MONAI and others import packages that need not be installed, and a stranger's `torchvision.py` would stand for one.

    Args:
        verb: The command, or a name that ends with it, such as `seep_lightning.train`.
    """
    if sys.flags.safe_path:
        return
    # pathlib would be looked for in that folder first
    folder = os.getcwd()  # noqa: PTH109
    sys.path[:] = [entry for entry in sys.path if entry not in ("", folder)]
    is_named = folder in os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if is_named or _may_name_own_code(verb, sys.argv[1:]):
        sys.path.append(folder)


def _may_name_own_code(verb: str, arguments: Sequence[str]) -> bool:
    """Whether a command may want modules of the working folder: it names some, or is a training of its own."""
    if os.environ.get("SEEP_TRUSTED") or any(name in argument for argument in arguments for name in _OWN_CODE):
        return True
    reads_a_run = any(argument.startswith(_RUNS) for argument in arguments)
    return verb.endswith("train") and not reads_a_run


def hide_plugins_of_working_folder() -> None:
    """Keep Hydra from importing `hydra_plugins` of the working folder, as it does for every command."""
    from pathlib import Path

    import hydra_plugins

    own = Path("hydra_plugins").resolve()
    # a list stays; Python's own value follows sys.path
    hydra_plugins.__path__ = [path for path in hydra_plugins.__path__ if Path(path).resolve() != own]
