"""The networks that come with the package, and the weights that a training starts from."""

from pathlib import Path

from seep_lightning.errors import UserError
from seep_lightning.files import real_path, with_home
from seep_lightning.runs.directory import open_run

_FOLDER = Path(__file__).parents[1] / "weights"

# `seeps` was trained on real chips, `generated` on generated ones alone.
SHIPPED_NETWORKS = {name: _FOLDER / f"{name}.pt" for name in ("seeps", "generated")}
# What `predict` and `load` use where no run is named.
DEFAULT_NETWORK = SHIPPED_NETWORKS["seeps"]


def named_network(run: str | Path) -> Path:
    """The file of a network in the package by its name; any other path, and one that is there, as it is."""
    path = with_home(run)
    if path.exists():
        return path
    return SHIPPED_NETWORKS.get(str(run), path)


def starting_weights(init: str) -> Path:
    """The file of first weights.

    Args:
        init: A network in the package (`seeps`, `generated`), a file, or a run, whose best epoch is taken.

    Raises:
        UserError: There is no such thing, or the run has no best epoch yet.
    """
    path = SHIPPED_NETWORKS.get(init, Path(init))
    if not path.exists():
        names = ", ".join(SHIPPED_NETWORKS)
        raise UserError(
            f"init={init}: there is no such file or folder. Expected a run, a file of export format=torch, or {names}."
        )
    return path if path.is_file() else open_run(init).checkpoint("best")


def network_name(path: Path) -> str:
    """What `predict` calls a network in the column `model` of its outlines.

    Args:
        path: A run directory, or a file of weights.

    Returns:
        The name of the folder, which may hold a dot, or that of the file without its suffix.
    """
    whole = real_path(path)
    return whole.stem if path.is_file() else whole.name
