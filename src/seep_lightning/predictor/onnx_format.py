"""Networks as ONNX: the file that `export format=onnx` writes, and the predictor that runs it without torch."""

import json
import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from seep_lightning.data.normalise import Floats
from seep_lightning.errors import UserError, as_user_error
from seep_lightning.metrics.calibration import scaled
from seep_lightning.predictor.base import Predictor
from seep_lightning.predictor.export_source import ExportSource

if TYPE_CHECKING:
    import torch

    from seep_lightning.predictor.torch_predictor import StoredNetwork

# What we know of the network, in the metadata of the file; raise the format when an older reader would go wrong.
ONNX_KEY = "seep_lightning"
ONNX_FORMAT = 1
# Of onnxruntime: errors only.
LOG_SEVERITY = 3


class OnnxPredictor(Predictor):
    """A file that `export format=onnx` wrote, on onnxruntime.

    Args:
        path: The file.
        device: `auto` (what this onnxruntime was built for, a GPU first), `cpu` or `cuda`.

    Raises:
        UserError: It cannot be read, is of another program, or the device cannot be used.
        ImportError: onnxruntime is not installed.
    """

    def __init__(self, path: Path, device: str = "auto") -> None:
        self.session = _session(path, device)
        metadata = self.session.get_modelmeta().custom_metadata_map
        stored = json.loads(metadata.get(ONNX_KEY, "{}"))
        if not stored or stored["format"] > ONNX_FORMAT:
            raise UserError(f"{path} was not written by this version's export. Export the run again.")
        super().__init__(stored["facts"], stored["threshold"], stored.get("min_area"))
        self.stride: int = stored["stride"]

    def probability(self, batch: Floats) -> Floats:
        """See `Predictor`; pads to multiples of the stride as the network does in training.

        Args:
            batch: Network input (B, C, H, W).
        """
        height, width = batch.shape[-2:]
        below = -height % self.stride
        right = -width % self.stride
        # a reflection cannot be wider than the image
        mode: Literal["reflect", "edge"] = "reflect" if below < height and right < width else "edge"
        padded = np.pad(batch, ((0, 0), (0, 0), (0, below), (0, right)), mode=mode)
        (probabilities,) = self.session.run(None, {"image": padded})
        return np.asarray(probabilities[..., :height, :width], np.float32)


def write_onnx(source: ExportSource, path: Path) -> None:
    """Write network, scaling and sigmoid (or softmax) as ONNX, with metadata (docs/export.md).

    Args:
        source: The trained network.
        path: The file.

    Raises:
        ImportError: onnxscript is not installed.
    """
    import onnxscript  # noqa: F401

    network = source.network
    program = _onnx_program(network)
    stored = {
        "format": ONNX_FORMAT,
        "threshold": float(scaled(network.threshold, network.scaling)),
        "min_area": network.min_area,
        "stride": network.stride,
        "facts": network.facts,
    }
    channels = ["seep", *(f"class {number}" for number in range(1, network.classes + 1))]
    metadata = {ONNX_KEY: json.dumps(stored), "classes": ", ".join(channels), "model_card": source.card}
    program.model.metadata_props.update(metadata)
    program.save(path)


def _session(path: Path, device: str) -> Any:
    """The session of onnxruntime for a file."""
    import onnxruntime

    available = onnxruntime.get_available_providers()
    providers = available if device == "auto" else [f"{device.upper()}ExecutionProvider"]
    if not set(providers) <= set(available):
        raise UserError(f"device={device} cannot be used here: onnxruntime has {', '.join(available)}. Try device=cpu.")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = LOG_SEVERITY
    # onnxruntime has an error class for every reason
    with as_user_error(f"{path} cannot be read as ONNX", Exception):
        return onnxruntime.InferenceSession(str(path), options, providers=providers)


def _onnx_program(network: "StoredNetwork") -> "torch.onnx.ONNXProgram":
    """The network with its last step to probabilities, for inputs of any batch, height and width."""
    import torch

    from seep_lightning.nets.outputs import heads_at_size, main_head, probabilities

    for name in ("torch.onnx", "onnxscript", "onnx_ir"):
        logging.getLogger(name).setLevel(logging.ERROR)
    net = network.net.eval()

    def give_probabilities(_: Any, images: tuple[torch.Tensor], output: Any) -> torch.Tensor:
        heads = heads_at_size(output, images[0].shape[-2:])
        return probabilities(main_head(heads), network.scaling)

    net.register_forward_hook(give_probabilities)
    stride = network.stride
    height = torch.export.Dim("height")
    width = torch.export.Dim("width")
    free_sides = {0: torch.export.Dim("batch"), 2: stride * height, 3: stride * width}
    # two unequal sides, so that the exporter does not take them for one
    example = torch.zeros(2, network.facts["bands"], 4 * stride, 3 * stride)
    # torch's exporter warns about itself
    with warnings.catch_warnings(action="ignore"):
        program = torch.onnx.export(
            net,
            (example,),
            dynamo=True,
            dynamic_shapes=(free_sides,),
            input_names=["image"],
            output_names=["probability"],
            verbose=False,
        )
    assert program is not None
    return program
