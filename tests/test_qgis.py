"""The Processing scripts and the style, in QGIS itself: `make test-qgis`."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pyogrio
import pytest
import rasterio.features
import shapely

from helpers.paths import ROOT
from helpers.rasters import UTM, pixels, write_raster
from seep_lightning.commands.qgis_installation import SCRIPTS_OF_PROFILE, install_scripts
from seep_lightning.config.commands import QgisConfig
from seep_lightning.data.generator.scene import generate_scene
from seep_lightning.scene.seep_colours import SEEP_COLOURS

pytestmark = pytest.mark.qgis

INSTALLATION = "apt-get install --no-install-recommends qgis python3-qgis qgis-providers"
# Debian's wrapper `qgis_process` adds an option that only the window takes
PROGRAMS = ("qgis_process.bin", "qgis_process")
# the Python of QGIS is that of the system
QGIS_PYTHON = "/usr/bin/python3"
RENDERER = ROOT / "tests" / "helpers" / "render_in_qgis.py"
HEIGHT, WIDTH = 384, 512


@pytest.fixture(scope="module")
def program() -> str:
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        pytest.fail(f"no qgis_process: these tests need QGIS ({INSTALLATION})", pytrace=False)
    return found


@pytest.fixture(scope="module")
def scene_and_truth(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    folder = tmp_path_factory.mktemp("scenes, of [mine]")
    image, classes = generate_scene((5, 0), HEIGHT, WIDTH)
    return write_raster(folder / "it's a=scene.tif", image, nodata=0, **UTM), classes


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """That of a person with the scripts in the profile, whose home is a test's folder."""
    # this Python, with the packages that the tests see
    python = tmp_path / "python of the environment"
    paths = os.pathsep.join(filter(None, sys.path))
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{paths}" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    home = tmp_path / "home"
    scripts = home / ".local" / "share" / "QGIS" / "QGIS3" / SCRIPTS_OF_PROFILE
    install_scripts(QgisConfig(scripts=str(scripts), python=str(python)))
    own = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "XDG"))}
    return {**own, "HOME": str(home), "QT_QPA_PLATFORM": "offscreen", "OMP_NUM_THREADS": "1"}


def coloured_pixels(picture: np.ndarray) -> int:
    """How many pixels (H, W, 3), blue, green and red, have a colour of the style; a radar scene is grey."""
    count = 0
    for step in SEEP_COLOURS.steps:
        red, green, blue = step.colour
        distance = np.abs(picture.astype(int) - (blue, green, red)).max(axis=2)
        count += int((distance < 25).sum())
    return count


def run_script(program: str, name: str, environment: dict[str, str], **values: object) -> str:
    """Run a script to its end; the text is all that it printed."""
    arguments = [f"{key}={value}" for key, value in values.items()]
    command = [program, "run", f"script:{name}", "--", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    return done.stdout + done.stderr


def test_a_scene_is_mapped_with_progress_and_drawn_with_its_style(
    program: str, scene_and_truth: tuple[Path, np.ndarray], environment: dict[str, str], tmp_path: Path
) -> None:
    scene, classes = scene_and_truth
    folder = tmp_path / "my maps"
    printed = run_script(program, "map_oil_seeps", environment, INPUT=scene, OUTPUT=folder, THRESHOLD=0.4)
    assert "50...60" in printed
    outlines = folder / "it's a=scene.gpkg"
    assert f"OUTLINES:\t{outlines}|layername=seeps" in printed
    probability = rasterio.features.rasterize(
        shapely.from_wkb(pyogrio.raw.read(outlines, layer="seeps")[2]), (HEIGHT, WIDTH), transform=UTM["transform"]
    )
    # the outlines lie on the slicks of the generator
    assert (classes[probability > 0] > 0).mean() > 0.5

    picture = tmp_path / "picture.png"
    command = [QGIS_PYTHON, str(RENDERER), str(scene), str(tmp_path / "loaded"), str(picture)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout.splitlines()[-1])
    assert facts["name"] == "seeps of it's a=scene"
    assert (facts["renderer"], facts["attribute"], facts["classes"]) == ("graduatedSymbol", "p_mean", 5)
    assert "mean probability (0..1)" in facts["aliases"]
    drawn = cv2.imread(str(picture))
    assert drawn is not None
    assert facts["seeps"] > 0
    assert coloured_pixels(drawn) > 50


def test_what_the_command_refuses_is_the_error_of_the_script(
    program: str, environment: dict[str, str], tmp_path: Path
) -> None:
    scene = write_raster(tmp_path / "db.tif", np.full((64, 64), -12, np.float32), **UTM)
    printed = run_script(program, "map_oil_seeps", environment, INPUT=scene, OUTPUT=tmp_path / "maps")
    assert "seep predict: " in printed
    assert "pass scale=linear" in printed
    assert "Traceback" not in printed


def test_chips_are_cut_from_the_outlines_of_the_layer_that_was_chosen(
    program: str, scene_and_truth: tuple[Path, np.ndarray], environment: dict[str, str], tmp_path: Path
) -> None:
    scene, classes = scene_and_truth
    labels = tmp_path / "labels, mine.gpkg"
    write_layer(labels, "others", classes == 0)
    seeps = write_layer(labels, "seeps", classes > 0)
    chips = tmp_path / "my chips"
    chips.mkdir()
    values = {"SCENES": scene, "LABELS": f"{labels}|layername=seeps", "SIZE": 128, "EMPTY_SHARE": 1, "OUTPUT": chips}
    printed = run_script(program, "cut_chips_from_outlines", environment, **values)
    facts = json.loads((chips / "dataset.json").read_text())
    assert facts["outlines"]["used"] == facts["outlines"]["in_file"] == seeps, printed
    assert f"OUTPUT:\t{chips}" in printed
    seep_pixels = sum(np.count_nonzero(pixels(path)) for path in (chips / "masks").iterdir())
    with rasterio.open(scene) as file:
        assert seep_pixels == np.count_nonzero((classes > 0) & (file.read(1) > 0))


def write_layer(path: Path, layer: str, mask: np.ndarray) -> int:
    """Add a layer of the polygons of a mask to a file, and tell how many there are."""
    shapes = rasterio.features.shapes(mask.astype(np.uint8), mask, transform=UTM["transform"])
    polygons = np.array([shapely.geometry.shape(shape) for shape, _ in shapes], dtype=object)
    facts = {"layer": layer, "crs": "EPSG:32631", "geometry_type": "Polygon", "append": path.exists()}
    pyogrio.raw.write(path, shapely.to_wkb(polygons), [], [], **facts)
    return len(polygons)
