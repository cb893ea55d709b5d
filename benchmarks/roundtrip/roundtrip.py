"""The round trip from polygons to a network and back: prepare, train, map another scene, score its objects.

    python benchmarks/roundtrip/roundtrip.py [FOLDER]

The true polygons of a generated scene become a GeoPackage, as an analyst would draw them. `prepare` makes chips and
masks of it, a small U-Net trains on them, and `predict` maps another generated scene (other seed) to polygons. The
script burns these into a raster and compares it with that scene's truth. The exit code is 1 if recall or precision of
objects of 50 px or more is below 0.8. FOLDER (a temporary one by default) keeps everything; a second run makes only
what is missing.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyogrio.raw
import rasterio
import rasterio.features
import shapely

from seep_lightning.commands.composition import compose
from seep_lightning.config.commands import PredictConfig, PrepareConfig
from seep_lightning.data.generator.dataset import SCENE_PLACE
from seep_lightning.data.generator.scene import generate_scene
from seep_lightning.data.preparation import prepare
from seep_lightning.mapping.scenes import predict
from seep_lightning.metrics.object_counts import SIZE_CLASSES
from seep_lightning.metrics.objects import count_objects
from seep_lightning.metrics.summaries import object_summary
from seep_lightning.scene.datasets import write_geotiff
from seep_lightning.scene.outlines import read_outlines
from seep_lightning.scene.raster import Raster
from seep_lightning.training.session import train

SIDE, SEEP_CELLS = 2048, 32  # px, and how many of its 64 chips hold seeps
SCENES, EPOCHS = 6, 25
LEAST = 50  # px of an object that counts
THRESHOLD = 0.5  # the run's own is the best for pixels, and lets in too many look-alikes; chosen on scenes 2 to 4
RECIPE = [
    "data=chips", "data.classes=7", "split=random", "split.test=0.05", "model.width=8", f"trainer.max_epochs={EPOCHS}",
    "trainer.enable_progress_bar=false", "trainer.accelerator=cpu", "data.batch_size=4", "ema_decay=0.9",
    "data.normalise.kind=scene",
]  # fmt: skip


def scene(folder: Path, seed: int) -> tuple[Path, np.ndarray]:
    """A generated scene as GeoTIFF, and the class of each pixel."""
    path = folder / f"scene{seed}.tif"
    image, classes = generate_scene(seed, SIDE, SIDE, seep_cells=SEEP_CELLS)
    if not path.exists():
        write_geotiff(path, image[None], 0, **SCENE_PLACE)
    return path, classes


def draw(path: Path, truth: list[tuple[Path, np.ndarray]]) -> Path:
    """The outlines of all scenes' seeps, as an analyst would hand them over."""
    shapes, classes, names = [], [], []
    for image, seeps in truth:
        with rasterio.open(image) as raster:
            found = list(rasterio.features.shapes(seeps, seeps > 0, connectivity=8, transform=raster.transform))
        shapes += [shapely.geometry.shape(outline) for outline, _ in found]
        classes += [int(value) for _, value in found]
        names += [image.stem] * len(found)
    columns = [np.array(classes), np.array(names, object)]
    pyogrio.raw.write(
        path, shapely.to_wkb(np.array(shapes)), columns, ["class", "scene"], crs="EPSG:32640", geometry_type="Polygon"
    )
    return path


def main() -> int:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="roundtrip-"))
    folder.mkdir(parents=True, exist_ok=True)
    begin = time.perf_counter()
    drawn = [scene(folder, 100 + k) for k in range(SCENES)]
    chips, run = folder / "chips", folder / "run"
    if not chips.exists():
        labels = draw(folder / "labels.gpkg", drawn)
        scenes = [str(path) for path, _ in drawn]
        columns = {"class_attribute": "class", "scene_attribute": "scene"}
        config = PrepareConfig(scenes, str(labels), str(chips), **columns, empty_share=1.0)
        print(f"prepared: {json.dumps(prepare(config))}", flush=True)
    if not (run / "checkpoints" / "best.ckpt").exists():
        result = train(compose("train", [*RECIPE, f"data.root={chips}"]), run)
        print(f"trained: validation Dice {result.score:.3f}, {time.perf_counter() - begin:.0f} s", flush=True)
    path, classes = scene(folder, 1)
    polygons = map_polygons(run, path, folder / "map")
    with Raster(path) as raster:
        outlines = read_outlines(polygons, raster)
        ones = np.ones(len(outlines.shapes), np.uint8)
        predicted = outlines.burn(ones, 0, raster.height, raster.width) > 0
        valid = raster.read(0, raster.height)[1]
    counts = count_objects(predicted, classes > 0, valid)
    (folder / "scores.json").write_text(json.dumps(object_summary(counts), indent=2) + "\n")
    print((folder / "scores.json").read_text())
    first = SIZE_CLASSES.index(LEAST)
    recall = counts.found[first:].sum() / counts.true[first:].sum()
    precision = counts.right[first:].sum() / counts.predicted[first:].sum()
    print(f"objects of {LEAST} px or more: recall {recall:.3f} of {counts.true[first:].sum()}, ", end="")
    print(f"precision {precision:.3f} of {counts.predicted[first:].sum()}; {time.perf_counter() - begin:.0f} s")
    return int(min(recall, precision) < 0.8)


def map_polygons(run: Path, path: Path, out: Path) -> Path:
    """The seeps of a scene as polygons, by the network of a run."""
    settings = {"threshold": THRESHOLD, "min_area": 20, "flips": True, "overwrite": True}
    predict(PredictConfig(run=str(run), input=str(path), output=str(out), **settings))
    return out / f"{path.stem}.gpkg"


if __name__ == "__main__":
    sys.exit(main())
