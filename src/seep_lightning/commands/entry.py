"""The entry of every command: Hydra around a plain function; a user's mistake becomes one line and an exit code."""

import functools
import gc
import logging
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seep_lightning.commands.composition import register_schemas
from seep_lightning.commands.config_folder import conf_dir
from seep_lightning.commands.console import break_logs_for_terminal, prepare_console, tell
from seep_lightning.commands.failed_jobs import FailedJob, describe_failed_jobs, note_failed_job
from seep_lightning.commands.key_help import keys_help
from seep_lightning.commands.messages import error_message
from seep_lightning.commands.overrides import key_of, prepare_arguments
from seep_lightning.commands.own_configs import check_own_configs, check_settings_of_working_folder
from seep_lightning.commands.run_directories import check_folders_of_runs, claimed_directory, sweep_folder_name
from seep_lightning.commands.single_job import as_single_run
from seep_lightning.commands.sweep_progress import (
    HEAD_OF_FAILURE,
    Sweep,
    how_to_go_on,
    sweep_of_process,
    tell_starts_once,
)
from seep_lightning.commands.waiting_threads import let_threads_sleep
from seep_lightning.config.trust import Untrusted
from seep_lightning.errors import Interrupted, NoChips, Preempted, UserError, first_line
from seep_lightning.foreign_warnings import ignore_foreign_warnings
from seep_lightning.shortages import shortage_of
from seep_lightning.working_folder import hide_plugins_of_working_folder

log = logging.getLogger("seep_lightning")

# Hydra's variable: with 1, Hydra raises errors instead of printing them and exiting itself
FULL_ERROR = "HYDRA_FULL_ERROR"
# set if we set the variable above, not the user; child processes inherit both
SET_BY_US = "SEEP_LIGHTNING_RAISES"

# objects between two searches for garbage: imports make many and leave none, and with Python's 700 the searches are a
# tenth of them
OBJECTS_BETWEEN_COLLECTIONS = 5_000

Main = Callable[[DictConfig], Any]


class JobFailed(UserError):
    """An error that nobody foresaw ended a job of a sweep, or its whole process."""

    exit_code = 1


class LeavingHydra(BaseException):
    """Carries a user's mistake out of Hydra.

    It is no `Exception`: at one, Hydra would print lines of its own, and a sweep would go on.

    Attributes:
        error: The mistake.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


def run_command(command: str, main: Main, end_sweep: Callable[[Sweep], None] | None = None) -> None:
    """Run a command under Hydra, with `conf/<command>.yaml` and the process's command line.

    A user's mistake ends the process with one line and the error's exit code. With `HYDRA_FULL_ERROR=1` in the
    environment it is raised, with its traceback.

    Args:
        command: The verb, such as `train`.
        main: The command's own work, called with the composed config.
        end_sweep: Called after the jobs of a sweep, also where some of them failed.
    """
    # before anything imports torch
    let_threads_sleep()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    prepare_console()
    ignore_foreign_warnings()
    if command != "train":
        hide_plugins_of_working_folder()
    register_schemas()
    typed = sys.argv[1:]
    wants_traceback = os.environ.get(FULL_ERROR) == "1" and SET_BY_US not in os.environ
    if not wants_traceback:
        os.environ[FULL_ERROR] = "1"
        os.environ[SET_BY_US] = "1"
    sweep = uuid4().hex
    error = _run_under_hydra(command, main, sweep)
    this_sweep = sweep_of_process()
    if this_sweep is not None and isinstance(error, Interrupted):
        # the job said how it goes on alone
        error = _interruption_of_sweep(error, how_to_go_on(this_sweep, command, typed))
    elif this_sweep is not None and end_sweep is not None:
        error_at_end = _error_at_end(end_sweep, this_sweep)
        # why jobs failed is told first
        error = error_at_end if error is None else error
    _end_process(command, error, typed, sweep, wants_traceback=wants_traceback)


def _error_at_end(end_sweep: Callable[[Sweep], None], sweep: Sweep) -> Exception | None:
    """End a sweep; return the user's mistake that stopped it, or None. Other errors pass."""
    try:
        end_sweep(sweep)
    except KeyboardInterrupt:
        return Interrupted("stopped by Ctrl-C; all jobs have run")
    except Exception as error:
        if not _is_mistake(error):
            raise
        return error
    return None


def _end_process(
    command: str, error: Exception | None, typed: Sequence[str], sweep: str, *, wants_traceback: bool
) -> None:
    """End the process where a mistake ended the command: with its lines and exit code, or its traceback."""
    if error is None:
        return
    if wants_traceback and not isinstance(error, Interrupted):
        raise error
    message = error_message(error, command, sys.argv[1:])
    if isinstance(error, Untrusted):
        message += f" Then: {repeated_command(command, typed, error.package)}"
    lines = [message]
    if isinstance(error, UserError) and error.sweep_folder is not None:
        lines = describe_failed_jobs(Path(error.sweep_folder), sweep)
    tell_mistake(command, lines)
    exit_code = error.exit_code if isinstance(error, UserError) else UserError.exit_code
    sys.exit(exit_code)


def _interruption_of_sweep(error: Interrupted, advice: str) -> Interrupted:
    """The same kind of stop, with what to do about the whole sweep."""
    reason = "stopped by a signal" if isinstance(error, Preempted) else "stopped by Ctrl-C"
    return type(error)(f"{reason}; {advice}")


