"""One job of a command: while it runs, the process looks as if it ran this job alone.

DDP starts its other processes from this process's command line, module and Hydra config.
"""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import read_write

from seep_lightning import compat
from seep_lightning.commands.path_keys import CONFIG_FOLDER_FLAGS

# overrides of Hydra that concern the whole sweep, not one of its jobs
SWEEP_KEYS = re.compile(r"hydra(\.(run|sweep|mode|launcher|job\.config)|/(launcher|sweeper))")
DDP_VARIABLES = {"LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"}


@contextmanager
def as_single_run(command: str, arguments: list[str]) -> Iterator[None]:
    """While a job runs, give the process the command line and the Hydra config of this job alone.

    Inside a multirun, DDP's other processes would otherwise each run the whole sweep again, and a random sampler would
    give them other parameters. What DDP leaves behind is cleared away for the next job.

    Args:
        command: The verb, whose module DDP's processes run.
        arguments: The command line of the whole sweep.
    """
    hydra_config: Any = HydraConfig.get()
    program = sys.modules["__main__"]
    arguments_before = sys.argv[1:]
    spec_before = program.__spec__
    variables_before = set(os.environ)
    with read_write(hydra_config):
        hydra_config.run.dir = hydra_config.runtime.output_dir
    sys.argv[1:] = _arguments_of_job(hydra_config, arguments)
    # in a process of a launcher, the module is the launcher's
    program.__spec__ = find_spec(f"seep_lightning.{command}")
    try:
        yield
    except BaseException:
        compat.end_lightnings_processes()
        raise
    finally:
        sys.argv[1:] = arguments_before
        program.__spec__ = spec_before
        _leave_process_group(variables_before)


def _arguments_of_job(hydra_config: Any, arguments: list[str]) -> list[str]:
    """The command line that runs one job of a sweep alone, with the folders of configs that the user named."""
    folders = []
    for before, argument in pairwise(["", *arguments]):
        if before in CONFIG_FOLDER_FLAGS or argument.startswith(CONFIG_FOLDER_FLAGS):
            folders.append(argument)
    overrides = [override for override in hydra_config.overrides.task if not override.startswith("sweep=")]
    of_hydra = [override for override in hydra_config.overrides.hydra if not SWEEP_KEYS.match(override)]
    return [*folders, *overrides, *of_hydra]


def _leave_process_group(variables_before: set[str]) -> None:
    """Clear away what DDP leaves behind in the environment and in torch."""
    for name in DDP_VARIABLES - variables_before:
        os.environ.pop(name, None)
    # if it is not imported, there is no group
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()
