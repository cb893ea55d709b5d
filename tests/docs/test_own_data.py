"""The commands of docs/own-data.md are run as they stand, each section on the layout that it is about."""

import shlex
from pathlib import Path

import pytest

from helpers.chips import TINY
from helpers.command_line import seep, seep_from_scratch
from helpers.documents import code_blocks, write_blocks
from helpers.own_data import OWN_LAYOUTS, planted_chips

DOCUMENT = "own-data.md"
LAYOUTS = {layout.name: layout for layout in OWN_LAYOUTS}
SECTIONS = {
    "JPG pictures, PNG masks of 0 and 255": "jpg and png",
    "Pairs in one folder": "suffix pairs",
    "Masks in colours": "rgb masks",
    "A table of pairs": "csv of pairs",
    "Chips of several sizes": "mixed sizes",
    "Float chips of several bands": "float32 in three bands",
}
# so that the test takes seconds
SHORT = {
    "train": [*TINY, "trainer.max_epochs=2", "optimizer.lr=0.01"],
    "evaluate": ["device=cpu"],
    "report": ["device=cpu"],
    "predict": ["device=cpu"],
}
VERBS = ["check", "train", "evaluate", "report", "predict"]


def blocks(section: str, kind: str) -> list[str]:
    """The texts of a section's blocks in one language."""
    return [text for language, text in code_blocks(DOCUMENT, section) if language == kind]


def commands(section: str) -> list[list[str]]:
    """Verb and arguments of each line of a section's shell blocks."""
    lines = [shlex.split(line) for line in "".join(blocks(section, "bash")).splitlines()]
    assert all(line[:2] == ["python", "-m"] for line in lines)
    return [[line[2].removeprefix("seep_lightning."), *line[3:]] for line in lines]


def quoted_output(section: str) -> list[str]:
    """What the section says that `check` prints: its last block of plain text, after that of the files."""
    files, *others = blocks(section, "text")
    return others[-1].splitlines()


def make(section: str, folder: Path) -> None:
    LAYOUTS[SECTIONS[section]].make(folder / "mine", planted_chips())


def sections() -> list[object]:
    """The sections as parameters; each takes half a minute."""
    return [pytest.param(name, marks=pytest.mark.slow) for name in SECTIONS]


@pytest.mark.parametrize("section", SECTIONS)
def test_a_layout_is_told_in_five_lines(section: str) -> None:
    assert [line[0] for line in commands(section)] == VERBS


@pytest.mark.parametrize("section", sections())
def test_the_commands_of_a_layout_run_as_they_stand(section: str, tmp_path: Path) -> None:
    make(section, tmp_path)
    for verb, *arguments in commands(section):
        done = seep(verb, *arguments, *SHORT.get(verb, []), cwd=tmp_path)
        assert done.returncode == 0, f"{verb}: {done.stdout[-2000:]}{done.stderr}"
    run = tmp_path / "outputs" / "mine"
    assert (run / "evaluate" / "test" / "summary.json").is_file()
    assert (run / "report.html").is_file()
    assert len(list((tmp_path / "maps").glob("*.probability.tif"))) == LAYOUTS[SECTIONS[section]].chips


@pytest.mark.parametrize("section", [name for name in SECTIONS if name != "Float chips of several bands"])
def test_check_prints_what_the_page_quotes(section: str, tmp_path: Path) -> None:
    make(section, tmp_path)
    (verb, *arguments), *_ = commands(section)
    settings = arguments
    if section == "Masks in colours":
        settings = [argument for argument in arguments if not argument.startswith("data.mask_values")]
    done = seep_from_scratch(verb, *settings, cwd=tmp_path, env={"COLUMNS": "400"})
    for line in quoted_output(section):
        assert line in done.stdout


def test_the_settings_may_stand_in_a_file(tmp_path: Path) -> None:
    make("JPG pictures, PNG masks of 0 and 255", tmp_path)
    write_blocks(DOCUMENT, "Keep the settings", tmp_path)
    done = seep("check", "--config-dir", "my_conf", "data=mine", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "12 pairs" in done.stdout
