"""A trained run, or a file of its network, as a callable on arrays."""

from collections.abc import Sequence
from pathlib import Path

from seep_lightning.config.trust import trusting
from seep_lightning.errors import UserError
from seep_lightning.predictor.base import Predictor
from seep_lightning.predictor.formats import EXPORT_FORMATS, export_format_of
from seep_lightning.runs.directory import Run, open_run
from seep_lightning.runs.weights import DEFAULT_NETWORK, named_network


def load(
    run: str | Path | Run | None = None, checkpoint: str = "best", device: str = "auto", trusted: Sequence[str] = ()
) -> Predictor:
    """Load a trained network as a callable on arrays. An .onnx file needs neither torch nor Hydra.

    Args:
        run: A run directory, a file that `export` wrote, or the name of a network in the package (`seeps`,
            `generated`). None: `seeps`; see `weights/README.md` for what it may be used for.
        checkpoint: Of a run directory: `best` or `last`.
        device: `auto` (a GPU first), `cpu`, `cuda` ...
        trusted: Packages whose classes the run or file may name, such as `["mynets"]`; importing them runs their code
            (docs/security.md).

    Returns:
        A function of raw values (H, W) or (C, H, W), uint8 or uint16, to probabilities of seep (H, W), 0 to 1.

    Raises:
        UserError: There is no such run or file, it cannot be trusted or read, or the device cannot be used.
    """
    with trusting(trusted):
        return _load(run, checkpoint, device)


def _load(run: str | Path | Run | None, checkpoint: str, device: str) -> Predictor:
    """The network of a run or a file; see `load`."""
    if isinstance(run, Run):
        return _load_run(run, checkpoint, device)
    path = DEFAULT_NETWORK if run is None else named_network(run)
    export_format = export_format_of(path)
    if path.is_file():
        # a checkpoint may have any suffix
        file_format = export_format or EXPORT_FORMATS["torch"]
        return file_format.load(path, device)
    means_file = export_format is not None
    if means_file and not path.exists():
        raise UserError(f"run={path}: there is no such file.")
    return _load_run(open_run(path), checkpoint, device)


def _load_run(run: Run, checkpoint: str, device: str) -> Predictor:
    """The network of a run directory."""
    # that it is not there is told without torch
    path = run.checkpoint(checkpoint)
    from seep_lightning.predictor.torch_predictor import scaled_predictor, stored_network
    from seep_lightning.runs.checkpoints import read_run_checkpoint

    content = read_run_checkpoint(run, checkpoint)
    return scaled_predictor(stored_network(content, path), device)
