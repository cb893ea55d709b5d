"""Memory and time of mapping whole scenes, as ratios (docs/results.md has the figures).

    python benchmarks/scene.py memory                25,000 x 16,000 px and twice as high, one-layer net, polygons
    python benchmarks/scene.py time --pairs 5        6,000 x 6,000 px, unet_small: bare network, ours and MONAI in turn

Each measurement is a process of its own, which reports its seconds and its peak memory above that of the idle process.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import torch
from numpy.typing import NDArray

from seep_lightning.nets.unet import UNet
from seep_lightning.scene.datasets import open_dataset
from seep_lightning.scene.options import PolygonOptions, Thresholds
from seep_lightning.scene.plan import ScenePlan, WindowPlan
from seep_lightning.scene.polygons import find_seeps
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.scene_map import map_scene
from seep_lightning.scene.vector_files import write_seeps
from seep_lightning.scene.windows import Tiling, axis, cut

TILING, BATCH = Tiling(512, 128), 4


class Smooth(torch.nn.Module):
    """One convolution: the darker than its surroundings, the likelier."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Conv2d(1, 1, 9, padding=4)
        torch.nn.init.constant_(self.layer.weight, -10 / 81)
        torch.nn.init.constant_(self.layer.bias, -12.0)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.layer(image)


