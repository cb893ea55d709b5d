"""The snippets of docs/notebook.md run in order, as in a notebook, and give what their comments say."""

import logging
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import shapely
from pyogrio.raw import write as write_vectors

from helpers.documents import code_blocks
from helpers.paths import ROOT
from helpers.rasters import UTM, write_raster

DOCUMENT = "notebook.md"


def write_chips(root: Path) -> None:
    """Four scenes of six chips in the neutral layout, each with a dark bar that is the seep."""
    rng = np.random.default_rng(0)
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for scene in range(4):
        for tile in range(6):
            image = rng.normal(30_000, 3_000, (32, 32))
            mask = np.zeros((32, 32), np.uint8)
            row = rng.integers(4, 24)
            mask[row : row + 4, 3:-3] = 1
            image[mask > 0] *= 0.5
            name = f"S{scene}.{tile:06d}.tif"
            cv2.imwrite(str(root / "images" / name), image.astype(np.uint16))
            cv2.imwrite(str(root / "masks" / name), mask)


def write_scene(folder: Path) -> None:
    """A scene with one dark seep, and an analyst's polygon around it."""
    rng = np.random.default_rng(1)
    image = rng.normal(30_000, 3_000, (128, 128))
    image[40:60, 20:100] *= 0.5
    write_raster(folder / "scene.tif", image.astype(np.uint16), nodata=0, **UTM)
    seep = shapely.box(500_200, 4_999_400, 501_000, 4_999_600)
    write_vectors(
        folder / "seeps.gpkg", shapely.to_wkb(np.array([seep])), [], [], crs=UTM["crs"], geometry_type="Polygon"
    )


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The names that the page's snippets leave, all run in one namespace and folder."""
    folder = tmp_path_factory.mktemp("notebook")
    write_chips(folder / "chips")
    write_scene(folder)
    text = (ROOT / "docs" / DOCUMENT).read_text()
    snippets = re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {"folder": folder}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for snippet in snippets:
            exec(compile(snippet, DOCUMENT, "exec"), names)
    logging.getLogger("lightning.pytorch").setLevel(logging.INFO)
    return names


def test_every_snippet_runs(notebook: Any) -> None:
    assert len(code_blocks(DOCUMENT, "Train")) == 3
    assert "same" in notebook


def test_chips_are_read_as_the_page_says(notebook: Any) -> None:
    chip, chips = notebook["chip"], notebook["chips"]
    assert notebook["audit"].problems == []
    assert len(chips) == len(notebook["with_seep"]) == 24
    assert (chip.name, chip.scene, chip.tile) == ("S0.000000.tif", "S0", 0)
    assert (chip.image.shape, chip.mask.shape, chip.valid.shape) == ((1, 32, 32), (32, 32), (32, 32))
    assert len(chips[3:5]) == 2
    assert chips[-1].name == "S3.000005.tif"


def test_a_training_gives_its_run(notebook: Any) -> None:
    result = notebook["result"]
    assert result.status == "finished"
    assert result.run.dir == notebook["folder"] / "outputs/first"
    assert result.run.config.trainer.max_epochs == 3
    assert result.score == result.run.summary()["best"]["score"]


def test_an_evaluation_gives_its_figures(notebook: Any) -> None:
    evaluation = notebook["evaluation"]
    assert evaluation.directory == Path("outputs/first/evaluate/val")
    assert evaluation.part == "val"
    assert 0 <= evaluation.figures["dice"] <= 1
    assert evaluation.chips == 6


def test_runs_are_compared(notebook: Any) -> None:
    rows = notebook["rows"]
    assert {row.run.dir.name for row in rows} == {"first", "second"}
    assert rows[0].figures["dice"] >= rows[1].figures["dice"]
    assert "seed" in rows[0].settings
    by_name = {row.run.dir.name: row for row in rows}
    assert notebook["pair"].second == pytest.approx(by_name["second"].figures["dice"], abs=1e-3)


def test_a_mapped_scene_names_its_files(notebook: Any) -> None:
    scene = notebook["scene"]
    folder = notebook["folder"]
    assert scene.name == "scene"
    assert all((folder / path).is_file() for path in (scene.probability, scene.mask, scene.outlines))
    assert scene.unit == "m2"


def test_a_network_is_called_on_an_array(notebook: Any) -> None:
    image = notebook["chip"].image
    assert notebook["seep"].shape == image.shape[1:]
    assert np.allclose(notebook["same"](image), notebook["probability"])


def test_polygons_become_chips(notebook: Any) -> None:
    prepared = notebook["prepared"]
    assert prepared.chips >= prepared.with_seep > 0
    assert prepared.root == Path("new_chips")


def test_a_misspelt_key_is_told(notebook: Any, tmp_path: Path) -> None:
    with pytest.raises(notebook["sl"].UserError, match=r"Did you mean optimizer\.lr\?"):
        notebook["sl"].train(optimizer={"lrr": 0.01})
