"""Where Python finds a user's own modules: in the working folder, after all that is installed."""

import os
import sys


def look_into_working_folder_last() -> None:
    """Let `_target_=mine.Net` find `mine.py` in the working folder, but no `torch.py` there that a stranger planted.

    `python -m` looks there first, and a console script never. Where the user forbids it, with `python -P` or
    PYTHONSAFEPATH, it is not looked into at all.
    """
    if sys.flags.safe_path:
        return
    # pathlib would be looked for in that folder first
    folder = os.getcwd()  # noqa: PTH109
    sys.path[:] = [entry for entry in sys.path if entry not in ("", folder)]
    sys.path.append(folder)


def hide_plugins_of_working_folder() -> None:
    """Keep Hydra from importing `hydra_plugins` of the working folder, as it does for every command."""
    from pathlib import Path

    import hydra_plugins

    own = Path("hydra_plugins").resolve()
    # a list stays; Python's own value follows sys.path
    hydra_plugins.__path__ = [path for path in hydra_plugins.__path__ if Path(path).resolve() != own]
