"""What campaigns work on: small trees of files, made once, each by a function that writes it below `in/`.

A working folder holds such a tree in `in/`; what is asked of a verb goes to `out/`. Verbs run in the working folder.
"""

import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyogrio
import shapely
from affine import Affine
from pyproj import Transformer

from helpers.chips import GRID, IMAGES, MASKS, TINY, make_chips
from helpers.rasters import UTM, write_raster
from helpers.robustness import day_materials, fold_materials
from helpers.safe_products import GeneratedProduct
from helpers.scene_kinds import NAME, beam_dimap, copied, gzipped, netcdf, pages, scene_tif, tarred, zarr, zipped

Run = Callable[..., object]
"""Runs a verb in the working folder; it must succeed."""
Make = Callable[[Path, Run], None]
"""Writes a tree below the folder `in` of a working folder."""


@dataclass(frozen=True)
class Material:
    """A tree of files.

    make: writes it. base: the material that lies there before.
    """

    make: Make
    base: str | None = None


CHIPS = ["data=seeps", "data.root=in/chips", GRID]
SHORT = [*TINY, "trainer.max_epochs=1", "trainer.limit_train_batches=1", "data.num_workers=0"]
SIDE = 96
SEEP_BOXES = ((20, 30, 10, 40), (60, 15, 8, 30), (70, 60, 15, 20))
"""Top, left, height, width of dark boxes in a scene, px."""


def sea(side: int = SIDE, seed: int = 0) -> Any:
    """A scene of 16 bit with dark boxes, (side, side)."""
    values = np.random.default_rng(seed).normal(30000, 3000, (side, side))
    for top, left, height, width in SEEP_BOXES:
        values[top : top + height, left : left + width] *= 0.4
    values[:, :4] = 0
    return values.clip(0, 65535).astype(np.uint16)


def outlines() -> list[shapely.Polygon]:
    """The boxes on the ground of `helpers.rasters.UTM`."""
    transform: Affine = UTM["transform"]
    polygons = []
    for top, left, height, width in SEEP_BOXES:
        corners = [(left, top), (left + width, top), (left + width, top + height), (left, top + height)]
        polygons.append(shapely.Polygon([transform * corner for corner in corners]))
    return polygons


