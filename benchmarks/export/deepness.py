"""The file of `export format=qgis` in the QGIS plugin Deepness, beside our own map of the same scenes.

    python benchmarks/export/deepness.py --plugin DIR --python VENV/bin/python [--chips SEEP_DATA_ROOT]

`--plugin` is a folder that holds `deepness/` (its published source), `--python` the interpreter of its environment
(see deepness_runner.py). Scenes are generated ones of 8 and 16 bit, and mosaics of real chips as they are (16 bit) and
as 8 bit. Prints a row of Markdown for each scene and network, with Dice against the truth: of the plugin with its form
as the file fills it, of `predict` with windows of 256 px, and of both with windows that do not overlap, which are the
same windows.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import rasterio
from numpy.typing import NDArray

from seep_lightning.data.generator.scene import generate_scene

RUNNER = Path(__file__).with_name("deepness_runner.py")
SIDE = 1024
CHIP = 256
# columns of tiles of the real scenes, by the beginning of their names
COLUMNS = {"0418": 19, "0455": 20}
PLACE = {"crs": "EPSG:32640", "transform": rasterio.Affine(10, 0, 400_000, 0, -10, 2_750_000), "nodata": 0}


@dataclass(frozen=True)
class Scene:
    """A scene with its truth: image and seep, (H, W)."""

    name: str
    image: NDArray[Any]
    seep: NDArray[np.bool_]

    def as_8_bit(self) -> "Scene":
        """The same scene with 256 levels."""
        image = np.where(self.image > 0, np.maximum(self.image // 257, 1), 0).astype(np.uint8)
        return Scene(f"{self.name}, 8 bit", image, self.seep)

    def write(self, path: Path) -> Path:
        """A GeoTIFF of 10 m pixels."""
        height, width = self.image.shape
        with rasterio.open(
            path, "w", driver="GTiff", height=height, width=width, count=1, dtype=self.image.dtype, **PLACE
        ) as file:
            file.write(self.image, 1)
        return path


def generated(seed: int) -> Scene:
    image, classes = generate_scene(seed, SIDE, SIDE)
    return Scene(f"generated {seed}", image, classes > 0)


def mosaic_of(root: Path, name: str) -> Scene:
    """The chips of a scene where they lie, 0 elsewhere."""
    columns = COLUMNS[name[:4]]
    paths = sorted((root / "train_images_256").glob(f"{name}.*.tif"))
    cells = [divmod(int(path.name.split(".")[1]), columns) for path in paths]
    first = np.min(cells, axis=0)
    rows, width = np.max(cells, axis=0) - first + 1
    image = np.zeros((rows * CHIP, width * CHIP), np.uint16)
    seep = np.zeros(image.shape, bool)
    for path, cell in zip(paths, cells, strict=True):
        top, left = (np.array(cell) - first) * CHIP
        place = np.s_[top : top + CHIP, left : left + CHIP]
        image[place] = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        seep[place] = cv2.imread(str(root / "train_masks_256" / path.name), cv2.IMREAD_UNCHANGED) > 0
    return Scene(name, image, seep)


def scenes_of(arguments: argparse.Namespace) -> Iterator[Scene]:
    for seed in arguments.seeds:
        yield generated(seed)
        yield generated(seed).as_8_bit()
    for name in arguments.scenes if arguments.chips else []:
        yield mosaic_of(arguments.chips, name)
        yield mosaic_of(arguments.chips, name).as_8_bit()


def seep(verb: str, *keys: str) -> None:
    done = subprocess.run([sys.executable, "-m", f"seep_lightning.{verb}", *keys], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def side_by_side(model: Path) -> Path:
    """The same file, but for the overlap of tiles that it tells the plugin."""
    changed = model.with_stem(f"{model.stem}_alone")
    content = onnx.load(model)
    for entry in content.metadata_props:
        if entry.key == "tiles_overlap":
            entry.value = "0"
    onnx.save(content, changed)
    return changed


def by_plugin(arguments: argparse.Namespace, model: Path, scene: Path, folder: Path) -> NDArray[np.bool_]:
    classes = folder / "classes.npy"
    command = [str(arguments.python), str(RUNNER), str(arguments.plugin), str(model), str(scene), str(classes)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return np.load(classes) == 1


def by_predict(network: str, scene: Path, output: Path, *keys: str) -> NDArray[np.bool_]:
    seep("predict", f"run={network}", f"input={scene}", f"output={output}", "window=256", "polygons=false", *keys)
    with rasterio.open(output / f"{scene.stem}.mask.tif") as file:
        return file.read(1) == 1


def dice(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return 2 * (found & truth).sum() / max(found.sum() + truth.sum(), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plugin", type=Path, required=True)
    parser.add_argument("--python", type=Path, required=True)
    parser.add_argument("--chips", type=Path)
    parser.add_argument("--scenes", nargs="*", default=["045588", "045551"])
    parser.add_argument("--seeds", nargs="*", type=int, default=[1, 2])
    parser.add_argument("--networks", nargs="*", default=["seeps", "generated"])
    arguments = parser.parse_args()
    weights = Path(__file__).parents[2] / "src" / "seep_lightning" / "weights"
    print(
        "| scene | network | plugin | predict | plugin, same windows | predict, same windows |\n" + "| --- " * 6 + "|"
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for network in arguments.networks:
            seep("export", f"run={network}", "format=qgis", f"output={folder / network}.onnx")
        for number, scene in enumerate(scenes_of(arguments)):
            path = scene.write(folder / f"scene{number}.tif")
            for network in arguments.networks:
                model, run = folder / f"{network}.onnx", str(weights / f"{network}.pt")
                maps = folder / f"{network}{number}"
                found = [
                    by_plugin(arguments, model, path, folder),
                    by_predict(run, path, maps / "blended"),
                    by_plugin(arguments, side_by_side(model), path, folder),
                    by_predict(run, path, maps / "alone", "overlap=0"),
                ]
                row = " | ".join(f"{dice(mask, scene.seep):.3f}" for mask in found)
                print(f"| {scene.name} | {network} | {row} |", flush=True)


if __name__ == "__main__":
    main()
