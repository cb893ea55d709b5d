"""Tiny generated chips, a tiny trained run, and the real chips where they are found."""

import os
import pickle
import tarfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # pytest-xdist runs several of us side by side
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
os.environ.pop("SEEP_LIGHTNING_RAISES", None)

import pytest
from filelock import FileLock

from helpers.chips import GRID, TINY, make_chips
from helpers.paths import ROOT


@pytest.fixture(autouse=True)
def _maps_of_one_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """Maps in 32 bit on every machine, unless a test says otherwise."""
    monkeypatch.setattr("seep_lightning.mapping.networks.has_fast_bf16", lambda accelerator: False)


@pytest.fixture
def chips_root(tmp_path: Path) -> Path:
    return make_chips(tmp_path / "chips")


@cache
def _composed(overrides: tuple[str, ...]) -> bytes:
    """A train config, pickled: composing it takes as long as three epochs of the training."""
    from seep_lightning.commands.composition import compose

    return pickle.dumps(compose("train", ["data=seeps", GRID, *TINY, "trainer.max_epochs=2", *overrides]))


@pytest.fixture
def compose_tiny(chips_root: Path) -> Callable[..., object]:
    """`compose_tiny("seed=1")`: a train config on tiny chips with a tiny net."""

    def tiny(*overrides: str) -> object:
        config = pickle.loads(_composed(overrides))
        config.data.root = str(chips_root)
        return config

    return tiny


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on tiny chips; tests must not change it."""
    from seep_lightning.commands.composition import compose
    from seep_lightning.training.session import train

    home = tmp_path_factory.mktemp("trained")
    root = make_chips(home / "chips")
    config = compose("train", ["data=seeps", f"data.root={root}", GRID, *TINY, "trainer.max_epochs=6"])
    return train(config, home / "run").run.dir


@pytest.fixture(scope="session")
def onnx_file(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`trained` as ONNX; tests must not change it."""
    from seep_lightning.config.commands import ExportConfig
    from seep_lightning.predictor.exporting import export

    # of several processes of pytest, the first makes it: it takes long, and their runs have the same weights
    home = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        home = home.parent
    file = home / "seep.onnx"
    with FileLock(home / "seep.onnx.lock"):
        if not file.is_file():
            export(ExportConfig(str(trained), str(file)))
    return file


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
def sentinel1_annotation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Annotation (VV) of a real Sentinel-1 product, from ../shared/data or beside the real chips."""
    folders = [ROOT.parent / "shared" / "data"]
    if os.environ.get("SEEP_DATA_ROOT"):
        folders += Path(os.environ["SEEP_DATA_ROOT"]).parents
    for folder in folders:
        archive = folder / "sentinel1_grd_product.tar.xz"
        if archive.is_file():
            home = tmp_path_factory.mktemp("sentinel1")
            with tarfile.open(archive) as tar:
                tar.extractall(home, filter="data")
            return next(home.rglob("annotation/*-vv-*.xml"))
    message = "no sentinel1_grd_product.tar.xz: put it into ../shared/data"
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
