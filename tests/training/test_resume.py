"""What may go on, from where, and with which settings."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from helpers.chips import GRID, TINY, make_chips
from helpers.command_line import seep
from helpers.trainings import assert_equal_runs, break_off, curve
from seep_lightning.commands.composition import compose, typed_config
from seep_lightning.errors import UserError
from seep_lightning.runs.directory import Run
from seep_lightning.runs.resume import covers, resumed_config
from seep_lightning.training.session import train

Compose = Callable[..., object]


@pytest.mark.slow
def test_the_same_line_with_ckpt_last_starts_and_goes_on(tmp_path: Path) -> None:
    make_chips(tmp_path / "chips")
    line = ["data=seeps", "data.root=chips", *TINY, "name=mine", "ckpt=last"]
    assert seep("train", *line, "trainer.max_epochs=1", cwd=tmp_path).returncode == 0
    assert seep("train", *line, "trainer.max_epochs=2", cwd=tmp_path).returncode == 0
    runs = list((tmp_path / "outputs" / "mine").iterdir())
    assert [len(curve(run)) for run in runs] == [2]
    before = runs[0].joinpath("summary.json").read_bytes()
    assert "finished already" in seep("train", *line, "trainer.max_epochs=2", cwd=tmp_path).stdout
    assert runs[0].joinpath("summary.json").read_bytes() == before
    refused = seep("train", *line, "trainer.max_epochs=3", "optimizer.lr=0.1", cwd=tmp_path)
    assert refused.returncode == 2
    assert "started with optimizer.lr=0.005, not 0.1" in refused.stderr


def test_a_run_needs_neither_its_init_nor_its_split_file_again(
    compose_tiny: Compose, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Path(shutil.copytree(trained, tmp_path / "source"))
    made = train(compose_tiny("trainer.max_epochs=1"), tmp_path / "first").run
    table = shutil.copy(made.split_path, tmp_path / "split.csv")
    config = compose_tiny(f"init={source}", "split=file", f"split.path={table}", "trainer.max_epochs=2")
    with pytest.raises(RuntimeError):
        break_off(config, tmp_path / "run", monkeypatch, 1, RuntimeError())
    shutil.rmtree(source)
    Path(table).unlink()
    assert len(curve(train(config, tmp_path / "run").run.dir)) == 2


@pytest.mark.slow
def test_a_run_goes_on_in_its_own_directory_and_with_data_that_were_moved(trained: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    chips = Path(shutil.copytree(trained.parent / "chips", tmp_path / "moved"))
    for elsewhere in (["hydra.run.dir=other"], ["-m", "hydra.sweep.dir=other"]):
        refused = seep("train", *elsewhere, f"run={run}", "trainer.max_epochs=7", cwd=tmp_path)
        assert refused.returncode != 0
        assert "goes on in its own directory" in refused.stdout + refused.stderr
    finds = seep("train", f"run={run}", "lr_find=true", cwd=tmp_path)
    assert finds.returncode == 2, finds.stdout
    there = seep("train", f"hydra.run.dir={run}", "lr_find=true", cwd=tmp_path)
    assert "lr_find=true trains nothing" in there.stderr
    assert (run / "config.yaml").read_bytes() == (trained / "config.yaml").read_bytes()
    done = seep("train", f"run={run}", f"data.root={chips}", "trainer.max_epochs=7", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (len(curve(run)), Run(run).config.data.root) == (7, str(chips))


def test_a_finished_run_is_not_that_of_other_files(trained: Path) -> None:
    config = Run(trained).config
    assert covers(Run(trained), config)
    for change in ({"images": "elsewhere"}, {"pairs": "pairs.csv"}, {"root": "/elsewhere"}):
        assert not covers(Run(trained), replace(config, data=replace(config.data, **change)))


def test_another_trainer_on_resume_replaces_what_it_is_about_and_no_more(trained: Path) -> None:
    from omegaconf import OmegaConf

    from seep_lightning.config.training import TrainConfig

    cfg = OmegaConf.merge(OmegaConf.structured(TrainConfig), {"run": str(trained), "model": {}, "loss": {}})
    cfg = OmegaConf.merge(cfg, {"optimizer": {}, "trainer": {"accelerator": "gpu", "precision": "bf16-mixed"}})
    config = resumed_config(Run(trained), typed_config(cfg), [f"run={trained}", "trainer=gpu"])
    assert (config.trainer.accelerator, config.trainer.precision) == ("gpu", "bf16-mixed")
    assert config.trainer.max_epochs == 6
    back = OmegaConf.merge(cfg, {"trainer": {"accelerator": "auto", "precision": "32-true"}})
    assert resumed_config(Run(trained), typed_config(back), ["trainer=auto"]).trainer.accelerator == "auto"
    with pytest.raises(UserError, match="optimizer.lr cannot change on resume"):
        resumed_config(Run(trained), typed_config(cfg), ["optimizer.lr=1"])


def test_paths_in_a_stored_config_hold_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_chips(tmp_path / "chips")
    monkeypatch.chdir(tmp_path)
    run = train(compose("train", ["data=seeps", "data.root=chips", GRID, *TINY, "trainer.max_epochs=1"]), "run").run
    assert Run(run.dir).config.data.root == str(tmp_path / "chips")


@pytest.mark.slow
def test_a_signal_ends_a_whole_sweep_and_the_same_command_finishes_it(tmp_path: Path) -> None:
    root = make_chips(tmp_path / "chips", scenes=6, tiles=12)
    line = ["-m", "seed=0,1", "data=seeps", f"data.root={root}", *TINY, "trainer.max_epochs=40"]
    command = [sys.executable, "-m", "seep_lightning.train", *line, f"hydra.sweep.dir={tmp_path / 'sweep'}"]
    environment = {k: v for k, v in os.environ.items() if k not in ("HYDRA_FULL_ERROR", "SEEP_LIGHTNING_RAISES")}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    first = tmp_path / "sweep" / "seed-0"
    while process.poll() is None and not (first / "metrics.csv").is_file():
        time.sleep(0.02)
    process.terminate()
    error = process.communicate(timeout=120)[1]
    assert process.returncode == 75, error
    assert "stopped by a signal" in error
    assert json.loads((first / "summary.json").read_text())["status"] == "interrupted"
    assert not (tmp_path / "sweep" / "seed-1").exists()


@pytest.mark.slow
def test_a_finished_sweep_is_not_given_back_for_other_settings(tmp_path: Path) -> None:
    root = make_chips(tmp_path / "chips")
    line = ["-m", "seed=0", "data=seeps", f"data.root={root}", *TINY, "trainer.max_epochs=1", "hydra.sweep.dir=sweep"]
    assert seep("train", *line, cwd=tmp_path).returncode == 0
    stamp = (tmp_path / "sweep" / "0" / "summary.json").stat().st_mtime_ns
    assert "finished already" in seep("train", *line, cwd=tmp_path).stdout
    assert (tmp_path / "sweep" / "0" / "summary.json").stat().st_mtime_ns == stamp
    assert seep("train", *line, "trainer.max_epochs=2", cwd=tmp_path).returncode == 0
    assert len(curve(tmp_path / "sweep" / "0")) == 2
    for scored in range(2):  # the second time as if it had been killed before
        shutil.rmtree(tmp_path / "sweep" / "0" / "evaluate", ignore_errors=True)
        again = seep("train", *line, "trainer.max_epochs=2", "test=true", cwd=tmp_path)
        assert again.returncode == 0, again.stderr
        assert (tmp_path / "sweep" / "0" / "evaluate" / "test" / "summary.json").exists(), scored
    other = seep("train", *line, "loss.dice=0.3", cwd=tmp_path)
    assert other.returncode == 2
    assert "started with loss.dice=1.0, not 0.3" in other.stderr
    other = seep("train", *line, "trainer.max_epochs=2", "trainer.gradient_clip_val=0.1", cwd=tmp_path)
    assert other.returncode == 2
    assert "is finished, with trainer.gradient_clip_val=1.0, not 0.1" in other.stderr


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


def test_only_trainer_paths_and_logger_may_change_on_resume(compose_tiny: Compose, tmp_path: Path) -> None:
    train(compose_tiny("trainer.max_epochs=1"), tmp_path / "run")
    train(compose_tiny("trainer.max_epochs=2"), tmp_path / "run")
    assert len(curve(tmp_path / "run")) == 2
    with pytest.raises(UserError, match="started with optimizer.lr=0.005, not 0.1"):
        train(compose_tiny("optimizer.lr=0.1"), tmp_path / "run")


@pytest.mark.slow
def test_callbacks_may_come_and_go_on_resume(trained: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    target = "lightning.pytorch.callbacks.LearningRateMonitor"
    adds = seep("train", f"run={run}", "trainer.max_epochs=7", f"+callbacks.rate._target_={target}", cwd=tmp_path)
    assert adds.returncode == 0, adds.stderr
    assert Run(run).config.callbacks == {"rate": {"_target_": target}}
    drops = seep("train", f"run={run}", "trainer.max_epochs=8", "+callbacks.rate=null", cwd=tmp_path)
    assert drops.returncode == 0, drops.stderr
    assert (Run(run).config.callbacks, len(curve(run))) == ({"rate": None}, 8)


def test_resuming_on_other_pixels_is_refused(compose_tiny: Compose, chips_root: Path, tmp_path: Path) -> None:
    train(compose_tiny("trainer.max_epochs=1"), tmp_path / "run")
    make_chips(chips_root, seed=1)
    with pytest.raises(UserError, match="trained on other data"):
        train(compose_tiny(), tmp_path / "run")


@pytest.mark.slow
def test_the_reference_protocol_and_a_compiled_net_train(tmp_path: Path) -> None:
    root = make_chips(tmp_path / "chips")
    small = ["model.widths=[4,8,8]", "model.decoder=[8,4]", "data.batch_size=4", "trainer.max_epochs=2", "trainer=cpu"]
    overrides = ["experiment=reference", "data=seeps", f"data.root={root}", *small, "trainer.enable_progress_bar=false"]
    reference = train(compose("train", overrides), tmp_path / "reference")
    means = {"soft_dice_S_before_scaling/val", "soft_2S_over_1_plus_S_before_scaling/val"}
    assert means <= set(curve(reference.run.dir)[-1])
    compiled = ["data=seeps", f"data.root={root}", *TINY, "trainer.max_epochs=1", "compile=true", "scheduler=cosine"]
    run = train(compose("train", compiled), tmp_path / "compiled").run
    from seep_lightning import load

    assert load(run).threshold > 0  # its checkpoint loads without it
    for epochs, switch in ((2, "false"), (3, "true")):
        done = seep("train", f"run={run.dir}", f"trainer.max_epochs={epochs}", f"compile={switch}")
        assert done.returncode == 0, done.stderr
        assert len(curve(run.dir)) == epochs
