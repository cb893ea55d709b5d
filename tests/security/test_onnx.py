"""An ONNX file of a stranger reads no other file of this computer, and takes neither all of its memory nor its time."""

import resource
import time
from collections.abc import Sequence
from pathlib import Path

import onnx
import pytest
from onnx import NodeProto, TensorProto
from onnx.helper import make_graph, make_node, make_tensor

from helpers.strangers import secret_file
from seep_lightning import load
from seep_lightning.errors import UserError
from seep_lightning.predictor import onnx_limits
from seep_lightning.predictor.onnx_names import NETWORK_OUTPUT


def point_to(tensor: TensorProto, location: str) -> None:
    """Have a tensor's values taken from a file."""
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)


@pytest.mark.parametrize("location", ["../../passwd", "ABSOLUTE", "passwd", "\x1b[31m\n.bin"])
def test_weights_in_another_file_are_refused(location: str, onnx_file: Path, tmp_path: Path) -> None:
    secret = secret_file(tmp_path)
    model = onnx.load(onnx_file)
    point_to(model.graph.initializer[0], str(secret) if location == "ABSOLUTE" else location)
    path = tmp_path / "a" / "b" / "seep.onnx"
    path.parent.mkdir(parents=True)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(UserError, match="takes weights from another file") as error:
        load(path)
    assert str(error.value).isprintable()


def test_also_where_a_node_of_an_inner_graph_holds_them(onnx_file: Path, tmp_path: Path) -> None:
    model = onnx.load(onnx_file)
    constant = onnx.helper.make_tensor("value", TensorProto.FLOAT, [1], [0.0])
    point_to(constant, "/etc/passwd")
    inner = onnx.helper.make_graph([onnx.helper.make_node("Constant", [], ["x"], value=constant)], "inner", [], [])
    model.graph.node.append(onnx.helper.make_node("If", ["condition"], ["y"], then_branch=inner, else_branch=inner))
    path = tmp_path / "seep.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(UserError, match="another file, '/etc/passwd'"):
        load(path)


def test_our_own_files_hold_all_of_theirs(onnx_file: Path) -> None:
    assert load(onnx_file).bands == 1


def with_nodes(onnx_file: Path, path: Path, nodes: Sequence[NodeProto]) -> Path:
    """A file whose network ends in further nodes: from `before` to `after`, which is added to its output."""
    model = onnx.load(onnx_file)
    (last,) = (node for node in model.graph.node if NETWORK_OUTPUT in node.output)
    last.output[0] = "before"
    at = list(model.graph.node).index(last) + 1
    rest = list(model.graph.node)[at:]
    del model.graph.node[at:]
    model.graph.node.extend([*nodes, make_node("Add", ["before", "after"], [NETWORK_OUTPUT]), *rest])
    path.write_bytes(model.SerializeToString())
    return path


def constant(name: str, *values: int) -> NodeProto:
    """Whole numbers."""
    return make_node("Constant", [], [name], value=make_tensor("v", TensorProto.INT64, [len(values)], values))


def ones(size: str, output: str) -> NodeProto:
    """A tensor of a size that another one tells."""
    one = make_tensor("v", TensorProto.FLOAT, [1], [1.0])
    return make_node("ConstantOfShape", [size], [output], value=one)


def largest(name: str) -> NodeProto:
    """One number of a tensor."""
    return make_node("ReduceMax", [name], ["after"], keepdims=0)


HUGE = {
    "a constant": [constant("size", 1 << 34), ones("size", "a"), largest("a")],
    "an expansion": [constant("size", 1 << 17, 1 << 17), make_node("Expand", ["one", "size"], ["a"]), largest("a")],
    "doubling": [
        *(make_node("Concat", [f"a{n}", f"a{n}"], [f"a{n + 1}"], axis=0) for n in range(34)),
        largest("a34"),
    ],
}


@pytest.mark.parametrize("kind", HUGE)
def test_a_graph_that_makes_gigabytes_is_tried_elsewhere_and_refused(
    kind: str, onnx_file: Path, tmp_path: Path
) -> None:
    start = [constant("unit", 1), ones("unit", "one"), make_node("Identity", ["before"], ["a0"])]
    path = with_nodes(onnx_file, tmp_path / "seep.onnx", [*start, *HUGE[kind]])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError, match=r"is not run: it takes more than [\d,]+ MiB for a window of \d+ px"):
        load(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000


def test_a_graph_that_computes_without_an_end_is_stopped(
    onnx_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_limits, "LONGEST_TRIAL", 3)
    products = [make_node("MatMul", [f"a{n}", "a0"], [f"a{n + 1}"]) for n in range(2000)]
    nodes = [constant("size", 4000, 4000), ones("size", "a0"), *products, largest("a2000")]
    path = with_nodes(onnx_file, tmp_path / "seep.onnx", nodes)
    started = time.monotonic()
    with pytest.raises(UserError, match="is not run: it takes longer than 3 s"):
        load(path)
    assert time.monotonic() - started < 20


INNER = make_graph([], "inner", [], [])
UNKNOWN = {
    "Loop": [make_node("Loop", ["", "", "before"], ["after"], body=INNER)],
    "evil.Anything": [make_node("Anything", ["before"], ["after"], domain="evil")],
    "NonZero": [make_node("NonZero", ["before"], ["after"])],
    "holds a graph of its own": [make_node("Relu", ["before"], ["after"], body=INNER)],
    # zeros take little, and a scene takes all
    "the size of its ConstantOfShape depends on the values of pixels": [
        make_node("Cast", ["before"], ["whole"], to=TensorProto.INT64),
        constant("unit", -1),
        make_node("Reshape", ["whole", "unit"], ["size"]),
        ones("size", "a"),
        largest("a"),
    ],
}


@pytest.mark.parametrize("expected", UNKNOWN)
def test_operators_that_may_repeat_or_grow_by_pixels_are_refused(
    expected: str, onnx_file: Path, tmp_path: Path
) -> None:
    path = with_nodes(onnx_file, tmp_path / "seep.onnx", UNKNOWN[expected])
    with pytest.raises(UserError, match=f"is not run: .*{expected}"):
        load(path)
