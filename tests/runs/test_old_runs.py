"""What commit 60f2943 left behind reads as it did there: both networks in the package, a run, its exports, its maps.

fixtures/README.md tells how the files were made. Where hardware and packages are those that made them, the same bits
are expected, elsewhere the same numbers within a tolerance. Only the command line and `seep_lightning.load` are used.
"""

import csv
import hashlib
import json
import os
import platform
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import rasterio
import torch
from numpy.typing import NDArray

import seep_lightning
from helpers.command_line import seep
from helpers.rasters import UTM, pixels, write_raster

FIXTURES = Path(__file__).parents[1] / "fixtures"
RUN, CHIPS, EXPECTED = FIXTURES / "run_60f2943", FIXTURES / "chips_60f2943", FIXTURES / "pixels_60f2943.json"
WEIGHTS = Path(seep_lightning.__file__).with_name("weights")
NETWORKS = {
    "seeps": (WEIGHTS / "seeps.pt", "best"),
    "generated": (WEIGHTS / "generated.pt", "best"),
    "run, best": (RUN, "best"),
    "run, last": (RUN, "last"),
    "onnx": (FIXTURES / "export_60f2943.onnx", "best"),
    "torch": (FIXTURES / "export_60f2943.pt", "best"),
}
# a tiny net's scaling is steep: an ulp of its logits is far more of its probabilities
TOLERANCE = {"seeps": 1e-5, "generated": 1e-5}
MAPPED = {"seeps": WEIGHTS / "seeps.pt", "run": RUN}
SAMPLE = slice(None, None, 37), slice(None, None, 41)
WRITTEN = 1_795_000_000_000_000_000  # ns, when the scene was: what a map is known by depends on it


