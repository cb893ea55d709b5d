"""The run directory: its paths, and what its config, split and summary say."""

import json
import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seep_lightning.config.older import with_old_meaning
from seep_lightning.config.references import LITERAL_SECTIONS, check_no_references
from seep_lightning.config.rules import check_config
from seep_lightning.config.targets import with_current_names
from seep_lightning.config.training import TrainConfig
from seep_lightning.config.trust import judge_stored, trusting
from seep_lightning.config.typed_values import typed_values
from seep_lightning.data.parts import PARTS
from seep_lightning.documents.json_files import read_json
from seep_lightning.documents.regular_files import is_there
from seep_lightning.documents.shapes import as_shape
from seep_lightning.documents.tables import LARGEST_TABLE, read_csv
from seep_lightning.documents.text import read_text
from seep_lightning.documents.yaml_files import read_yaml
from seep_lightning.errors import UserError, as_user_error, shortened
from seep_lightning.files import with_home, write_text
from seep_lightning.runs.provenance import PACKAGES, git_state
from seep_lightning.runs.status import RunStatus
from seep_lightning.runs.stored_shapes import FinalSummary, StoredNodes, StoredSummary

# Of `summary.json`; raise it when an older reader would go wrong.
SUMMARY_FORMAT = 1
# what to do about a damaged file
PUT_BACK = "Put the run's own back."
# `outputs` holds names, these hold times, and those of sweeps hold jobs
DEEPEST_RUN = 3
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
        """The stored config, typed. It may be a stranger's: nothing in it is imported, resolved or run.

        Raises:
            UserError: There is none, it is that of something else, or it names classes that nobody trusts.
        """
        if not is_there(self.config_path):
            raise UserError(self._missing_config())
        written = read_yaml(self.config_path, advice=PUT_BACK)
        as_written = as_shape(written, dict[str, Any], str(self.config_path), advice=PUT_BACK)
        judge_stored(str(self.config_path), as_written)
        check_no_references(self.config_path, as_written)
        stored = self._with_monitors_of_today(with_old_meaning(with_current_names(as_written)))
        # references of loggers stay texts, which OmegaConf would resolve
        literal = {section: stored.pop(section, None) for section in LITERAL_SECTIONS}
        # what a stored config trusts counts for nothing
        stored.pop("trusted", None)
        problem = f"{self.config_path} is not the config of a run"
        with as_user_error(problem, OmegaConfBaseException, TypeError, ValueError):
            config = replace(typed_values(TrainConfig, stored), **literal)
        as_shape(as_written, StoredNodes, str(self.config_path), advice=PUT_BACK)
        try:
            check_config(config)
        except UserError as error:
            raise UserError(f"{self.config_path}: {error}") from error
        return config

    def parts(self) -> dict[str, str]:
        """The part (`train`, `val` or `test`) of each chip by its name; empty where there is no split yet.

        Raises:
            UserError: `split.csv` is no such table.
        """
        if not is_there(self.split_path):
            return {}
        table = read_csv(self.split_path, ["name", "part"], advice=PUT_BACK)
        for row in table.rows:
            if row.cells["part"] not in PARTS:
                expected = ", ".join(PARTS)
                found = f"the part is {row.cells['part']!r}"
                raise UserError(f"{self.split_path}: line {row.line}: {found}; expected {expected}. {PUT_BACK}")
        return {row.cells["name"]: row.cells["part"] for row in table.rows}

    @property
    def finished(self) -> bool:
        """Whether nothing is missing: its training came to its end, or a search ended it as hopeless."""
        return self.summary().get("status") in (RunStatus.FINISHED, RunStatus.PRUNED)

    def is_trained(self, checkpoint: str = "best") -> bool:
        """Whether its training came to its end and left a checkpoint.

        Args:
            checkpoint: `best` or `last`.
        """
        came_to_its_end = self.summary().get("status") == RunStatus.FINISHED
        return came_to_its_end and is_there(self.checkpoints / f"{checkpoint}.ckpt")

    def summary(self) -> dict[str, Any]:
        """The content of `summary.json`; empty where there is none yet.

        Raises:
            UserError: It is not JSON, not that of a run, or of a later version.
        """
        if not is_there(self.summary_path):
            return {}
        content = read_json(self.summary_path, dict[str, Any], advice=PUT_BACK)
        stored = as_shape(content, StoredSummary, str(self.summary_path), advice=PUT_BACK)
        if stored.format > SUMMARY_FORMAT:
            raise UserError(
                f"{self.summary_path} has format {stored.format}; this version reads up to {SUMMARY_FORMAT}. "
                "Update seep_lightning."
            )
        if stored.status in (RunStatus.FINISHED, RunStatus.PRUNED):
            as_shape(content, FinalSummary, str(self.summary_path), advice=PUT_BACK)
        return content

    def write_config(self, config: TrainConfig) -> None:
        """Store the resolved config; of several processes the first one does.

        Args:
            config: Of the run. What its command trusted is not stored.
        """
        if is_first_process():
            self.dir.mkdir(parents=True, exist_ok=True)
            stored = replace(config, trusted=[])
            write_text(self.config_path, OmegaConf.to_yaml(OmegaConf.structured(stored)))
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

    def _with_monitors_of_today(self, stored: Any) -> Any:
        """A stored config; where the figures of epochs have older names, its monitors as they are called today."""
        from seep_lightning.runs.older_names import are_older, with_monitors_of_today

        renamed = with_monitors_of_today(stored)
        if renamed == stored:
            return stored
        columns: list[str] = []
        # a damaged table is told where it is read
        with suppress(UserError):
            columns = read_text(self.metrics_path, largest=LARGEST_TABLE).partition("\n")[0].split(",")
        return renamed if are_older(columns) else stored

    def _missing_config(self) -> str:
        """The message for a folder that is no run, with a hint where it holds runs."""
        missing = "config.yaml" if self.dir.is_dir() else "such directory"
        message = f"run={self.dir}: there is no {missing}. Expected the directory of a run (outputs/<name>/<time>)."
        # times as names sort by age
        runs = sorted((str(run.relative_to(self.dir)) for run in runs_below(self.dir)), reverse=True)
        if runs:
            message += f" It holds runs: {shortened(runs)}."
        return message


def runs_below(folder: Path, depth: int = DEEPEST_RUN) -> Iterator[Path]:
    """The run directories below a folder, in no order. Links are not followed, and nothing is read.

    Args:
        folder: The folder, no run itself.
        depth: So many folders below each other are looked into.
    """
    subfolders: list[Path] = []
    # a folder that nobody may list holds no runs
    with suppress(OSError), os.scandir(folder) as entries:
        subfolders = [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    for subfolder in subfolders:
        if is_there(Run(subfolder).config_path):
            yield subfolder
        elif depth > 1:
            yield from runs_below(subfolder, depth - 1)


def is_first_process() -> bool:
    """Whether this is the one of several processes that writes and prints."""
    return all(os.environ.get(rank, "0") == "0" for rank in RANKS)


def open_run(path: str | Path, trusted: Sequence[str] = ()) -> Run:
    """The run in an existing directory.

    Args:
        path: The directory.
        trusted: Packages whose classes its config may name (docs/security.md).

    Raises:
        UserError: It is none of a run, or it names classes that nobody trusts.
    """
    run = Run(Path(path))
    # reading it tells what is wrong
    with trusting(trusted):
        _ = run.config
    return run
