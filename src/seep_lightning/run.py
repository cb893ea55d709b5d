"""The run directory: the contract between all commands. Its paths, config, summary; what may change on resume."""

import csv
import hashlib
import io
import json
import os
import platform
import subprocess
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import asdict, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from seep_lightning.config import TrainConfig, TrainerConfig
from seep_lightning.errors import UserError, disk, explained

FORMAT = 1
# Networks that come with the package: trained on real chips, and on generated ones alone
WEIGHTS = {name: Path(__file__).parent / "weights" / f"{name}.pt" for name in ("seeps", "generated")}
SHIPPED = WEIGHTS["seeps"]  # what `predict` and `load` use where no run is named
# what the figures depend on
PACKAGES = ("seep_lightning", "torch", "lightning", "torchmetrics", "albumentations", "opencv-python", "numpy")
# what `trainer=` is about
HARDWARE = ("accelerator", "devices", "strategy", "precision", "benchmark", "sync_batchnorm")
BESIDE = ("compile", "cuda_graphs", "channels_last", "logger", "panels", "test")  # leave the training what it is
# of `trainer`, on which the outcome of a finished run depends beside its length in epochs
_LENGTH = ("min_epochs", "max_steps", "min_steps", "max_time", "limit_train_batches", "limit_val_batches")
_STEP = ("accumulate_grad_batches", "gradient_clip_val", "gradient_clip_algorithm")
OUTCOME = (*_LENGTH, *_STEP, "val_check_interval", "check_val_every_n_epoch")
MAY_CHANGE = (*BESIDE, "run", "ckpt", "trainer", "data.root", "data.num_workers", "data.cache_gb", "hydra")
ONLY = "Only trainer.*, paths, compile and the like may change on resume; start a new run from its weights with init"
# what says nothing about a result, in a comparison; and what is always said of trainer and data, default or not
_WHERE = ("name", "run", "ckpt", "data.root", "data.grid", "data.pattern", "logger", "callbacks")
NO_SETTINGS = (*_WHERE, "test", "panels", "checkpoint_every", "compile", "cuda_graphs", "channels_last")
OFTEN_SWEPT = ("data.batch_size", "trainer.max_epochs", "trainer.precision", "trainer.gradient_clip_val")


