"""The run directory: the contract between all commands. Its paths, config and summary."""

import csv
import io
import json
import os
import platform
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from seep_lightning.config.training import TrainConfig
from seep_lightning.errors import UserError, as_user_error
from seep_lightning.files import write_text
from seep_lightning.runs.provenance import PACKAGES, git_state

SUMMARY_FORMAT = 1


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
        with as_user_error(f"{self.config_path} is not the config of a run", OmegaConfBaseException, YAMLError):
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
        with as_user_error(f"{self.summary_path} is not JSON", ValueError, advice="Put the run's own back."):
            return cast(dict[str, Any], json.loads(self.summary_path.read_text()))

    def write_config(self, config: TrainConfig) -> None:
        """Store the resolved config; of several processes the first one does."""
        if is_first_process():
            self.dir.mkdir(parents=True, exist_ok=True)
            write_text(self.config_path, OmegaConf.to_yaml(OmegaConf.structured(config)))
            # what was read before is stale
            vars(self).pop("config", None)

    def write_summary(self, facts: dict[str, Any]) -> None:
        """Store the final figures with format version, package versions and git state; likewise."""
        if not is_first_process():
            return
        origin = {
            "format": SUMMARY_FORMAT,
            "packages": {name: version(name) for name in PACKAGES},
            "git": git_state(),
            "python": platform.python_version(),
        }
        write_text(self.summary_path, json.dumps({**origin, **facts}, indent=2) + "\n")


def is_first_process() -> bool:
    """Whether this is the one process that writes and prints: rank 0 of torchrun, SLURM or Lightning's own DDP."""
    return all(os.environ.get(key, "0") == "0" for key in ("RANK", "LOCAL_RANK", "SLURM_PROCID", "NODE_RANK"))


def open_run(path: str | Path) -> Run:
    """The run in an existing directory; `UserError` where it is none."""
    run = Run(Path(path))
    _ = run.config
    return run
