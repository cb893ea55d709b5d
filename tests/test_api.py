"""The package from Python: names that are imported late, keyword arguments, what does not fit."""

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import seep_lightning
from helpers.chips import make_chips, seeps_config
from seep_lightning import UserError, api
from seep_lightning.commands.keywords import AS_CONFIGURED, override_value
from seep_lightning.data.chip_sequence import open_chips

VERBS = [
    "check",
    "compare",
    "evaluate",
    "export",
    "find_sources",
    "judge",
    "next",
    "predict",
    "prepare",
    "prior",
    "qgis",
    "report",
    "review",
    "train",
]


def printed(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_a_module_and_a_function(verb: str) -> None:
    module = importlib.import_module(f"seep_lightning.{verb}")
    assert getattr(seep_lightning, verb) is module
    assert inspect.ismodule(module)
    assert callable(module.main)
    assert inspect.signature(module) == inspect.signature(getattr(api, verb))


@pytest.mark.parametrize(
    "imports",
    [
        "import seep_lightning; train = seep_lightning.train",
        "from seep_lightning import train",
        "import seep_lightning.train; train = seep_lightning.train",
        "from seep_lightning.train import main; from seep_lightning import train",
        "import seep_lightning.api; from seep_lightning import train",
        "import importlib; train = importlib.import_module('seep_lightning.train')",
        "from seep_lightning import *",
    ],
)
def test_a_verb_can_be_called_whatever_was_imported_first(imports: str) -> None:
    code = f"""
{imports}
import seep_lightning, sys
try:
    train(seed=-1)
except seep_lightning.UserError as error:
    print(error)
assert sys.modules['seep_lightning.train'].main
assert not {{'torch', 'lightning'}} & set(sys.modules)
"""
    assert printed(code) == "seed=-1: expected 0 to 4294967295."


def test_public_names_are_listed_before_they_are_imported() -> None:
    code = "import seep_lightning, sys; print('read_chips' in dir(seep_lightning), 'hydra' in sys.modules)"
    assert printed(code) == "True False"
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = seep_lightning.trian


def test_the_package_says_that_it_is_typed() -> None:
    assert Path(inspect.getfile(seep_lightning)).with_name("py.typed").is_file()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: seep_lightning.train(optimizer={"lrr": 1}), r"Did you mean optimizer\.lr\?"),
        (lambda: seep_lightning.train(trainer={"max_epoch": 1}), r"Did you mean trainer\.max_epochs\?"),
        (lambda: seep_lightning.train("optimizer.lrr=1"), r"Did you mean optimizer\.lr\?"),
        (lambda: seep_lightning.train(modl="unet"), r"Did you mean model\?"),
        (lambda: seep_lightning.train(model="unett"), "unet_small"),
        (lambda: seep_lightning.train(lr_find=True), "seep train lr_find=true"),
        (lambda: seep_lightning.train(run="nowhere"), "run=nowhere: there is no such directory"),
        (lambda: seep_lightning.evaluate("nowhere", prt="val"), r"Did you mean part\?"),
        (lambda: seep_lightning.evaluate("nowhere", part="vall"), "part=vall: expected one of"),
        (lambda: seep_lightning.predict(input="a", output="b", threshold="x"), "threshold"),
        (lambda: seep_lightning.read_chips(root="nowhere", classs=7), r"Did you mean data\.classes\?"),
        (lambda: seep_lightning.train(data={"bands": object()}), "is no value of a config"),
    ],
)
def test_what_does_not_fit_is_one_line(call: object, message: str) -> None:
    with pytest.raises(UserError, match=message) as raised:
        call()  # type: ignore[operator]
    assert "\n" not in str(raised.value)


def test_keywords_reach_the_config() -> None:
    config = seep_lightning.compose(
        "train",
        ["data=chips"],
        model="unet",
        data={"root": "/a b/c=d,(e)'f", "grid": {"S": {"columns": 4}}},
        trainer={"max_epochs": 3},
        callbacks={"timer": {"_target_": "lightning.pytorch.callbacks.Timer"}},
        augment=[{"_target_": "albumentations.HorizontalFlip", "p": 0.5}],
        ema_decay=None,
        init=Path("a=b.pt"),
    )
    assert config.model["width"] == 64
    assert config.data.root == "/a b/c=d,(e)'f"
    assert config.data.grid["S"].columns == 4
    assert config.trainer.max_epochs == 3
    assert list(config.callbacks) == ["timer"]
    assert config.augment == [{"_target_": "albumentations.HorizontalFlip", "p": 0.5}]
    assert (config.ema_decay, config.init) == (None, "a=b.pt")


def test_values_of_python_are_written_for_hydras_grammar() -> None:
    values = [None, True, 3, 1e-05, "it's", Path("/a b"), [1, "x"], {"k": [False]}]
    assert [override_value(value) for value in values] == [
        "null", "true", "3", "1e-05", r"'it\'s'", "'/a b'", "[1,'x']", "{k:[false]}",
    ]  # fmt: skip


def test_defaults_stand_in_the_configs_only() -> None:
    for verb in ("evaluate", "predict", "compare", "report", "export", "check"):
        for parameter in inspect.signature(getattr(api, verb)).parameters.values():
            assert parameter.default in (inspect.Parameter.empty, AS_CONFIGURED), (verb, parameter)


def test_a_run_that_is_finished_is_left_alone(trained: Path) -> None:
    before = (trained / "summary.json").read_bytes()
    result = seep_lightning.train(run=trained)
    assert result.status == "finished"
    assert result.run.dir.samefile(trained)
    assert (trained / "summary.json").read_bytes() == before


def test_a_new_run_does_not_go_into_the_directory_of_another(trained: Path) -> None:
    with pytest.raises(UserError, match="holds a run already"):
        seep_lightning.train(output=trained)


def test_chips_are_read_when_they_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_chips(tmp_path / "chips", scenes=1, tiles=3)
    monkeypatch.chdir(tmp_path)
    chips = open_chips(seeps_config("chips"))
    monkeypatch.chdir("/")
    assert repr(chips) == f"3 chips in {tmp_path / 'chips'}"
    assert [chip.tile for chip in chips[1:]] == [1, 2]
    assert not chips[0].valid[:, :5].any()
    chips.chips.image_paths[2].unlink()
    assert chips[1].name == "S0.000001.tif"
    with pytest.raises(UserError, match="cannot read"):
        _ = chips[2]
    with pytest.raises(IndexError):
        _ = chips[3]
