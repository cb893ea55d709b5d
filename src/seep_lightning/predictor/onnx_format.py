"""Networks as ONNX: the file that `export format=onnx` writes, and the predictor that runs it without torch."""

import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from msgspec import Meta

from seep_lightning.data.network_facts import check_facts
from seep_lightning.data.normalise import Floats, Normaliser
from seep_lightning.documents.json_files import parsed_json
from seep_lightning.documents.regular_files import check_regular
from seep_lightning.documents.shapes import Count, Probability, as_shape
from seep_lightning.errors import UserError, as_user_error
from seep_lightning.metrics.calibration import scaled
from seep_lightning.predictor.base import Predictor
from seep_lightning.predictor.export_source import ExportSource, channels_of_seep
from seep_lightning.predictor.onnx_limits import check_graph, try_in_another_process
from seep_lightning.predictor.onnx_names import NETWORK_INPUT, NETWORK_OUTPUT
from seep_lightning.runs.stored_shapes import LARGEST_STRIDE

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx
    from google.protobuf.message import Message
    from torch import nn

    from seep_lightning.predictor.raw_input import RawInput

log = logging.getLogger(__name__)

# onnxruntime imports later. From 1.29 on it keeps an identifier of the computer and tells Microsoft which models are
# opened, by their names and digests, unless this is set: https://github.com/microsoft/onnxruntime/pull/27379
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# What we know of the network, in the metadata of the file; raise the format when an older reader would go wrong.
# A file of format 1 takes network input; since 2 it takes raw numbers, and holds the network between two names.
ONNX_KEY = "seep_lightning"
ONNX_FORMAT = 2
FIRST_RAW_FORMAT = 2
LARGEST_ONNX = 2**31
"""Bytes of a file: protobuf's own limit."""
EXPORT_AGAIN = "Export the run again."
# characters of another file's name in a message
LONGEST_NAME = 100
# Of onnxruntime: errors only.
LOG_SEVERITY = 3


@dataclass(frozen=True)
class StoredOnnx:
    """What the metadata of a file of ours hold."""

    format: int
    facts: dict[str, Any]
    threshold: Probability
    stride: Annotated[int, Meta(ge=1, le=LARGEST_STRIDE)]
    min_area: Count | None = None
    size: Count | None = None


class OnnxPredictor(Predictor):
    """A file that `export format=onnx` wrote, on onnxruntime.

    It normalises as every predictor does, by the statistics of a whole scene where that is asked for; so it runs the
    bare network, without what stands before it in the file for other programs.

    Args:
        path: The file.
        device: `auto` (what this onnxruntime was built for, a GPU first), `cpu` or `cuda`.

    Raises:
        UserError: It cannot be read, is of another program or for one, or the device cannot be used.
        ImportError: onnx or onnxruntime is not installed.
    """

    def __init__(self, path: Path, device: str = "auto") -> None:
        model = _read_model(path)
        metadata = {entry.key: entry.value for entry in model.metadata_props}
        stored = _read_metadata(metadata.get(ONNX_KEY, ""), path)
        if stored.size is not None:
            raise UserError(
                f"{path} takes squares of {stored.size} px, for other programs. "
                "Expected the run, or a file of export format=onnx without size=."
            )
        if stored.format >= FIRST_RAW_FORMAT:
            model = _bare_network(model, path)
        super().__init__(stored.facts, stored.threshold, stored.min_area)
        self.stride: int = stored.stride
        check_graph(model, path)
        content = model.SerializeToString()
        try_in_another_process(content, self._smallest_shape, path)
        self.session = _session(content, path, device)
        with as_user_error(f"{path}: its graph takes nothing", IndexError, advice=EXPORT_AGAIN):
            self._input_name = self.session.get_inputs()[0].name
        self._try_out(path)

    @property
    def _smallest_shape(self) -> tuple[int, int, int, int]:
        """Of a small window, (1, C, H, W)."""
        side = 2 * self.stride
        return 1, self.bands, side, side

    def _try_out(self, path: Path) -> None:
        """Raise `UserError` where the graph does not take or give what its metadata say."""
        batch = np.zeros(self._smallest_shape, np.float32)
        side = batch.shape[-1]
        # onnxruntime has an error class for every reason, and a graph may give anything
        with as_user_error(f"{path}: its graph does not take what the file says", Exception, advice=EXPORT_AGAIN):
            given = self.probability(batch)
        expected = (1, 1 + self.classes, side, side)
        if given.shape != expected:
            raise UserError(f"{path}: its graph gives {given.shape}; expected {expected}. {EXPORT_AGAIN}")

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
        (probabilities,) = self.session.run(None, {self._input_name: padded})
        return np.asarray(probabilities[..., :height, :width], np.float32)


def write_onnx(source: ExportSource, path: Path) -> None:
    """Write a network as ONNX that takes raw numbers and gives probabilities, with metadata (docs/export.md).

    Args:
        source: The trained network.
        path: The file.

    Raises:
        UserError: The size does not fit the network.
        ImportError: onnxscript is not installed.
    """
    from seep_lightning.predictor.onnx_graph import SeepFirst
    from seep_lightning.predictor.raw_input import RawInput, RawValues

    facts = source.network.facts
    values = RawValues.of_network(facts, source.options.values)
    raw_input = RawInput(values, Normaliser(**facts["normalise"]))
    write_raw_graph(source, path, raw_input, SeepFirst(), channels_of_seep(source.network.classes), {})


