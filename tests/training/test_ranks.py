"""Two processes on the CPU end where one does: weights to 1e-6, metrics exactly, every chip counted once."""

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from helpers.chips import TINY, make_chips
from helpers.command_line import seep
from helpers.trainings import curve, weights
from seep_lightning.data.batches import EpochSampler
from seep_lightning.data.datamodule import SeepDataModule
from seep_lightning.errors import UserError
from seep_lightning.metrics.figures import before_scaling
from seep_lightning.runs.directory import Run

POOLED = ("dice", "jaccard", "precision", "recall")
EXACT = (*POOLED, *map(before_scaling, (*POOLED, "dice_per_chip", "threshold")))


def test_ranks_share_chips_without_padding_and_batches_are_the_same_chips() -> None:
    for count in (7, 8, 13):
        ranks = [list(EpochSampler(list(range(count)), shuffle=False, seed=0, rank=r, world=2)) for r in (0, 1)]
        assert sorted(i for rank in ranks for _, i in rank) == list(range(count))
        assert [len(rank) for rank in ranks] == [(count + 1) // 2, count // 2]
    one = EpochSampler(list(range(9)), shuffle=True, seed=3)
    two = [EpochSampler(list(range(9)), shuffle=True, seed=3, rank=r, world=2) for r in (0, 1)]
    for sampler in (one, *two):
        sampler.set_epoch(4)
    order = [i for _, i in one]
    a, b = ([i for _, i in sampler] for sampler in two)
    assert [set(order[k : k + 4]) for k in (0, 4)] == [{*a[k : k + 2], *b[k : k + 2]} for k in (0, 2)]


def test_fewer_chips_than_processes_are_refused(compose_tiny: Callable[..., Any]) -> None:
    config = compose_tiny()
    data: Any = SeepDataModule(config.data, config.split, [])
    data.trainer = SimpleNamespace(
        global_rank=0, world_size=99, strategy=SimpleNamespace(root_device=torch.device("cpu"))
    )
    with pytest.raises(UserError, match=r"the train part has \d+ chip\(s\), fewer than 99 processes"):
        data.train_dataloader()


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["loss.pool=batch", "loss.pool=image"])
def test_two_processes_end_with_the_weights_and_metrics_of_one(loss: str, tmp_path: Path) -> None:
    root = make_chips(tmp_path / "chips", scenes=6, tiles=7)
    plain = ["optimizer=sgd", "trainer.precision=64-true", "ema_decay=null", "trainer.gradient_clip_val=null"]
    same = ["data=seeps", f"data.root={root}", *TINY[:2], "model.norm=group", "augment=[]", "trainer.max_epochs=3"]
    same += [*plain, loss, "trainer.enable_progress_bar=false", "trainer.limit_train_batches=7"]
    for name, more in (
        ("one", ["trainer=cpu", "data.batch_size=4"]),
        ("two", ["trainer=ddp_cpu", "data.batch_size=2"]),
    ):
        done = seep("train", *same, *more, f"hydra.run.dir={tmp_path / name}")
        assert done.returncode == 0, done.stderr
        # no warnings of libraries, which name a line of code
        assert not re.search(r"\.py:\d+", done.stdout + done.stderr)
        # nothing is told by each process
        told = [line for line in done.stdout.splitlines() if re.match("chosen: |epoch |monitor=", line)]
        assert told and len(told) == len({*told})
    first, second = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert max((first[k] - second[k]).abs().max().item() for k in first if k.startswith("net.")) < 1e-6
    for a, b in zip(curve(tmp_path / "one"), curve(tmp_path / "two"), strict=True):
        assert {k: a[f"{k}/val"] for k in EXACT} == {k: b[f"{k}/val"] for k in EXACT}


@pytest.mark.slow
def test_ddp_inside_a_multirun_gives_each_job_its_own_directory_and_equal_ranks(tmp_path: Path) -> None:
    root = make_chips(tmp_path / "chips")
    more = [*TINY[:3], "trainer=ddp_cpu", "trainer.enable_progress_bar=false", "trainer.max_epochs=1"]
    sweep = ["-m", "optimizer.lr=0.001,0.002", "hydra.sweep.dir=sweep"]
    done = seep("train", *sweep, "data=seeps", f"data.root={root}", *more, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in (tmp_path / "sweep").iterdir() if p.is_dir()) == ["lr-0.001", "lr-0.002"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["chips", "sweep"]
    for rate in (0.001, 0.002):
        run = tmp_path / "sweep" / f"lr-{rate}"
        content = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
        assert content["hyper_parameters"]["optimizer"]["lr"] == rate
        assert (run / "train_ddp_process_1.log").is_file()


@pytest.mark.slow
def test_a_job_of_several_processes_that_fails_does_not_take_the_next_ones_with_it(tmp_path: Path) -> None:
    root = make_chips(tmp_path / "chips")
    more = ["data=seeps", f"data.root={root}", *TINY[:3], "trainer=ddp_cpu", "trainer.enable_progress_bar=false"]
    more += ["trainer.max_epochs=2", "hydra.sweep.dir=sweep", "hydra.sweep.subdir=${hydra:job.num}"]
    # the next one must outlast Lightning's look at the processes of the one that failed, after five seconds
    done = seep("train", "-m", "optimizer.lr=1e30,0.005,0.004", *more, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    found = [Run(tmp_path / "sweep" / name).summary()["status"] for name in "012"]
    assert found == ["failed", "finished", "finished"]
