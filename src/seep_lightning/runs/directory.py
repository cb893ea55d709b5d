"""The run directory: its paths, and what its config, split and summary say."""

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

from seep_lightning.config.older import with_old_meaning
from seep_lightning.config.targets import with_current_names
from seep_lightning.config.training import TrainConfig
from seep_lightning.config.typed_values import typed_values
from seep_lightning.errors import UserError, as_user_error
from seep_lightning.files import with_home, write_text
from seep_lightning.runs.provenance import PACKAGES, git_state
from seep_lightning.runs.status import RunStatus

# Of `summary.json`; raise it when an older reader would go wrong.
SUMMARY_FORMAT = 1
# Each is 0 in the first of several processes: of torchrun, SLURM, or Lightning's own DDP.
RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "NODE_RANK")


class Run:
    """One folder that holds everything a training left. Later commands read it and write beside it.

    Args:
        directory: The folder, which need not exist yet; `~` is the home folder.

    Attributes:
        dir: The folder.
        config_path: The resolved config: the truth on resume.
        split_path: A row for each chip: name, scene, part.
        summary_path: Final figures, and where they come from.
        metrics_path: A row for each epoch; a run without the logger `csv` has none.
        checkpoints: The folder of `best.ckpt` and `last.ckpt`.
        last: What a resume starts from.
        log_path: What was printed, and the traceback of an error that ended the training.
    """

    def __init__(self, directory: Path) -> None:
        directory = with_home(directory)
        self.dir = directory
        self.config_path = directory / "config.yaml"
        self.split_path = directory / "split.csv"
        self.summary_path = directory / "summary.json"
        self.checkpoints = directory / "checkpoints"
        self.metrics_path = directory / "metrics.csv"
        self.last = self.checkpoints / "last.ckpt"
        self.log_path = directory / "train.log"

    def checkpoint(self, name: str) -> Path:
        """A checkpoint that must be there.

        Args:
            name: `best` or `last`.

        Raises:
            UserError: There is none.
        """
        path = self.checkpoints / f"{name}.ckpt"
        if not path.is_file():
            raise UserError(
                f"run={self.dir}: there is no {path.relative_to(self.dir)}. "
                "Expected the directory of a run that finished at least one epoch."
            )
        return path

    @cached_property
    def config(self) -> TrainConfig:
        """The stored config, typed.

        Raises:
            UserError: There is none, or it is that of something else.
        """
        if not self.config_path.is_file():
            raise UserError(self._missing_config())
        with as_user_error(f"{self.config_path} is not the config of a run", OmegaConfBaseException, YAMLError):
            as_written = OmegaConf.to_container(OmegaConf.load(self.config_path))
            return typed_values(TrainConfig, with_old_meaning(with_current_names(as_written)))

    def parts(self) -> dict[str, str]:
        """The part (`train`, `val` or `test`) of each chip by its name; empty where there is no split yet."""
        if not self.split_path.is_file():
            return {}
        rows = csv.DictReader(io.StringIO(self.split_path.read_text()))
        return {row["name"]: row["part"] for row in rows}

    @property
    def finished(self) -> bool:
        """Whether nothing is missing: its training came to its end, or a search ended it as hopeless."""
        return self.summary().get("status") in (RunStatus.FINISHED, RunStatus.PRUNED)

    def summary(self) -> dict[str, Any]:
        """The content of `summary.json`; empty where there is none yet.

        Raises:
            UserError: It is not JSON.
        """
        if not self.summary_path.is_file():
            return {}
        problem = f"{self.summary_path} is not JSON"
        with as_user_error(problem, ValueError, advice="Put the run's own back."):
            return cast(dict[str, Any], json.loads(self.summary_path.read_text()))

    def write_config(self, config: TrainConfig) -> None:
        """Store the resolved config; of several processes the first one does.

        Args:
            config: Of the run.
        """
        if is_first_process():
            self.dir.mkdir(parents=True, exist_ok=True)
            write_text(self.config_path, OmegaConf.to_yaml(OmegaConf.structured(config)))
            # what was read before is stale
            vars(self).pop("config", None)

    def write_summary(self, facts: dict[str, Any], *, by_any_process: bool = False) -> None:
        """Store the final figures, with the versions they come from; of several processes the first one does.

        Args:
            facts: What `summary.json` says beside format, packages, git state and Python's version.
            by_any_process: Whether this process writes even if it is not the first.
        """
        if not (by_any_process or is_first_process()):
            return
        origin = {
            "format": SUMMARY_FORMAT,
            "packages": {name: version(name) for name in PACKAGES},
            "git": git_state(),
            "python": platform.python_version(),
        }
        write_text(self.summary_path, json.dumps({**origin, **facts}, indent=2) + "\n")

    def _missing_config(self) -> str:
        """The message for a folder that is no run, with a hint where it holds runs."""
        missing = "config.yaml" if self.dir.is_dir() else "such directory"
        message = f"run={self.dir}: there is no {missing}. Expected the directory of a run (outputs/<name>/<time>)."
        configs = sorted(self.dir.glob("*/config.yaml"))
        if configs:
            message += f" It holds runs, such as {configs[0].parent.name}."
        return message


def is_first_process() -> bool:
    """Whether this is the one of several processes that writes and prints."""
    return all(os.environ.get(rank, "0") == "0" for rank in RANKS)


def open_run(path: str | Path) -> Run:
    """The run in an existing directory.

    Args:
        path: The directory.

    Raises:
        UserError: It is none of a run.
    """
    run = Run(Path(path))
    # reading it tells what is wrong
    _ = run.config
    return run