def write_raw_graph(
    source: ExportSource,
    path: Path,
    raw_input: "RawInput",
    last_step: "nn.Module",
    channels: list[str],
    metadata: dict[str, str],
) -> None:
    """Write a network with what stands before and after it.

    Args:
        source: The trained network.
        path: The file.
        raw_input: From raw numbers to its input.
        last_step: What is given of its probabilities, see `onnx_graph.GraphParts`.
        channels: The names of the output's channels.
        metadata: What another program wants to know.

    Raises:
        UserError: The size does not fit the network.
        ImportError: onnxscript is not installed.
    """
    import onnx
    import onnxscript  # noqa: F401

    from seep_lightning.predictor.onnx_graph import GraphParts, WindowShape

    network = source.network
    size = source.options.size
    _check_size(size, network.stride)
    _tell_of_limits(raw_input)
    shape = WindowShape(network.facts["bands"], network.stride, size)
    model = GraphParts(network, raw_input, last_step, shape).graph()
    stored = {
        "format": ONNX_FORMAT,
        "threshold": float(scaled(network.threshold, network.scaling)),
        "min_area": network.min_area,
        "stride": network.stride,
        "size": size,
        "inside": raw_input.described(),
        "facts": network.facts,
    }
    ours = {ONNX_KEY: json.dumps(stored), "classes": ", ".join(channels), "model_card": source.card}
    onnx.helper.set_model_props(model, {**ours, **metadata})
    onnx.save(model, path)


def _check_size(size: int | None, stride: int) -> None:
    """Raise `UserError` for sides that the network cannot take."""
    if size is not None and size % stride != 0:
        raise UserError(f"size={size}: expected a multiple of the network's stride, {stride} px.")


def _tell_of_limits(raw_input: "RawInput") -> None:
    """Say where a graph, which knows one window alone, cannot do what a map of ours does."""
    match raw_input.normaliser.kind:
        case "scene":
            log.warning(
                "data.normalise.kind=scene: a program that runs this file gives windows, so each is normalised by its "
                "own statistics; predict goes on taking those of the scene"
            )
        case "scale" if raw_input.values.told_by_window:
            log.warning(
                "a window of 16 bit that holds no value above 255 is taken for 8 bit, which matters with "
                "data.normalise.kind=scale: pass values=uint8 or values=uint16"
            )


def _read_model(path: Path) -> "onnx.ModelProto":
    """What a file holds."""
    import onnx

    check_regular(path, largest=LARGEST_ONNX)
    # a damaged file raises errors of protobuf, which has its own classes for them
    with as_user_error(f"{path} cannot be read as ONNX", Exception):
        model = onnx.load(path, load_external_data=False)
    _check_self_contained(model, path)
    return model


def _check_self_contained(model: "onnx.ModelProto", path: Path) -> None:
    """Raise `UserError` where weights lie in other files: our files hold all of theirs.

    onnxruntime would read any file of this computer that the graph names.
    """
    from onnx import TensorProto

    for part in _parts(model):
        if isinstance(part, TensorProto) and (part.data_location == TensorProto.EXTERNAL or part.external_data):
            named = next((entry.value for entry in part.external_data if entry.key == "location"), "")
            raise UserError(
                f"{path} takes weights from another file, {named[:LONGEST_NAME]!r}, as no file of ours does; that file "
                f"was not read. {EXPORT_AGAIN}"
            )


def _parts(message: "Message") -> "Iterator[Message]":
    """All messages within one of protobuf: tensors, and those of graphs in nodes and functions, however deep."""
    from google.protobuf.message import Message

    yield message
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for part in [value] if isinstance(value, Message) else value:
            yield from _parts(part)


def _read_metadata(text: str, path: Path) -> StoredOnnx:
    """What our export wrote about a network; `UserError` where it is not ours, or damaged."""
    source = f"{path}, metadata"
    content = parsed_json(text, source, advice=EXPORT_AGAIN) if text else {}
    if not isinstance(content, dict) or not content:
        raise UserError(f"{path} was not written by this version's export. {EXPORT_AGAIN}")
    stored = as_shape(content, StoredOnnx, source, advice=EXPORT_AGAIN)
    if stored.format > ONNX_FORMAT:
        raise UserError(f"{path} was not written by this version's export. {EXPORT_AGAIN}")
    check_facts(stored.facts, f"{source}, facts", advice=EXPORT_AGAIN)
    return stored


def _bare_network(model: "onnx.ModelProto", path: Path) -> "onnx.ModelProto":
    """The network alone, from network input to scaled probabilities."""
    from onnx.utils import Extractor

    # of a graph that lacks the names, or is none
    with as_user_error(f"{path}: the network cannot be found in its graph", Exception, advice=EXPORT_AGAIN):
        return Extractor(model).extract_model([NETWORK_INPUT], [NETWORK_OUTPUT])


def _session(content: bytes, path: Path, device: str) -> Any:
    """The session of onnxruntime for a model."""
    import onnxruntime

    available = onnxruntime.get_available_providers()
    providers = available if device == "auto" else [f"{device.upper()}ExecutionProvider"]
    if not set(providers) <= set(available):
        raise UserError(f"device={device} cannot be used here: onnxruntime has {', '.join(available)}. Try device=cpu.")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = LOG_SEVERITY
    # onnxruntime has an error class for every reason
    with as_user_error(f"{path} cannot be read as ONNX", Exception):
        return onnxruntime.InferenceSession(content, options, providers=providers)
