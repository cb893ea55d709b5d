"""A training leaves a whole run directory, and a resumed one ends where an undisturbed one does."""

import errno
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import lightning.pytorch as pl
import numpy as np
import pytest
import rasterio
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from helpers.chips import GRID, TINY, make_chips
from helpers.command_line import seep
from helpers.trainings import StopIn, assert_equal_runs, break_off, curve, weights
from seep_lightning import load
from seep_lightning.commands.composition import compose
from seep_lightning.config.commands import EvaluateConfig, ExportConfig
from seep_lightning.errors import Interrupted, Preempted, UserError
from seep_lightning.evaluation.evaluation import evaluate
from seep_lightning.predictor.exporting import export
from seep_lightning.reporting.panels import Panels
from seep_lightning.runs.directory import Run
from seep_lightning.runs.settings import settings_of
from seep_lightning.training.checkpointing import RunCheckpoint, WholeFiles
from seep_lightning.training.module import SeepModule
from seep_lightning.training.os_signals import preemptible
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
    assert [row["epoch"] for row in curve(trained)] == [str(e) for e in range(6)]


def test_it_learns_a_dark_bar(trained: Path) -> None:
    rows = curve(trained)
    assert float(rows[-1]["loss/train"]) < 0.9 * float(rows[0]["loss/train"])
    assert Run(trained).summary()["figures"]["val"]["dice"] > 0.5


def test_tensorboard_has_train_and_validation_of_one_metric_on_one_chart(trained: Path) -> None:
    stages = {}
    for stage in ("train", "val"):
        events = EventAccumulator(str(trained / stage))
        events.Reload()
        stages[stage] = events
        assert [e.step for e in events.Scalars("figures/dice")] == list(range(6))
        names = ("loss", "jaccard", "precision", "recall")
        assert {f"figures/{name}" for name in names} <= set(events.Tags()["scalars"])
    facts = {f"training/{name}" for name in ("lr", "epoch_seconds", "chips_per_second")}
    assert facts <= set(stages["train"].Tags()["scalars"])
    assert stages["val"].Scalars("figures/dice")[-1].value == pytest.approx(float(curve(trained)[-1]["dice/val"]))
    assert not list(trained.glob("events*"))  # it would be an empty run in the list


def test_the_row_of_the_hparams_tab_is_a_point_on_the_curve_and_leaves_the_columns_to_all_rows(trained: Path) -> None:
    best = EventAccumulator(str(trained / "best"))
    best.Reload()
    (point,) = best.Scalars("figures/dice")
    assert point.step == Run(trained).summary()["best"]["epoch"]
    assert point.value == pytest.approx(float(curve(trained)[point.step]["dice/val"]), abs=1e-4)
    tags = best.summary_metadata
    assert "_hparams_/session_start_info" in tags
    assert "_hparams_/experiment" not in tags


def test_settings_that_are_swept_are_named_also_where_they_are_the_default(compose_tiny: Compose) -> None:
    names = settings_of(compose_tiny("data.batch_size=16", "ema_decay=null", "trainer.max_epochs=30")).items()
    assert {("data.batch_size", 16), ("ema_decay", None), ("trainer.max_epochs", 30)} <= {
        (k, v) for k, v in names if not isinstance(v, list)
    }


@pytest.mark.parametrize("name", ["mlflow", "wandb"])
def test_a_logger_whose_package_is_missing_names_the_extra(name: str, compose_tiny: Compose, tmp_path: Path) -> None:
    if find_spec(name):
        pytest.skip(f"{name} is installed")
    with pytest.raises(UserError, match=rf"logger.{name} needs.*pip install 'seep_lightning\[{name}\]'"):
        train(compose_tiny(f"logger={name}"), tmp_path / "run")


