"""A folder that a stranger filled: its modules do not stand for installed ones, and its Hydra plugins are not run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.command_line import seep_from_scratch
from helpers.stranger_runs import plant_module
from seep_lightning.working_folder import hide_plugins_of_working_folder, look_into_working_folder_last

SHADOWS = ("yaml", "omegaconf", "hydra", "numpy", "torch", "monai", "rich", "typing", "logging/__init__")
# what pip writes into the folder of programs
CONSOLE_SCRIPT = "import sys\nfrom seep_lightning.__main__ import main\nsys.exit(main())\n"


def planted(folder: Path) -> Path:
    """A folder with modules named as installed ones, and a plugin; each leaves a file when it is imported."""
    for name in (*SHADOWS, "hydra_plugins/evil"):
        plant_module(folder, f"{name}.py")
    return folder


@pytest.mark.parametrize("way", ["python -m", "python -m package", "script"])
def test_no_module_there_stands_for_an_installed_one(way: str, tmp_path: Path) -> None:
    stranger = planted(tmp_path / "stranger")
    script = tmp_path / "seep"
    script.write_text(CONSOLE_SCRIPT)
    lines = {
        "python -m": ["-m", "seep_lightning.compare"],
        "python -m package": ["-m", "seep_lightning", "compare"],
        "script": [str(script), "compare"],
    }
    command = [sys.executable, *lines[way], "runs=nowhere"]
    done = subprocess.run(command, cwd=stranger, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2 and "there is no such directory" in done.stderr
    assert not list(stranger.rglob("IMPORTED"))


@pytest.mark.parametrize(
    ("verb", "arguments", "is_searched"),
    [
        ("seep_lightning.train", ["model=unet"], True),
        ("train", ["run=outputs/a"], False),
        ("train", ["init=stranger.pt"], False),
        ("train", ["run=outputs/a", "trusted=[mynets]"], True),
        ("predict", ["run=outputs/a"], False),
        ("predict", ["run=outputs/a", "trusted=[mynets]"], True),
        ("predict", ["input=a.tif", "attributes=[mine.ELONGATION]"], True),
        ("check", ["data.root=chips"], False),
        ("check", ["data._target_=mine.Layout"], True),
    ],
)
def test_it_is_looked_into_where_the_command_may_name_own_code(
    verb: str, arguments: list[str], is_searched: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["seep", *arguments])
    monkeypatch.setattr(sys, "path", [str(tmp_path), "/installed"])
    look_into_working_folder_last(verb)
    assert sys.path == (["/installed", str(tmp_path)] if is_searched else ["/installed"])


def test_a_folder_that_pythonpath_names_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"/elsewhere{os.pathsep}{tmp_path}")
    monkeypatch.setattr(sys, "argv", ["seep", "run=outputs/a"])
    monkeypatch.setattr(sys, "path", ["", str(tmp_path), "/installed"])
    look_into_working_folder_last("predict")
    assert sys.path == ["/installed", str(tmp_path)]


def test_plugins_there_are_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hydra_plugins

    folders = list(hydra_plugins.__path__)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(hydra_plugins, "__path__", [*folders, str(tmp_path / "hydra_plugins")])
    hide_plugins_of_working_folder()
    assert hydra_plugins.__path__ == folders


def test_a_pipe_in_the_place_of_matplotlibs_settings_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "matplotlibrc")
    refused = seep_from_scratch("report", "maps=days", cwd=tmp_path)
    assert refused.returncode == 2
    assert "matplotlibrc is a pipe; expected a regular file" in refused.stderr
