"""Every key of every command says what it may be, and a value out of its range is one line that names the key."""

import math
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest
import torch
from hydra.errors import HydraException
from omegaconf import MISSING as OMEGACONFS_MISSING
from omegaconf.errors import OmegaConfBaseException
from torch import nn

from seep_lightning.commands.composition import compose
from seep_lightning.commands.messages import error_message
from seep_lightning.config.rules import check_config
from seep_lightning.config.schemas import SCHEMAS
from seep_lightning.config.targets import build
from seep_lightning.errors import UserError
from seep_lightning.nets.unet import UNet
from seep_lightning.ranges import HOLDS, JUDGED_BY, Span, shown
from seep_lightning.runs.directory import Run
from seep_lightning.scene.nodata import check_nodata
from seep_lightning.sweeps.settings import SearchConfig
from seep_lightning.training.loggers import build_loggers
from seep_lightning.training.loss_sums import WeightedSum
from seep_lightning.training.losses import BCEDice, CEDice
from seep_lightning.training.optimisation import build_optimizer
from seep_lightning.training.schedules import WarmupCosine

NAN, INFINITY = math.nan, math.inf
# which Hydra fills in on every command line
NEEDED = {
    "train": [],
    "evaluate": ["run=a"],
    "predict": ["input=a", "output=b"],
    "next": ["scenes=a", "output=b"],
    "compare": ["runs=a"],
    "report": ["run=a"],
    "export": ["run=a", "output=b"],
    "prepare": ["scenes=a", "labels=b", "output=c"],
    "review": ["runs=a", "output=b"],
    "check": [],
    "qgis": [],
    "tensorboard": [],
}
SCHEMAS_AND_SEARCH: dict[str, type[Any]] = {**SCHEMAS, "hydra.sweeper": SearchConfig}


def fields_below(schema: type[Any], prefix: str = "") -> Iterator[tuple[str, Field[Any], Any]]:
    """Each field of a dataclass and of those in it, with its key and type."""
    types = get_type_hints(schema)
    for declared in fields(schema):
        kind = types[declared.name]
        if is_dataclass(kind):
            yield from fields_below(kind, f"{prefix}{declared.name}.")
        else:
            yield f"{prefix}{declared.name}", declared, kind


@pytest.mark.parametrize("name", SCHEMAS_AND_SEARCH)
def test_every_key_declares_its_range_or_who_judges_it(name: str) -> None:
    undeclared = []
    for key, declared, kind in fields_below(SCHEMAS_AND_SEARCH[name]):
        is_switch = kind in (bool, bool | None)
        is_said = HOLDS in declared.metadata or declared.metadata.get(JUDGED_BY)
        if not is_switch and not is_said:
            undeclared.append(key)
    assert undeclared == [], "declare their ranges with a function of seep_lightning.ranges"


@pytest.mark.parametrize("name", SCHEMAS_AND_SEARCH)
def test_every_default_is_in_its_range_and_no_number_may_be_infinite(name: str) -> None:
    for key, declared, kind in fields_below(SCHEMAS_AND_SEARCH[name]):
        holds = declared.metadata.get(HOLDS)
        if holds is None:
            continue
        if declared.default not in (MISSING, OMEGACONFS_MISSING):
            assert holds(declared.default), key
        if kind in (int, float, int | None, float | None):
            assert not holds(NAN), key
            assert not holds(INFINITY), key


