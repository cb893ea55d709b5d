"""The commands as a person types them: help, one-line errors, sweeps, exit codes."""

import dataclasses
import inspect
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import lightning.pytorch as pl
import pytest

import seep_lightning
from helpers.chips import GRID, TINY, make_chips
from helpers.command_line import seep, seep_from_scratch
from helpers.paths import ROOT
from seep_lightning.commands.composition import compose
from seep_lightning.commands.entry import run_command
from seep_lightning.commands.overrides import prepare_arguments
from seep_lightning.commands.run_directories import sweep_folder_name
from seep_lightning.config.training import TrainerConfig
from seep_lightning.errors import UserError
from seep_lightning.runs.directory import Run

# built by `train`, or no value that a config file can hold
OURS = {
    "self",
    "logger",
    "callbacks",
    "default_root_dir",
    "use_distributed_sampler",
    "enable_checkpointing",
    "overfit_batches",
}


def test_every_argument_of_the_trainer_has_a_field() -> None:
    fields = {f.name for f in dataclasses.fields(TrainerConfig)}
    assert fields == set(inspect.signature(pl.Trainer.__init__).parameters) - OURS


def test_importing_the_package_costs_neither_torch_nor_hydra() -> None:
    code = "import sys, seep_lightning; print({'torch', 'hydra', 'lightning'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"


@pytest.mark.parametrize("verb", ["check", "compare", "evaluate", "export", "predict", "prepare", "report", "train"])
def test_a_verb_s_module_imports_no_heavy_library(verb: str) -> None:
    heavy = {"torch", "lightning", "albumentations", "cv2", "rasterio", "matplotlib", "optuna"}
    code = f"import sys, seep_lightning.{verb}; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


