"""Private names of other libraries still do what `seep_lightning.compat` uses them for."""

import inspect
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import optuna
import pyogrio
import pytest
import rasterio
import shapely
import torch
from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn, JobStatus
from lightning.pytorch.callbacks import WeightAveraging
from lightning.pytorch.demos.boring_classes import BoringModel
from skimage.morphology import skeletonize

from helpers.rasters import write_raster
from seep_lightning import compat

CHANGED = "has changed: adapt seep_lightning.compat."


@pytest.fixture
def study(tmp_path: Path) -> optuna.Study:
    storage = optuna.storages.RDBStorage(f"sqlite:///{tmp_path / 'study.db'}", heartbeat_interval=1)
    return optuna.create_study(storage=storage, study_name="study")


def heartbeats(folder: Path) -> int:
    """How many trials of the study in a folder have had a heartbeat."""
    with closing(sqlite3.connect(folder / "study.db")) as database:
        return int(database.execute("select count(*) from trial_heartbeats").fetchone()[0])


def test_the_module_itself_imports_no_other_library() -> None:
    code = "import sys, seep_lightning.compat; print({'torch', 'hydra', 'rasterio', 'optuna'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"


def test_rasterio_raises_gdals_errors_as_they_are() -> None:
    assert issubclass(compat.gdal_error(), Exception), f"rasterio {CHANGED}gdal_error"
    assert not issubclass(compat.gdal_error(), rasterio.errors.RasterioError), "RasterioError covers gdal_error() now"


def test_rasterio_logs_what_gdal_says_under_the_name_that_is_silenced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_raster(tmp_path / "a.tif", np.zeros((8, 8), np.uint8))
    path.write_bytes(path.read_bytes()[:60])
    compat.silence_gdal()
    with pytest.raises(rasterio.errors.RasterioIOError), rasterio.open(path) as dataset:
        dataset.read()
    assert not caplog.records, f"rasterio {CHANGED}silence_gdal"


def test_rasterio_gets_no_driver_back_that_was_taken_out_late() -> None:
    code = """
import threading, rasterio
def names():
    with rasterio.Env() as environment:
        found.append(set(environment.drivers()))
found = []
names()
from seep_lightning.scene import datasets, raster_formats
names()
thread = threading.Thread(target=names)
thread.start()
thread.join()
lost = found[0] - found[1]
print({"PDS", "WMS", "DIMAP"} <= lost, not lost & set(raster_formats.kept_drivers()), found[1] == found[2])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True True True", f"rasterio {CHANGED}keep_gdal_drivers"


def test_pyogrio_keeps_what_it_writes_with_where_it_shares_rasterios_gdal() -> None:
    code = """
import rasterio
from seep_lightning import compat
compat._has_own_gdal = lambda _: False
from seep_lightning.scene import datasets
with rasterio.Env() as environment:
    print({"GPKG", "GeoJSON", "ESRI Shapefile"} <= set(environment.drivers()), "PDS" in environment.drivers())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True False"


def test_hydra_reads_its_store_without_copying_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(ConfigStore, "__deepcopy__", raising=False)
    assert not hasattr(ConfigStore, "__deepcopy__"), f"Hydra {CHANGED}share_config_store"
    compat.share_config_store()
    from hydra._internal.core_plugins.structured_config_source import StructuredConfigSource

    source = StructuredConfigSource("test", "structured://")
    assert source.store is ConfigStore.instance(), f"Hydra {CHANGED}share_config_store"


def test_the_error_of_a_hydra_job_can_be_had_without_raising_it() -> None:
    error = ValueError("of the job")
    job = JobReturn()
    job.status, job.return_value = JobStatus.FAILED, error
    assert compat.job_error(job) is error, f"Hydra {CHANGED}job_error"


def test_a_trial_has_a_heartbeat_as_soon_as_it_is_asked_for(study: optuna.Study, tmp_path: Path) -> None:
    trial = study.ask()
    assert heartbeats(tmp_path) == 0
    compat.first_heartbeat(study, trial)
    assert heartbeats(tmp_path) == 1, f"Optuna {CHANGED}first_heartbeat"


def test_heartbeats_go_on_while_a_trial_runs(study: optuna.Study, tmp_path: Path) -> None:
    trial, before = study.ask(), threading.active_count()
    with compat.heartbeat(study, trial):
        assert threading.active_count() == before + 1, f"Optuna {CHANGED}heartbeat"
        deadline = time.monotonic() + 10
        while not heartbeats(tmp_path) and time.monotonic() < deadline:
            time.sleep(0.05)
    assert heartbeats(tmp_path) == 1, f"Optuna {CHANGED}heartbeat"
    assert threading.active_count() == before