def tell_mistake(command: str, lines: Sequence[str]) -> None:
    """Print why a command ended.

    Args:
        command: The verb.
        lines: One line, or those of a failed sweep.
    """
    tell(f"seep {command}: {lines[0]}", file=sys.stderr)
    for line in lines[1:]:
        tell(line, file=sys.stderr)


def repeated_command(command: str, arguments: Sequence[str], package: str) -> str:
    """The command line that trusts a package, ready to be pasted."""
    kept = [argument for argument in arguments if not argument.startswith("trusted=")]
    before = [argument.removeprefix("trusted=").strip("[]'") for argument in arguments if argument not in kept]
    packages = ",".join([*filter(None, before), package])
    return shlex.join(["python", "-m", f"seep_lightning.{command}", *kept, f"trusted=[{packages}]"])


def _run_under_hydra(command: str, main: Main, sweep: str) -> Exception | None:
    """Run a command; return the user's mistake that ended it, or None. Other errors pass."""
    try:
        check_settings_of_working_folder()
        sys.argv[1:] = prepare_arguments(sys.argv[1:])
        if command == "train":
            check_folders_of_runs(sys.argv[1:])
        check_own_configs(sys.argv[1:])
        under_hydra = hydra.main(config_path=str(conf_dir()), config_name=command, version_base="1.3")
        under_hydra(_job(main, command, sweep))()
    except KeyboardInterrupt:
        return Interrupted("stopped by Ctrl-C")
    except LeavingHydra as leaving:
        return leaving.error
    except Exception as error:
        if isinstance(error, HydraException) or _is_mistake(error):
            return error
        if not isinstance(error, ValueError | RuntimeError):
            raise
        return _mistake_behind(error)
    return None


def _mistake_behind(error: ValueError | RuntimeError) -> Exception:
    """The user's mistake for which Hydra raises a plain Python error; the error is raised if there is none."""
    if isinstance(error.__cause__, OSError):
        # the log file cannot be written
        return error.__cause__
    if isinstance(error, BrokenExecutor):
        return JobFailed(
            "a process of the launcher was killed, as the system does when memory runs out, and all jobs with it. "
            "Lower hydra.launcher.n_jobs or data.batch_size, and give the same command with its hydra.sweep.dir: "
            "the jobs go on where they were."
        )
    if "Config group override" in str(error):
        return UserError(
            "a group of configs cannot be null; it takes the name of one of its files, "
            "such as scheduler=none or logger=default. --help lists them."
        )
    if str(error).startswith("Invalid plugin"):
        return UserError(
            f"{error}. Hydra takes sweepers and launchers only from folders named hydra_plugins: see docs/extending.md."
        )
    raise error


def _job(main: Main, command: str, sweep: str) -> Main:
    """A command's work as Hydra's job: a user's mistake ends the command, or is logged if there are other jobs."""
    # a launcher's process gets these along; its own are others
    arguments = sys.argv[1:]

    @functools.wraps(main)
    def job(cfg: DictConfig) -> Any:
        has_other_jobs = HydraConfig.get().mode == RunMode.MULTIRUN
        # Hydra has set up the logs of this job
        break_logs_for_terminal()
        if has_other_jobs:
            tell_starts_once()
        try:
            with as_single_run(command, arguments):
                return main(cfg)
        except Interrupted as error:
            raise LeavingHydra(error) from error
        except Exception as error:
            is_mistake = _is_mistake(error)
            if is_mistake and (not has_other_jobs or _fails_all_jobs(error, arguments)):
                raise LeavingHydra(error) from error
            if not has_other_jobs:
                raise
            if not is_mistake:
                log.exception("nobody foresaw this error")
            failure = _failure_of_job(error, command, sweep)
        # Outside of the handlers: a launcher keeps the error, and with the first one the memory of the job.
        raise failure

    return job


def _fails_all_jobs(error: Exception, arguments: Sequence[str]) -> bool:
    """Whether the other jobs of a sweep would fail for the same reason: there are no chips where all look for them.

    Args:
        error: Why one job failed.
        arguments: The command line of the sweep.
    """
    if not isinstance(error, NoChips):
        return False
    of_data = [override for override in HydraConfig.get().overrides.task if key_of(override).startswith("data")]
    return all(override in arguments for override in of_data)


def _is_mistake(error: Exception) -> bool:
    """Whether a person can put an error right: in the input, on the disk, or with more of a resource."""
    return isinstance(error, UserError | OSError | OmegaConfBaseException) or shortage_of(error) is not None


def _failure_of_job(error: Exception, command: str, sweep: str) -> UserError:
    """Log and note why a job of a sweep failed; return an error that says so and passes from process to process."""
    unforeseen = f"{type(error).__name__}: {first_line(error)}"
    reason = error_message(error, command) if _is_mistake(error) else unforeseen
    log.error("%s%s", HEAD_OF_FAILURE, reason)
    config = HydraConfig.get()
    folder = Path(config.sweep.dir).absolute()
    note_failed_job(folder, FailedJob(sweep, config.runtime.output_dir, reason))
    kind = type(error) if isinstance(error, UserError) else JobFailed
    failure = kind(reason)
    failure.sweep_folder = str(folder)
    return failure


# when the module is imported, because launchers' processes import it; cached, so that all of a sweep has one time
OmegaConf.register_new_resolver("seep_dir", claimed_directory, replace=True, use_cache=True)
OmegaConf.register_new_resolver("seep_keys", keys_help, replace=True)
OmegaConf.register_new_resolver("seep_subdir", sweep_folder_name, replace=True)