class Run:
    """One folder that holds everything a training left. Later commands read it and write beside it."""

    def __init__(self, dir: Path) -> None:
        self.dir = dir
        self.config_path = dir / "config.yaml"  # resolved: the truth on resume
        self.split_path = dir / "split.csv"  # one row a chip: name, scene, part
        self.summary_path = dir / "summary.json"  # final figures and where they come from
        self.checkpoints = dir / "checkpoints"  # best.ckpt and last.ckpt
        self.last = self.checkpoints / "last.ckpt"  # what a resume starts from

    def checkpoint(self, which: str) -> Path:
        """The `best` or `last` checkpoint; `UserError` where there is none."""
        path = self.checkpoints / f"{which}.ckpt"
        if not path.is_file():
            raise UserError(
                f"run={self.dir}: there is no {path.relative_to(self.dir)}. "
                "Expected the directory of a run that finished at least one epoch."
            )
        return path

    @cached_property
    def config(self) -> TrainConfig:
        """The stored config, typed."""
        if not self.config_path.is_file():
            said = f"run={self.dir}: there is no {'config.yaml' if self.dir.is_dir() else 'such directory'}"
            runs = [path.parent.name for path in sorted(self.dir.glob("*/config.yaml"))]
            inside = f" It holds runs, such as {runs[0]}." if runs else ""
            raise UserError(f"{said}. Expected the directory of a run (outputs/<name>/<time>).{inside}")
        with explained(f"{self.config_path} is not the config of a run ({{}}).", OmegaConfBaseException, YAMLError):
            merged = OmegaConf.merge(OmegaConf.structured(TrainConfig), OmegaConf.load(self.config_path))
            return cast(TrainConfig, OmegaConf.to_object(merged))

    def parts(self) -> dict[str, str]:
        """The part of each chip by name, as its `split.csv` has it; nothing where there is none."""
        text = self.split_path.read_text() if self.split_path.is_file() else ""
        return {row["name"]: row["part"] for row in csv.DictReader(io.StringIO(text))}

    @property
    def finished(self) -> bool:
        """Whether its training came to its end, or a search ended it as hopeless: nothing is missing."""
        return self.summary().get("status") in ("finished", "pruned")

    def summary(self) -> dict[str, Any]:
        """`summary.json`, or nothing where there is none yet."""
        if not self.summary_path.is_file():
            return {}
        with explained(f"{self.summary_path} is not JSON ({{}}). Put the run's own back.", ValueError):
            return cast(dict[str, Any], json.loads(self.summary_path.read_text()))

    def covers(self, cfg: TrainConfig) -> bool:
        """Whether it has all the epochs of `cfg`, on data at the same place; `UserError` where it is another run."""
        self.check_same(cfg)
        was, now = self.config.trainer, cfg.trainer
        for key in OUTCOME:
            if (before := getattr(was, key)) != (given := getattr(now, key)):
                said = f"{self.dir} is finished, with trainer.{key}={before}, not {given}"
                raise UserError(f"{said}. Choose another folder.")
        enough = 0 <= now.max_epochs <= was.max_epochs or was.max_epochs < 0  # -1: endless
        return enough and self.config.data.root == cfg.data.root

    def check_same(self, cfg: TrainConfig) -> None:
        """Raise `UserError` where `cfg` differs from the run's own config in more than may change on resume."""
        stored, given = flatten(asdict(self.config)), flatten(asdict(cfg))
        for key in sorted(stored.keys() | given.keys()):
            was, now = stored.get(key), given.get(key)
            if was != now and not key.startswith(MAY_CHANGE):
                raise UserError(f"run={self.dir} was started with {key}={was}, not {now}. {ONLY}=DIR.")

    def write_config(self, config: TrainConfig) -> None:
        """Store the resolved config; of several processes the first one does."""
        if is_first_process():
            self.dir.mkdir(parents=True, exist_ok=True)
            write_text(self.config_path, OmegaConf.to_yaml(OmegaConf.structured(config)))

    def write_summary(self, facts: dict[str, Any]) -> None:
        """Store the final figures with format version, package versions and git state; likewise."""
        if not is_first_process():
            return
        origin = {
            "format": FORMAT,
            "packages": {name: version(name) for name in PACKAGES},
            "git": git_state(),
            "python": platform.python_version(),
        }
        write_text(self.summary_path, json.dumps({**origin, **facts}, indent=2) + "\n")


def is_first_process() -> bool:
    """Whether this is the one process that writes and prints: rank 0 of torchrun, SLURM or Lightning's own DDP."""
    return all(os.environ.get(key, "0") == "0" for key in ("RANK", "LOCAL_RANK", "SLURM_PROCID", "NODE_RANK"))


def absolute(path: Any) -> str | None:
    """A path that holds from any folder; None of None, and the folder itself of an empty one."""
    return None if path is None else str(Path(path).absolute())


def open_run(path: str | Path) -> Run:
    """The run in an existing directory; `UserError` where it is none."""
    run = Run(Path(path))
    _ = run.config
    return run


def with_absolute_paths(cfg: TrainConfig) -> TrainConfig:
    """The config with paths that hold from any folder, since later commands read it from elsewhere."""
    data, split = replace(cfg.data, root=absolute(cfg.data.root)), replace(cfg.split, path=absolute(cfg.split.path))
    return replace(cfg, data=data, split=split, init=cfg.init if cfg.init in WEIGHTS else absolute(cfg.init))


