"""The console script `seep` finds a user's modules in the working folder, as `python -m` does."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.chips import make_chips
from seep_lightning.__main__ import VERBS, main

LAYOUT = """
from pathlib import Path
from seep_lightning.data.layouts import ChipFiles


class Mine:
    def pairs(self, root: Path):
        for image in (root / "train_images_256").iterdir():
            scene, tile, _ = image.name.split(".")
            yield ChipFiles(image, root / "train_masks_256" / image.name, scene, int(tile))
"""

# what pip writes into the folder of programs
CONSOLE_SCRIPT = "import sys\nfrom seep_lightning.__main__ import main\nsys.exit(main())\n"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_that_is_given_own_code_looks_into_the_working_folder_last(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["seep", verb, "trusted=[mine]"])
    monkeypatch.setattr(sys, "path", ["/folder/of/programs", *sys.path])
    monkeypatch.setattr(runpy, "run_module", lambda *_, **__: seen.append(sys.path[-1]))
    main()
    assert seen == [str(tmp_path)]


@pytest.mark.parametrize(("flags", "code"), [([], 0), (["-P"], 2)])
def test_the_script_checks_with_a_layout_of_the_working_folder(flags: list[str], code: int, tmp_path: Path) -> None:
    """With `python -P` the user says that the folder is not to be trusted."""
    make_chips(tmp_path / "chips", classes=1)
    (tmp_path / "mine.py").write_text(LAYOUT)
    script = tmp_path / "bin" / "seep"
    script.parent.mkdir()
    script.write_text(CONSOLE_SCRIPT)
    line = ["check", "data.layout={_target_: mine.Mine}", "data.root=chips"]
    command = [sys.executable, *flags, str(script), *line]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stderr
    if flags:
        assert "a file of your own must be in the working folder" in done.stderr
    else:
        assert "30" in done.stdout