def write_layer(path: Path, polygons: list[shapely.Polygon], **options: Any) -> Path:
    """A vector file with the columns class and sure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    geometry = shapely.to_wkb(np.array(polygons))
    columns = [np.arange(1, len(polygons) + 1, dtype=np.int32), np.array(["yes"] * len(polygons), dtype=object)]
    pyogrio.raw.write(path, geometry, columns, ["class", "sure"], crs=UTM["crs"], geometry_type="Polygon", **options)
    return path


# chips


def chips(folder: Path, _: Run) -> None:
    make_chips(folder / "chips", scenes=4, tiles=3)


def _laid_as(folder: Path, suffix: str, mask_suffix: str) -> None:
    make_chips(folder / "made", scenes=4, tiles=3)
    for source, target, ending in ((IMAGES, "images", suffix), (MASKS, "masks", mask_suffix)):
        (folder / "chips" / target).mkdir(parents=True, exist_ok=True)
        for path in sorted((folder / "made" / source).iterdir()):
            array = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            assert array is not None
            if target == "images" and ending in (".jpg", ".bmp", ".webp"):
                array = (array >> 8).astype(np.uint8)
            if target == "masks":
                array = np.minimum(array, 1)
            assert cv2.imwrite(str(folder / "chips" / target / f"{path.stem}{ending}"), array)
    shutil.rmtree(folder / "made")


def chips_of(suffix: str, mask_suffix: str = ".png") -> Make:
    return lambda folder, _: _laid_as(folder, suffix, mask_suffix)


def chips_of_jp2(folder: Path, _: Run) -> None:
    _laid_as(folder, ".tif", ".png")
    for path in sorted((folder / "chips" / "images").iterdir()):
        copied(path, path.with_suffix(".jp2"), "JP2OpenJPEG", QUALITY="100", REVERSIBLE="YES")
        path.unlink()


def pair_list(folder: Path, _: Run) -> None:
    _laid_as(folder, ".tif", ".png")
    lines = ["image,mask,scene,tile,split"]
    parts = {"S0": "train", "S1": "train", "S2": "val", "S3": "test"}
    for path in sorted((folder / "chips" / "images").iterdir()):
        scene, tile = path.stem.split(".")
        lines.append(f"images/{path.name},masks/{path.stem}.png,{scene},{int(tile)},{parts[scene]}")
    (folder / "chips" / "pairs.csv").write_text("\n".join(lines) + "\n")


def split_file(folder: Path, run: Run) -> None:
    lines = ["name,scene,part"]
    for path in sorted((folder / "chips" / IMAGES).iterdir()):
        scene = path.stem.split(".")[0]
        part = {"S2": "val", "S3": "test"}.get(scene, "train")
        lines.append(f"{path.name},{scene},{part}")
    (folder / "split.csv").write_text("\n".join(lines) + "\n")


def prepared(folder: Path, run: Run) -> None:
    for number in range(4):
        scene_tif(folder / "scenes", sea(seed=number), f"S{number}")
    write_layer(folder / "labels.gpkg", outlines())
    run("prepare", "scenes=in/scenes", "labels=in/labels.gpkg", "output=in/chips", "size=32", "empty_share=1")


# runs


def trained(folder: Path, run: Run) -> None:
    train = ["train", *CHIPS, *TINY, "trainer.max_epochs=3", "optimizer.lr=0.02", "hydra.run.dir=in/run"]
    run(*train)


def evaluated(folder: Path, run: Run) -> None:
    run("evaluate", "run=in/run")
    shutil.copytree(folder / "run", folder / "runs" / "a")
    shutil.copytree(folder / "run", folder / "runs" / "b")
    shutil.rmtree(folder / "run")


def exported(folder: Path, run: Run) -> None:
    scene_tif(folder / "scenes", sea(), "a")
    run("export", "run=in/run", "output=in/net.pt", "format=torch")
    run("export", "run=in/run", "output=in/net.onnx")


def user_configs(folder: Path, run: Run) -> None:
    configs = folder / "configs" / "experiment"
    configs.mkdir(parents=True)
    text = "# @package _global_\nseed: 3\noptimizer:\n  lr: 0.002\ntrainer:\n  max_epochs: 1\nname: mine\n"
    (configs / "mine.yaml").write_text(text)


def study(folder: Path, run: Run) -> None:
    run("train", *CHIPS, *SHORT, *SEARCH)


SEARCH = [
    "sweep=optuna",
    "hydra.sweeper.n_trials=1",
    "hydra.sweep.dir=in/search",
    "hydra.sweeper.params={optimizer.lr: 'interval(0.001,0.01)'}",
]


# scenes


def _scene_of(write: Callable[[Path], Any]) -> Material:
    def make(folder: Path, _: Run) -> None:
        (folder / "scenes").mkdir()
        kept = write(folder / "scenes")
        # what the scene was made of is another scene
        for path in folder.glob("scenes/*.tif") if isinstance(kept, Path) and kept.suffix != ".tif" else ():
            path.unlink()

    return Material(make, "trained")


def _vrt(home: Path) -> None:
    scene_tif(home, sea(), "pixels")
    copied(home / "pixels.tif", home / "a.vrt", "VRT")
    text = (home / "a.vrt").read_text()
    for absolute in (str(home / "pixels.tif"), str((home / "pixels.tif").resolve())):
        text = text.replace(f'relativeToVRT="0">{absolute}<', 'relativeToVRT="1">pixels.tif<')
    (home / "a.vrt").write_text(text)


def _float_tif(home: Path) -> None:
    scene_tif(home, sea().astype(np.float32))


def _safe(home: Path) -> None:
    GeneratedProduct().write(home)


def _safe_zip(home: Path) -> None:
    product = GeneratedProduct().write(home)
    with zipfile.ZipFile(home / f"{product.stem}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(product.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(home))
    shutil.rmtree(product)


def _dimap(home: Path) -> None:
    beam_dimap(home, {NAME: sea()})


def _envi(home: Path) -> None:
    scene_tif(home, sea())
    copied(home / "a.tif", home / "a.img", "ENVI")
    (home / "a.tif").unlink()


def _imagine(home: Path) -> None:
    scene_tif(home, sea())
    copied(home / "a.tif", home / "a.img", "HFA")
    (home / "a.tif").unlink()


def _jp2(home: Path) -> None:
    scene_tif(home, sea())
    copied(home / "a.tif", home / "a.jp2", "JP2OpenJPEG", QUALITY="100", REVERSIBLE="YES")
    (home / "a.tif").unlink()


def _png(home: Path) -> None:
    write_raster(home / "a.png", sea(), driver="PNG")


def _cog(home: Path) -> None:
    scene_tif(home, sea())
    copied(home / "a.tif", home / "b.tif", "COG")
    (home / "b.tif").rename(home / "a.tif")


def masked_scenes(folder: Path, _: Run) -> None:
    scene_tif(folder / "scenes", sea(), "a")
    mask = np.zeros((SIDE, SIDE), np.uint8)
    for top, left, height, width in SEEP_BOXES:
        mask[top : top + height, left : left + width] = 1
    write_raster(folder / "labels" / "a_mask.tif", mask, **UTM)
    write_raster(folder / "pngs" / "a_mask.png", mask, driver="PNG")


def layers(folder: Path, _: Run) -> None:
    scene_tif(folder / "scenes", sea(), "a")
    for suffix in (".gpkg", ".shp", ".geojson", ".fgb"):
        write_layer(folder / f"labels{suffix}", outlines())
    (folder / "labels.cpg").write_text("UTF-8")
    to_degrees = Transformer.from_crs(UTM["crs"], "EPSG:4326", always_xy=True).transform
    in_degrees = [shapely.transform(outline, to_degrees, interleaved=False) for outline in outlines()]
    write_layer_of_degrees(folder / "labels.kml", in_degrees)


def write_layer_of_degrees(path: Path, polygons: list[shapely.Polygon]) -> None:
    geometry = shapely.to_wkb(np.array(polygons))
    pyogrio.raw.write(path, geometry, [], [], crs="EPSG:4326", geometry_type="Polygon", driver="LIBKML")


def areas(folder: Path, run: Run) -> None:
    scene_tif(folder / "scenes", sea(), "a")
    transform: Affine = UTM["transform"]
    half = [transform * corner for corner in ((0, 0), (SIDE, 0), (SIDE, SIDE // 2), (0, SIDE // 2))]
    for suffix in (".gpkg", ".geojson", ".shp"):
        write_layer(folder / f"area{suffix}", [shapely.Polygon(half)])


def mapped(folder: Path, run: Run) -> None:
    scene_tif(folder / "scenes", sea(), "a")
    run("predict", *MAP_ONCE, "output=in/maps")


def scenes_of_folds(folder: Path, _: Run) -> None:
    scene_tif(folder / "scenes", sea(), "a")


MAP_ONCE = ["run=in/run", "input=in/scenes", "window=32", "overlap=8", "batch=8", "threads=1"]

MATERIALS: dict[str, Material] = {
    "chips": Material(chips),
    "png chips": Material(chips_of(".png")),
    "jpg chips": Material(chips_of(".jpg")),
    "bmp chips": Material(chips_of(".bmp", ".bmp")),
    "webp chips": Material(chips_of(".webp")),
    "jp2 chips": Material(chips_of_jp2),
    "pair list": Material(pair_list),
    "split file": Material(split_file, "chips"),
    "prepared": Material(prepared),
    "trained": Material(trained, "chips"),
    "evaluated": Material(evaluated, "trained"),
    "exported": Material(exported, "trained"),
    "user configs": Material(user_configs, "chips"),
    "study": Material(study, "chips"),
    "GeoTIFF": _scene_of(lambda home: scene_tif(home, sea())),
    "COG": _scene_of(_cog),
    "float GeoTIFF": _scene_of(_float_tif),
    "pages": _scene_of(lambda home: pages(home, sea())),
    "VRT": _scene_of(_vrt),
    "PNG": _scene_of(_png),
    "JPEG 2000": _scene_of(_jp2),
    "ENVI": _scene_of(_envi),
    "Imagine": _scene_of(_imagine),
    "NetCDF": _scene_of(lambda home: netcdf(home, sea())),
    "Zarr": _scene_of(lambda home: zarr(home, sea())),
    "DIMAP": _scene_of(_dimap),
    "SAFE": _scene_of(_safe),
    "SAFE zip": _scene_of(_safe_zip),
    "zip": _scene_of(lambda home: zipped(home, sea())),
    "tar": _scene_of(lambda home: tarred(home, sea())),
    "gz": _scene_of(lambda home: gzipped(home, sea())),
    "masks": Material(masked_scenes),
    "layers": Material(layers),
    "areas": Material(areas, "trained"),
    "maps": Material(mapped, "trained"),
    "days": Material(day_materials.days),
    "store": Material(day_materials.store, "days"),
    "written sources": Material(day_materials.written_sources, "days"),
    "outlines of days": Material(day_materials.outlines_of_days),
    "history": Material(day_materials.history, "GeoTIFF"),
    "folds": Material(fold_materials.folds),
    "reviewed": Material(fold_materials.reviewed, "folds"),
    "judged": Material(fold_materials.judged, "GeoTIFF"),
    "judged places": Material(fold_materials.judged_places, "history"),
    "mapped by folds": Material(scenes_of_folds, "folds"),
}
