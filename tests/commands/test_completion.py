"""Completion of `seep`: what is offered for a word, and bash's script in bash itself."""

import subprocess
import sys
from pathlib import Path

import pytest

from seep_lightning.commands.completion import candidates
from seep_lightning.commands.shells import SHELLS, completion_script
from seep_lightning.commands.verbs import VERBS


def offered(line: str) -> list[str]:
    return [candidate.word for candidate in candidates(line)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("seep tra", ["train"]),
        ("seep help exp", ["export"]),
        ("seep completion f", ["fish"]),
        ("seep train mod", ["model=", "model."]),
        ("seep train model=unet_", ["model=unet_reference", "model=unet_small"]),
        ("seep train -m loss=sum,n", ["loss=sum,notebook"]),
        ("seep train data.normalise.", ["data.normalise.kind=", "data.normalise.log="]),
        ("seep train ++trainer.max_t", ["++trainer.max_time="]),
        ("seep train model=smp_unet model.encoder_n", ["model.encoder_name="]),
        ("seep train test=", ["test=true", "test=false"]),
        ("seep evaluate 'run=a b' part=t", ["part=train", "part=test"]),
        ("seep train --conf", ["--config-dir"]),
        ("seep nothing mod", []),
    ],
)
def test_what_may_follow(line: str, words: list[str]) -> None:
    assert offered(line) == words


def test_every_verb_is_offered_and_keys_say_what_they_are() -> None:
    assert offered("seep ") == list(VERBS)
    assert offered("seep train mine.") == []
    (candidate,) = candidates("seep train data.batch")
    assert candidate.text.startswith("Chips in a batch")


def test_paths_and_groups_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "outputs" / "mine").mkdir(parents=True)
    (tmp_path / "outputs" / ".hidden").touch()
    assert offered("seep predict run=outputs/") == ["run=outputs/mine/"]
    assert offered("seep predict run=nowhere/") == []
    (tmp_path / "own" / "model").mkdir(parents=True)
    (tmp_path / "own" / "model" / "mine.yaml").write_text("_target_: mine.Net\nwidth: 3 # channels\n")
    assert "model=mine" in offered("seep train --config-dir own model=")
    assert offered("seep train --config-dir own model=mine model.w") == ["model.width="]


def test_an_answer_needs_neither_torch_nor_hydra() -> None:
    code = (
        "import sys; from seep_lightning.commands.completion import candidates; candidates('seep train mo');"
        "print(sorted({'torch', 'hydra', 'lightning', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_bash_completes(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    script = completion_script("bash")
    # what bash sets before it calls the function
    asked = 'COMP_LINE="$1"; COMP_POINT=${#1}; _seep_completion; printf "<%s>" "${COMPREPLY[@]}"'
    # a folder that holds a package of the same name, planted by a stranger
    (tmp_path / "seep_lightning").mkdir()
    (tmp_path / "seep_lightning" / "__init__.py").write_text("raise SystemExit('planted')")
    replies = []
    for line in ("seep train data.normalise.k", "seep predict run=a"):
        command = ["bash", "--norc", "-c", f"{script}\n{asked}", "bash", line]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60)
        replies.append(done.stdout)
    # bash itself keeps what stands before the last =
    assert replies == ["<data.normalise.kind=>", "<a\\ b/>"]


def test_the_other_shells_ask_the_same_python() -> None:
    for shell in SHELLS:
        assert f"{sys.executable} -P -m seep_lightning completion answer" in completion_script(shell)
