"""A trained run as a callable on arrays."""

from pathlib import Path

from seep_lightning.predictor.base import Predictor
from seep_lightning.predictor.onnx_predictor import OnnxPredictor
from seep_lightning.runs.directory import Run
from seep_lightning.runs.weights import DEFAULT_NETWORK


def load(run: str | Path | Run = DEFAULT_NETWORK, checkpoint: str = "best", device: str = "auto") -> Predictor:
    """The network of a run directory, or of a file that `export` wrote, as a callable on arrays, for notebooks.

    Without `run` it is the one that comes with the package; see `weights/README.md` for what it may be used for.
    Raises `UserError` where there is none, or it cannot be trusted or read. An .onnx file needs no torch.
    """
    if not isinstance(run, Run) and Path(run).suffix == ".onnx":
        return OnnxPredictor(run, device)

    from seep_lightning.predictor.torch_predictor import load_torch

    return load_torch(run, checkpoint, device)
