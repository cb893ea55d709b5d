"""Tiny generated chips, a tiny trained run, and the real chips where they are found."""

import os
import subprocess
import tarfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # pytest-xdist runs several of us side by side
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
os.environ.pop("SEEP_LIGHTNING_DOOR", None)

import cv2
import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning

ROOT = Path(__file__).resolve().parents[1]
UTM = {"crs": "EPSG:32631", "transform": Affine(10, 0, 500_000, 0, -10, 5_000_000)}
GRID = "+data.grid={S:{columns:4}}"
TINY = [
    "model.width=4",
    "model.patch=1",
    "model.depth=2",
    "data.batch_size=4",
    "trainer.enable_progress_bar=false",
    "trainer.accelerator=cpu",
    "trainer.precision=32-true",  # the same on every machine
]


@dataclass(frozen=True)
class ArraySource:
    """A `scene.raster.Source` in memory: values (C, H, W), valid (H, W)."""

    values: np.ndarray
    valid: np.ndarray
    block_rows: int = 1
    name: str = "array"

    @property
    def height(self) -> int:
        return self.values.shape[1]

    @property
    def width(self) -> int:
        return self.values.shape[2]

    def read(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        return self.values[:, start:stop], self.valid[start:stop]


def write_raster(path: Path, values: np.ndarray, **facts: Any) -> Path:
    """A small GeoTIFF of (H, W) or (C, H, W); beside rasterio's keywords: tags, gcps, names (of the bands)."""
    after = {key: facts.pop(key) for key in ("tags", "gcps", "names") if key in facts}
    values = values if values.ndim == 3 else values[None]
    size = dict(zip(("count", "height", "width"), values.shape, strict=True), dtype=values.dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", driver="GTiff", **size, **facts) as out:
            out.write(values)
            out.update_tags(**after.get("tags", {}))
            if "gcps" in after:
                out.gcps = after["gcps"]
            for i, name in enumerate(after.get("names", ()), 1):
                out.set_band_description(i, name)
    return path


def pixels(path: Path) -> np.ndarray:
    """All bands of a raster, (C, H, W)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as dataset:
            return dataset.read()


def write_chip(root: Path, name: str, image: np.ndarray, mask: np.ndarray) -> None:
    """One pair in the data set's layout."""
    for folder, array in (("train_images_256", image), ("train_masks_256", mask)):
        (root / folder).mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(root / folder / name), array)


def make_chips(root: Path, scenes: int = 5, tiles: int = 6, size: int = 32, seed: int = 0) -> Path:
    """`scenes` x `tiles` chips named S<scene>.<tile>.tif: grey sea with one dark bar each, the labelled seep."""
    rng = np.random.default_rng(seed)
    for scene in range(scenes):
        for tile in range(tiles):
            image = rng.normal(30000, 3000, (size, size))
            mask = np.zeros((size, size), np.uint8)
            row, width = rng.integers(2, size - 6), rng.integers(2, 5)
            mask[row : row + width, 3:-3] = rng.integers(1, 8)
            image[mask > 0] *= 0.5
            if tile == 0:
                image[:, :5] = 0
            write_chip(root, f"S{scene}.{tile:06d}.tif", image.clip(0, 65535).astype(np.uint16), mask)
    return root


@pytest.fixture
def chips_root(tmp_path: Path) -> Path:
    return make_chips(tmp_path / "chips")


@pytest.fixture
def compose_tiny(chips_root: Path) -> Callable[..., object]:
    """`compose_tiny("seed=1")`: a train config on tiny chips with a tiny net."""
    from seep_lightning.door import compose

    def tiny(*overrides: str) -> object:
        fixed = ["data=seeps", f"data.root={chips_root}", GRID, *TINY, "trainer.max_epochs=2"]
        return compose("train", [*fixed, *overrides])

    return tiny


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on tiny chips; tests must not change it."""
    from seep_lightning.door import compose
    from seep_lightning.train import train

    home = tmp_path_factory.mktemp("trained")
    root = make_chips(home / "chips")
    config = compose("train", ["data=seeps", f"data.root={root}", GRID, *TINY, "trainer.max_epochs=6"])
    return train(config, home / "run").run.dir


def seep(
    *arguments: str, cwd: Path | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `python -m seep_lightning.<verb> ...` as a user would."""
    import sys

    clean = {
        k: v for k, v in os.environ.items() if k not in ("HYDRA_FULL_ERROR", "SEEP_DATA_ROOT", "SEEP_LIGHTNING_DOOR")
    }
    command = [sys.executable, "-m", f"seep_lightning.{arguments[0]}", *arguments[1:]]
    return subprocess.run(command, cwd=cwd, env={**clean, **(env or {})}, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="session")
def real_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real chips: SEEP_DATA_ROOT, else unpacked from ../shared/data. Their absence is a failure in CI."""
    if os.environ.get("SEEP_DATA_ROOT"):
        return Path(os.environ["SEEP_DATA_ROOT"])
    for archive in sorted((ROOT.parent / "shared" / "data").glob("*.tar.xz")):
        home = tmp_path_factory.mktemp("real")
        with tarfile.open(archive) as tar:
            tar.extractall(home, filter="data")
        return next(p.parent for p in home.rglob("train_images_256"))
    message = "no real chips: set SEEP_DATA_ROOT, or put their archive into ../shared/data"
    if os.environ.get("CI"):
        pytest.fail(message)
    return pytest.skip(message)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium (Debian's package), as Playwright's Browser; nothing in it calls home."""
    from playwright.sync_api import sync_playwright

    chromium = Path("/usr/bin/chromium")
    if not chromium.is_file():
        pytest.fail(f"no {chromium}: browser tests need Debian's package (apt-get install chromium)")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
        opened = playwright.chromium.launch(executable_path=str(chromium), args=arguments)
        yield opened
        opened.close()
