"""Launchers, torchrun and SLURM's environment: jobs in other processes, one directory for all ranks of a job."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.chips import TINY, make_chips
from helpers.command_line import seep
from helpers.paths import ROOT
from helpers.trainings import curve
from seep_lightning.commands.run_directories import run_directory
from seep_lightning.errors import UserError
from seep_lightning.runs.directory import Run


def test_a_run_lives_in_a_directory_named_by_its_job(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("SLURM_JOB_ID", "SLURM_JOB_NAME", "TORCHELASTIC_RUN_ID", "WORLD_SIZE"):
        monkeypatch.delenv(key, raising=False)
    assert run_directory(None, None, "train").startswith("outputs/train/2")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    with pytest.raises(UserError, match="torchrun gave this job no name"):
        run_directory(None, None, "train")
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "mine")
    assert run_directory(None, None, "train") == "outputs/train/mine"
    monkeypatch.setenv("SLURM_JOB_ID", "77")  # torchrun makes up another name at each start
    assert run_directory(None, None, "train") == "outputs/train/77"
    monkeypatch.setenv("SLURM_JOB_NAME", "bash")
    assert run_directory(None, None, "train") == "outputs/train/mine"


def test_the_newest_run_goes_on_whatever_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, age in (("99998", 2), ("2026-01-01_00-00-00-000", 3), ("100003", 1)):
        last = tmp_path / "outputs" / "train" / name / "checkpoints" / "last.ckpt"
        last.parent.mkdir(parents=True)
        last.touch()
        os.utime(last, (1e9 - age, 1e9 - age))
    assert run_directory(None, "last", "train") == "outputs/train/100003"


SRUN = """#!/bin/sh
"$@" & pid=$!
if [ ! -e requeued ]; then
  until [ -e outputs/train/77/checkpoints/last.ckpt ]; do sleep 0.1; done
  kill -USR1 $pid
fi
wait $pid
"""


@pytest.mark.slow
def test_the_documented_slurm_job_requeues_itself_and_goes_on(tmp_path: Path) -> None:
    make_chips(tmp_path / "chips", scenes=6, tiles=12)
    script = re.findall(r"```bash\n(#!/bin/bash\n.*?)```", (ROOT / "docs" / "clusters.md").read_text(), re.DOTALL)[0]
    line = script.replace("data.root=DIR", " ".join(["data.root=chips", *TINY, "trainer.max_epochs=12"]))
    job = re.sub("trainer=ddp trainer.devices=4 trainer.num_nodes=2", "trainer=cpu", line)
    (tmp_path / "job.sh").write_text(job)
    for name, text in (("srun", SRUN), ("scontrol", "#!/bin/sh\necho $@ >> requeued\n")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {k: v for k, v in os.environ.items() if k != "HYDRA_FULL_ERROR"} | {
        "SLURM_JOB_ID": "77",
        "PATH": path,
    }
    command, run = ["bash", "job.sh"], tmp_path / "outputs" / "train" / "77"
    first = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert first.returncode == 75, first.stderr
    assert (tmp_path / "requeued").read_text() == "requeue 77\n"
    before = curve(run)
    assert len(before) < 12
    assert subprocess.run(command, cwd=tmp_path, env=environment).returncode == 0
    assert [row["epoch"] for row in curve(run)] == [str(epoch) for epoch in range(1, 13)]
    assert curve(run)[0] == before[0]
    again = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert "is finished already" in again.stdout
    (tmp_path / "job.sh").write_text(job.replace("trainer=cpu", "trainer=cpu optimizer.lr=0.1"))
    other = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert other.returncode == 2
    assert "started with optimizer.lr=0.005, not 0.1" in other.stderr


@pytest.mark.slow
def test_ranks_of_torchrun_share_one_directory_and_go_on_in_it(tmp_path: Path) -> None:
    root = make_chips(tmp_path / "chips")
    rendezvous = ["--rdzv-backend=c10d", "--rdzv-endpoint=localhost:0", "--rdzv-id=mine", "--nproc-per-node=2"]
    line = ["data=seeps", f"data.root={root}", *TINY, "trainer=ddp_cpu"]
    command = [sys.executable, "-m", "torch.distributed.run", *rendezvous, "-m", "seep_lightning.train", *line]
    for epochs in (1, 2):
        done = subprocess.run([*command, f"trainer.max_epochs={epochs}"], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        [run] = (tmp_path / "outputs" / "train").iterdir()
        assert run.name == "mine"
        if epochs == 1:
            text = Run(run).summary_path.read_text()
            Run(run).summary_path.write_text(text.replace('"finished"', '"interrupted"'))
    assert len(curve(run)) == 2
    assert "x 2" in Run(run).summary()["device"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "more",
    [
        ["hydra/launcher=submitit_local"],
        ["hydra/launcher=submitit_local", "trainer=ddp_cpu"],
        ["hydra/launcher=joblib", "data.num_workers=1"],
    ],
)
def test_a_launcher_runs_a_sweep_of_two_jobs(more: list[str], tmp_path: Path) -> None:
    root = make_chips(tmp_path / "chips")
    line = ["-m", "optimizer.lr=0.001,0.002", "data=seeps", f"data.root={root}", *TINY, "trainer.max_epochs=1", *more]
    done = seep("train", *line, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    [sweep] = (tmp_path / "outputs" / "train").iterdir()
    assert sorted(p.name for p in sweep.glob("lr-*")) == ["lr-0.001", "lr-0.002"]
    for rate in (0.001, 0.002):
        run = Run(sweep / f"lr-{rate}")
        assert run.finished
        assert run.config.optimizer["lr"] == rate