def test_a_trial_is_found_by_its_number_and_takes_reports(study: optuna.Study) -> None:
    study.ask()
    number = study.ask().number
    compat.running_trial(study, number).report(0.5, step=3)
    reported = study.get_trials()[number].intermediate_values
    assert reported == {3: 0.5}, f"Optuna {CHANGED}running_trial"


def test_lightnings_loop_asks_the_method_that_we_replace() -> None:
    from lightning.pytorch.loops import fit_loop

    trainer = pl.Trainer(max_steps=5, accelerator="cpu", logger=False, enable_checkpointing=False, barebones=False)
    assert trainer.fit_loop._iteration_based_training() is True, f"Lightning {CHANGED}resume_with_the_next_epoch"
    compat.resume_with_the_next_epoch(trainer)
    assert trainer.fit_loop._iteration_based_training() is False
    used = inspect.getsource(fit_loop).count("self._iteration_based_training()")
    assert used > 0, f"Lightning {CHANGED}resume_with_the_next_epoch"


def test_processes_that_lightning_watches_are_ended_and_this_one_lives() -> None:
    from lightning.fabric.strategies.launchers.subprocess_script import _ChildProcessObserver

    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    observer: Any = _ChildProcessObserver(main_pid=0, child_processes=[child], sleep_period=0.2)
    assert observer.name == "child-process-observer", f"Lightning {CHANGED}end_lightnings_processes"
    observer.start()
    try:
        compat.end_lightnings_processes()
        assert child.poll() is not None, f"Lightning {CHANGED}end_lightnings_processes"
        observer.join(10)
        assert not observer.is_alive(), f"Lightning {CHANGED}end_lightnings_processes"
    finally:
        child.kill()


def test_lightnings_average_keeps_the_values_that_ours_works_with() -> None:
    averaging = WeightAveraging()
    used = {"_average_model", "_device", "_latest_update_step"}
    assert used <= set(vars(averaging)), "Lightning has changed: adapt training.averaging.MovingAverage"


def test_torch_tells_what_the_cpu_can_do() -> None:
    for asked in (compat.cpu_has_avx512, compat.cpu_multiplies_bf16):
        assert isinstance(asked(), bool), f"torch {CHANGED}{asked.__name__}"


def test_tensors_move_towards_others_in_one_call() -> None:
    means, values = [torch.zeros(2), torch.ones(3)], [torch.ones(2), torch.zeros(3)]
    compat.lerp_in_place(means, values, 0.25)
    assert torch.equal(means[0], torch.full((2,), 0.25)), f"torch {CHANGED}lerp_in_place"
    assert torch.equal(means[1], torch.full((3,), 0.75)), f"torch {CHANGED}lerp_in_place"


def test_pyogrio_takes_a_literal_path_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "zip!a;b?.gpkg"
    geometry = shapely.to_wkb(np.array([shapely.box(0, 0, 1, 1)]))
    pyogrio.raw.write(compat.literal_path(path), geometry, [], [], crs="EPSG:32631", geometry_type="Polygon")
    assert path.exists(), f"pyogrio {CHANGED}literal_path"
    assert pyogrio.read_info(compat.literal_path(path))["features"] == 1
    # others are parsed as before
    assert pyogrio.util.vsi_path("/a.zip!b.shp") == "/vsizip//a.zip/b.shp"


def test_lightning_has_the_figures_of_an_epoch_before_it_logs_them() -> None:
    connector = pl.Trainer(logger=False, enable_checkpointing=False, barebones=True)._logger_connector
    assert isinstance(type(connector).metrics, property), f"Lightning {CHANGED}figures_of_epoch"
    assert connector._first_loop_iter is None, f"Lightning {CHANGED}figures_of_epoch"


def test_an_error_while_lightning_restores_a_checkpoint_is_known_by_its_place(tmp_path: Path) -> None:
    module = BoringModel()
    damaged = tmp_path / "last.ckpt"
    torch.save({"pytorch-lightning_version": pl.__version__, "state_dict": module.state_dict(), "loops": []}, damaged)
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "barebones": True}
    trainer = pl.Trainer(max_epochs=1, accelerator="cpu", **quiet)
    with pytest.raises(Exception) as caught:
        trainer.fit(module, ckpt_path=str(damaged), weights_only=True)
    assert compat.raised_while_restoring(caught.value), f"Lightning's place of restoring {CHANGED}"
    assert not compat.raised_while_restoring(ValueError("of something else"))


def test_thinning_is_scikit_images_own() -> None:
    masks = np.random.default_rng(0).random((20, 24, 31)) > 0.3
    assert compat.thinning().__name__ == "_fast_skeletonize", f"skimage.morphology {CHANGED}"
    assert all((compat.thinning()(mask) == skeletonize(mask)).all() for mask in masks)
