"""The run directory: the contract between all commands. Its paths, its config, its summary."""

import csv
import hashlib
import io
import json
import os
import platform
import subprocess
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from seep_lightning.config import TrainConfig
from seep_lightning.errors import UserError, explained

FORMAT = 1
# Networks that come with the package: trained on real chips, and on generated ones alone
WEIGHTS = {name: Path(__file__).parent / "weights" / f"{name}.pt" for name in ("seeps", "generated")}
SHIPPED = WEIGHTS["seeps"]  # what `predict` and `load` use where no run is named
# what the figures depend on
PACKAGES = ("seep_lightning", "torch", "lightning", "torchmetrics", "albumentations", "opencv-python", "numpy")


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
            raise UserError(f"{said}. Expected the directory of a run (outputs/<name>/<time>).")
        with explained(f"{self.config_path} is not the config of a run ({{}}).", OmegaConfBaseException, YAMLError):
            merged = OmegaConf.merge(OmegaConf.structured(TrainConfig), OmegaConf.load(self.config_path))
            return cast(TrainConfig, OmegaConf.to_object(merged))

    @property
    def finished(self) -> bool:
        """Whether its training came to its end, or a search ended it as hopeless: nothing is missing."""
        return self.summary().get("status") in ("finished", "pruned")

    @property
    def min_area(self) -> int | None:
        """The least area of an object that was chosen on validation; None for runs from before it was."""
        return cast(int | None, self.summary().get("best", {}).get("min_area"))

    @property
    def scaling(self) -> tuple[float, float]:
        """(a, b) of the probabilities' scaling that was fitted on validation; (1, 0) for runs from before it was."""
        return tuple(self.summary().get("best", {}).get("scaling", (1.0, 0.0)))

    def summary(self) -> dict[str, Any]:
        """`summary.json`, or nothing where there is none yet."""
        if not self.summary_path.is_file():
            return {}
        with explained(f"{self.summary_path} is not JSON ({{}}). Put the run's own back.", ValueError):
            return cast(dict[str, Any], json.loads(self.summary_path.read_text()))

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
    """A path that holds from any folder; None of nothing."""
    return str(Path(path).absolute()) if path else None


def open_run(path: str | Path) -> Run:
    """The run in an existing directory; `UserError` where it is none."""
    run = Run(Path(path))
    _ = run.config
    return run


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


def write_text(path: Path, text: str) -> None:
    """Write a whole file or none of it: the old one stays until the new one is complete."""
    part = path.with_name(path.name + ".part")
    part.write_text(text)
    part.replace(path)


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
