"""What a stranger's run writes when it is resumed stays below its directory; what the command line says is free."""

import os
from pathlib import Path
from typing import Any

import pytest

from helpers.stranger_runs import change_config, copied_run
from seep_lightning import api
from seep_lightning.commands.run_directories import run_directory
from seep_lightning.config.commands import EvaluateConfig
from seep_lightning.config.training import TrainConfig
from seep_lightning.errors import UserError
from seep_lightning.evaluation.evaluation import evaluate
from seep_lightning.runs.directory import Run
from seep_lightning.training.containment import check_contained

CSV = "seep_lightning.training.loggers.Csv"
LOGGERS = "lightning.pytorch.loggers"
CALLBACKS = "lightning.pytorch.callbacks"
MLFLOW = {"_target_": f"{LOGGERS}.MLFlowLogger"}
OWN_STORE = "sqlite:///{run}/mlflow.db"

LEADS_OUT: list[dict[str, Any]] = [
    {"logger": {"csv": {"_target_": CSV, "save_dir": "VICTIM"}}},
    {"logger": {"csv": {"_target_": f"{LOGGERS}.CSVLogger", "save_dir": "{run}/../victim"}}},
    {"logger": {"csv": {"_target_": f"{LOGGERS}.CSVLogger", "save_dir": "{run}", "name": "../../victim"}}},
    {"logger": {"tb": {"_target_": f"{LOGGERS}.TensorBoardLogger", "save_dir": "victim"}}},
    {"logger": {"tb": {"_target_": f"{LOGGERS}.TensorBoardLogger", "save_dir": "{run}", "version": "VICTIM"}}},
    {"logger": {"mlflow": {**MLFLOW, "tracking_uri": "http://evil.example"}}},
    {"logger": {"mlflow": {**MLFLOW, "tracking_uri": "sqlite:///VICTIM/mlflow.db"}}},
    {"logger": {"mlflow": {**MLFLOW, "tracking_uri": "file:VICTIM"}}},
    {"logger": {"mlflow": {**MLFLOW, "tracking_uri": "${oc.env:MLFLOW_TRACKING_URI,http://evil.example}"}}},
    {"logger": {"mlflow": {**MLFLOW, "tracking_uri": "http://evil.example/${oc.env:MLFLOW_TRACKING_URI,x}"}}},
    {"logger": {"mlflow": {**MLFLOW, "experiment_name": "${oc.env:SECRET_TOKEN}"}}},
    {"logger": {"mlflow": {**MLFLOW, "artifact_location": "VICTIM"}}},
    {"logger": {"wandb": {"_target_": f"{LOGGERS}.WandbLogger", "settings": {"base_url": "http://evil.example"}}}},
    {"logger": {"wandb": {"_target_": f"{LOGGERS}.WandbLogger", "entity": "evil"}}},
    {"callbacks": {"keep": {"_target_": f"{CALLBACKS}.ModelCheckpoint", "dirpath": "VICTIM"}}},
    {"callbacks": {"keep": {"_target_": f"{CALLBACKS}.ModelCheckpoint", "dirpath": "victim"}}},
    {"callbacks": {"keep": {"_target_": f"{CALLBACKS}.ModelCheckpoint", "filename": "../../victim/a"}}},
    {"callbacks": {"keep": {"_target_": f"{CALLBACKS}.ModelCheckpoint", "dirpath": "~/victim"}}},
    {"callbacks": {"keep": {"_target_": f"{CALLBACKS}.ModelCheckpoint", "dirpath": "s3://evil/bucket"}}},
    {"trainer__model_registry": "evil/registry"},
]
STAYS: list[dict[str, Any]] = [
    {"logger": {"csv": {"_target_": f"{LOGGERS}.CSVLogger", "save_dir": "{run}/logs", "name": "a"}}},
    {"logger": {"mlflow": {**MLFLOW, "experiment_name": "a", "run_name": "{run}", "tracking_uri": OWN_STORE}}},
    {"logger": {"mlflow": {**MLFLOW, "tracking_uri": f'${{oc.env:MLFLOW_TRACKING_URI,"{OWN_STORE}"}}'}}},
    {"logger": {"wandb": {"_target_": f"{LOGGERS}.WandbLogger", "project": "seeps", "name": "{run}"}}},
    {"callbacks": {"stop": {"_target_": f"{CALLBACKS}.EarlyStopping", "monitor": "dice/val"}}},
    {"callbacks": {"keep": {"_target_": f"{CALLBACKS}.ModelCheckpoint", "filename": "{epoch}-{step}"}}},
]


