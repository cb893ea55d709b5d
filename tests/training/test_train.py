"""A training leaves a whole run directory, whatever the recipe."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch

from helpers.chips import GRID, TINY, make_chips
from helpers.command_line import seep
from helpers.trainings import curve, weights
from seep_lightning import load
from seep_lightning.commands.composition import compose
from seep_lightning.config.commands import EvaluateConfig
from seep_lightning.errors import UserError
from seep_lightning.evaluation.evaluation import evaluate
from seep_lightning.runs.directory import Run
from seep_lightning.training.module import SeepModule
from seep_lightning.training.session import train

Compose = Callable[..., object]


def test_a_run_directory_holds_all_that_later_commands_need(trained: Path) -> None:
    names = {str(p.relative_to(trained)) for p in trained.rglob("*") if "tfevents" not in p.name}
    assert {"config.yaml", "split.csv", "metrics.csv", "summary.json"} <= names
    assert {"checkpoints/best.ckpt", "checkpoints/last.ckpt"} <= names
    summary = json.loads((trained / "summary.json").read_text())
    assert summary["status"] == "finished"
    assert summary["format"] == 1
    assert {"packages", "git", "data", "split", "leakage", "seconds", "device", "best", "figures"} <= summary.keys()
    assert set(summary["data"]["chips"]) == {"train", "val", "test"}
    assert "test" not in summary["figures"]  # the test part is not touched while anything is being chosen
    assert [row["epoch"] for row in curve(trained)] == [str(epoch) for epoch in range(1, 7)]


def test_it_learns_a_dark_bar(trained: Path) -> None:
    rows = curve(trained)
    assert float(rows[-1]["loss/train"]) < 0.9 * float(rows[0]["loss/train"])
    assert Run(trained).summary()["figures"]["val"]["dice"] > 0.5


def test_fast_dev_run_tries_everything_and_keeps_nothing(tmp_path: Path, trained: Path) -> None:
    make_chips(tmp_path / "chips")
    line = ["data=seeps", "data.root=chips", *TINY, "trainer.fast_dev_run=true"]
    done = seep("train", *line, "hydra.run.dir=run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "no checkpoint, curve or figure was kept" in done.stdout
    assert not (tmp_path / "run" / "checkpoints").exists()
    assert "has checkpoints" in seep("train", f"run={trained}", "trainer.fast_dev_run=true").stderr


def test_a_plateau_is_judged_by_the_epochs_that_were_validated(compose_tiny: Compose, tmp_path: Path) -> None:
    never = ("scheduler=plateau", "scheduler.patience=0", "scheduler.cooldown=0", "+scheduler.threshold=0.9")
    length = ("trainer.max_epochs=7", "trainer.check_val_every_n_epoch=2")
    run = train(compose_tiny(*never, *length), tmp_path / "run").run
    rates = [float(row["lr"]) for row in curve(run.dir)]
    assert [rate / rates[0] for rate in rates] == pytest.approx([1, 1, 1, 1, 0.2, 0.2, 0.04])


def test_a_loss_that_is_not_finite_stops_before_the_checkpoint(
    compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = SeepModule.score

    def spoilt(module: SeepModule, *batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        loss, logits = sound(module, *batch)
        return loss * (math.nan if module.current_epoch == 1 else 1.0), logits

    monkeypatch.setattr(SeepModule, "score", spoilt)
    with pytest.raises(UserError, match="the loss is nan in epoch 2"):
        train(compose_tiny(), tmp_path / "run")
    assert all(v.isfinite().all() for v in weights(tmp_path / "run").values())


def test_the_monitor_epoch_keeps_the_last_one_as_the_best(compose_tiny: Compose, tmp_path: Path) -> None:
    run = train(compose_tiny("monitor=epoch", "optimizer.lr=1", "trainer.max_epochs=3"), tmp_path / "run").run
    best, last = weights(run.dir, "best"), weights(run.dir)
    found = run.summary()["best"]
    assert found["epoch"] == 2 and all(torch.equal(value, last[k]) for k, value in best.items())
    assert found["score"] == run.summary()["figures"]["val"]["dice"]
    with pytest.raises(UserError, match="early_stop=2 needs a monitor that may get worse"):
        compose_tiny("monitor=epoch", "early_stop=2")


def test_early_stopping_ends_a_run_that_no_longer_improves(compose_tiny: Compose, tmp_path: Path) -> None:
    config = compose_tiny("optimizer.lr=1e-12", "early_stop=2", "trainer.max_epochs=20", "ema_decay=null")
    config.monitor = "recall/val"
    ended = curve(train(config, tmp_path / "run").run.dir)
    assert len(ended) < 20
    train(config, tmp_path / "run")  # resumed: it stays where it ended
    assert len(curve(tmp_path / "run")) == len(ended)


def test_mixed_precision_and_deep_supervision_train(compose_tiny: Compose, tmp_path: Path) -> None:
    config = compose_tiny("trainer.precision=bf16-mixed", "model.deep_supervision=true", "model.norm=group")
    assert math.isfinite(train(config, tmp_path / "run").score)


@pytest.mark.parametrize(("bf16", "precision"), [(True, "bf16-mixed"), (False, "32-true")])
def test_auto_is_the_precision_that_the_machine_is_fast_at_and_the_run_tells_it(
    bf16: bool, precision: str, compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: bf16)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    run = train(compose_tiny("trainer.precision=auto", "trainer.max_epochs=1"), tmp_path / "run").run
    assert run.config.trainer.precision == precision
    assert run.summary()["device"].endswith(precision)


@pytest.mark.parametrize(("registers", "width", "last"), [(512, 64, True), (256, 64, False), (256, 4, True)])
def test_channels_come_last_where_machine_and_net_are_the_faster_for_it_or_it_is_said_so(
    registers: int, width: int, last: bool, compose_tiny: Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_supported", lambda: registers == 512)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for override, expected in ((None, last), (True, True), (False, False)):
        config = compose_tiny(f"model.width={width}", "model.depth=2")
        weight = SeepModule(config.model, channels_last=override).net.encoder[1][0].weight
        assert weight.is_contiguous(memory_format=torch.channels_last) == expected


def test_odd_sizes_and_chips_read_from_disk_train(tmp_path: Path) -> None:
    root = make_chips(tmp_path / "chips", size=30)
    overrides = ["data=seeps", f"data.root={root}", GRID, *TINY, "data.cache_gb=0", "trainer.max_epochs=1"]
    assert math.isfinite(train(compose("train", overrides), tmp_path / "run").score)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_run_on_two_bands_trains_scores_and_predicts(compose_tiny: Compose, chips_root: Path, tmp_path: Path) -> None:
    for path in (chips_root / "train_images_256").iterdir():
        with rasterio.open(path) as file:
            vv = file.read(1)
        shape = {"height": 32, "width": 32, "count": 2, "dtype": "uint16"}
        with rasterio.open(path, "w", driver="GTiff", **shape) as file:
            file.write(np.stack([np.where(vv > 0, 65535 - vv, 0), vv]))
            file.descriptions = ["VH", "VV"]
    run = train(compose_tiny("data.bands=[VV,VH]", "data.normalise.kind=scene"), tmp_path / "run").run
    predictor = load(run.dir)
    assert predictor.bands == 2 and predictor.facts["band names"] == ["VV", "VH"]
    assert predictor.net.encoder[0][0].in_channels == 2
    both = np.stack([vv, np.where(vv > 0, 65535 - vv, 0)]).astype(np.uint16)
    assert np.abs(predictor(both) - predictor(both[::-1])).max() > 1e-3
    with pytest.raises(UserError, match=r"\(2, H, W\)"):
        predictor(vv)
    assert evaluate(EvaluateConfig(run=str(run.dir)))["figures"]["dice"] >= 0
