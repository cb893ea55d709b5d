"""The door of every command: Hydra around a plain function. Errors become one line and an exit code outside of it."""

import functools
import logging
import os
import sys
from collections.abc import Callable
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seep_lightning.commands.composition import conf_dir, register_schemas
from seep_lightning.commands.messages import error_message
from seep_lightning.commands.overrides import prepare_arguments
from seep_lightning.commands.run_directories import run_directory, sweep_folder_name
from seep_lightning.commands.single_job import as_single_run
from seep_lightning.errors import Interrupted, UserError

log = logging.getLogger("seep_lightning")
FULL_ERROR = "HYDRA_FULL_ERROR"
# set where HYDRA_FULL_ERROR was set by a door, not by the user; child processes inherit both
OURS = "SEEP_LIGHTNING_RAISES"


class Stop(BaseException):
    """A `UserError` on its way out: no `Exception`, at which Hydra would print lines of its own, and a sweep go on."""


def run_command(command: str, task: Callable[[DictConfig], Any]) -> None:
    """Run `task` under Hydra with `conf/<command>.yaml` and the command line; exit with 2 on a user's mistake."""
    register_schemas()
    wants_traceback = os.environ.get(FULL_ERROR) == "1" and OURS not in os.environ
    if not wants_traceback:  # with it, Hydra raises instead of printing and exiting itself
        os.environ[FULL_ERROR] = os.environ[OURS] = "1"
    try:
        sys.argv[1:] = prepare_arguments(sys.argv[1:])
        hydra.main(config_path=str(conf_dir()), config_name=command, version_base="1.3")(_job(task, command))()
        return
    except KeyboardInterrupt:
        error: Exception = Interrupted("stopped by Ctrl-C")
    except Stop as stop:
        error = stop.args[0]
    except (UserError, HydraException, OmegaConfBaseException, OSError) as found:
        error = found
    except ValueError as found:
        said = "a group of configs cannot be null; it takes the name of one of its files"
        if isinstance(found.__cause__, OSError):  # the log file
            error = found.__cause__
        elif "Config group override" in str(found):
            error = UserError(f"{said}, such as scheduler=none or logger=default. --help lists them.")
        else:
            raise
    if wants_traceback and not isinstance(error, Interrupted):
        raise error
    print(f"seep {command}: {error_message(error, command)}", file=sys.stderr)
    sys.exit(error.exit_code if isinstance(error, UserError) else UserError.exit_code)


def _job(task: Callable[[DictConfig], Any], command: str) -> Callable[[DictConfig], Any]:
    """The task, with a user's mistake, or what a disk refuses, as `Stop`; in a multirun it is logged, and the launcher
    goes on with others."""
    arguments = sys.argv[1:]  # goes along into a launcher's process, where it is another one

    @functools.wraps(task)
    def job(cfg: DictConfig) -> Any:
        try:
            with as_single_run(command, arguments):
                return task(cfg)
        except (UserError, OSError) as error:
            if isinstance(error, Interrupted) or HydraConfig.get().mode != RunMode.MULTIRUN:
                raise Stop(error) from error
            log.error("this job failed: %s", error_message(error, command))
            raise

    return job


# where the module is imported, for launchers' processes; cached, so that a sweep has one time
OmegaConf.register_new_resolver("seep_dir", run_directory, replace=True, use_cache=True)
OmegaConf.register_new_resolver("seep_subdir", sweep_folder_name, replace=True)
