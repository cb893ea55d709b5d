"""A misspelt key is compared with the keys of the groups that the user chose, not with those of the defaults."""

from pathlib import Path

import pytest
from hydra.errors import HydraException

from seep_lightning.api import compose as compose_keywords
from seep_lightning.commands.composition import compose, compose_arguments
from seep_lightning.commands.messages import error_message
from seep_lightning.commands.overrides import single_runs
from seep_lightning.errors import UserError


def hint(*overrides: str) -> str:
    """What a command line of `train` is told, after Hydra's own words."""
    with pytest.raises(HydraException) as error:
        compose("train", list(overrides))
    return error_message(error.value, "train", overrides).partition(". Key")[2]


# group, the user's choice, and what is said of a key of it
CASES = {
    "model=monai_unet model.widht=3": "Keys of model=monai_unet: spatial_dims, channels,",
    "model=monai_unet model.chanels=3": "Did you mean model.channels?",
    "loss=sum loss.termss=3": "Did you mean loss.terms?",
    "optimizer=sgd optimizer.betas=[0.9,0.99]": "Keys of optimizer=sgd: lr, momentum,",
    "optimizer=sgd optimizer.momentun=1": "Did you mean optimizer.momentum?",
    "scheduler=plateau scheduler.patiense=3": "Did you mean scheduler.patience?",
    "scheduler=none scheduler.factor=3": "scheduler=none has no keys.",
    "logger=mlflow logger.mlflow.traking_uri=x": "Did you mean logger.mlflow.tracking_uri?",
    "callbacks.mine.every=3": "callbacks is null so far: pass +callbacks.mine.every=...",
    "trainer=ddp_cpu trainer.devicess=3": "Did you mean trainer.devices? Keys of trainer=ddp_cpu:",
    "data=seeps data.rooot=x": "Did you mean data.root? Keys of data=seeps:",
    "split=kfold split.fld=3": "Did you mean split.fold? Keys of split=kfold:",
    "experiment=reference model.widht=3": "Keys of model=unet_reference:",
}


@pytest.mark.parametrize("line", CASES)
def test_a_hint_names_a_key_of_the_chosen_group(line: str) -> None:
    told = hint(*line.split())
    assert CASES[line] in told
    misspelt = line.split()[-1].partition("=")[0]
    assert f"Did you mean {misspelt}?" not in told


def test_another_commands_word_for_a_key_is_understood() -> None:
    with pytest.raises(HydraException) as error:
        compose("next", ["input=X"])
    assert "Did you mean scenes?" in error_message(error.value, "next", ["input=X"])


def test_an_argument_that_a_config_does_not_list_is_added_with_a_plus() -> None:
    assert hint("optimizer.eps=1e-4").endswith("If AdamW takes eps, pass +optimizer.eps=...")


def test_a_second_misspelt_key_does_not_hide_the_group_of_the_first() -> None:
    assert "Did you mean scheduler.patience?" in hint("scheduler=plateau", "scheduler.patiense=3", "optimizer.lrr=1")


def test_groups_of_a_folder_of_the_users_own_are_looked_up_there(tmp_path: Path) -> None:
    (tmp_path / "loss").mkdir()
    (tmp_path / "loss" / "tversky.yaml").write_text("_target_: monai.losses.TverskyLoss\nalpha: 0.3\n")
    error = HydraException("Could not override 'loss.alfa'.")
    for folder in (["--config-dir", str(tmp_path)], [f"--config-dir={tmp_path}"]):
        told = error_message(error, "train", [*folder, "loss=tversky", "loss.alfa=3"])
        assert "Did you mean loss.alpha? Keys of loss=tversky: alpha." in told


def test_a_config_that_a_group_lacks_is_compared_with_the_users_own_ones_and_the_asking_file_is_named(
    tmp_path: Path,
) -> None:
    (tmp_path / "loss").mkdir()
    (tmp_path / "loss" / "tversky.yaml").write_text("_target_: monai.losses.TverskyLoss\n")
    (tmp_path / "experiment").mkdir()
    header = "# @package _global_\ndefaults:\n"
    (tmp_path / "experiment" / "mine.yaml").write_text(f"{header}  - /model@second: unett\n")
    (tmp_path / "experiment" / "other.yaml").write_text(f"{header}  - pets: unett\n")
    of_user = ["--config-dir", str(tmp_path)]
    for arguments, expected in (
        ([*of_user, "loss=tverski"], "loss=tverski: there is no such config. Did you mean loss=tversky? There are: "),
        ([*of_user, "experiment=mine"], "experiment/mine.yaml: model=unett: there is no such config. Did you mean "),
        ([*of_user, "experiment=other"], "experiment/other.yaml: experiment/pets=unett: there is no group of configs"),
        (["data=x"], "data=x: there is no such config. There are: chips, seeps, synthetic."),
    ):
        with pytest.raises(HydraException) as error:
            compose_arguments("train", arguments)
        assert error_message(error.value, "train", arguments).startswith(expected)


def test_of_a_sweep_the_choice_that_lacks_the_key_is_named() -> None:
    error = HydraException("Could not override 'optimizer.betas'.")
    told = error_message(error, "train", ["-m", "optimizer=adamw,sgd", "optimizer.betas=[0.9,0.99]", "seed=1,2"])
    assert "Keys of optimizer=sgd:" in told


def test_a_sweep_comes_to_one_command_line_for_each_choice_of_a_group() -> None:
    runs = list(single_runs(["-m", "model=unet,unet_small", "split.seed=1,2", "data.bands=[1,2]"]))
    assert runs == [["-m", f"model={name}", "split.seed=1", "data.bands=[1,2]"] for name in ("unet", "unet_small")]


def test_the_python_api_has_the_same_hints() -> None:
    with pytest.raises(UserError, match=r"Did you mean optimizer.momentum\? Keys of optimizer=sgd"):
        compose_keywords("train", ["optimizer=sgd"], optimizer={"momentun": 1})


def test_a_key_that_cannot_be_deleted_is_compared_too() -> None:
    error = HydraException("Could not delete from config. 'scheduler.patiense' does not exist.")
    told = error_message(error, "train", ["scheduler=plateau", "~scheduler.patiense"])
    assert "Did you mean scheduler.patience?" in told


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        (
            "scene.tif",
            "scene.tif: expected key=value, without blanks around the = (seep predict --help shows examples).",
        ),
        ("bands={255,0,0:", "Put it in single quotes if it holds blanks, braces or quotes, such as 'data.mask_values="),
    ],
)
def test_an_argument_that_cannot_be_read_is_told_with_the_form_of_arguments(argument: str, said: str) -> None:
    with pytest.raises(HydraException) as error:
        compose("predict", [argument])
    text = error_message(error.value, "predict", [argument])
    assert said in text and text.startswith(argument)
