"""The run directory: the contract between all commands. Its paths, config, summary; what may change on resume."""

from pathlib import Path

from seep_lightning.errors import UserError
from seep_lightning.runs.directory import open_run

# Networks that come with the package: trained on real chips, and on generated ones alone
SHIPPED_NETWORKS = {name: Path(__file__).parents[1] / "weights" / f"{name}.pt" for name in ("seeps", "generated")}
DEFAULT_NETWORK = SHIPPED_NETWORKS["seeps"]  # what `predict` and `load` use where no run is named


def starting_weights(init: str) -> Path:
    """The file that `init` names: one in the package (`seeps`, `generated`), an exported one, or a run's best."""
    path = SHIPPED_NETWORKS.get(init, Path(init))
    if not path.exists():
        known = ", ".join(SHIPPED_NETWORKS)
        raise UserError(f"init={init}: there is nothing. Expected a run, a file of export format=torch, or {known}.")
    return path if path.is_file() else open_run(init).checkpoint("best")
