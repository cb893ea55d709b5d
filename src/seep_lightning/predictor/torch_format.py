"""Networks as a checkpoint without what only training needs: the file that `export format=torch` writes."""

from pathlib import Path

from seep_lightning.predictor.base import Predictor
from seep_lightning.predictor.export_source import ExportSource


def write_torch(source: ExportSource, path: Path) -> None:
    """Write weights and plain values, which load without running code.

    Args:
        source: The trained network.
        path: The file.
    """
    from seep_lightning.runs.checkpoints import write_checkpoint

    write_checkpoint(path, source.without_training_state())


def load_torch(path: Path, device: str) -> Predictor:
    """The network of such a file, or of any of our checkpoints.

    Args:
        path: The file.
        device: `auto` (a GPU first), `cpu`, `cuda` or another one of torch's.

    Raises:
        UserError: It is no checkpoint of ours, or the device cannot be used.
    """
    from seep_lightning.predictor.torch_predictor import scaled_predictor, stored_network
    from seep_lightning.runs.checkpoints import read_checkpoint

    return scaled_predictor(stored_network(read_checkpoint(path), path), device)
