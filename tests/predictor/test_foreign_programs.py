"""Other programs run an exported file as it stands: raw numbers in, probabilities out."""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from seep_lightning import load
from seep_lightning.config.commands import ExportConfig
from seep_lightning.errors import UserError
from seep_lightning.predictor.exporting import description_path, export

SIZE = 64


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("foreign")


@pytest.fixture(scope="module")
def qgis_file(trained: Path, folder: Path) -> Path:
    return export(ExportConfig(str(trained), str(folder / "plugin.onnx"), "qgis", size=SIZE))


def window(dtype: type = np.uint16, side: int = SIZE) -> NDArray[Any]:
    """Speckle with a dark streak and a margin without data, (side, side)."""
    full = np.iinfo(dtype).max
    numbers = np.random.default_rng(5).gamma(4, full / 20, (side, side)).clip(1, full)
    numbers[20:26] /= 8
    numbers[:, :7] = 0
    return numbers.astype(dtype)


def run(file: Path, numbers: NDArray[Any]) -> NDArray[Any]:
    """What a stranger's program does, (B, C, H, W) to (B, K, H, W)."""
    session = onnxruntime.InferenceSession(file)
    (image,) = session.get_inputs()
    (probability,) = session.run(None, {image.name: numbers.astype(np.float32)})
    return probability


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_raw_numbers_give_the_probabilities_of_our_predictor(trained: Path, onnx_file: Path, dtype: type) -> None:
    image = window(dtype)
    batch = np.stack([image[None], image[None, ::-1]])
    probability = run(onnx_file, batch)
    assert probability.shape == (2, 1, SIZE, SIZE) and probability.std() > 0
    assert np.abs(probability[0, 0] - load(trained)(image)).max() < 1e-4
    assert np.abs(probability[1, 0] - load(trained)(image[::-1])).max() < 1e-4
    assert not probability[0, 0, :, :7].any()


def test_the_file_is_one_that_older_programs_read(onnx_file: Path, qgis_file: Path) -> None:
    for file in (onnx_file, qgis_file):
        model = onnx.load(file)
        onnx.checker.check_model(model, full_check=True)
        assert model.ir_version <= 9
        assert {imported.domain: imported.version for imported in model.opset_import} == {"": 18}
        # the exporter's notes name folders of this machine
        assert b"/seep_lightning/nets/" not in file.read_bytes()


def test_it_says_what_is_inside_and_predict_does_not_do_it_twice(trained: Path, onnx_file: Path) -> None:
    props = {entry.key: entry.value for entry in onnx.load(onnx_file).metadata_props}
    inside = json.loads(props["seep_lightning"])["inside"]
    assert inside["statistics"] == "of the window" and inside["nodata"] == [0.0]
    assert np.abs(load(onnx_file)(window()) - load(trained)(window())).max() < 1e-4


def test_a_square_of_one_size_is_for_other_programs_alone(trained: Path, tmp_path: Path) -> None:
    file = export(ExportConfig(str(trained), str(tmp_path / "square.onnx"), size=32, values="uint8"))
    assert onnxruntime.InferenceSession(file).get_inputs()[0].shape == [1, 1, 32, 32]
    image = window(np.uint8, 32)
    assert np.abs(run(file, image[None, None])[0, 0] - load(trained)(image)).max() < 1e-4
    with pytest.raises(UserError, match="takes squares of 32 px, for other programs"):
        load(file)
    with pytest.raises(UserError, match="size=30: expected a multiple of the network's stride"):
        export(ExportConfig(str(trained), str(tmp_path / "a.onnx"), size=30))


# as the plugin of QGIS does it: processing/models/model_base.py and map_processor_segmentation.py, 0.6
def as_deepness(file: Path, tile: NDArray[Any]) -> NDArray[Any]:
    """The class of each pixel of a tile."""
    session = onnxruntime.InferenceSession(file)
    props = {key: json.loads(value) for key, value in _plain(session).items()}
    divided = np.float32(tile[None, :, :, None] * 1.0 / 255.0)
    mean, deviation = np.float32(props["standardization_mean"]), np.float32(props["standardization_std"])
    (output,) = session.run(None, {session.get_inputs()[0].name: ((divided - mean) / deviation).transpose(0, 3, 1, 2)})
    output[output < props["seg_thresh"]] = 0
    return output.argmax(1)[0]


def _plain(session: onnxruntime.InferenceSession) -> dict[str, str]:
    return {key: value for key, value in session.get_modelmeta().custom_metadata_map.items() if key[0] in "st"}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_plugin_of_qgis_finds_the_pixels_that_we_find(trained: Path, qgis_file: Path, dtype: type) -> None:
    ours = load(trained)
    tile = window(dtype)
    seep = ours(tile) > ours.threshold
    assert 0 < seep.mean() < 1
    np.testing.assert_array_equal(as_deepness(qgis_file, tile) == 1, seep)