def write_scene(path: Path, height: int, width: int, seed: int = 0) -> Path:
    """A uint16 GeoTIFF of speckle with slanting dark lines, written in strips."""
    rng = np.random.default_rng(seed)
    place = {"crs": "EPSG:32640", "transform": rasterio.Affine(10, 0, 400_000, 0, -10, 2_750_000), "nodata": 0}
    layout = {"tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "deflate", "zlevel": 1}
    size = {"height": height, "width": width, "count": 1, "dtype": "uint16"}
    with rasterio.open(path, "w", driver="GTiff", **size, **place, **layout) as out:
        for top in range(0, height, 512):
            rows = min(512, height - top)
            speckle = 30000 * rng.standard_gamma(30, (rows, width), dtype=np.float32) / 30
            y, x = np.mgrid[top : top + rows, :width]
            line = ((x + y // 2) % 1500 < 6) & (y % 900 < 250)
            out.write(np.clip(np.where(line, 0.55, 1) * speckle, 1, 65535).astype(np.uint16), 1,
                      window=((top, top + rows), (0, width)))  # fmt: skip
    return path


def normalise(values: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Value over its mean, less one."""
    return np.where(valid, values.astype(np.float32) / np.float32(3000) - 10, np.float32(0))


def network(name: str) -> torch.nn.Module:
    """`smooth` or `unet_small`, with fixed random weights."""
    torch.manual_seed(0)
    net = Smooth() if name == "smooth" else UNet(width=16)
    return net.eval().to(memory_format=torch.channels_last)


@torch.inference_mode()
def probability(net: torch.nn.Module, batch: NDArray[np.float32]) -> NDArray[np.float32]:
    return net(torch.from_numpy(batch).contiguous(memory_format=torch.channels_last)).sigmoid().numpy()


def ours(scene: Path, net: torch.nn.Module, out: Path, polygons: bool) -> None:
    """The whole way: file to probability, mask and, where asked for, polygons."""
    with Raster(scene) as raster:
        way = (lambda x: probability(net, x)), normalise
        made = map_scene(raster, lambda: way, out, ScenePlan(WindowPlan(TILING, BATCH), model_key="x"))
        if polygons:
            with Raster(made.probability) as mapped:
                layer = find_seeps(mapped, PolygonOptions(Thresholds(0.5, 0.5, 0.5)), image=raster)
            write_seeps(layer, out / "seeps.gpkg")
            print(f"{len(layer.seeps)} features", file=sys.stderr)


def bare(scene: Path, net: torch.nn.Module) -> float:
    """Seconds of the network alone over the same windows, which are in memory."""
    values = read(scene)
    rows, columns = axis(values.shape[1], TILING), axis(values.shape[2], TILING)
    windows = [
        np.stack([cut(cut(values, a, a + rows.window, 1), b, b + columns.window, 2) for b in some])
        for a in rows.starts
        for some in batched(columns.starts, BATCH)
    ]
    start = time.perf_counter()
    for batch in windows:
        probability(net, batch)
    return time.perf_counter() - start


def monai_whole(scene: Path, net: torch.nn.Module) -> None:
    """MONAI's sliding-window inferer over the whole canvas in memory, with the same windows' size and overlap."""
    from monai.inferers import sliding_window_inference

    image = torch.from_numpy(read(scene)[None])
    share = TILING.overlap / TILING.window
    with torch.inference_mode():
        sliding_window_inference(image, (TILING.window,) * 2, BATCH, net, overlap=share, mode="gaussian").sigmoid()


def batched(starts: tuple[int, ...], size: int) -> list[tuple[int, ...]]:
    return [starts[k : k + size] for k in range(0, len(starts), size)]


def read(scene: Path) -> NDArray[np.float32]:
    with open_dataset(scene) as dataset:
        values = dataset.read()
    return normalise(values, values[0] > 0)


def memory_mib(key: str) -> float:
    """VmRSS (now) or VmHWM (highest) of this process."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) / 1024


def measure(way: str, scene: Path, net_name: str, polygons: bool) -> dict[str, float]:
    """Run one way in this process."""
    if way == "monai":
        import monai.inferers  # noqa: F401, before the clock starts
    net = network(net_name)
    probability(net, np.zeros((1, 1, 64, 64), np.float32))
    idle, start = memory_mib("VmRSS"), time.perf_counter()
    seconds = None
    if way == "ours":
        with tempfile.TemporaryDirectory(dir=scene.parent) as out:
            ours(scene, net, Path(out), polygons)
    elif way == "bare":
        seconds = bare(scene, net)
    else:
        monai_whole(scene, net)
    seconds = time.perf_counter() - start if seconds is None else seconds
    return {"seconds": seconds, "mib": memory_mib("VmHWM") - idle}


def child(way: str, scene: Path, net: str, *more: str) -> dict[str, float]:
    command = [sys.executable, __file__, "measure", "--way", way, "--scene", str(scene), "--net", net, *more]
    return dict(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=("memory", "time", "measure"))
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--monai", type=int, default=2, help="in how many of the rounds MONAI takes part")
    parser.add_argument("--height", type=int, default=16_000)
    parser.add_argument("--width", type=int, default=25_000)
    parser.add_argument("--side", type=int, default=6_000)
    parser.add_argument("--folder", type=Path, default=None, help="where the scenes go (a few GB)")
    parser.add_argument("--way", choices=("ours", "bare", "monai"))
    parser.add_argument("--scene", type=Path)
    parser.add_argument("--net", choices=("smooth", "unet_small"))
    parser.add_argument("--polygons", action="store_true")
    a = parser.parse_args()
    if a.what == "measure":
        print(json.dumps(measure(a.way, a.scene, a.net, a.polygons)))
        return
    with tempfile.TemporaryDirectory(dir=a.folder) as folder:
        if a.what == "memory":
            peaks = []
            for height in (a.height, 2 * a.height):
                scene = write_scene(Path(folder) / f"{height}.tif", height, a.width)
                found = child("ours", scene, "smooth", "--polygons")
                peaks.append(found["mib"])
                print(
                    f"{a.width} x {height} px: {found['mib']:.0f} MiB above idle, {found['seconds']:.0f} s", flush=True
                )
                scene.unlink()
            print(f"ratio of peaks {peaks[1] / peaks[0]:.3f}")
            return
        scene = write_scene(Path(folder) / "scene.tif", a.side, a.side)
        ratios: dict[str, list[float]] = {"ours": [], "monai": []}
        for pair in range(a.pairs):
            order = ("bare", "ours", "monai") if pair < a.monai else ("bare", "ours")
            order = order if pair % 2 == 0 else order[::-1]
            found = {way: child(way, scene, "unet_small") for way in order}
            for way in found.keys() & ratios.keys():
                ratios[way].append(found[way]["seconds"] / found["bare"]["seconds"])
            print({way: f"{f['seconds']:.1f} s, {f['mib']:.0f} MiB" for way, f in found.items()}, flush=True)
        for way, row in ratios.items():
            print(f"{way} / bare: median {np.median(row):.3f}, {min(row):.3f} to {max(row):.3f} of {len(row)}")


if __name__ == "__main__":
    main()
