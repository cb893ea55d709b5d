"""Two commands in one place: the second says who is at work, or waits, and neither is lost."""

import shutil
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import pytest

from helpers.rasters import UTM, write_raster
from seep_lightning.commands import run_directories
from seep_lightning.commands.run_directories import claimed_directory
from seep_lightning.config.commands import EvaluateConfig, ExportConfig, PredictConfig, PrepareConfig, ReportConfig
from seep_lightning.data.preparation import prepare
from seep_lightning.errors import InUse, UserError
from seep_lightning.evaluation.evaluation import evaluate
from seep_lightning.locks import lock_inside, lock_path, locked
from seep_lightning.mapping.scenes import predict
from seep_lightning.mapping.table import SceneRow, SceneTable, read_rows
from seep_lightning.mapping.workers import map_here, scene_locked
from seep_lightning.predictor.exporting import export
from seep_lightning.reporting.page import report
from seep_lightning.runs.directory import Run
from seep_lightning.training.session import train

Compose = Callable[..., object]


def _hold(lock: Path, work: str, taken: "object", free: "object") -> None:
    with locked(lock, "x", work):
        taken.set()  # type: ignore[attr-defined]
        free.wait(60)  # type: ignore[attr-defined]


class Elsewhere:
    """Another process that holds a lock."""

    def __init__(self, lock: Path, work: str) -> None:
        context = get_context("fork")
        taken, self.free = context.Event(), context.Event()
        self.process = context.Process(target=_hold, args=(lock, work, taken, self.free))
        self.process.start()
        assert taken.wait(30)

    def __enter__(self) -> "Elsewhere":
        return self

    def __exit__(self, *_: object) -> None:
        self.free.set()
        self.process.join()


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "run"))


def test_a_second_training_in_a_folder_changes_nothing(compose_tiny: Compose, tmp_path: Path) -> None:
    directory = tmp_path / "run"
    with Elsewhere(lock_inside(directory, "train"), "train") as other:
        with pytest.raises(InUse, match=f"in use .seep train, process {other.process.pid} on"):
            train(compose_tiny(), directory)
        # it is not told as the failure of the run, which is another's
        assert [path.name for path in directory.iterdir()] == [".train.lock"]
    assert train(compose_tiny("trainer.max_epochs=1"), directory).run.summary()["status"] == "finished"
    assert not [path.name for path in directory.iterdir() if path.name.startswith(".")]


def test_a_second_evaluation_export_and_report_say_who_is_at_work(run: Path, tmp_path: Path) -> None:
    with Elsewhere(lock_path(run / "evaluate" / "test"), "evaluate"), pytest.raises(InUse, match="seep evaluate"):
        evaluate(EvaluateConfig(run=str(run), device="cpu"))
    with Elsewhere(lock_path(tmp_path / "net.pt"), "export"), pytest.raises(InUse, match="seep export"):
        export(ExportConfig(str(run), str(tmp_path / "net.pt"), "torch"))
    with Elsewhere(lock_path(run / "report.html"), "report"), pytest.raises(InUse, match="seep report"):
        report(ReportConfig(run=str(run)))
    assert not (run / "evaluate").exists() and not list(tmp_path.glob("net*"))


def test_a_second_preparation_says_who_is_at_work_before_it_reads_anything(tmp_path: Path) -> None:
    config = PrepareConfig(
        scenes=str(tmp_path / "none"), labels=str(tmp_path / "none.gpkg"), output=str(tmp_path / "a")
    )
    with Elsewhere(lock_path(tmp_path / "a"), "prepare"), pytest.raises(InUse, match="seep prepare"):
        prepare(config)
    (tmp_path / "a").mkdir()
    # as a call leaves it that is killed when all is written
    lock_path(tmp_path / "a").touch()
    with pytest.raises(UserError, match="a exists"):
        prepare(config)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_scene_that_another_call_maps_comes_last_and_is_not_mapped_twice(tmp_path: Path) -> None:
    class Job:
        def __init__(self, name: str) -> None:
            self.name = name

    mapped: list[str] = []

    def map_scene(job: Job) -> SceneRow:
        mapped.append(job.name)
        other.free.set()
        return SceneRow(job.name)

    with Elsewhere(lock_path(tmp_path / "a"), "predict") as other:
        outcomes = list(map_here(map_scene, [Job("a"), Job("b")], tmp_path))  # type: ignore[arg-type,list-item]
    assert mapped == ["b", "a"] == [outcome.job.name for outcome in outcomes]


def test_a_row_that_another_call_wrote_meanwhile_is_seen_and_kept(tmp_path: Path) -> None:
    first, second = SceneTable(tmp_path / "maps"), SceneTable(tmp_path / "maps")
    first.begin(overwrite=False)
    second.begin(overwrite=False)
    first.add_mapped(SceneRow("a", key="k"))
    assert second.finished_key("a") == "k"
    second.add_finished_before("a")
    second.add_mapped(SceneRow("b"))
    first.add_mapped(SceneRow("c"))
    assert list(read_rows(tmp_path / "maps" / "scenes.csv")) == ["a", "b", "c"]
    assert [path.name for path in (tmp_path / "maps").iterdir()] == ["scenes.csv"]


def _predict(config: PredictConfig) -> None:
    predict(config)


@pytest.mark.slow
def test_two_calls_map_into_one_folder_and_both_succeed(run: Path, tmp_path: Path) -> None:
    import numpy as np

    for number in range(3):
        pixels = np.random.default_rng(number).normal(30000, 3000, (1, 96, 96)).clip(0, 65535).astype(np.uint16)
        (tmp_path / "in").mkdir(exist_ok=True)
        write_raster(tmp_path / "in" / f"{number}.tif", pixels, **UTM)
    config = PredictConfig(
        run=str(run), input=str(tmp_path / "in"), output=str(tmp_path / "maps"), device="cpu", threads=1
    )
    context = get_context("spawn")
    processes = [context.Process(target=_predict, args=(config,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    rows = read_rows(tmp_path / "maps" / "scenes.csv")
    assert {name: row.status for name, row in rows.items()} == {str(number): "done" for number in range(3)}
    assert not [path.name for path in (tmp_path / "maps").iterdir() if path.name.startswith(".")]


def test_a_scene_lock_is_hidden_and_gone_afterwards(tmp_path: Path) -> None:
    with scene_locked(tmp_path, "a"):
        assert [path.name for path in tmp_path.iterdir()] == [".a.lock"]
    assert list(tmp_path.iterdir()) == []


def test_default_folders_of_one_moment_are_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for key in ("SLURM_JOB_ID", "TORCHELASTIC_RUN_ID"):
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setattr(run_directories, "time_with_milliseconds", lambda: "now")
    monkeypatch.setattr("sys.argv", ["seep"])
    assert [claimed_directory(None, None, "train") for _ in range(3)] == [
        "outputs/train/now",
        "outputs/train/now-2",
        "outputs/train/now-3",
    ]
    monkeypatch.setattr("sys.argv", ["seep", "--cfg", "job"])
    assert claimed_directory(None, None, "shown") == "outputs/shown/now"
    assert not Path("outputs", "shown").exists()


def test_a_run_that_goes_on_has_its_own_folder(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["seep"])
    assert claimed_directory(str(run), None, "train") == str(Run(run).dir)
    shutil.copytree(run, tmp_path / "outputs" / "train" / "before")
    assert claimed_directory(None, "last", "train") == "outputs/train/before"
