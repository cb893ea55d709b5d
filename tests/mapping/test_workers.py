"""Scenes over Dask's workers: equal to the run without, also where a worker dies."""

import csv
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pyogrio.raw
import pytest
import rasterio

from helpers.rasters import UTM, write_raster
from seep_lightning.config.commands import PredictConfig
from seep_lightning.errors import UserError
from seep_lightning.mapping import workers as mapping_workers
from seep_lightning.mapping.jobs import SceneJob
from seep_lightning.mapping.mapper import SceneMapper
from seep_lightning.mapping.scenes import predict
from seep_lightning.mapping.table import SceneRow
from seep_lightning.predictor.base import Predictor
from seep_lightning.predictor.loading import load


def scenes(folder: Path, count: int, height: int = 300, width: int = 200) -> Path:
    """Seas with dark bars."""
    for i in range(count):
        sea = np.random.default_rng(i).normal(30000, 3000, (height, width))
        for row in range(12, height - 8, 40):
            sea[row : row + 5, 8 : width - 10] *= 0.5
        folder.mkdir(exist_ok=True)
        write_raster(folder / f"s{i}.tif", sea.clip(1, 65535).astype(np.uint16), **UTM)
    return folder


def found(folder: Path) -> dict[str, object]:
    """All pixels and features of a map, and its table without the seconds."""
    result: dict[str, object] = {}
    for path in sorted(folder.glob("*.tif")):
        with rasterio.open(path) as raster:
            result[path.name] = raster.read().tobytes()
    for path in sorted(folder.glob("*.gpkg")):
        _, _, shapes, columns = pyogrio.raw.read(path)
        result[path.name] = (list(shapes), [list(map(str, column)) for column in columns])
    with (folder / "scenes.csv").open() as file:
        result["table"] = sorted((r["name"], r["status"], r["seeps"], r["area"]) for r in csv.DictReader(file))
    return result


def settings(run: Path, given: Path, out: Path, **more: object) -> PredictConfig:
    return PredictConfig(run=str(run), input=str(given), output=str(out), window=64, overlap=16, batch=1, **more)


def workers() -> list[psutil.Process]:
    return [p for p in psutil.Process().children(recursive=True) if "spawn_main" in " ".join(p.cmdline())]


@pytest.mark.slow
def test_six_scenes_over_two_workers_of_which_one_is_killed_equal_those_without(trained: Path, tmp_path: Path) -> None:
    given = scenes(tmp_path / "in", 6)
    predict(settings(trained, given, tmp_path / "alone"))
    over = tmp_path / "over"
    thread = threading.Thread(target=predict, args=[settings(trained, given, over, cluster="dask", workers=2)])
    thread.start()
    while thread.is_alive() and not list(over.glob(".*.part/*.rows")):
        time.sleep(0.02)
    first, _ = workers()
    first.kill()
    thread.join(300)
    assert found(over) == found(tmp_path / "alone")
    assert not workers()


@pytest.mark.slow
def test_strips_of_a_huge_scene_by_several_workers_are_one_map(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = scenes(tmp_path / "in", 1)
    predict(settings(trained, given, tmp_path / "alone"))
    monkeypatch.setattr(mapping_workers, "STRIP_PIXELS", 16_000)  # 80 of 300 rows
    predict(settings(trained, given, tmp_path / "over", cluster="dask", workers=2))
    assert found(tmp_path / "over") == found(tmp_path / "alone")


@pytest.mark.parametrize("error", [MemoryError(), type("OutOfMemoryError", (RuntimeError,), {})("CUDA")])
def test_a_scene_too_large_for_the_memory_does_not_stop_the_others(error: Exception, tmp_path: Path) -> None:
    def map_scene(job: SceneJob) -> SceneRow:
        if job.name == "a":
            raise error
        return SceneRow(job.name)

    large, small = mapping_workers.map_here(map_scene, [SceneJob("a", {}), SceneJob("b", {})], tmp_path)
    assert str(large.error).startswith("memory ran out (") and large.row is None
    assert small.row == SceneRow("b") and small.error is None


def test_a_worker_opens_networks_anew_whose_weights_are_others(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[PredictConfig] = []

    def count(config: PredictConfig, _cpu_precision: str | None) -> list[Predictor]:
        opened.append(config)
        return [load(trained)]

    monkeypatch.setattr("seep_lightning.mapping.networks.open_networks", count)
    monkeypatch.setattr(SceneMapper, "map", lambda *_: None)
    monkeypatch.setattr(mapping_workers, "MAPPERS", mapping_workers.MapperMemory())
    for key in ("old", "old", "new"):
        request = mapping_workers.MappingRequest(settings(trained, tmp_path, tmp_path), (key,))
        mapping_workers.map_in_worker(request, SceneJob("a", {}), "", [])
    assert len(opened) == 2


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_is_one_sentence(trained: Path, tmp_path: Path) -> None:
    given = scenes(tmp_path / "in", 1, 40, 40)
    with pytest.raises(UserError, match=r"cluster=tcp://127.0.0.1:1: no scheduler answers"):
        predict(settings(trained, given, tmp_path / "out", cluster="tcp://127.0.0.1:1"))