def with_victim(value: Any, victim: Path) -> Any:
    """The changes with the folder that nothing may be written to."""
    if isinstance(value, dict):
        return {key: with_victim(item, victim) for key, item in value.items()}
    return value.replace("VICTIM", str(victim)) if isinstance(value, str) else value


@pytest.fixture
def stranger(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "victim").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return copied_run(trained, tmp_path / "run")


def stored_config(run: Path) -> TrainConfig:
    return Run(run).config


@pytest.mark.parametrize("changes", LEADS_OUT, ids=range(len(LEADS_OUT)))
def test_a_stored_logger_or_callback_that_leads_out_of_the_run_is_refused(
    changes: dict[str, Any], stranger: Path, tmp_path: Path
) -> None:
    change_config(stranger, **with_victim(changes, tmp_path / "victim"))
    with pytest.raises(UserError, match="leads out of the run|another server|sends checkpoints") as error:
        api.train(run=stranger, trainer={"max_epochs": 7})
    assert "\n" not in str(error.value)
    assert list((tmp_path / "victim").iterdir()) == []


@pytest.mark.parametrize("changes", STAYS, ids=range(len(STAYS)))
def test_one_that_stays_within_is_taken(changes: dict[str, Any], stranger: Path) -> None:
    change_config(stranger, **changes)
    check_contained(Run(stranger), stored_config(stranger))


def test_what_the_command_line_names_may_lie_anywhere(stranger: Path, tmp_path: Path) -> None:
    keep = {"_target_": f"{CALLBACKS}.ModelCheckpoint", "dirpath": str(tmp_path / "victim"), "filename": "mine"}
    change_config(stranger, callbacks={"keep": {**keep, "dirpath": "/nowhere"}})
    api.train(run=stranger, trainer={"max_epochs": 7}, callbacks={"keep": keep})
    assert (tmp_path / "victim" / "mine.ckpt").is_file()


def test_so_may_what_a_trusted_class_says(stranger: Path, tmp_path: Path) -> None:
    keep = {"_target_": f"{CALLBACKS}.ModelCheckpoint", "dirpath": str(tmp_path / "victim"), "filename": "mine"}
    change_config(stranger, callbacks={"keep": keep})
    with pytest.raises(UserError, match=r"trusted=\[lightning\.pytorch\.callbacks\.ModelCheckpoint\]"):
        api.train(run=stranger, trainer={"max_epochs": 7})
    api.train(run=stranger, trainer={"max_epochs": 7}, trusted=["lightning.pytorch.callbacks"])
    assert (tmp_path / "victim" / "mine.ckpt").is_file()


@pytest.mark.parametrize(
    "name", ["train.log", "checkpoints", "metrics.csv", "evaluate", "checkpoints/last.ckpt", "a/b"]
)
def test_a_link_out_of_the_run_is_not_written_through(name: str, stranger: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim" / "file"
    victim.write_text("mine")
    path = stranger / name
    if path.exists() and not path.is_dir():
        path.unlink()
    elif path.exists():
        path.rename(tmp_path / "moved")
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(victim if "." in name else victim.parent)
    with pytest.raises(UserError, match=f"{name} is a link that leads out of the folder"):
        run_directory(str(stranger), None, "name")
    with pytest.raises(UserError, match="is a link"):
        evaluate(EvaluateConfig(run=str(stranger), device="cpu"))
    assert [path.name for path in (tmp_path / "victim").iterdir()] == ["file"] and victim.read_text() == "mine"


def test_a_pipe_in_the_place_of_the_log_does_not_hang(stranger: Path) -> None:
    (stranger / "train.log").unlink(missing_ok=True)
    os.mkfifo(stranger / "train.log")
    with pytest.raises(UserError, match="is no file and no folder"):
        run_directory(str(stranger), None, "name")
