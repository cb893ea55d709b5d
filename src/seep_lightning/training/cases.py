"""What one `seep train` has to do: start a run, resume one, leave a finished one alone, or test learning rates."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum, auto
from pathlib import Path
from shlex import quote

from omegaconf import DictConfig, OmegaConf

from seep_lightning.commands.composition import typed_config
from seep_lightning.commands.run_directories import job_id
from seep_lightning.config.training import TrainConfig
from seep_lightning.config.trust import names_in, trusting
from seep_lightning.errors import UserError
from seep_lightning.runs.directory import Run, is_first_process, open_run
from seep_lightning.runs.resume import covers, resumed_config, with_absolute_paths
from seep_lightning.runs.status import RunStatus
from seep_lightning.training.containment import check_contained
from seep_lightning.training.monitors import with_modes
from seep_lightning.training.stored_parts import check_stored_parts


class TrainingCase(Enum):
    """The four things that a training command may have to do."""

    START = auto()
    RESUME = auto()
    FINISHED_ALREADY = auto()
    RANGE_TEST = auto()


@dataclass(frozen=True)
class TrainingRequest:
    """What the command line asks for.

    Attributes:
        cfg: The composed config.
        overrides: The command line's overrides, without Hydra's own.
        directory: The run directory that Hydra made.
        is_multirun: Whether this is one job of a sweep.
    """

    cfg: DictConfig
    overrides: list[str]
    directory: Path
    is_multirun: bool


@dataclass(frozen=True)
class TrainingJob:
    """What is to be done, with which settings, in which run directory."""

    case: TrainingCase
    config: TrainConfig
    run: Run


@contextmanager
def trusting_own(cfg: DictConfig) -> Iterator[None]:
    """Trust what a command line names: `trusted=[...]`, and the classes that its own config has.

    Args:
        cfg: As composed, whose classes the stored config of the same run may name, too.
    """
    own = names_in(OmegaConf.to_container(cfg, resolve=False))
    with trusting(cfg.trusted, named=own):
        yield


def job_of(request: TrainingRequest) -> TrainingJob:
    """Decide what a request comes to.

    Args:
        request: What the command line asks for.

    Returns:
        The job.

    Raises:
        UserError: The run directory holds another run, or a run that was not meant.
    """
    if request.cfg.run is not None:
        return _job_of_named_run(request)
    config = with_modes(with_absolute_paths(typed_config(request.cfg)))
    if config.lr_find:
        return _range_test_job(config, request.directory)
    run = Run(request.directory)
    if _may_be_repeated(request, config):
        is_done = run.finished and covers(run, config)
    else:
        _check_holds_no_run(run)
        is_done = False
    return TrainingJob(_case(run, is_done), config, run)


def _may_be_repeated(request: TrainingRequest, config: TrainConfig) -> bool:
    """Whether the same command, given again, does what is still missing.

    So it is for a sweep with its folder, a cluster's job that was requeued, and `ckpt=last`.
    """
    is_job_of_cluster = job_id() is not None
    return request.is_multirun or is_job_of_cluster or config.ckpt == "last"


def _job_of_named_run(request: TrainingRequest) -> TrainingJob:
    """`run=DIR`: go on with a run, or leave it alone where nothing is to change."""
    cfg = request.cfg
    stored = open_run(str(cfg.run))
    is_its_own_directory = request.directory.resolve() == stored.dir.resolve()
    if request.is_multirun or not is_its_own_directory:
        raise UserError(
            f"run={cfg.run} goes on in its own directory: give one run at a time, without -m and without hydra.run.dir."
        )
    # which `data.root=` is checked against
    cfg.data.source = stored.config.data.source
    config = resumed_config(stored, typed_config(cfg), request.overrides)
    run = Run(request.directory)
    check_contained(run, config)
    is_unchanged = config == replace(stored.config, run=None, ckpt=None)
    # what a search ended as hopeless may be brought to its end
    came_to_its_end = stored.summary().get("status") == RunStatus.FINISHED
    is_done = is_unchanged and came_to_its_end and covers(run, config)
    if not is_done:
        check_stored_parts(run, config)
    return TrainingJob(_case(run, is_done), config, run)


def _range_test_job(config: TrainConfig, directory: Path) -> TrainingJob:
    run = Run(directory)
    if run.split_path.exists():
        raise UserError(f"lr_find=true trains nothing, but {directory} holds a run. Choose another directory.")
    return TrainingJob(TrainingCase.RANGE_TEST, config, run)


def _check_holds_no_run(run: Run) -> None:
    if run.config_path.exists() and is_first_process():
        resume = quote(f"run={run.dir}")
        raise UserError(f"{run.dir} holds a run already. Resume it with {resume}, or choose another directory.")


def _case(run: Run, is_done: bool) -> TrainingCase:
    if is_done:
        return TrainingCase.FINISHED_ALREADY
    return TrainingCase.RESUME if run.last.is_file() else TrainingCase.START
