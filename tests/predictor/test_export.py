"""Exported networks give the run's own probabilities, and need less to do it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from helpers.command_line import seep
from seep_lightning import load
from seep_lightning.config.commands import ExportConfig
from seep_lightning.errors import UserError
from seep_lightning.predictor.exporting import export, next_step

SIZES = [(1, 4, 4), (1, 32, 32), (3, 64, 16), (2, 33, 70), (1, 5, 3), (7, 12, 100)]


@pytest.fixture(scope="module")
def torch_file(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(ExportConfig(str(trained), str(tmp_path_factory.mktemp("export") / "seep.pt"), "torch"))


@pytest.fixture(params=["onnx", "torch"])
def file(request: pytest.FixtureRequest) -> Path:
    return Path(request.getfixturevalue(f"{request.param}_file"))


def chip(height: int = 47, width: int = 50) -> np.ndarray:
    image = np.random.default_rng(0).integers(1, 65535, (height, width), np.uint16)
    image[:3] = 0
    return image


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_probabilities_are_the_runs_for_every_batch_and_size(trained, file, size):
    inputs = np.random.default_rng(1).normal(0, 2, (size[0], 1, *size[1:])).astype(np.float32)
    ours, theirs = load(trained).probability(inputs), load(file).probability(inputs)
    assert theirs.shape == ours.shape == inputs.shape and theirs.dtype == np.float32
    assert np.abs(ours - theirs).max() < 1e-4
    assert ours.std() > 0


def test_an_image_gives_the_same_map_with_all_that_the_run_knows(trained, file):
    run, other = load(trained), load(file)
    assert np.abs(run(chip()) - other(chip())).max() < 1e-4 and (other(chip())[:3] == 0).all()
    for fact in ("threshold", "normalise", "nodata", "bands", "facts"):
        assert getattr(run, fact) == getattr(other, fact)
    with pytest.raises(UserError, match="float64"):
        other(chip().astype(float))


def test_onnx_runs_without_torch_and_lightning(onnx_file):
    code = (
        "import sys, numpy as np, seep_lightning\n"
        f"found = seep_lightning.load({str(onnx_file)!r})(np.full((40, 40), 9, np.uint16))\n"
        "print(found.shape, {'torch', 'lightning', 'hydra'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "(40, 40) set()", done.stderr


def test_onnx_says_what_it_is(trained, onnx_file):
    model = onnx.load(onnx_file)
    onnx.checker.check_model(model)
    told = {prop.key: prop.value for prop in model.metadata_props}
    known = json.loads(told["seep_lightning"])
    assert known["threshold"] == load(trained).threshold and known["facts"]["normalise"]["kind"] == "chip"
    card = json.loads(told["model_card"])
    assert told["classes"] == "seep" and card["data"]["fingerprint"] and card["figures"]["val"]["dice"] > 0
    assert [d.dim_param != "" for d in model.graph.input[0].type.tensor_type.shape.dim] == [True, False, True, True]


def test_torch_holds_weights_and_plain_values_only(trained, torch_file):
    content = torch.load(torch_file, weights_only=True)
    assert content["hyper_parameters"].keys() == {"model", "facts", "channels_last"}
    assert torch_file.stat().st_size < (trained / "checkpoints/last.ckpt").stat().st_size


def test_nothing_is_overwritten_and_nothing_half_written(trained, onnx_file, tmp_path, monkeypatch):
    with pytest.raises(UserError, match="overwrite=true"):
        export(ExportConfig(str(trained), str(onnx_file)))
    with pytest.raises(UserError, match=r"format=torch is written to a file named \*\.pt"):
        export(ExportConfig(str(trained), str(tmp_path / "a.onnx"), "torch"))
    with pytest.raises(UserError, match="format=tflite: expected one of onnx, torch"):
        export(ExportConfig(str(trained), str(tmp_path / "a.onnx"), "tflite"))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space"):
        export(ExportConfig(str(trained), str(tmp_path / "a.pt"), "torch"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_something_else_is_one_sentence(onnx_file, tmp_path):
    (tmp_path / "text.onnx").write_text("no")
    with pytest.raises(UserError, match="cannot be read as ONNX"):
        load(tmp_path / "text.onnx")
    model = onnx.load(onnx_file)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(UserError, match="not written by this version's export"):
        load(tmp_path / "other.onnx")
    with pytest.raises(UserError, match="device=cuda cannot be used here"):
        load(onnx_file, device="cuda")


def test_the_command_says_what_to_do_next(trained, tmp_path):
    done = seep("export", f"run={trained}", "output=seep.pt", "format=torch", cwd=tmp_path)
    assert "run=seep.pt" in done.stdout, done.stderr
    assert (tmp_path / "seep.pt").is_file()
    for keys in ({"format": "qgis"}, {"size": 64}):
        assert "predict" not in next_step(ExportConfig("seeps", "a.onnx", **keys), Path("a.onnx"))
