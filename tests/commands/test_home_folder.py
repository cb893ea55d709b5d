"""`~` in a path is the home folder, whichever key holds it and wherever it comes from."""

from pathlib import Path
from typing import Any

import pytest

from helpers.chips import make_chips
from helpers.command_line import seep
from seep_lightning import api
from seep_lightning.commands.composition import compose
from seep_lightning.commands.overrides import prepare_arguments, quote_path
from seep_lightning.runs.directory import Run


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "my home"))
    return tmp_path / "my home"


# a verb, a key, and what else it needs
PATHS = {
    "train data.root": ["data=chips"],
    "train data.images": ["data=chips"],
    "train split.path": ["split=file"],
    "train init": [],
    "train run": [],
    "evaluate run": [],
    "evaluate data.root": ["run=x"],
    "predict run": ["input=x", "output=x"],
    "predict input": ["output=x"],
    "predict output": ["input=x"],
    "predict area": ["input=x", "output=x"],
    "predict land": ["input=x", "output=x"],
    "compare runs": [],
    "compare csv": ["runs=x"],
    "report run": [],
    "report output": ["run=x"],
    "export run": ["output=x"],
    "export output": ["run=x"],
    "prepare scenes": ["labels=x", "output=x"],
    "prepare labels": ["scenes=x", "output=x"],
    "prepare output": ["scenes=x", "labels=x"],
    "check data.root": [],
}


def value_at(config: Any, key: str) -> Any:
    for name in key.split("."):
        config = config[name] if isinstance(config, dict) else getattr(config, name)
    return config


@pytest.mark.parametrize("path", PATHS)
def test_every_key_of_a_path_takes_the_home_folder(path: str, home: Path) -> None:
    verb, key = path.split()
    config = compose(verb, [*PATHS[path], f"{key}=~/a folder"])
    assert value_at(config, key) == str(home / "a folder")


@pytest.mark.parametrize("key", ["runs", "scenes"])
def test_a_list_of_paths_takes_it_in_each(key: str, home: Path) -> None:
    verb = {"runs": ["compare"], "scenes": ["prepare", "labels=x", "output=x"]}[key]
    config = compose(verb[0], [*verb[1:], f"{key}=[~/a,/b,'~/c d']"])
    assert getattr(config, key) == [str(home / "a"), "/b", str(home / "c d")]


def test_a_path_in_a_node_of_another_library_takes_it(home: Path) -> None:
    config = compose("train", ["+model.weights=~/weights.pt", "+callbacks.mine={_target_:a.B,folder:'~/c'}"])
    assert config.model["weights"] == str(home / "weights.pt")
    assert config.callbacks["mine"]["folder"] == str(home / "c")


def test_a_path_in_a_config_file_or_the_environment_takes_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEP_DATA_ROOT", "~/chips")
    assert compose("train", ["data=chips"]).data.root == str(home / "chips")


def test_folders_of_hydra_and_of_a_sweep_take_it(home: Path) -> None:
    assert quote_path("hydra.run.dir=~/x", multirun=False) == f"hydra.run.dir='{home}/x'"
    [first, *_] = prepare_arguments(["data.root=~/a,~/b", "-m"])
    assert first == f"data.root='{home}/a','{home}/b'"
    assert quote_path("--config-dir=~/x", multirun=False) == f"--config-dir={home}/x"


@pytest.mark.parametrize("argument", ["~scheduler", "name=a~b", "data.root=a~/b", "input=~nobody3/x"])
def test_other_tildes_stay(argument: str) -> None:
    assert quote_path(argument, multirun=False).replace("'", "") == argument


def test_from_python_too(home: Path) -> None:
    assert Run(Path("~/run")).last == home / "run" / "checkpoints" / "last.ckpt"
    assert api.compose("predict", input="~/a", output=Path("~/b")).output == str(home / "b")


def test_on_the_command_line(home: Path, tmp_path: Path) -> None:
    make_chips(home / "chips", classes=1)
    names = ["data.images=train_images_256", "data.masks=train_masks_256"]
    done = seep("check", "data.root=~/chips", *names, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "~").exists()