def refusal(command: str, override: str) -> str:
    """What a command says of an override, in one line."""
    overrides = [*NEEDED[command], override]
    with pytest.raises((UserError, HydraException, OmegaConfBaseException)) as error:
        compose(command, overrides)
    text = error_message(error.value, command, overrides)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("command", "override"),
    [
        ("predict", "simplify=nan"),
        ("predict", "simplify=-1"),
        ("predict", "min_area=-1"),
        ("predict", "min_length=inf"),
        ("predict", "window=0"),
        ("predict", "simplify=1e9"),
        ("predict", "threads=70000"),
        ("predict", "factor=1e99"),
        ("predict", "overlap=-1"),
        ("predict", "thresholds.group=0"),
        ("predict", "thresholds.keep=1.5"),
        ("predict", "factor=inf"),
        ("predict", "threads=0"),
        ("predict", "cluster=nowhere"),
        ("predict", "run=[]"),
        ("predict", "bands=[]"),
        ("prepare", "bands=[]"),
        ("prepare", "scenes=[]"),
        ("prepare", "overlap=-1"),
        ("train", "data.classes=300"),
        ("train", "data.classes=0"),
        ("train", "data.bands=[]"),
        ("train", "data.cache_gb=-1"),
        ("train", "data.cache_gb=nan"),
        ("train", "data.num_workers=70000"),
        ("train", "data.size=70000"),
        ("train", "trainer.devices=70000"),
        ("train", "data.synthetic.chips=0"),
        ("train", "data.image_suffix=a/b"),
        ("train", "split.folds=0"),
        ("train", "split.fold=-1"),
        ("train", "split.block=0"),
        ("train", "ema_decay=nan"),
        ("train", "figures=['']"),
        ("train", "trainer.gradient_clip_val=-1"),
        ("train", "trainer.gradient_clip_val=nan"),
        ("train", "trainer.max_epochs=-2"),
        ("train", "trainer.max_steps=0"),
        ("train", "trainer.limit_train_batches=0"),
        ("train", "trainer.limit_val_batches=1.5"),
        ("train", "trainer.limit_val_batches=-1"),
        ("train", "trainer.max_time=tomorrow"),
        ("train", "trainer.val_check_interval=0"),
        ("train", "trainer.check_val_every_n_epoch=0"),
        ("train", "trainer.fast_dev_run=-1"),
        ("train", "trainer.num_nodes=0"),
        ("compare", "part=../test"),
        ("compare", "runs=[]"),
        ("export", "size=0"),
        ("export", "pixel_size=nan"),
        ("evaluate", "name=''"),
    ],
)
def test_a_value_out_of_its_range_is_refused_before_anything_starts(command: str, override: str) -> None:
    text = refusal(command, override)
    key = override.partition("=")[0]
    assert text.startswith(f"{key}=") and ": expected " in text


@pytest.mark.parametrize("override", ["split.val=nan", "split.test=-0.1"])
def test_shares_of_a_split_that_leave_nothing_are_refused(override: str) -> None:
    assert "both must be above 0 and leave a share to train" in refusal("train", override)


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("trainer.deterministic=${oc.env:HOME}", "trainer.deterministic="),
        ("data.synthetic.chips=${oc.env:HOME}", "data.synthetic.chips: "),
        ("data.scale=${data.scale}", "data.scale: Recursive interpolation detected"),
        ("name=${no.such}", "name: Interpolation key 'no.such' not found"),
    ],
)
def test_a_reference_that_comes_to_a_wrong_value_names_its_key(override: str, key: str) -> None:
    assert refusal("train", override).startswith(key)


@pytest.mark.parametrize("setting", ["text", 1])
def test_a_logger_that_is_no_node_is_refused(compose_tiny: Any, tmp_path: Path, setting: Any) -> None:
    config = compose_tiny()
    config.logger = {"csv": setting}
    with pytest.raises(UserError, match=r"logger\.csv: expected a node with _target_"):
        build_loggers(config, Run(tmp_path), 0)


def test_an_overlap_as_large_as_its_window_is_refused() -> None:
    with pytest.raises(UserError, match="overlap=64: expected 0 or more, and less than window=64"):
        compose("predict", [*NEEDED["predict"], "window=64", "overlap=64"])


def test_a_whole_number_that_no_library_holds_is_refused() -> None:
    assert "trainer.max_epochs=" in refusal("train", f"trainer.max_epochs={10**20}")


@pytest.mark.parametrize(
    "settings", [{"n_trials": 0}, {"heartbeat": 0}, {"timeout": -1.0}, {"timeout": NAN}, {"startup": -1}]
)
def test_settings_of_a_search_have_ranges_too(settings: dict[str, Any]) -> None:
    (key,) = settings
    with pytest.raises(UserError, match=rf"hydra\.sweeper\.{key}="):
        check_config(SearchConfig(**settings), "hydra.sweeper.")