def sea() -> NDArray[np.uint16]:
    """A scene of 384 x 320 px with four dark streaks and a corner without data; from whole numbers alone."""
    rng = np.random.default_rng(60)
    grey = 24000 + rng.integers(-4000, 4001, (3, 320, 384)).sum(0)
    y, x = np.ogrid[:320, :384]
    for top, reach, slope in ((40, 7, 3), (110, 4, -9), (180, 15, 5), (250, 3, 8)):
        grey[(np.abs(y - top - x // slope) < reach) & (x > 30) & (x < 330)] //= 2
    grey[:50, :40] = 0
    return grey.astype(np.uint16)


def machine() -> dict[str, Any]:
    """What the last bits of float32 arithmetic depend on."""
    cpu = {}
    if (info := Path("/proc/cpuinfo")).exists():
        lines = info.read_text().partition("\n\n")[0].splitlines()
        cpu = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = [flag for flag in cpu.get("flags", "").split() if flag.startswith(("avx", "amx", "fma", "f16c"))]
    cpu = {key: cpu.get(key) for key in ("vendor_id", "cpu family", "model", "cache size")}
    packages = {name: version(name) for name in ("torch", "onnxruntime", "numpy", "rasterio", "albumentations")}
    capability = torch.backends.cpu.get_cpu_capability()
    return {"machine": platform.machine(), "torch": capability, **cpu, "flags": flags, "packages": packages}


def sha(array: NDArray[Any]) -> str:
    """Of the bytes, little-endian."""
    return hashlib.sha256(np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"))).tobytes()).hexdigest()


def measure_network(name: str) -> dict[str, Any]:
    path, checkpoint = NETWORKS[name]
    network = seep_lightning.load(path, checkpoint, "cpu")
    found = network(sea())
    assert found.dtype == np.float32
    mask = found > network.threshold
    hashes = {
        "probability": sha(found),
        "quantised": sha((np.rint(254 * found) + 1).astype(np.uint8)),
        "mask": sha(mask),
    }
    sums = {"mean": float(found.mean(dtype=np.float64)), "max": float(found.max()), "above": int(mask.sum())}
    facts = {"threshold": network.threshold, "min_area": network.min_area, "scaling": list(network.scaling)}
    return {"hashes": hashes, **facts, **sums, "sample": found[SAMPLE].astype(float).tolist()}


def measure_map(name: str, folder: Path) -> dict[str, Any]:
    scene = write_raster(folder / "scene.tif", sea(), **UTM)
    os.utime(scene, ns=(WRITTEN, WRITTEN))
    command("predict", f"run={MAPPED[name]}", "input=scene.tif", "output=maps", "device=cpu", cwd=folder)
    probability, mask = (pixels(folder / "maps" / f"scene.{kind}.tif") for kind in ("probability", "mask"))
    fields, _, _, columns = pyogrio.raw.read(folder / "maps" / "scene.gpkg")
    rows = [dict(zip(fields["fields"], row, strict=True)) for row in zip(*columns, strict=True)]
    seeps = [{k: round(float(v), 6) if isinstance(v, float) else v for k, v in row.items()} for row in rows]
    sums = {"mean": float(probability.mean(dtype=np.float64)), "above": int((mask == 1).sum())}
    hashes = {"probability": sha(probability), "mask": sha(mask)}
    return {
        "hashes": hashes,
        "key": key_of(folder / "maps"),
        "row_key": row_of(folder / "maps")["key"],
        **sums,
        "seeps": sorted(seeps, key=lambda s: s["area_m2"]),
    }


def key_of(maps: Path) -> str:
    """What a finished map is known by when the command is given again."""
    with rasterio.open(maps / "scene.probability.tif") as dataset:
        return str(dataset.tags()["SEEP_LIGHTNING_KEY"])


def row_of(maps: Path) -> dict[str, str]:
    """The scene's row of the table; by its key, outlines that were corrected by hand are kept."""
    (row,) = csv.DictReader((maps / "scenes.csv").open())
    return row


def copy_of_run(folder: Path) -> Path:
    return Path(shutil.copytree(RUN, folder / RUN.name))


def measure_evaluation(folder: Path) -> dict[str, Any]:
    run = copy_of_run(folder)
    # at that time each run had the notebook's figures; now those that ask for them
    with (run / "config.yaml").open("a") as file:
        file.write("figures: [soft_dice_S, soft_2S_over_1_plus_S]\n")
    command("evaluate", f"run={run}", f"data.root={CHIPS}", "part=test", "device=cpu", cwd=folder)
    summary = json.loads((run / "evaluate" / "test" / "summary.json").read_text())
    return {
        key: summary[key] for key in ("part", "threshold", "figures", "figures_at_0.5", "soft", "calibration_error")
    }


def measure_resumed(folder: Path) -> dict[str, Any]:
    run = copy_of_run(folder)
    command("train", f"run={run}", f"data.root={CHIPS}", "trainer.max_epochs=3", cwd=folder)
    content = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    weights = {name: tensor.numpy() for name, tensor in sorted(content["state_dict"].items())}
    every = hashlib.sha256("".join(f"{name} {sha(array)} " for name, array in weights.items()).encode()).hexdigest()
    norms = {name: float(np.linalg.norm(array.astype(float))) for name, array in weights.items()}
    curve = list(csv.DictReader((run / "metrics.csv").open()))
    return {"weights": every, "norms": norms, "epoch": content["epoch"], "rows": len(curve)}


def command(*arguments: str, cwd: Path) -> None:
    done = seep(*arguments, cwd=cwd)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    return dict(json.loads(EXPECTED.read_text()))


@pytest.fixture(scope="module")
def same_machine(expected: dict[str, Any]) -> bool:
    return bool(expected["machine"] == machine())


@pytest.fixture
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("name", NETWORKS)
def test_an_old_network_gives_the_pixels_that_it_gave(name: str, expected: dict[str, Any], same_machine: bool) -> None:
    found, known = measure_network(name), expected["networks"][name]
    for fact in ("threshold", "min_area", "scaling"):
        assert found[fact] == known[fact]
    if same_machine:
        assert found["hashes"] == known["hashes"]
    near = TOLERANCE.get(name, 1e-3)
    np.testing.assert_allclose(found["sample"], known["sample"], rtol=0, atol=near)
    assert [found["mean"], found["max"]] == pytest.approx([known["mean"], known["max"]], abs=near)
    assert found["above"] == pytest.approx(known["above"], rel=1e-3)


def test_without_a_run_the_network_in_the_package_is_seeps() -> None:
    image = sea()[:96, :96]
    shipped, named = (seep_lightning.load(*path, device="cpu") for path in ((), (WEIGHTS / "seeps.pt",)))
    np.testing.assert_array_equal(shipped(image), named(image))


@pytest.mark.parametrize("name", MAPPED)
def test_predict_maps_as_it_did(name: str, expected: dict[str, Any], same_machine: bool, tmp_path: Path) -> None:
    found, known = measure_map(name, tmp_path), expected["maps"][name]
    if same_machine:
        assert found["hashes"] == known["hashes"]
        assert found["key"] == known["key"], "finished maps would be refused, or made again"
        assert found["row_key"] == known["row_key"], "corrected outlines would be refused, or made again"
    assert found["mean"] == pytest.approx(known["mean"], abs=0.1)  # of 255 levels
    assert found["above"] == pytest.approx(known["above"], rel=1e-2)
    near = 1e-6 if same_machine else 5e-2
    for outline, before in zip(found["seeps"], known["seeps"], strict=True):
        assert outline.keys() == before.keys()
        for key, value in before.items():
            assert outline[key] == (pytest.approx(value, rel=near, abs=near / 5) if isinstance(value, float) else value)


def test_an_old_run_is_scored_as_it_was(expected: dict[str, Any], same_machine: bool, tmp_path: Path) -> None:
    found, known = measure_evaluation(tmp_path), expected["evaluation"]
    assert found["part"] == known["part"]
    for key, value in known.items():
        if key != "part":
            assert found[key] == pytest.approx(value, abs=1e-9 if same_machine else 1e-2)


def test_an_old_run_goes_on_to_the_same_weights(expected: dict[str, Any], same_machine: bool, tmp_path: Path) -> None:
    found, known = measure_resumed(tmp_path), expected["resumed"]
    assert (found["epoch"], found["rows"]) == (known["epoch"], known["rows"])
    if same_machine:
        assert found["weights"] == known["weights"]
    assert found["norms"] == pytest.approx(known["norms"], rel=1e-2, abs=1e-2)