def test_the_plugin_finds_what_it_fills_its_form_with(trained: Path, qgis_file: Path, tmp_path: Path) -> None:
    session = onnxruntime.InferenceSession(qgis_file)
    props = session.get_modelmeta().custom_metadata_map
    form = {key: json.loads(props[key]) for key in ("model_type", "resolution", "tile_size", "tiles_overlap")}
    assert form == {"model_type": "Segmentor", "resolution": 1000.0, "tile_size": SIZE, "tiles_overlap": 25}
    assert json.loads(props["class_names"]) == {"0": "sea", "1": "seep"}
    assert json.loads(props["seg_thresh"]) == pytest.approx(load(trained).threshold)
    assert session.get_inputs()[0].shape == [1, 1, SIZE, SIZE] and session.get_outputs()[0].shape == [1, 2, SIZE, SIZE]
    with pytest.raises(UserError, match="for other programs"):
        load(qgis_file)


def test_a_key_that_a_format_does_not_take_is_refused(trained: Path, tmp_path: Path) -> None:
    for keys, message in (
        ({"format": "torch", "size": 64}, "size=64: format=torch does not take it. Leave it out, or pass format=onnx"),
        ({"format": "onnx", "pixel_size": 20.0}, "pixel_size=20.0: format=onnx does not take it.*pass format=qgis"),
        ({"values": "int16"}, "values=int16: expected one of null, uint8, uint16, linear, db"),
        ({"format": "qgis", "pixel_size": 0.0}, "pixel_size=0.0: expected"),
    ):
        with pytest.raises(UserError, match=message):
            export(ExportConfig(str(trained), str(tmp_path / "a.onnx"), **keys))
    assert not list(tmp_path.iterdir())


REQUIRED = {"mlm:name", "mlm:architecture", "mlm:tasks", "mlm:input", "mlm:output"}


@pytest.mark.parametrize("kind", ["onnx", "qgis", "torch"])
def test_a_description_in_stacs_terms_lies_beside_each_file(
    trained: Path, onnx_file: Path, qgis_file: Path, folder: Path, kind: str
) -> None:
    file = {"onnx": onnx_file, "qgis": qgis_file, "torch": folder / "seep.pt"}[kind]
    if kind == "torch":
        export(ExportConfig(str(trained), str(file), "torch"))
    item = json.loads(description_path(file).read_text())
    properties = item["properties"]
    # the extension's schema, 1.5.1
    assert item["type"] == "Feature" and item["stac_version"] == "1.1.0" and item["geometry"] is None
    assert any("/mlm/v1.5" in extension for extension in item["stac_extensions"])
    assert properties.keys() >= REQUIRED | {"datetime", "bands"}
    assert properties["mlm:tasks"] == ["semantic-segmentation"] and properties["mlm:name"][0].isalpha()
    (taken,), (given,) = properties["mlm:input"], properties["mlm:output"]
    assert taken.keys() >= {"name", "bands", "input"} and given.keys() >= {"name", "tasks", "result"}
    assert taken["bands"] == [band["name"] for band in properties["bands"]]
    for tensor in (taken["input"], given["result"]):
        assert tensor["dim_order"] == ["batch", "channel", "height", "width"] and tensor["data_type"] == "float32"
    sides = [1, 1, SIZE, SIZE] if kind == "qgis" else [-1, 1, -1, -1]
    assert taken["input"]["shape"] == sides and given["result"]["shape"][1] == (2 if kind == "qgis" else 1)
    (asset,) = item["assets"].values()
    assert "mlm:model" in asset["roles"] and asset["mlm:artifact_type"] and asset["href"] == f"./{file.name}"
    assert asset["bands"] == properties["bands"]


def test_a_description_is_not_overwritten(trained: Path, tmp_path: Path) -> None:
    file = tmp_path / "seep.pt"
    description_path(file).write_text("mine")
    with pytest.raises(UserError, match=r"seep\.pt\.stac\.json exists"):
        export(ExportConfig(str(trained), str(file), "torch"))
    assert description_path(file).read_text() == "mine" and not file.exists()


def test_the_networks_of_the_package_are_exported_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("seeps", "generated"):
        file = export(ExportConfig(name, str(tmp_path / f"{name}.pt"), "torch"))
        assert json.loads(description_path(file).read_text())["properties"]["mlm:name"] == f"seep_lightning-{name}"
    np.testing.assert_array_equal(load(tmp_path / "seeps.pt")(window(side=32)), load()(window(side=32)))
    with pytest.raises(UserError, match="is no run but one network"):
        export(ExportConfig("seeps", str(tmp_path / "a.pt"), "torch", checkpoint="last"))
    # a run that is called so comes first, as in predict
    (tmp_path / "seeps").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="run=seeps: there is no config.yaml"):
        export(ExportConfig("seeps", str(tmp_path / "a.pt"), "torch"))


def test_what_a_window_cannot_tell_is_said(trained: Path, caplog: pytest.LogCaptureFixture) -> None:
    from seep_lightning.data.normalise import Normaliser
    from seep_lightning.predictor.onnx_format import _tell_of_limits
    from seep_lightning.predictor.raw_input import RawInput, RawValues

    known = {"values": None, "nodata": 0}
    with caplog.at_level(logging.WARNING):
        _tell_of_limits(RawInput(RawValues.of_network(known, None), Normaliser("scene")))
        _tell_of_limits(RawInput(RawValues.of_network(known, None), Normaliser("scale")))
        _tell_of_limits(RawInput(RawValues.of_network(known, "uint16"), Normaliser("scale")))
    assert ["by its own" in text or "values=uint16" in text for text in caplog.messages] == [True, True]