# --- classes that a config names ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("node", "key"),
    [
        (lambda: BCEDice(bce=-1), "loss.bce=-1"),
        (lambda: BCEDice(bce=NAN), "loss.bce=nan"),
        (lambda: BCEDice(bce=0, dice=0), "loss.bce and loss.dice are 0"),
        (lambda: BCEDice(eps=0), "loss.eps=0"),
        (lambda: BCEDice(positive_weight=-1), "loss.positive_weight=-1"),
        (lambda: CEDice(ce=INFINITY), "loss.ce=inf"),
        (lambda: CEDice(tau=2), "loss.tau=2"),
        (lambda: CEDice(shares=[0.5, NAN]), "loss.shares="),
        (lambda: WeightedSum({"a": {"weight": -1, "loss": nn.BCEWithLogitsLoss()}}), "loss.terms.a.weight=-1"),
        (lambda: WeightedSum({"a": {"weight": 0, "loss": nn.BCEWithLogitsLoss()}}), "loss.terms: all weights are 0"),
        (lambda: UNet(dropout=1), "model.dropout=1"),
        (lambda: UNet(dropout=-0.1), "model.dropout=-0.1"),
        (lambda: UNet(bias="text"), "model.bias=text"),
        (lambda: UNet(depth=70000), "model.depth=70000"),
        (lambda: UNet(width=0), "model.width=0"),
        (lambda: WarmupCosine(sgd(), 10, start=-1), "scheduler.start=-1"),
        (lambda: WarmupCosine(sgd(), 10, final=NAN), "scheduler.final=nan"),
        (lambda: WarmupCosine(sgd(), 10, warmup=NAN), "scheduler.warmup=nan"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_our_own_classes_refuse_what_would_train_nothing(node: Any, key: str) -> None:
    with pytest.raises(UserError) as error:
        node()
    assert str(error.value).startswith(key)


def sgd() -> torch.optim.Optimizer:
    return torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)


@pytest.mark.parametrize(
    ("name", "settings", "key"),
    [
        ("AdamW", {"lr": 0}, "optimizer.lr=0: expected a number above 0"),
        ("AdamW", {"lr": 1e99}, "optimizer.lr=1e+99"),
        ("AdamW", {"lr": INFINITY}, "optimizer.lr=inf"),
        ("AdamW", {"lr": NAN}, "optimizer.lr=nan"),
        ("AdamW", {"lr": -1.0}, "optimizer: AdamW refuses its settings"),
        ("AdamW", {"lr": True}, "optimizer.lr=true"),
        ("AdamW", {"lr": 0.1, "weight_decay": 1e99}, "optimizer.weight_decay=1e+99"),
        ("AdamW", {"lr": 0.1, "parts": "text"}, "optimizer.parts=text"),
        ("SGD", {"lr": 0.1, "momentum": INFINITY}, "optimizer.momentum=inf"),
        ("SGD", {"lr": 0.1, "weight_decay": NAN}, "optimizer.weight_decay=nan"),
        ("AdamW", {"lr": 0.1, "parts": {"0": NAN}}, "optimizer.parts.0=nan"),
    ],
)
def test_an_optimiser_that_would_train_nothing_is_refused(name: str, settings: dict[str, Any], key: str) -> None:
    net = nn.Sequential(nn.Linear(1, 1))
    with pytest.raises(UserError) as error:
        build_optimizer(net, {"_target_": f"torch.optim.{name}", **settings})
    assert str(error.value).startswith(key)


def test_a_schedule_may_start_at_0() -> None:
    assert WarmupCosine(sgd(), 10, start=0).get_last_lr() == [0]


def test_nan_is_refused_wherever_it_stands_in_a_node() -> None:
    with pytest.raises(UserError, match=r"model\.widths=nan: expected a number"):
        build("model", {"_target_": "seep_lightning.nets.unet.UNet", "widths": [4, NAN]}, nn.Module)


# --- what only the data tell --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nodata", "dtype", "fits"),
    [
        (70000, "uint16", False),
        (-1, "uint8", False),
        (0.5, "uint8", False),
        (NAN, "uint16", False),
        (255, "uint8", True),
        (-9999, "int16", True),
        (-9999, "float32", True),
        (NAN, "float32", True),
        (None, "uint8", True),
        ("none", "uint8", True),
    ],
)
def test_a_nodata_value_that_no_pixel_can_have_is_refused(nodata: Any, dtype: str, fits: bool) -> None:
    def check() -> None:
        check_nodata("data.nodata", nodata, np.dtype(dtype), "the image")

    if fits:
        check()
    else:
        with pytest.raises(UserError, match=rf"data\.nodata={nodata}: the image is {dtype}"):
            check()


def test_a_training_refuses_a_nodata_value_that_its_chips_cannot_have(compose_tiny: Any, tmp_path: Path) -> None:
    from seep_lightning.training.session import train

    with pytest.raises(UserError, match="data.nodata=70000: the image is uint16, whose pixels are .* 0 to 65535"):
        train(compose_tiny("data.nodata=70000"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


# --- the words ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (Span(at_least=1, whole=True), "1 or more"),
        (Span(at_least=0, at_most=1), "0 to 1"),
        (Span(above=0), "a number above 0"),
        (Span(above=0, at_most=1), "a number above 0 and of at most 1"),
        (Span(at_least=0, below=1), "a number of at least 0 and below 1"),
        (Span(whole=True), "a whole number"),
    ],
)
def test_a_range_in_words(span: Span, words: str) -> None:
    assert str(span) == words


def test_true_is_no_number() -> None:
    assert not Span().holds(True)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        ("a\nb", "a b"),
        ("a\0b", "a\\0b"),
        ("L" * 5000, "L" * 80 + "... (5000 characters)"),
    ],
)
def test_a_value_is_told_in_one_line_and_shortened(value: Any, text: str) -> None:
    assert shown(value) == text
