"""A trained network as a callable on arrays, whatever runs it. Imports neither torch nor Lightning."""

import json
from pathlib import Path

import numpy as np

from seep_lightning.data.normalise import Floats
from seep_lightning.errors import UserError, as_user_error, needs_extra
from seep_lightning.predictor.base import Predictor

ONNX_KEY, ONNX_FORMAT = "seep_lightning", 1  # of what we know, in the metadata of a file that `export` wrote


class OnnxPredictor(Predictor):
    """A file that `export` wrote as ONNX, on onnxruntime; `UserError` for another one.

    device: `auto` (what this onnxruntime was built for, a GPU first), `cpu` or `cuda`.
    """

    def __init__(self, path: str | Path, device: str = "auto") -> None:
        with needs_extra(f"{path}", "onnxruntime", "export"):
            import onnxruntime
        there = onnxruntime.get_available_providers()
        wanted = there if device == "auto" else [f"{device.upper()}ExecutionProvider"]
        if not set(wanted) <= set(there):
            raise UserError(f"device={device} cannot be used here: onnxruntime has {', '.join(there)}. Try device=cpu.")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        with as_user_error(f"{path} cannot be read as ONNX", Exception):  # of many classes
            self.session = onnxruntime.InferenceSession(str(path), options, providers=wanted)
        known = json.loads(self.session.get_modelmeta().custom_metadata_map.get(ONNX_KEY, "{}"))
        if not known or known["format"] > ONNX_FORMAT:
            raise UserError(f"{path} was not written by this version's export. Export the run again.")
        super().__init__(known["facts"], known["threshold"], known.get("min_area"))
        self.stride: int = known["stride"]

    def probability(self, batch: Floats) -> Floats:
        """See `Predictor`; padded as `SeepModule.forward` does."""
        height, width = batch.shape[-2:]
        down, right = -height % self.stride, -width % self.stride
        beyond = (0, 0), (0, 0), (0, down), (0, right)
        padded = np.pad(batch, beyond, mode="reflect" if down < height and right < width else "edge")
        (found,) = self.session.run(None, {"image": padded})
        return np.asarray(found[..., :height, :width], np.float32)
