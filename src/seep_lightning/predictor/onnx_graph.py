"""A network as an ONNX graph: raw numbers in, probabilities out.

The graph is joined of three: raw numbers to `network_input`, the network to `network_output`, and what is given out of
that. `onnx_format.py` cuts the network out again, since a map of ours normalises by itself.
"""

import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import onnx
import torch
from onnx import compose
from torch import Tensor, nn

from seep_lightning.nets.outputs import heads_at_size, main_head, probabilities
from seep_lightning.predictor.onnx_names import IMAGE, NETWORK_INPUT, NETWORK_OUTPUT, PROBABILITY
from seep_lightning.predictor.raw_input import RawInput

if TYPE_CHECKING:
    from seep_lightning.predictor.torch_predictor import StoredNetwork

# onnxruntime 1.14 and later read these, and so does the QGIS plugin Deepness, which pins onnxruntime 1.17
IR_VERSION = 8
OPSET = 18
HAS_DATA = "has_data"
# windows of an example; the exporter takes a side of 1 for a constant
EXAMPLE_WINDOWS = 2

FreeSides = Mapping[int, Any]


@dataclass(frozen=True)
class WindowShape:
    """Of the windows that a graph takes.

    Attributes:
        bands: Their number.
        stride: What free sides are multiples of, px.
        size: The side of the one square that the graph takes, px; None: windows of any number and sides.
    """

    bands: int
    stride: int
    size: int | None = None

    def example(self, channels: int) -> Tensor:
        """A batch of zeros (B, channels, H, W)."""
        if self.size is not None:
            return torch.zeros(1, channels, self.size, self.size)
        # two unequal sides, so that the exporter does not take them for one
        return torch.zeros(EXAMPLE_WINDOWS, channels, 4 * self.stride, 3 * self.stride)

    def free_sides(self) -> FreeSides:
        """Which dimensions of a batch are free, by their number."""
        if self.size is not None:
            return {}
        height = torch.export.Dim("height")
        width = torch.export.Dim("width")
        return {0: torch.export.Dim("batch"), 2: self.stride * height, 3: self.stride * width}


@dataclass(frozen=True)
class GraphParts:
    """What a graph is made of.

    Attributes:
        network: The network.
        raw_input: From raw numbers to its input.
        last_step: What is given of the network's output (B, K, H, W) and of which pixels hold data (B, 1, H, W).
        shape: Of the windows.
    """

    network: "StoredNetwork"
    raw_input: RawInput
    last_step: nn.Module
    shape: WindowShape

    def graph(self) -> onnx.ModelProto:
        """The graph, from `image` to `probability`."""
        for name in ("torch.onnx", "onnxscript", "onnx_ir"):
            logging.getLogger(name).setLevel(logging.ERROR)
        windows = self.shape.example(self.shape.bands)
        outputs = self.shape.example(1 + self.network.classes)
        has_data = self.shape.example(1).bool()
        first = self._exported(self.raw_input, {IMAGE: windows}, [NETWORK_INPUT, HAS_DATA])
        middle = self._exported(_with_probabilities(self.network), {NETWORK_INPUT: windows}, [NETWORK_OUTPUT])
        last = self._exported(self.last_step, {NETWORK_OUTPUT: outputs, HAS_DATA: has_data}, [PROBABILITY])
        return _joined(first, middle, last)

    def _exported(self, module: nn.Module, examples: dict[str, Tensor], outputs: list[str]) -> onnx.ModelProto:
        """A module that takes tensors in this order, as a graph with inputs and outputs of these names."""
        free_sides = self.shape.free_sides()
        # torch's exporter warns about itself
        with warnings.catch_warnings(action="ignore"):
            program = torch.onnx.export(
                module.eval(),
                tuple(examples.values()),
                dynamo=True,
                dynamic_shapes=tuple(free_sides for _ in examples) if free_sides else None,
                input_names=list(examples),
                output_names=outputs,
                opset_version=OPSET,
                verbose=False,
            )
        assert program is not None
        model = _without_traces(program.model_proto)
        model.ir_version = IR_VERSION
        return model


class SeepFirst(nn.Module):
    """Probabilities as `Predictor.class_probabilities` gives them: of seep, then of the classes; 0 without data."""

    def forward(self, network_output: Tensor, has_data: Tensor) -> Tensor:
        """(B, 1 + classes, H, W)."""
        return torch.where(has_data, network_output, 0.0)


class LikeliestChannel(nn.Module):
    """Sea, then seep or each class, so that the plugin's threshold is applied to the probability of seep alone.

    The sea's channel is 0: whatever reaches the threshold is larger. The probability of seep stands in the channel of
    the likeliest class, and the other classes are 0.
    """

    def forward(self, network_output: Tensor, has_data: Tensor) -> Tensor:
        """(B, 2, H, W), or (B, 1 + classes, H, W) of a network that tells classes apart."""
        probabilities = torch.where(has_data, network_output, 0.0)
        seep = probabilities[:, :1]
        sea = torch.zeros_like(seep)
        classes = probabilities[:, 1:]
        if classes.shape[1] == 0:
            return torch.cat([sea, seep], 1)
        numbers = torch.arange(classes.shape[1])[None, :, None, None]
        is_likeliest = classes.argmax(1, keepdim=True) == numbers
        return torch.cat([sea, torch.where(is_likeliest, seep, 0.0)], 1)


def _with_probabilities(network: "StoredNetwork") -> nn.Module:
    """The network with its last step to scaled probabilities."""
    net = network.net.eval()

    def give_probabilities(_: Any, images: tuple[Tensor], output: Any) -> Tensor:
        heads = heads_at_size(output, images[0].shape[-2:])
        return probabilities(main_head(heads), network.scaling)

    net.register_forward_hook(give_probabilities)
    return net


def _without_traces(model: onnx.ModelProto) -> onnx.ModelProto:
    """A graph without the exporter's notes, which name lines of code and folders of this machine."""
    graph = model.graph
    for noted in (graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        del noted.metadata_props[:]
    return model


def _joined(first: onnx.ModelProto, middle: onnx.ModelProto, last: onnx.ModelProto) -> onnx.ModelProto:
    """The three graphs as one."""
    # the names of the network's own tensors stay as they are
    first = compose.add_prefix(first, "first/", rename_inputs=False, rename_outputs=False)
    last = compose.add_prefix(last, "last/", rename_inputs=False, rename_outputs=False)
    until_network = compose.merge_models(first, middle, [(NETWORK_INPUT, NETWORK_INPUT)])
    whole = compose.merge_models(until_network, last, [(NETWORK_OUTPUT, NETWORK_OUTPUT), (HAS_DATA, HAS_DATA)])
    described = {value.name for value in whole.graph.value_info}
    ends = (*middle.graph.input, *middle.graph.output)
    whole.graph.value_info.extend(value for value in ends if value.name not in described)
    operators = {imported.domain: imported for imported in whole.opset_import}
    del whole.opset_import[:]
    whole.opset_import.extend(operators.values())
    return whole
