"""What a stranger's run writes when it is resumed stays below its directory; what the command line says is free."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from helpers.stranger_runs import change_config, copied_run
from seep_lightning import api
from seep_lightning.commands.run_directories import run_directory
from seep_lightning.config.commands import EvaluateConfig
from seep_lightning.config.data import SyntheticConfig
from seep_lightning.config.training import TrainConfig
from seep_lightning.config.trust import trusting
from seep_lightning.data.generator.dataset import DATASET_VERSION
from seep_lightning.data.roots import MOST_STORED_CHIPS, check_stored_generator
from seep_lightning.errors import UserError
from seep_lightning.evaluation.evaluation import evaluate
from seep_lightning.runs.directory import Run
from seep_lightning.runs.resume import arguments_for_processes, resumed_config
from seep_lightning.training.callback_states import check_callback_states
from seep_lightning.training.callbacks import build_callbacks
from seep_lightning.training.containment import check_contained
from seep_lightning.training.os_signals import resume_hint
from seep_lightning.training.stored_parts import check_stored_parts

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
    {"callbacks": {"keep": {"_target_": f"{CALLBACKS}.ModelCheckpoint", "filename": "{step:c}{step:c}/{step:c}"}}},
    {"callbacks": {"keep": {"_target_": f"{CALLBACKS}.ModelCheckpoint", "filename": "{step!r:>9}"}}},
    {"callbacks": {"keep": {"_target_": f"{CALLBACKS}.ModelCheckpoint", "filename": "{epoch:0999999999d}"}}},
    {"callbacks": {"keep": {"_target_": f"{CALLBACKS}.ModelCheckpoint", "dirpath": "$HOME"}}},
    *(
        {"callbacks": {"keep": {"_target_": f"{CALLBACKS}.ModelCheckpoint", "dirpath": "{run}", "filename": name}}}
        for name in ("{../X}", "{/tmp/X}", "{a/../../X}", ".{./X}", "a/{epoch}", "a\\b", "..{epoch}", "{run}-{epoch}")
    ),
    {"callbacks": {"keep": {"_target_": f"{CALLBACKS}.OnExceptionCheckpoint", "dirpath": "{run}", "filename": "../X"}}},
    {"logger": {"tb": {"_target_": f"{LOGGERS}.TensorBoardLogger", "save_dir": "{run}", "filename_suffix": "/X"}}},
    {"logger": {"tb": {"_target_": f"{LOGGERS}.TensorBoardLogger", "save_dir": "{run}", "name": "run/../run"}}},
    {"logger": {"tb": {"_target_": f"{LOGGERS}.TensorBoardLogger", "name": "tb", "version": "v_$SECRET"}}},
    {"logger": {"tb": {"_target_": f"{LOGGERS}.TensorBoardLogger", "name": "%SECRET%"}}},
    {"logger": {"tb": {"_target_": f"{LOGGERS}.TensorBoardLogger", "sub_dir": "~"}}},
    {"trainer__model_registry": "evil/registry"},
]
STAYS: list[dict[str, Any]] = [
    {"logger": {"csv": {"_target_": f"{LOGGERS}.CSVLogger", "save_dir": "{run}/logs", "name": "a"}}},
    {"logger": {"mlflow": {**MLFLOW, "experiment_name": "a", "run_name": "{run}", "tracking_uri": OWN_STORE}}},
    {"logger": {"mlflow": {**MLFLOW, "tracking_uri": f'${{oc.env:MLFLOW_TRACKING_URI,"{OWN_STORE}"}}'}}},
    {"logger": {"wandb": {"_target_": f"{LOGGERS}.WandbLogger", "project": "seeps", "name": "{run}"}}},
    {"callbacks": {"stop": {"_target_": f"{CALLBACKS}.EarlyStopping", "monitor": "dice/val"}}},
    {"callbacks": {"keep": {"_target_": f"{CALLBACKS}.ModelCheckpoint", "filename": "{epoch}-{step}"}}},
    {"callbacks": {"keep": {"_target_": f"{CALLBACKS}.ModelCheckpoint", "filename": "{epoch:02d}-{dice/val:.3f}"}}},
    {"callbacks": {"keep": {"_target_": f"{CALLBACKS}.ModelCheckpoint", "dirpath": "{run}/mine"}}},
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


def test_a_stored_callback_writes_where_it_was_judged_to(stranger: Path) -> None:
    keep = {"_target_": f"{CALLBACKS}.ModelCheckpoint", "dirpath": "{run}/mine", "filename": "{epoch}"}
    change_config(stranger, callbacks={"keep": keep})
    built = build_callbacks(stored_config(stranger), Run(stranger))
    assert vars(built[-1])["dirpath"] == str(stranger / "mine")


KEEP = {"_target_": f"{CALLBACKS}.ModelCheckpoint", "filename": "mine", "enable_version_counter": False}
STATE = {"best_model_score": None, "kth_best_model_path": "", "kth_value": None, "best_k_models": {}, "dirpath": "RUN"}
STATES_OUTSIDE: list[dict[str, Any]] = [
    {"best_model_path": "local:///VICTIM"},
    {"best_model_path": "file:///VICTIM"},
    {"best_model_path": "http://127.0.0.1:9/secret"},
    {"best_model_path": "zip::/VICTIM"},
    {"best_model_path": "VICTIM"},
    {"best_model_path": "RUN/../victim"},
    {"best_model_path": "RUN/checkpoints/.."},
    {"last_model_path": "memory://a"},
    {"kth_best_model_path": "s3://evil/a"},
    {"best_k_models": {"local:///VICTIM": 1.0}},
    {"dirpath": "http://evil.example"},
    {"more": [[{"a": ("VICTIM",)}]]},
    {"best_model_path": "RUN/link/file"},
]


def change_states(run: Path, name: str, state: dict[str, Any]) -> None:
    """Write the state of a callback into a run's last checkpoint."""
    path = run / "checkpoints" / "last.ckpt"
    content = torch.load(path, weights_only=True)
    content["callbacks"][name] = state
    torch.save(content, path)


