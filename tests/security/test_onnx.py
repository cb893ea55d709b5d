"""An ONNX file that takes weights from another file of this computer is refused before that file is read."""

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto

from helpers.strangers import secret_file
from seep_lightning import load
from seep_lightning.config.commands import ExportConfig
from seep_lightning.errors import UserError
from seep_lightning.predictor.exporting import export


@pytest.fixture(scope="module")
def exported(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(ExportConfig(str(trained), str(tmp_path_factory.mktemp("export") / "seep.onnx")))


def point_to(tensor: TensorProto, location: str) -> None:
    """Have a tensor's values taken from a file."""
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)


@pytest.mark.parametrize("location", ["../../passwd", "ABSOLUTE", "passwd", "\x1b[31m\n.bin"])
def test_weights_in_another_file_are_refused(location: str, exported: Path, tmp_path: Path) -> None:
    secret = secret_file(tmp_path)
    model = onnx.load(exported)
    point_to(model.graph.initializer[0], str(secret) if location == "ABSOLUTE" else location)
    path = tmp_path / "a" / "b" / "seep.onnx"
    path.parent.mkdir(parents=True)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(UserError, match="takes weights from another file") as error:
        load(path)
    assert str(error.value).isprintable()


def test_also_where_a_node_of_an_inner_graph_holds_them(exported: Path, tmp_path: Path) -> None:
    model = onnx.load(exported)
    constant = onnx.helper.make_tensor("value", TensorProto.FLOAT, [1], [0.0])
    point_to(constant, "/etc/passwd")
    inner = onnx.helper.make_graph([onnx.helper.make_node("Constant", [], ["x"], value=constant)], "inner", [], [])
    model.graph.node.append(onnx.helper.make_node("If", ["condition"], ["y"], then_branch=inner, else_branch=inner))
    path = tmp_path / "seep.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(UserError, match="another file, '/etc/passwd'"):
        load(path)


def test_our_own_files_hold_all_of_theirs(exported: Path) -> None:
    assert load(exported).bands == 1