@pytest.mark.parametrize("arguments", [["--help"], ["--cfg", "job"], ["optimizer.lrr=1"]])
def test_help_config_and_a_misspelt_key_do_not_import_torch(arguments: list[str]) -> None:
    code = (
        "import sys, runpy, atexit; sys.argv = ['train', *sys.argv[1:]];"
        "heavy = {'torch', 'lightning', 'albumentations', 'cv2'};"
        "atexit.register(lambda: print('HEAVY', sorted(heavy & set(sys.modules))));"
        "runpy.run_module('seep_lightning.train', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert "HEAVY []" in done.stdout
    assert done.returncode == (2 if "lrr" in arguments[0] else 0)


@pytest.mark.parametrize(
    "arguments",
    [
        ["evaluate", "run=begun"],
        ["export", "run=begun", "output=net.pt"],
        ["predict", "run=begun", "input=begun.tif", "output=maps"],
        ["report", "run=nowhere"],
        ["train", "data=chips", "data.root=nowhere"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_that_there_is_no_such_run_network_or_data_set_is_told_without_torch(
    arguments: list[str], tmp_path: Path
) -> None:
    # a run that ended before its first checkpoint
    (tmp_path / "begun").mkdir()
    shutil.copy(ROOT / "tests/fixtures/run_60f2943/config.yaml", tmp_path / "begun")
    (tmp_path / "begun.tif").touch()
    code = (
        "import sys, runpy, atexit; sys.argv = sys.argv[1:];"
        "atexit.register(lambda: print('HEAVY', sorted({'torch', 'lightning'} & set(sys.modules))));"
        "runpy.run_module(f'seep_lightning.{sys.argv[0]}', run_name='__main__', alter_sys=True)"
    )
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert re.search(r"no such directory|no checkpoints/best.ckpt|no folder", done.stderr), done.stderr
    assert "HEAVY []" in done.stdout
    assert done.returncode == 2


def test_help_names_every_config_group_and_five_examples() -> None:
    text = seep("train", "--help").stdout
    for group in (p.name for p in (ROOT / "conf").iterdir() if p.is_dir()):
        assert f"{group}: " in text
    assert text.count("  python -m seep_lightning.train") == 5
    # from docstrings of the schema and of a class, and from a comment in conf/
    lines = " ".join(text.split())
    assert "split.folds=5 How many folds there are. (3 or more)" in lines
    assert "model.width=24 Channels of the finest stage" in lines
    assert "optimizer.parts=null learning rates of parts of the net" in lines


@pytest.mark.parametrize("verb", ["evaluate", "predict", "check", "report", "prepare", "export"])
def test_every_command_has_help_with_five_examples_or_more(verb: str) -> None:
    assert seep(verb, "--help").stdout.count(f"  python -m seep_lightning.{verb}") >= 5


def test_a_misspelt_key_is_one_line_with_the_nearest_key() -> None:
    done = seep_from_scratch("train", "optimizer.lrr=1")
    assert done.returncode == 2
    assert "Did you mean optimizer.lr?" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1


def run_seep(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).with_name("seep"))
    # without the width of a terminal, which pytest's readline exports behind Python's back
    return subprocess.run([program, *arguments], capture_output=True, text=True, env=dict(os.environ))


def test_seep_is_the_same_door() -> None:
    helped = seep_from_scratch("train", "--help")
    wrong = run_seep("trian")
    assert wrong.returncode == 2
    assert "no verb 'trian'. Did you mean train?" in wrong.stderr
    assert run_seep("help", "train").stdout == helped.stdout
    assert run_seep("--version").stdout.startswith(f"seep_lightning {seep_lightning.__version__} (Python 3.")


def test_path_values_are_quoted_for_hydras_grammar() -> None:
    assert prepare_arguments(["data.root=/a b/c=d,e", "seed=1"]) == ["data.root='/a b/c=d,e'", "seed=1"]
    with pytest.raises(UserError, match=r"^run=a\\xffb: this is not UTF-8"):
        prepare_arguments([os.fsdecode(b"run=a\xffb")])
    assert prepare_arguments(["run='x'", "run=[a,b]"]) == ["run='x'", "run=['a','b']"]
    root = compose("train", ["data=seeps", "data.root=/a b/c=d,(e)'f"]).data.root
    assert root == "/a b/c=d,(e)'f"
    assert compose("train", ["experiment=seeps", "init=null"]).init is None


@pytest.mark.parametrize("flag", ["--config-dir", "-cd"])
def test_a_config_folder_goes_along_into_a_jobs_other_processes(
    flag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(sys, "argv", ["seep", flag, str(tmp_path), f"hydra.run.dir={tmp_path / 'run'}", "data.root=x"])
    run_command("check", lambda cfg: seen.extend(sys.argv[1:]))
    assert seen[:2] == [flag, str(tmp_path)]


def test_a_sweeps_folders_are_named_by_what_differs() -> None:
    arguments = prepare_arguments(["-m", "optimizer.lr=0.1,0.2", "seed=1", "model=unet,unet_small", "augment=[]"])
    assert arguments[-2] == "hydra.job.config.override_dirname.exclude_keys=['seed','augment']"
    assert prepare_arguments(["-m", "--config-dir", "/a=[b", "seed=1"])[1].endswith("exclude_keys=['seed']")
    assert prepare_arguments(["-m", "seed=1", "data=chips", "seed=1,2"])[-2].endswith("exclude_keys=['data']")
    assert sweep_folder_name("model-unet;optimizer.lr-0.1") == "model-unet_lr-0.1"
    assert sweep_folder_name("data.root-'/a/b c'") == "root-a-b-c"
    assert not set("=,[]") & set(sweep_folder_name("augment-[a,b];optimizer.betas-[0.9,0.99]"))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.root=/x", "data=chips"),
        ("split.val=0.9", "leave a share to train"),
        ("ckpt=best", "ckpt=best"),
        ("ema_decay=2", "ema_decay=2"),
        ("panels=0", "panels=0"),
        ("split.path=x.csv", "split=file too"),
        ("split.fold=3", "split=kfold too"),
    ],
)
def test_values_that_do_not_go_together_are_refused(override: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        compose("train", [override])


def test_a_jobs_mistake_is_one_line_and_does_not_stop_the_sweep(tmp_path: Path) -> None:
    root = make_chips(tmp_path / "chips")
    more = ["data=seeps", GRID, *TINY, "trainer.max_epochs=1", "hydra.sweep.dir=sweep"]
    done = seep("train", "-m", f"data.root={tmp_path / 'nowhere'},{root}", *more, cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr + done.stdout
    assert "there is no folder" in done.stderr
    expected = {tmp_path / "nowhere": "failed", root: "finished"}
    statuses = {run.name: Run(run).summary()["status"] for run in (tmp_path / "sweep").iterdir() if run.is_dir()}
    assert statuses == {f"root{str(path).replace('/', '-')}": status for path, status in expected.items()}


def test_what_a_disk_refuses_is_one_line(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "run" / "train.log").mkdir(parents=True)
    commands = [["train", f"hydra.run.dir={tmp_path / 'run'}"], ["compare", f"runs={trained}", "csv=/proc/x.csv"]]
    for command, named in zip(commands, ("train.log", "/proc/x.csv"), strict=True):
        failed = seep(*command, cwd=tmp_path)
        assert failed.returncode == 2, failed.stderr
        assert named in failed.stderr
        assert len(failed.stderr.splitlines()) == 1, failed.stderr


@pytest.mark.slow
def test_a_wheel_in_an_empty_environment_trains_the_demo_from_anywhere(tmp_path: Path) -> None:
    """`python -m` and `seep` both; a clean build, conf/ inside."""

    def run(*command: str | Path) -> str:
        done = subprocess.run([str(c) for c in command], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path / "dist", ROOT)
    run(sys.executable, "-m", "venv", "empty")
    python, constraints = tmp_path / "empty/bin/python", ROOT / "constraints.txt"
    run(python, "-m", "pip", "install", "--quiet", "-c", constraints, "torch")
    run(python, "-m", "pip", "install", "--quiet", "-c", constraints, next((tmp_path / "dist").glob("*.whl")))
    short = [
        "experiment=demo",
        "trainer.max_epochs=1",
        "data.synthetic.chips=40",
        "data.synthetic.scenes=4",
        "model.width=4",
    ]
    assert "map scenes or chips" in run(python, "-m", "seep_lightning.train", *short, "hydra.run.dir=a")
    assert "map scenes or chips" in run(tmp_path / "empty/bin/seep", "train", *short, "hydra.run.dir=b")
    assert (tmp_path / "a/evaluate/test/summary.json").is_file()


@pytest.mark.slow
def test_help_and_a_misspelt_key_answer_within_two_seconds() -> None:
    """Of processor time, the better of two: the machine may be busy, the code may not."""
    for argument in ("--help", "optimizer.lrr=1"):
        seconds = []
        for _ in range(2):
            before = os.times()
            seep_from_scratch("train", argument)
            after = os.times()
            seconds.append(after.children_user + after.children_system - before.children_user - before.children_system)
        assert 0 < min(seconds) < 2
