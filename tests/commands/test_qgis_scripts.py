"""What QGIS runs, without QGIS: the scripts are installed, and a verb is run with progress, cancelling and errors."""

import ast
import importlib.util
import json
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from seep_lightning import counted
from seep_lightning.commands import progress
from seep_lightning.commands.composition import compose
from seep_lightning.commands.qgis_installation import SOURCES, install_scripts, scripts_folders
from seep_lightning.config.commands import PrepareConfig, QgisConfig
from seep_lightning.errors import UserError

NAMES = {"cut_chips.py", "map_oil_seeps.py", "seep_lightning.json", "seep_lightning_command.py"}


@pytest.fixture(scope="module")
def command() -> ModuleType:
    """The module that the scripts share."""
    spec = importlib.util.spec_from_file_location("seep_lightning_command", SOURCES / "seep_lightning_command.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Feedback:
    """QGIS's, as far as we use it."""

    def __init__(self, cancel_after: str = "") -> None:
        self.cancel_after = cancel_after
        self.lines: list[str] = []
        self.percentages: list[float] = []

    def isCanceled(self) -> bool:
        return bool(self.cancel_after) and self.cancel_after in self.lines

    def setProgress(self, percentage: float) -> None:
        self.percentages.append(percentage)

    def pushInfo(self, line: str) -> None:
        self.lines.append(line)


def python_that(path: Path, body: str) -> str:
    """A program in the place of a Python: it is called with `-m seep_lightning.VERB` and settings."""
    path.write_text(f"#!{sys.executable}\nimport os, sys, time\n{body}")
    path.chmod(0o755)
    return str(path)


def test_scripts_are_installed_once_and_not_replaced_in_silence(tmp_path: Path) -> None:
    config = QgisConfig(scripts=str(tmp_path / "my scripts"))
    (folder,) = install_scripts(config).folders
    assert {path.name for path in folder.iterdir()} == NAMES
    assert json.loads((folder / "seep_lightning.json").read_text()) == {"python": sys.executable}
    # the same again is no change
    install_scripts(config)
    (folder / "cut_chips.py").write_text("mine")
    with pytest.raises(UserError, match=r"other versions of cut_chips\.py.*overwrite=true"):
        install_scripts(config)
    assert (folder / "cut_chips.py").read_text() == "mine"
    install_scripts(QgisConfig(scripts=config.scripts, overwrite=True))
    assert (folder / "cut_chips.py").read_text() != "mine"


def test_a_python_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such file"):
        install_scripts(QgisConfig(scripts=str(tmp_path / "scripts"), python=str(tmp_path / "python")))
    assert list(tmp_path.iterdir()) == []


def test_the_scripts_go_into_the_profile_of_each_version_that_is_there(tmp_path: Path) -> None:
    assert [folder.relative_to(tmp_path).parts[0] for folder in scripts_folders(tmp_path)] == ["QGIS3"]
    for version in ("QGIS3", "QGIS4"):
        (tmp_path / version).mkdir()
    folders = scripts_folders(tmp_path)
    assert [folder.relative_to(tmp_path).parts[0] for folder in folders] == ["QGIS4", "QGIS3"]
    assert folders[0].parts[-4:] == ("profiles", "default", "processing", "scripts")


@pytest.mark.parametrize("text", ["a b,c", "it's", "x=[1]", "C:\\data\\", "a\\'b", "$ä{}", "sure = 0", "~", "null"])
def test_any_text_arrives_as_it_is(command: ModuleType, text: str) -> None:
    settings = [
        *command.setting("scenes", ["first", text]),
        *command.setting("labels", "labels.gpkg"),
        *command.setting("output", "out"),
        *command.setting("ignore", text),
        *command.setting("scene_attribute", ""),
        *command.setting("bands", command.bands_of("VV, 2")),
        *command.setting("size", 64),
    ]
    config = compose("prepare", settings)
    expected = str(Path.home()) if text == "~" else text
    assert config.scenes == ["first", expected]
    assert config.ignore == expected
    assert (config.bands, config.size, config.scene_attribute) == (["VV", 2], 64, None)


def test_progress_lines_and_files_are_passed_on(
    command: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # what misleads another Python, and what makes a verb tell lines
    monkeypatch.setenv("PROJ_LIB", "/usr/share/proj")
    body = """
print(sys.argv[1:], "PROJ_LIB" in os.environ)
from seep_lightning.commands.progress import progress_of, tell_file
from pathlib import Path
with progress_of(2) as start:
    for name in "ab":
        report = start(name)
        for done in range(0, 1001, 250):
            report(done, 1000)
tell_file(Path("/out/a b.gpkg"))
"""
    paths = [path for path in sys.path if path]
    python = python_that(tmp_path / "python", f"sys.path[:0] = {paths!r}\n{body}")
    feedback = Feedback()
    files = command.run_verb(python, "predict", ["input='a b.tif'"], feedback)
    assert files == ["/out/a b.gpkg"]
    assert feedback.percentages == [0, 12, 25, 37, 50, 62, 75, 87, 100]
    assert feedback.lines == ["['-m', 'seep_lightning.predict', \"input='a b.tif'\"] False"]


def test_no_lines_are_printed_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.progress_of(1) as start:
        start("scene")(1, 2)
    progress.tell_file(Path("a.gpkg"))
    assert "seep_lightning:" not in capsys.readouterr().out


def test_of_several_scenes_lines_stay_above_the_bar(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(counted, "SECONDS_BETWEEN_LINES", 0)
    for scenes, told in ((3, "mapped 1 of 3 scenes"), (1, "")):
        caplog.clear()
        with progress.progress_bar(scenes) as start:
            for name in "abc"[:scenes]:
                start(name)(1, 1)
        assert (told in caplog.text) if told else not caplog.text


def test_scripts_and_verbs_mean_the_same_lines(command: ModuleType) -> None:
    for name in ("LINES_VARIABLE", "PROGRESS_MARK", "FILE_MARK"):
        assert getattr(command, name) == getattr(progress, name)


def test_the_form_shows_the_defaults_of_prepare() -> None:
    shown: dict[str, float] = {}
    for call in ast.walk(ast.parse((SOURCES / "cut_chips.py").read_text())):
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "QgsProcessingParameterNumber":
            name, _, _, default, *_ = call.args
            shown[ast.literal_eval(name).lower()] = ast.literal_eval(default)
    assert shown == {key: getattr(PrepareConfig(), key) for key in ("size", "overlap", "empty_share")}


def test_the_reason_of_a_failure_is_the_verbs_own_line(command: ModuleType, tmp_path: Path) -> None:
    body = 'print("warning"); print("seep predict: a.tif is no raster.", file=sys.stderr); sys.exit(2)'
    with pytest.raises(command.SeepError, match=r"^seep predict: a\.tif is no raster\.$"):
        command.run_verb(python_that(tmp_path / "python", body), "predict", [], Feedback())
    with pytest.raises(command.SeepError, match=r"seep predict: it ended with code 3 \(odd\)"):
        command.run_verb(python_that(tmp_path / "python", 'print("odd"); sys.exit(3)'), "predict", [], Feedback())
    with pytest.raises(command.SeepError, match="There is no Python at /gone"):
        command.run_verb("/gone", "predict", [], Feedback())


def test_cancelling_ends_the_verb(command: ModuleType, tmp_path: Path) -> None:
    body = 'print(os.getpid(), flush=True); print("ready", flush=True); time.sleep(60)'
    feedback: Any = Feedback(cancel_after="ready")
    begin = time.monotonic()
    assert command.run_verb(python_that(tmp_path / "python", body), "predict", [], feedback) == []
    assert time.monotonic() - begin < 20
    process = int(feedback.lines[0])
    assert not Path(f"/proc/{process}").exists()
