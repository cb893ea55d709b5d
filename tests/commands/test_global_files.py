"""A config file whose keys belong at the top, and that does not say so, is named with the line that it lacks."""

from pathlib import Path

import pytest
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from seep_lightning.commands.composition import compose_arguments
from seep_lightning.commands.messages import error_message

CONTENT = "name: mine\ntrainer: {max_epochs: 1}\n"
WITHOUT_HEADER = {
    "no line": CONTENT,
    "after other keys": f"{CONTENT}# @package _global_\n",
    "after a comment": f"# mine\n# @package _global_\n{CONTENT}",
    "misspelt": f"# @packge _global_\n{CONTENT}",
    "of another package": f"# @package experiment\n{CONTENT}",
    "with groups": f"defaults:\n  - override /model: unet\n{CONTENT}",
}


def written(folder: Path, group: str, content: str) -> Path:
    path = folder / group / "mine.yaml"
    path.parent.mkdir()
    path.write_text(content)
    return path


def refusal(*arguments: str) -> str:
    with pytest.raises((HydraException, OmegaConfBaseException)) as error:
        compose_arguments("train", arguments)
    return error_message(error.value, "train", arguments)


@pytest.mark.parametrize("content", WITHOUT_HEADER.values(), ids=list(WITHOUT_HEADER))
def test_an_experiment_without_its_first_line_is_named(content: str, tmp_path: Path) -> None:
    path = written(tmp_path, "experiment", content)
    expected = f"{path}: Hydra looks for its keys below experiment, where there are none. "
    told = refusal(f"--config-dir={tmp_path}", "experiment=mine")
    assert told == f"{expected}Write # @package _global_ as the first line of the file."


@pytest.mark.parametrize("group", ["sweep", "task", "recipe"])
def test_so_is_any_other_file_whose_keys_belong_at_the_top(group: str, tmp_path: Path) -> None:
    path = written(tmp_path, group, CONTENT)
    choice = "+recipe=mine" if group == "recipe" else f"{group}=mine"
    assert refusal("--config-dir", str(tmp_path), choice).startswith(f"{path}: ")


def test_with_the_line_it_has_its_effect(tmp_path: Path) -> None:
    written(tmp_path, "experiment", f"\n#@package _global_\n{CONTENT}")
    cfg = compose_arguments("train", [f"--config-dir={tmp_path}", "experiment=mine"])
    assert (cfg.name, cfg.trainer.max_epochs) == ("mine", 1)


def test_other_mistakes_in_such_a_file_keep_their_own_message(tmp_path: Path) -> None:
    written(tmp_path, "experiment", "# @package _global_\ntrainer: {max_epoch: 1}\n")
    told = refusal(f"--config-dir={tmp_path}", "experiment=mine")
    assert told.startswith("In 'experiment/mine': ")
    assert "Did you mean trainer.max_epochs?" in told
