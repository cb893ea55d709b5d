"""A file or folder that is called `${oc.env:TOKEN}`: its name is a name, and no reference to be looked up."""

from pathlib import Path
from typing import Any

import pytest

from helpers.command_line import seep
from seep_lightning import api
from seep_lightning.commands.composition import compose, compose_arguments
from seep_lightning.commands.overrides import (
    prepare_arguments,
    quote_literally,
    quote_override,
    quote_value,
    single_runs,
)
from seep_lightning.commands.run_directories import check_folders_of_runs
from seep_lightning.errors import UserError

REFERENCE = "${oc.env:SECRET_TOKEN}"
NAMES = [REFERENCE, f"a{REFERENCE}.tif", f"it's {REFERENCE}", f"a,{REFERENCE}", f"back\\{REFERENCE}", "a${b}c"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder to work in, and a secret in the environment."""
    monkeypatch.setenv("SECRET_TOKEN", "s3cret")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def runs_of(text: str) -> Any:
    """What `predict` makes of a typed `run=`."""
    return compose("predict", [f"run={text}", "input=x", "output=y"]).run


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_something_is_no_reference(name: str, folder: Path) -> None:
    Path(name).mkdir()
    # as it is typed, as a shell completes it, in quotes of Hydra's, with what is in it, or not yet
    for path in (name, f"{name}/", f"./{name}", str(folder / name), f"{name}/*.tif", f"{name}/new"):
        assert runs_of(path) == path
        # in a list, a comma belongs to a name only where this is the whole of it
        if "," not in name or path == name:
            assert runs_of(f"[{path},other]") == [path, "other"]
    assert api.compose("predict", run=name, input="x", output="y").run == name
    assert runs_of(quote_value(name)) == name
    assert runs_of(f"[{quote_value(name)},other]") == [name, "other"]


@pytest.mark.parametrize("name", NAMES)
def test_nor_in_a_multirun(name: str) -> None:
    Path(name).mkdir()
    for typed, expected in ((name, [name]), (f"other,{name}", ["other", name])):
        *overrides, _, _ = prepare_arguments(["data=chips", f"data.root={typed}", "-m"])
        roots = [compose("train", run).data.root for run in single_runs(overrides)]
        # a key below the top: the first value stands for all
        assert roots == expected[:1]
        # a job of its own gets the overrides that were prepared
        assert [quote_override(override, multirun=True) for override in overrides] == overrides


def test_a_reference_stays_one_where_nothing_has_its_name() -> None:
    assert runs_of(REFERENCE) == "s3cret"
    assert runs_of(f"'a/{REFERENCE}/b'") == "a/s3cret/b"
    assert runs_of(f"[{REFERENCE},a{REFERENCE}]") == ["s3cret", "as3cret"]
    assert runs_of("${oc.env:NO_SUCH,/else/where}/a") == "/else/where/a"
    Path("${oc.env:NO_SUCH}").mkdir()
    assert runs_of("${oc.env:NO_SUCH}/" + REFERENCE) == "${oc.env:NO_SUCH}/s3cret"


def test_what_is_quoted_literally_holds_no_reference() -> None:
    for name in NAMES:
        assert runs_of(quote_literally(name)) == name


def test_a_folder_of_configs_is_one_too(folder: Path) -> None:
    configs = folder / REFERENCE / "loss"
    configs.mkdir(parents=True)
    (configs / "mine.yaml").write_text("_target_: torch.nn.BCEWithLogitsLoss\n")
    config = compose_arguments("train", ["--config-dir", str(configs.parent), "loss=mine"])
    assert config.loss["_target_"] == "torch.nn.BCEWithLogitsLoss"


@pytest.mark.parametrize("key", ["hydra.run.dir", "hydra.sweep.dir", "run"])
def test_a_run_does_not_lie_in_such_a_folder(key: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(REFERENCE).mkdir()
    with pytest.raises(UserError, match=rf"^{key}: a run cannot lie in a folder called"):
        check_folders_of_runs(prepare_arguments([f"{key}={REFERENCE}/run"]))
    check_folders_of_runs(prepare_arguments([f"{key}=${{oc.env:SECRET_TOKEN}}-new/run", f"data.root={REFERENCE}"]))
    monkeypatch.chdir(folder / REFERENCE)
    with pytest.raises(UserError, match="^the folder to work in: a run cannot"):
        check_folders_of_runs([])


def test_on_the_command_line(folder: Path) -> None:
    (folder / REFERENCE).mkdir()
    result = seep("check", f"data.root={REFERENCE}", cwd=folder)
    assert REFERENCE in result.stderr and "s3cret" not in result.stdout + result.stderr
