"""What an ONNX graph may compute: checked before onnxruntime opens it, and tried within bounds in another process.

Sizes in a graph may follow from the sizes of its input alone, never from pixels, and nothing in it is repeated: so what
a small window takes tells what a large one will take.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seep_lightning.errors import UserError
from seep_lightning.predictor import onnx_trial

if TYPE_CHECKING:
    import onnx

LONGEST_TRIAL = 60
"""Seconds for one small window, of which ordinary networks take less than one."""
LEAST_BUDGET = 1 << 30
"""Bytes that any network may take for a small window."""
WEIGHTS_IN_MEMORY = 6
"""How often the bytes of a file may lie in memory: optimised, and arranged for the processor."""
# longer ones are cut in messages
_LONGEST_NAME = 60

_SAME_SIZE_TEXT = """
    Abs Acos Acosh Add And Asin Asinh Atan Atanh BatchNormalization BitShift Cast CastLike Ceil Celu Clip Cos Cosh
    CumSum DequantizeLinear Div Dropout DynamicQuantizeLinear Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual
    GroupNormalization HardSigmoid HardSwish Hardmax Identity InstanceNormalization IsInf IsNaN LayerNormalization
    LeakyRelu Less LessOrEqual Log LogSoftmax LpNormalization LRN Max Mean MeanVarianceNormalization Min Mish Mod Mul
    Neg Not Or PRelu Pow QuantizeLinear Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softmax Softplus
    Softsign Sqrt Sub Sum Swish Tan Tanh ThresholdedRelu Where Xor
"""
_OTHER_SIZE_TEXT = """
    ArgMax ArgMin AveragePool CenterCropPad Concat Constant ConstantOfShape Conv ConvTranspose DepthToSpace Einsum
    Expand Flatten Gather GatherElements GatherND Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool GridSample LpPool
    MatMul MaxPool Pad Range ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd
    ReduceSum ReduceSumSquare Reshape Resize ScatterElements ScatterND Shape Size Slice SpaceToDepth Split Squeeze Tile
    TopK Transpose Trilu Unsqueeze Upsample
"""
OPERATORS = frozenset((*_SAME_SIZE_TEXT.split(), *_OTHER_SIZE_TEXT.split()))
"""What networks of pixels are made of: no loops, no branches, and none whose output's size depends on values."""
_DOMAINS = ("", "ai.onnx")
# they tell a size, whatever the values are
_SIZE_OPERATORS = ("Shape", "Size")
# which of an operator's inputs decide on the size of its output
_DECIDING_INPUTS: dict[str, slice] = {
    "CenterCropPad": slice(1, 2),
    "ConstantOfShape": slice(0, 1),
    "Expand": slice(1, 2),
    "Pad": slice(1, 2),
    "Range": slice(0, 3),
    "Reshape": slice(1, 2),
    "Resize": slice(1, 4),
    "Slice": slice(1, 5),
    "Split": slice(1, 2),
    "Tile": slice(1, 2),
    "TopK": slice(1, 2),
    "Upsample": slice(1, 2),
}


def check_graph(model: "onnx.ModelProto", path: Path) -> None:
    """Check the operators of a graph, by their names and what they take.

    Args:
        model: The model.
        path: Its file, for messages.

    Raises:
        UserError: It holds others than networks of pixels are made of, or sizes that depend on pixels.
    """
    if model.functions:
        raise _refused(path, "it holds functions of its own")
    for node in model.graph.node:
        name = f"{node.domain}.{node.op_type}" if node.domain not in _DOMAINS else node.op_type
        if name not in OPERATORS:
            raise _refused(path, f"it holds the operator {name[:_LONGEST_NAME]}, which may compute without an end")
        if any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute):
            raise _refused(path, f"its operator {name} holds a graph of its own")
    for node in _deciding_by_pixels(model.graph):
        raise _refused(path, f"the size of its {node.op_type} depends on the values of pixels")


def _deciding_by_pixels(graph: "onnx.GraphProto") -> Iterator["onnx.NodeProto"]:
    """The nodes whose output's size depends on more than the size of the graph's input."""
    stored = {tensor.name for tensor in graph.initializer}
    of_pixels = {value.name for value in graph.input} - stored
    for node in graph.node:
        deciding = _DECIDING_INPUTS.get(node.op_type, slice(0, 0))
        if not of_pixels.isdisjoint(node.input[deciding]):
            yield node
        if node.op_type not in _SIZE_OPERATORS and not of_pixels.isdisjoint(node.input):
            of_pixels.update(node.output)


def try_in_another_process(content: bytes, shape: Sequence[int], path: Path) -> None:
    """Have a model compute one small window in a process of bounded time and memory.

    Args:
        content: The model.
        shape: Of the window, (B, C, H, W).
        path: The model's file, for messages.

    Raises:
        UserError: It takes too long, or more memory than its size tells, or onnxruntime refuses it.
    """
    budget = LEAST_BUDGET + WEIGHTS_IN_MEMORY * len(content)
    sides = [str(side) for side in shape]
    # the script alone: modules of the working folder are not looked for
    command = [sys.executable, "-P", onnx_trial.__file__, str(budget), *sides]
    try:
        trial = subprocess.run(command, input=content, capture_output=True, timeout=LONGEST_TRIAL, check=False)
    except subprocess.TimeoutExpired as error:
        raise _refused(path, f"it takes longer than {LONGEST_TRIAL} s for a window of {shape[-1]} px") from error
    if trial.returncode == onnx_trial.REFUSED:
        reason = trial.stderr.decode(errors="replace").strip().replace("\n", " ")[:200]
        raise UserError(f"{path}: its graph does not take what the file says ({reason}). Export the run again.")
    if trial.returncode:
        raise _refused(path, f"it takes more than {budget >> 20:,} MiB for a window of {shape[-1]} px")


def _refused(path: Path, reason: str) -> UserError:
    """The error for a graph that is not run."""
    return UserError(f"{path} is not run: {reason}. Export the run again, or give the run itself.")
