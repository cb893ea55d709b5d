"""References in a stored config are not looked up, and secrets of one's own are not stored or shown."""

from pathlib import Path

import pytest

from helpers.stranger_runs import change_config, copied_run
from seep_lightning.commands.composition import compose
from seep_lightning.config.references import looked_up
from seep_lightning.errors import UserError, as_error_of
from seep_lightning.masking import STARS, masked
from seep_lightning.runs.directory import Run

PASSWORD = "hunter2-hunter2"
SERVER = f"https://me:{PASSWORD}@mlflow.example"


@pytest.mark.parametrize(
    "reference",
    [
        "${oc.env:SECRET_TOKEN}",
        "${oc.env:SECRET_TOKEN,default}",
        "a ${oc.decode:'1+1'} b",
        "${hydra:runtime.cwd}",
        "${seep_dir:null,null,x}",
        "${seed}",
    ],
)
@pytest.mark.parametrize("key", ["name", "data__root", "monitor"])
def test_a_reference_in_a_stored_config_is_refused_not_resolved(
    key: str, reference: str, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", PASSWORD)
    run = copied_run(trained, tmp_path / "run")
    change_config(run, **{key: reference})
    with pytest.raises(UserError, match="not asked to look up") as error:
        _ = Run(run).config
    assert PASSWORD not in str(error.value)


def test_one_of_a_logger_stays_a_text(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", PASSWORD)
    run = copied_run(trained, tmp_path / "run")
    node = {"_target_": "lightning.pytorch.loggers.CSVLogger", "name": "${oc.env:SECRET_TOKEN}"}
    change_config(run, logger={"csv": node})
    assert Run(run).config.logger == {"csv": node}


def test_the_address_of_a_server_is_stored_as_its_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", SERVER)
    config = compose("train", ["logger=mlflow", "name=mine"])
    assert config.logger["mlflow"]["experiment_name"] == "mine"
    run = Run(tmp_path / "run")
    run.write_config(config)
    text = run.config_path.read_text()
    assert PASSWORD not in text and "${oc.env:MLFLOW_TRACKING_URI" in text
    assert run.config.logger == config.logger
    # what opens the logger looks it up, now and when the run is resumed
    assert looked_up(run.config.logger["mlflow"])["tracking_uri"] == SERVER
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert looked_up(run.config.logger["mlflow"])["tracking_uri"] == "sqlite:///{run}/mlflow.db"


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH", raising=False)
    with pytest.raises(UserError, match="NO_SUCH is not set"):
        looked_up({"key": "${oc.env:NO_SUCH}"})
    assert looked_up("${oc.env:NO_SUCH,null}") is None


@pytest.mark.parametrize(
    "override",
    [
        f"logger.mlflow.tracking_uri={SERVER}",
        f"+logger.mlflow.api_key={PASSWORD}",
        f"+callbacks.mine={{_target_:a.B,token:{PASSWORD}}}",
        f"+callbacks.mine={{_target_:a.B,nested:{{password:{PASSWORD}}}}}",
    ],
)
def test_a_secret_that_is_typed_is_refused_and_not_repeated(override: str) -> None:
    with pytest.raises(UserError, match="holds a password or a key") as error:
        compose("train", ["logger=mlflow", override])
    assert PASSWORD not in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        f"tracking_uri: {SERVER}",
        f"postgresql://user:{PASSWORD}@host:5432/db",
        f"API_KEY={PASSWORD}",
        f"api_key: {PASSWORD}",
        f"{{'token': '{PASSWORD}'}}",
        f"password = {PASSWORD}",
        f"https://host/path?access_token={PASSWORD}&x=1",
        f"wandb_api_key: {PASSWORD}",
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str) -> None:
    assert PASSWORD not in masked(text) and STARS in masked(text)
    with pytest.raises(UserError) as error, as_error_of("logger.mlflow", ValueError):
        raise ValueError(text)
    assert PASSWORD not in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "tokens: 3",
        "monitor: dice/val",
        "password: null",
        "tracking_uri: sqlite:///{run}/mlflow.db",
        "http://localhost:5000",
        "token: ${oc.env:TOKEN}",
        "patience: 5",
    ],
)
def test_what_is_none_stays(text: str) -> None:
    assert masked(text) == text
