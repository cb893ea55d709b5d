"""What `sources` costs with many scenes: processor seconds and the most memory of each.

python benchmarks/speed/many_scenes.py [50 100 200] [--permutations 200]

Scenes of 4,000 x 4,000 pixels of 10 m, each of another day and moved by up to 2 km. Their maps are generated: valid
everywhere but in a stripe, with 40 slicks at random places and one at each of 10 planted origins on three days of ten.
Afterwards one scene is added to the most.
"""

import argparse
import datetime
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyogrio.raw
import rasterio
import shapely
from affine import Affine
from processes import measured

SIDE = 4000
PIXEL = 10.0
SLICKS = 40
ORIGINS = 10
SHARE_OF_DAYS = 0.3


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("counts", nargs="*", type=int, default=[50, 100, 200])
    parser.add_argument("--permutations", type=int, default=200)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        maps = folder / "maps"
        maps.mkdir()
        template = valid_raster(folder / "template.tif")
        made = 0
        for count in sorted(arguments.counts):
            for number in range(made, count):
                write_scene(maps, template, number)
            made = count
            settings = [f"maps={maps}", f"permutations={arguments.permutations}"]
            print(f"{count} scenes: {measured('sources', *settings, f'output={folder / str(count)}')}", flush=True)
        write_scene(maps, template, made)
        print(f"one more: {measured('sources', *settings, f'output={folder / str(made)}')}", flush=True)
        held = sum(file.stat().st_size for file in (folder / str(made) / "days").iterdir())
        print(f"the store of {made + 1} scenes: {held / 1e6:.1f} MB", flush=True)


def valid_raster(path: Path) -> Path:
    """Sea everywhere, but nothing known of a stripe."""
    values = np.ones((SIDE, SIDE), np.uint8)
    values[:, :200] = 0
    profile = {"driver": "GTiff", "height": SIDE, "width": SIDE, "count": 1, "dtype": "uint8", "nodata": 0}
    tiled = {"tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "deflate", "crs": "EPSG:32631"}
    with rasterio.open(path, "w", **profile, **tiled, transform=Affine(PIXEL, 0, 5e5, 0, -PIXEL, 5e6)) as file:
        file.write(values, 1)
    return path


def write_scene(maps: Path, template: Path, number: int) -> None:
    """The map of one day."""
    rng = np.random.default_rng(number)
    day = datetime.date(2018, 1, 1) + datetime.timedelta(days=6 * number)
    name = f"S1_{day:%Y%m%d}T054412"
    raster = maps / f"{name}.probability.tif"
    shutil.copyfile(template, raster)
    west, north = 5e5 + rng.integers(-200, 200) * PIXEL, 5e6 + rng.integers(-200, 200) * PIXEL
    with rasterio.open(raster, "r+") as file:
        file.transform = Affine(PIXEL, 0, west, 0, -PIXEL, north)
    ends = np.column_stack(
        [rng.uniform(west + 3e3, west + 37e3, SLICKS), rng.uniform(north - 37e3, north - 3e3, SLICKS)]
    )
    planted = np.random.default_rng(-1 % 2**32).uniform(8e3, 32e3, (ORIGINS, 2)) * [1, -1] + [5e5, 5e6]
    seen = planted[rng.random(ORIGINS) < SHARE_OF_DAYS]
    write_slicks(maps / f"{name}.gpkg", np.concatenate([ends, seen]), rng, f"{day}T05:44:12Z")


def write_slicks(path: Path, ends: np.ndarray, rng: np.random.Generator, time: str) -> None:
    """Slicks that begin at some points and drift the day's way."""
    count = len(ends)
    drift = rng.uniform(0, 2 * np.pi) + rng.normal(0, 0.2, count)
    lengths = rng.lognormal(7, 0.5, count)
    others = ends + lengths[:, None] * np.column_stack([np.cos(drift), np.sin(drift)])
    lines = shapely.linestrings(np.stack([ends, others], axis=1))
    shapes = shapely.multipolygons([[shape] for shape in shapely.buffer(shapely.segmentize(lines, 50), 60)])
    values = [shapely.area(shapes), lengths, rng.uniform(0.5, 1, count), np.array([time] * count, object)]
    names = ["area_m2", "length_m", "p_mean", "time"]
    pyogrio.raw.write(
        path, shapely.to_wkb(shapes), values, names, layer="seeps", crs="EPSG:32631", geometry_type="MultiPolygon"
    )


if __name__ == "__main__":
    sys.exit(main())