def resumed_config(run: Run, new: TrainConfig, overrides: list[str]) -> TrainConfig:
    """The stored config of a run, with what may change on resume put on top; `UserError` for all else."""
    config = deepcopy(run.config)
    keys = [o.lstrip("+~").partition("=")[0] for o in overrides]
    for key in keys:
        if not key.startswith(MAY_CHANGE):
            raise UserError(f"{key} cannot change on resume: the run keeps its own config. {ONLY}={run.dir}.")
    default = TrainerConfig()
    for name, value in vars(new.trainer).items():
        chosen = "trainer" in keys and (name in HARDWARE or value != getattr(default, name))
        if chosen or f"trainer.{name}" in keys:
            setattr(config.trainer, name, value)
    for name in {key.removeprefix("data.") for key in keys if key.startswith("data.")}:
        setattr(config.data, name, getattr(new.data, name))
    for name in set(BESIDE) & {key.split(".")[0] for key in keys}:
        setattr(config, name, getattr(new, name))
    config.run = config.ckpt = None
    return config


def settings_of(cfg: TrainConfig) -> dict[str, Any]:
    """The settings that a comparison of runs is about, flat: not where things lie, nor the Trainer's many defaults."""
    flat = flatten(asdict(cfg))
    usual = {k: v for k, v in flatten(asdict(TrainConfig())).items() if k.startswith(("trainer.", "data."))}
    told = {k for k, v in flat.items() if k.startswith(OFTEN_SWEPT) or k not in usual or v != usual[k]}
    return {k: v for k, v in flat.items() if k in told and not k.startswith(NO_SETTINGS)}


def flatten(node: Any, prefix: str = "") -> dict[str, Any]:
    """Nested dictionaries as one, keys joined by dots."""
    if not isinstance(node, dict):
        return {prefix: node}
    return {k: v for n, sub in node.items() for k, v in flatten(sub, f"{prefix}.{n}" if prefix else n).items()}


def starting_weights(init: str) -> Path:
    """The file that `init` names: one in the package (`seeps`, `generated`), an exported one, or a run's best."""
    path = WEIGHTS.get(init, Path(init))
    if not path.exists():
        known = ", ".join(WEIGHTS)
        raise UserError(f"init={init}: there is nothing. Expected a run, a file of export format=torch, or {known}.")
    return path if path.is_file() else open_run(init).checkpoint("best")


def digest(path: Path) -> str:
    """A hash of a file: two checkpoints with one digest are the same checkpoint."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()[:16]


def write_whole(path: Path, content: bytes | memoryview, *, sync: bool = True) -> None:
    """Write a whole file or none of it: the old one stays until the new one is complete; `DiskError` where it cannot.

    sync: wait until the disk has it; else a power cut may leave the new name with nothing in it.
    """
    part = path.with_name(f".{path.name}.{uuid4().hex[:8]}.part")  # other processes may write this file
    try:
        with disk(path):
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                if sync:
                    os.fsync(file.fileno())
            part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write a whole text file or none of it, see `write_whole`."""
    write_whole(path, text.encode())


def write_table(path: Path, rows: Collection[Mapping[str, Any]], columns: Iterable[str] = ()) -> None:
    """Write rows as CSV, all or nothing: `columns`, then others in the order in which they come up."""
    text, every = io.StringIO(), dict.fromkeys([*columns, *(key for row in rows for key in row)])
    writer = csv.DictWriter(text, list(every), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def fresh_dir(path: Path, overwrite: bool, key: str) -> Path:
    """Make an output folder; one that holds something is refused, unless `overwrite`."""
    if path.exists() and not path.is_dir():
        raise UserError(f"{key}={path} is a file; expected a folder to write into.")
    if path.is_dir() and any(path.iterdir()) and not overwrite:
        raise UserError(f"{key}={path} exists and is not empty. Choose another, or pass overwrite=true.")
    with explained(f"{key}={path}: cannot make this folder ({{}}).", OSError):
        path.mkdir(parents=True, exist_ok=True)
    return path


def git_state() -> dict[str, Any] | None:
    """Commit of the checkout that this code runs from, and whether it was changed since; None outside a checkout."""
    here = Path(__file__).resolve().parents[2]
    if not (here / "pyproject.toml").is_file():
        return None
    command = ["git", "-C", str(here), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
    return {"commit": found.removesuffix("-dirty"), "dirty": found.endswith("-dirty")}