def test_fast_dev_run_tries_everything_and_keeps_nothing(tmp_path: Path, trained: Path) -> None:
    make_chips(tmp_path / "chips")
    line = ["data=seeps", "data.root=chips", *TINY, "trainer.fast_dev_run=true"]
    done = seep("train", *line, "hydra.run.dir=run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "no checkpoint, curve or figure was kept" in done.stdout
    assert not (tmp_path / "run" / "checkpoints").exists()
    assert "has checkpoints" in seep("train", f"run={trained}", "trainer.fast_dev_run=true").stderr


# with monitor=lr the best epoch is not the last one
@pytest.mark.parametrize(
    "extra",
    [
        ["monitor=lr"],
        ["trainer.max_steps=17", "trainer.max_epochs=9"],
        ["model.dropout=0.3", "ema_decay=null", "scheduler=plateau", "scheduler.patience=0"],
    ],
)
def test_a_run_broken_off_in_an_epoch_and_resumed_is_the_same_run(
    extra: list[str], compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = compose_tiny("trainer.max_epochs=4", *extra)
    train(config, tmp_path / "whole")
    for epoch in (0, 2, 3):
        with pytest.raises(RuntimeError, match="power cut"):
            break_off(config, tmp_path / "broken", monkeypatch, epoch, RuntimeError("power cut"))
    train(config, tmp_path / "broken")
    assert_equal_runs(tmp_path / "whole", tmp_path / "broken")


def test_a_checkpoint_that_the_disk_refuses_leaves_the_one_before_it(
    compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = train(compose_tiny("trainer.max_epochs=1"), tmp_path / "run").run
    before, sync = run.last.read_bytes(), os.fsync

    def full(number: int) -> None:
        if ".ckpt" in str(Path(f"/proc/self/fd/{number}").readlink()):
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(number)

    with monkeypatch.context() as patch, pytest.raises(UserError, match=r"disk of .*\.ckpt is full .No space"):
        patch.setattr(os, "fsync", full)
        train(compose_tiny("trainer.max_epochs=2"), tmp_path / "run")
    assert run.last.read_bytes() == before
    assert run.summary()["status"] == "failed"
    assert {path.name for path in run.checkpoints.iterdir()} == {"best.ckpt", "last.ckpt"}
    assert train(compose_tiny("trainer.max_epochs=2"), tmp_path / "run").run.summary()["epochs"] == 2


def test_only_the_last_checkpoint_holds_what_a_resume_needs(compose_tiny: Compose, tmp_path: Path) -> None:
    run = train(compose_tiny("trainer.max_epochs=1"), tmp_path / "run").run
    best, last = (torch.load(run.checkpoint(name), weights_only=True).keys() for name in ("best", "last"))
    assert {"optimizer_states", "lr_schedulers", "callbacks", "loops", "current_model_state"} <= last - best
    assert run.checkpoint("best").stat().st_size < run.checkpoint("last").stat().st_size / 2
    another = tmp_path / "of a user" / "best.ckpt"
    WholeFiles(run.checkpoint("best")).save_checkpoint({"loops": {}}, another)
    assert torch.load(another) == {"loops": {}}


def test_the_last_checkpoint_is_the_last_epochs_also_where_another_was_better(
    compose_tiny: Compose, tmp_path: Path
) -> None:
    run = train(compose_tiny("trainer.max_epochs=4", "monitor=lr"), tmp_path / "run").run
    best, last = (torch.load(run.checkpoint(which), weights_only=True)["epoch"] for which in ("best", "last"))
    assert best < last == 3


def test_checkpoints_are_written_as_often_as_asked_for_and_after_the_last_epoch(
    compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[tuple[str, int]] = []
    save = pl.Trainer.save_checkpoint

    def told(self: pl.Trainer, path: str, *args: object, **more: object) -> None:
        written.append((Path(path).stem, self.current_epoch))
        save(self, path, *args, **more)

    monkeypatch.setattr(pl.Trainer, "save_checkpoint", told)
    train(compose_tiny("trainer.max_epochs=5", "checkpoint_every=2", "monitor=lr"), tmp_path / "run")
    assert [epoch for which, epoch in written if which == "last"] == [1, 3, 4]
    assert {epoch for which, epoch in written if which == "best"} <= {1, 3, 4}


def test_what_ends_early_keeps_its_last_epoch_also_where_checkpoints_are_rare(
    compose_tiny: Compose, tmp_path: Path
) -> None:
    config = compose_tiny("optimizer.lr=1e-12", "early_stop=2", "trainer.max_epochs=20", "checkpoint_every=20")
    config.monitor = "recall/val"
    run = train(config, tmp_path / "run").run
    assert torch.load(run.last, weights_only=True)["epoch"] == len(curve(run.dir)) - 1 < 19


def test_steps_that_end_a_training_leave_its_last_epoch(compose_tiny: Compose, tmp_path: Path) -> None:
    config = compose_tiny("trainer.max_epochs=10", "trainer.max_steps=5", "checkpoint_every=9", "data.batch_size=8")
    run = train(config, tmp_path / "run").run
    last, best = (torch.load(run.checkpoint(name), weights_only=True) for name in ("last", "best"))
    assert last["global_step"] == 5 and best["epoch"] <= last["epoch"] < 9


def test_the_best_epoch_is_one_that_was_validated_also_after_a_resume(
    compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = ("trainer.max_epochs=5", "trainer.check_val_every_n_epoch=2", "checkpoint_every=3", "monitor=epoch")
    with pytest.raises(RuntimeError):
        break_off(compose_tiny(*more), tmp_path / "resumed", monkeypatch, 3, RuntimeError())
    for name in ("whole", "resumed"):
        run = train(compose_tiny(*more), tmp_path / name).run
        assert torch.load(run.checkpoint("best"), weights_only=True)["epoch"] == 3
        assert torch.load(run.last, weights_only=True)["epoch"] == 4


def test_a_plateau_is_judged_by_the_epochs_that_were_validated(compose_tiny: Compose, tmp_path: Path) -> None:
    never = ("scheduler=plateau", "scheduler.patience=0", "scheduler.cooldown=0", "+scheduler.threshold=0.9")
    length = ("trainer.max_epochs=7", "trainer.check_val_every_n_epoch=2")
    run = train(compose_tiny(*never, *length), tmp_path / "run").run
    rates = [float(row["lr"]) for row in curve(run.dir)]
    assert [rate / rates[0] for rate in rates] == pytest.approx([1, 1, 1, 1, 0.2, 0.2, 0.04])


def test_a_resume_to_fewer_epochs_leaves_the_run_as_it_was(compose_tiny: Compose, tmp_path: Path) -> None:
    run = train(compose_tiny("trainer.max_epochs=2"), tmp_path / "run").run
    before = run.config_path.read_text(), run.summary_path.read_text()
    with pytest.raises(UserError, match=r"has 2 epochs, more than trainer.max_epochs=1"):
        train(compose_tiny("trainer.max_epochs=1"), tmp_path / "run")
    assert before == (run.config_path.read_text(), run.summary_path.read_text())


def test_a_trainer_that_is_refused_leaves_the_run_as_it_was(compose_tiny: Compose, tmp_path: Path) -> None:
    train(compose_tiny("trainer.max_epochs=1"), tmp_path / "run")
    before = (tmp_path / "run" / "config.yaml").read_text()
    for out in ("run", "new"):
        with pytest.raises(UserError):
            train(compose_tiny("logger=mlflow", "logger.mlflow._target_=none.Such"), tmp_path / out)
    assert (tmp_path / "run" / "config.yaml").read_text() == before
    assert not (tmp_path / "new" / "config.yaml").exists()


def test_a_run_directory_that_was_moved_resumes(
    compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = compose_tiny("trainer.max_epochs=3")
    train(config, tmp_path / "whole")
    with pytest.raises(RuntimeError):
        break_off(config, tmp_path / "here", monkeypatch, 2, RuntimeError())
    shutil.move(tmp_path / "here", tmp_path / "there")
    train(config, tmp_path / "there")
    assert_equal_runs(tmp_path / "whole", tmp_path / "there")


def test_ctrl_c_is_one_sentence_with_the_line_that_resumes(
    compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Interrupted, match=f"run={tmp_path / 'run'}") as caught:
        break_off(compose_tiny(), tmp_path / "run", monkeypatch, 1, KeyboardInterrupt())
    signal.signal(signal.SIGINT, signal.default_int_handler)  # Lightning ignores it from here on
    assert caught.value.exit_code == 130
    assert Run(tmp_path / "run").summary()["status"] == "interrupted"
    assert weights(tmp_path / "run")


def test_a_finished_run_that_goes_on_and_is_stopped_keeps_its_figures(
    compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = train(compose_tiny("trainer.max_epochs=1", "monitor=epoch"), tmp_path / "run").run.summary()["figures"]
    finished = load(tmp_path / "run")
    with pytest.raises(RuntimeError):
        break_off(
            compose_tiny("trainer.max_epochs=3", "monitor=epoch"), tmp_path / "run", monkeypatch, 2, RuntimeError()
        )
    summary = Run(tmp_path / "run").summary()
    assert (summary["status"], summary["epochs"], summary["figures"]) == ("running", 1, figures)
    export(ExportConfig(str(tmp_path / "run"), str(tmp_path / "seep.pt"), "torch"))
    assert finished.scaling != (1, 0) and finished.min_area is not None
    for newer in (load(tmp_path / "run"), load(tmp_path / "seep.pt")):  # of an epoch that nothing was chosen for yet
        assert newer.scaling == (1, 0) and newer.min_area is None


def test_memory_that_runs_out_is_one_sentence(
    compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="memory ran out with data.batch_size=4.*run="):
        break_off(compose_tiny(), tmp_path / "run", monkeypatch, 1, torch.OutOfMemoryError("CUDA"))
    assert Run(tmp_path / "run").summary()["status"] == "failed"


def test_a_loss_that_is_not_finite_stops_before_the_checkpoint(
    compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = SeepModule.score

    def spoilt(module: SeepModule, *batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        loss, logits = sound(module, *batch)
        return loss * (math.nan if module.current_epoch == 1 else 1.0), logits

    monkeypatch.setattr(SeepModule, "score", spoilt)
    with pytest.raises(UserError, match="the loss is nan in epoch 1"):
        train(compose_tiny(), tmp_path / "run")
    assert all(v.isfinite().all() for v in weights(tmp_path / "run").values())


def test_only_trainer_paths_and_logger_may_change_on_resume(compose_tiny: Compose, tmp_path: Path) -> None:
    train(compose_tiny("trainer.max_epochs=1"), tmp_path / "run")
    train(compose_tiny("trainer.max_epochs=2"), tmp_path / "run")
    assert len(curve(tmp_path / "run")) == 2
    with pytest.raises(UserError, match="started with optimizer.lr=0.005, not 0.1"):
        train(compose_tiny("optimizer.lr=0.1"), tmp_path / "run")


def test_resuming_on_other_pixels_is_refused(compose_tiny: Compose, chips_root: Path, tmp_path: Path) -> None:
    train(compose_tiny("trainer.max_epochs=1"), tmp_path / "run")
    make_chips(chips_root, seed=1)
    with pytest.raises(UserError, match="trained on other data"):
        train(compose_tiny(), tmp_path / "run")


@pytest.mark.parametrize("exported", [False, True])
def test_init_starts_from_the_weights_of_a_run_or_a_file(
    exported: bool, compose_tiny: Compose, trained: Path, tmp_path: Path
) -> None:
    init = export(ExportConfig(str(trained), str(tmp_path / "a.pt"), "torch")) if exported else trained
    config = compose_tiny(f"init='{init}'", "optimizer.lr=1e-9", "ema_decay=null", "trainer.max_epochs=1")
    started = weights(train(config, tmp_path / "run").run.dir)
    best = weights(trained, "best")
    assert all(torch.allclose(started[k], best[k], atol=1e-6) for k in started if k.endswith(".weight"))
    with pytest.raises(UserError, match="its network differs from model .* or init=null"):
        train(compose_tiny(f"init='{init}'", "model.width=8"), tmp_path / "wider")
    with pytest.raises(UserError, match="Expected a run, a file of export format=torch, or seeps, generated"):
        train(compose_tiny("init=genrated"), tmp_path / "misspelt")


def test_the_leakage_line_counts_what_the_network_of_init_has_learned_from(
    compose_tiny: Compose, tmp_path: Path
) -> None:
    shorter = ("split=random", "trainer.max_epochs=1")
    first = train(compose_tiny(*shorter), tmp_path / "first").run
    assert "LEARNED" not in first.summary()["leakage"]
    second = train(compose_tiny(*shorter, "split.seed=1", f"init={first.dir}"), tmp_path / "second").run
    was, now = (dict(re.findall(r"^([^,]+),.*,(\w+)$", r.split_path.read_text(), re.M)) for r in (first, second))
    known = {part: sum(was[name] == "train" for name in now if now[name] == part) for part in ("val", "test")}
    said = f"; init=first HAS LEARNED FROM {known['val']} val and {known['test']} test chips"
    assert second.summary()["leakage"].endswith(said) and known["val"] > 0
    third = train(compose_tiny(*shorter, f"init={second.dir}"), tmp_path / "third").run  # first's own split
    assert "; init=second HAS LEARNED" in third.summary()["leakage"]
    assert "; init=first" not in third.summary()["leakage"]
    path = export(ExportConfig(str(first.dir), str(tmp_path / "a.pt"), "torch"))
    fourth = train(compose_tiny(*shorter, f"init={path}"), tmp_path / "fourth").run
    assert fourth.summary()["leakage"].endswith("HAS LEARNED FROM THIS DATA SET, from which part is not known")


def test_init_from_a_run_that_tells_no_classes_gives_a_new_head_only(
    compose_tiny: Compose, trained: Path, tmp_path: Path
) -> None:
    more = ("task=classes", "optimizer.lr=1e-9", "ema_decay=null", "trainer.max_epochs=1")
    config = compose_tiny(f"init='{trained}'", *more)
    started, best = weights(train(config, tmp_path / "run").run.dir, "best"), weights(trained, "best")
    kept = [k for k in started if k.endswith(".weight") and k != "net.head.weight"]
    assert len(started["net.head.weight"]) == 8 and all(torch.allclose(started[k], best[k], atol=1e-6) for k in kept)


def test_the_monitor_epoch_keeps_the_last_one_as_the_best(compose_tiny: Compose, tmp_path: Path) -> None:
    run = train(compose_tiny("monitor=epoch", "optimizer.lr=1", "trainer.max_epochs=3"), tmp_path / "run").run
    best, last = weights(run.dir, "best"), weights(run.dir)
    found = run.summary()["best"]
    assert found["epoch"] == 2 and all(torch.equal(value, last[k]) for k, value in best.items())
    assert found["score"] == run.summary()["figures"]["val_at_0.5"]["dice"]
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


def test_checkpoints_hold_tensors_and_plain_values_only(trained: Path) -> None:
    for which in ("best", "last"):
        content = torch.load(trained / "checkpoints" / f"{which}.ckpt", weights_only=True)
        assert content["seep_lightning"]["format"] == 1
        assert 0 < content["seep_lightning"]["threshold"] < 1


def test_a_stored_path_is_moved_with_its_run(tmp_path: Path) -> None:
    callback = RunCheckpoint(tmp_path, "best", 1, monitor="dice/val", mode="max")
    state = callback.state_dict()
    old = {"dirpath": "/old", "best_model_path": "/old/best.ckpt", "last_model_path": "/old/last.ckpt"}
    callback.load_state_dict(state | old | {"best_k_models": {"/old/best.ckpt": torch.tensor(0.5)}})
    assert callback.best_model_path == str(tmp_path / "best.ckpt")
    assert list(callback.best_k_models) == [str(tmp_path / "best.ckpt")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_schedulers_signal_outside_of_the_training_is_one_line_as_well(
    number: signal.Signals, compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, run = compose_tiny("trainer.max_epochs=1"), Run(tmp_path / "run")
    with monkeypatch.context() as patch, pytest.raises(Preempted, match="by a signal. Go on with: .* run=.*/run"):
        patch.setattr("seep_lightning.training.session.measure_outcome", lambda *_: os.kill(os.getpid(), number))
        with preemptible(run):
            train(config, run.dir)
    assert run.summary()["status"] == "interrupted"
    with monkeypatch.context() as patch, pytest.raises(Preempted, match="by a signal"), preemptible(run):
        # before Lightning listens
        patch.setattr(Panels, "setup", lambda *_, **__: os.kill(os.getpid(), number), raising=False)
        train(config, run.dir)
    assert run.summary()["status"] == "interrupted"
    assert train(config, run.dir).run.summary()["status"] == "finished"
    with pytest.raises(Preempted, match="Nothing was begun yet"), preemptible(Run(tmp_path / "new")):
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) == signal.SIG_DFL


def test_a_best_checkpoint_in_place_of_the_last_is_refused(compose_tiny: Compose, tmp_path: Path) -> None:
    run = train(compose_tiny("trainer.max_epochs=1"), tmp_path / "run").run
    run.last.write_bytes(run.checkpoint("best").read_bytes())
    with pytest.raises(UserError, match="is not a last checkpoint: it holds weights alone. Start anew with init="):
        train(compose_tiny("trainer.max_epochs=2"), run.dir)


@pytest.mark.slow
def test_a_run_stopped_by_two_signals_killed_and_resumed_is_the_same_run(tmp_path: Path) -> None:
    root = make_chips(tmp_path / "chips", scenes=6, tiles=12)
    more = ["data=seeps", f"data.root={root}", GRID, *TINY, "trainer.max_epochs=12"]
    assert seep("train", *more, f"hydra.run.dir={tmp_path / 'whole'}").returncode == 0
    killed = tmp_path / "killed"
    start = [f"hydra.run.dir={killed}", *more]
    for epoch, number, code in ((2, signal.SIGTERM, 75), (5, signal.SIGUSR1, 75), (8, signal.SIGKILL, -signal.SIGKILL)):
        command = [sys.executable, "-m", "seep_lightning.train", *(start if epoch == 2 else [f"run={killed}"])]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not (killed / "metrics.csv").is_file():
            time.sleep(0.01)
        while process.poll() is None and len(curve(killed)) <= epoch:
            time.sleep(0.01)
        assert process.poll() is None, "it finished before it could be stopped"
        process.send_signal(number)
        assert process.wait() == code
        assert len(weights(killed)) > 0  # whole
    done = seep("train", f"run={killed}")
    assert done.returncode == 0, done.stderr
    assert_equal_runs(tmp_path / "whole", killed)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_schedulers_signal_ends_the_step_and_the_requeued_job_is_the_same_run(
    number: signal.Signals, compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = []

    class Signalled(StopIn):
        def on_train_batch_end(self, trainer: pl.Trainer, *_: object) -> None:
            if trainer.current_epoch == self.epoch:
                steps.append(trainer.global_step)
                os.kill(os.getpid(), number)

    config = compose_tiny("trainer.max_epochs=3")
    train(config, tmp_path / "whole")
    monkeypatch.setattr("helpers.trainings.StopIn", Signalled)
    with pytest.raises(Preempted) as caught:
        break_off(config, tmp_path / "broken", monkeypatch, 1, RuntimeError())
    assert caught.value.exit_code == 75
    assert len(steps) == 1  # it ends within the step, in the middle of the epoch
    assert torch.load(tmp_path / "broken" / "checkpoints" / "last.ckpt", weights_only=True)["epoch"] == 0
    assert len(curve(tmp_path / "broken")) == 1
    train(config, tmp_path / "broken")
    assert_equal_runs(tmp_path / "whole", tmp_path / "broken")