def with_places(value: Any, run: Path) -> Any:
    """A state with the paths of the run and of the folder that is not to be touched."""
    if isinstance(value, dict):
        return {with_places(key, run): with_places(item, run) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [with_places(item, run) for item in value]
    return (
        value.replace("VICTIM", str(run.parent / "victim")).replace("RUN", str(run))
        if isinstance(value, str)
        else value
    )


@pytest.mark.parametrize("changes", STATES_OUTSIDE, ids=range(len(STATES_OUTSIDE)))
@pytest.mark.parametrize("name", ["ModelCheckpoint{'monitor': None}", "Other"])
def test_the_state_of_a_callback_names_nothing_outside_of_the_run(
    name: str, changes: dict[str, Any], stranger: Path, tmp_path: Path
) -> None:
    (tmp_path / "victim" / "thesis.txt").write_text("years of work")
    (stranger / "link").symlink_to(tmp_path / "victim")
    state = with_places({**STATE, "best_model_path": "", "last_model_path": "", **changes}, stranger)
    with pytest.raises(UserError, match="state of its callback .* outside of the run") as error:
        check_callback_states(Run(stranger), stored_config(stranger), {name: state})
    assert "\n" not in str(error.value)
    assert (tmp_path / "victim" / "thesis.txt").is_file()


def test_it_is_judged_before_the_training_goes_on(stranger: Path, tmp_path: Path) -> None:
    (tmp_path / "victim" / "thesis.txt").write_text("years of work")
    change_config(stranger, callbacks={"keep": KEEP})
    state = with_places({**STATE, "best_model_path": "local:///VICTIM", "last_model_path": ""}, stranger)
    name = api_state_key()
    change_states(stranger, name, state)
    with pytest.raises(UserError, match="outside of the run"):
        api.train(run=stranger, trainer={"max_epochs": 7})
    assert (tmp_path / "victim" / "thesis.txt").is_file()


def api_state_key() -> str:
    """The name of the state of the callback `KEEP`."""
    return ModelCheckpoint(filename="mine", enable_version_counter=False).state_key


def test_states_of_a_moved_run_and_of_typed_folders_are_taken(stranger: Path, tmp_path: Path) -> None:
    moved = {**STATE, "dirpath": "/old/run/checkpoints", "best_model_path": "/old/run/checkpoints/mine.ckpt"}
    typed = {**STATE, "dirpath": str(tmp_path / "victim"), "best_model_path": str(tmp_path / "victim" / "mine.ckpt")}
    change_config(stranger, callbacks={"keep": {**KEEP, "dirpath": str(tmp_path / "victim")}})
    states = {"ModelCheckpoint{1}": moved, "ModelCheckpoint{2}": typed, "EarlyStopping": {"best_score": torch.ones(1)}}
    check_callback_states(Run(stranger), stored_config(stranger), states)


PROCESSES: list[dict[str, Any]] = [
    {"trainer__strategy": "ddp", "trainer__num_nodes": 2},
    {"trainer__devices": "auto"},
    {"trainer__devices": [0, 1]},
    {"trainer__strategy": "deepspeed"},
]


@pytest.mark.parametrize("changes", PROCESSES, ids=range(len(PROCESSES)))
def test_a_stored_config_starts_no_other_processes(changes: dict[str, Any], stranger: Path) -> None:
    change_config(stranger, **changes)
    names = [name.replace("__", ".") for name in changes]
    with pytest.raises(UserError, match=rf"open a port.*Add '?{names[0]}=.*or trainer=auto") as error:
        resumed_config(Run(stranger), stored_config(stranger), [f"run={stranger}"])
    assert "\n" not in str(error.value)
    typed = [f"{name}=1" for name in names]
    resumed_config(Run(stranger), stored_config(stranger), [f"run={stranger}", *typed])
    alone = resumed_config(Run(stranger), TrainConfig(), ["trainer=auto"])
    assert arguments_for_processes(alone) == ""
    asked = arguments_for_processes(stored_config(stranger))
    assert all(name in asked for name in names) and asked in resume_hint(Run(stranger))


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


BOOT = "torchmetrics.wrappers.BootStrapper"
F1 = {"_target_": "torchmetrics.classification.BinaryF1Score"}
BOOT_99 = {"_target_": BOOT, "base_metric": F1, "num_bootstraps": 99}
PRECISION = "torchmetrics.classification.BinaryAveragePrecision"
PAD = "albumentations.PadIfNeeded"
TOO_MUCH: list[dict[str, Any]] = [
    {"metrics": {"m": {"_target_": PRECISION, "thresholds": 30_000_000}}},
    {"metrics": {"m": {"_target_": BOOT, "base_metric": F1, "num_bootstraps": 100_000}}},
    {"metrics": {"m": {"_target_": BOOT, "base_metric": BOOT_99, "num_bootstraps": 99}}},
    {"augment": [{"_target_": PAD, "min_height": 16_000, "min_width": 16}]},
    {"augment": [{"_target_": PAD, "min_height": "16_000", "min_width": 16}]},
    {"augment": [{"_target_": "albumentations.OneOf", "transforms": [{"_target_": PAD, "min_width": 10**400}]}]},
    {"augment": [{"_target_": "albumentations.Resize", "height": float("inf"), "width": 9}]},
    {"augment": [{"_target_": "albumentations.RandomScale", "scale_limit": [0.5, 50.0]}]},
]
AS_USUAL: dict[str, Any] = {
    "metrics": {
        "m": {
            "_target_": "torchmetrics.classification.BinaryAveragePrecision",
            "thresholds": 200,
            "ignore_index": -100,
        },
        "boot": {"_target_": BOOT, "base_metric": F1, "num_bootstraps": 1_000},
    },
    "augment": [
        {"_target_": PAD, "min_height": 1024, "min_width": 4096, "fill": 65535},
        {"_target_": "albumentations.RandomScale", "scale_limit": [-0.5, 1.0]},
        {"_target_": "albumentations.PlanckianJitter", "temperature_limit": [3000, 15000]},
    ],
}


@pytest.mark.parametrize("changes", TOO_MUCH, ids=range(len(TOO_MUCH)))
def test_numbers_of_stored_metrics_and_transforms_are_bounded(changes: dict[str, Any], stranger: Path) -> None:
    change_config(stranger, **changes)
    with pytest.raises(UserError, match=r"more than a stored config may ask for .*trusted=\[") as error:
        api.train(run=stranger, trainer={"max_epochs": 7})
    assert "\n" not in str(error.value) and len(str(error.value)) < 400
    stored = stored_config(stranger)
    assert "trusted=[" in resume_hint(Run(stranger))
    with trusting(["torchmetrics", "albumentations"]):
        check_stored_parts(Run(stranger), stored)
    check_stored_parts(Run(stranger), replace(stored, metrics={"m": F1}, augment=[]))


def test_usual_numbers_are_taken(stranger: Path) -> None:
    change_config(stranger, **AS_USUAL)
    check_stored_parts(Run(stranger), stored_config(stranger))
    assert "trusted" not in resume_hint(Run(stranger))


def test_a_large_data_set_is_not_generated_unasked(stranger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(stranger.parent / "cache"))
    generated = {"seed": 0, "chips": MOST_STORED_CHIPS + 1, "scenes": 5}
    change_config(stranger, data__source="synthetic", data__root=None, data__synthetic=generated)
    message = r"more than a stored config may ask for .*seep_lightning\.check data=synthetic data\.synthetic\.seed=0"
    with pytest.raises(UserError, match=message):
        api.train(run=stranger, trainer={"max_epochs": 7})
    with pytest.raises(UserError, match=message):
        evaluate(EvaluateConfig(run=str(stranger), device="cpu"))
    assert not (stranger.parent / "cache").exists()
    stored = stored_config(stranger).data
    check_stored_generator(replace(stored, synthetic=SyntheticConfig()))
    # what its owner has made already is read
    name = f"v{DATASET_VERSION}-seed0-chips{MOST_STORED_CHIPS + 1}-scenes5"
    (stranger.parent / "cache/seep_lightning/synthetic" / name).mkdir(parents=True)
    check_stored_generator(stored)


MONAI = {"_target_": "monai.networks.nets.DenseNet121", "spatial_dims": 2, "in_channels": 1, "out_channels": 1}
FIRST_WEIGHTS: list[dict[str, Any]] = [
    {**MONAI, "pretrained": True},
    # the constructor's default
    {"_target_": "monai.networks.nets.EfficientNetBN", "model_name": "efficientnet-b0", "spatial_dims": 2},
]


@pytest.mark.parametrize("model", FIRST_WEIGHTS, ids=["typed", "default"])
def test_a_run_without_checkpoints_takes_no_first_weights(model: dict[str, Any], stranger: Path) -> None:
    change_config(stranger, model=model)
    check_stored_parts(Run(stranger), stored_config(stranger))
    for name in ("checkpoints", "metrics.csv", "summary.json"):
        path = stranger / name
        path.rename(stranger.parent / name)
    with pytest.raises(UserError, match=r"no checkpoint yet, and model.pretrained .*trusted=\[.*typed again") as error:
        api.train(run=stranger, trainer={"max_epochs": 7})
    assert "\n" not in str(error.value)
    assert f"trusted=[{model['_target_']}]" in resume_hint(Run(stranger))
    with trusting([model["_target_"]]):
        check_stored_parts(Run(stranger), stored_config(stranger))
