"""The template of an export format in docs/extending.md writes, reads and maps as it stands."""

import importlib
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.command_line import seep_from_scratch
from helpers.documents import write_blocks
from helpers.rasters import UTM, pixels, write_raster
from seep_lightning import load
from seep_lightning.config.commands import ExportConfig
from seep_lightning.errors import UserError
from seep_lightning.predictor import formats
from seep_lightning.predictor.exporting import export

SECTION = "An export format"


@pytest.fixture
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The template's module, with our table of formats as it was afterwards."""
    write_blocks("extending.md", SECTION, tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(formats, "EXPORT_FORMATS", dict(formats.EXPORT_FORMATS))
    yield importlib.import_module("seep_npz")
    del sys.modules["seep_npz"]


def image() -> np.ndarray:
    return np.random.default_rng(0).integers(1, 65535, (47, 50), np.uint16)


def install(folder: Path) -> None:
    """Put a package's entry points where `pip install` puts them, without a package index."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    facts = folder / f"{project['name']}-{project['version']}.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = []
    for group, entries in project["entry-points"].items():
        lines.append(f"[{group}]")
        lines += [f"{name} = {value}" for name, value in entries.items()]
    (facts / "entry_points.txt").write_text("\n".join(lines))


def test_a_file_of_it_gives_the_probabilities_of_its_run(template: Any, trained: Path, tmp_path: Path) -> None:
    formats.register_export_format(template.NPZ)
    file = export(ExportConfig(str(trained), str(tmp_path / "seep.npz"), "npz"))
    run, loaded = load(trained), load(file)
    np.testing.assert_array_equal(run(image()), loaded(image()))
    for fact in ("bands", "nodata", "classes", "facts", "threshold", "min_area", "scaling"):
        assert getattr(run, fact) == getattr(loaded, fact)


@pytest.mark.slow
def test_the_commands_find_it_once_its_package_is_installed(trained: Path, tmp_path: Path) -> None:
    write_blocks("extending.md", SECTION, tmp_path)
    install(tmp_path)
    python_path = {"PYTHONPATH": f"{Path(formats.__file__).parents[2]}:{tmp_path}"}
    write_raster(tmp_path / "scene.tif", image(), **UTM)
    done = seep_from_scratch("export", f"run={trained}", "format=npz", "output=seep.npz", cwd=tmp_path, env=python_path)
    assert done.returncode == 0, done.stderr
    for name, run in (("file", "seep.npz"), ("run", trained)):
        done = seep_from_scratch(
            "predict", f"run={run}", "input=scene.tif", f"output={name}", cwd=tmp_path, env=python_path
        )
        assert done.returncode == 0, done.stderr
    maps = [pixels(tmp_path / name / "scene.probability.tif") for name in ("file", "run")]
    np.testing.assert_array_equal(*maps)


def test_what_does_not_fit_is_told_as_the_document_says(
    template: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match=r"format=tflite: expected one of onnx, torch, qgis\."):
        formats.export_format_named("tflite")
    same_suffix = formats.ExportFormat("npz", ".pt", template.write_npz, template.load_npz)
    with pytest.raises(UserError, match=r"export format npz \(\*\.pt\): there is torch \(\*\.pt\) already"):
        formats.register_export_format(same_suffix)

    def needs_much(*_: object) -> None:
        raise ImportError("No module named 'much'")

    needy = formats.ExportFormat("much", ".much", needs_much, template.load_npz, install="much")
    with pytest.raises(UserError, match=r"format=much needs more packages \(No module named 'much'\).*install 'much'"):
        needy.write(None, tmp_path / "a.much")


def test_an_entry_point_that_is_no_format_is_one_line(trained: Path, tmp_path: Path) -> None:
    write_blocks("extending.md", SECTION, tmp_path)
    project = tmp_path / "pyproject.toml"
    project.write_text(project.read_text().replace("seep_npz:NPZ", "seep_npz:write_npz"))
    install(tmp_path)
    python_path = {"PYTHONPATH": f"{Path(formats.__file__).parents[2]}:{tmp_path}"}
    done = seep_from_scratch("export", f"run={trained}", "format=npz", "output=seep.npz", cwd=tmp_path, env=python_path)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "seep_npz:write_npz is no ExportFormat, as an entry of seep_lightning.export_formats must be." in done.stderr
