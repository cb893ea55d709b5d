"""The door of every command: Hydra around a plain function. Errors become one line and an exit code outside of it."""

import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import read_write

SWEEP_KEYS = re.compile(r"hydra(\.(run|sweep|mode|launcher|job\.config)|/(launcher|sweeper))")
FOLDERS = ("--config-dir", "-cd", "--config-path", "-cp")  # flags of Hydra after which a path follows
DDP_VARIABLES = {"LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"}


@contextmanager
def as_single_run(command: str, arguments: list[str]) -> Iterator[None]:
    """While a job runs, the program and Hydra's config are those of this job alone, in its own directory.

    DDP starts its other processes from them: inside a multirun they would each run the whole sweep again, and a random
    sampler would give them other parameters. What DDP leaves behind is cleared away for the next job.
    """
    hydra_cfg: Any = HydraConfig.get()
    main, given = sys.modules["__main__"], set(os.environ)
    before = sys.argv[1:], main.__spec__
    extra = [b for a, b in pairwise(["", *arguments]) if b.startswith(FOLDERS) or a in FOLDERS]
    kept = [o for o in hydra_cfg.overrides.hydra if not SWEEP_KEYS.match(o)]
    with read_write(hydra_cfg):
        hydra_cfg.run.dir = hydra_cfg.runtime.output_dir
    sys.argv[1:] = [*extra, *(o for o in hydra_cfg.overrides.task if not o.startswith("sweep=")), *kept]
    main.__spec__ = find_spec(f"seep_lightning.{command}")  # in a launcher's process it is the launcher's
    try:
        yield
    except BaseException:
        end_processes()
        raise
    finally:
        sys.argv[1:], main.__spec__ = before
        for key in DDP_VARIABLES - given:
            os.environ.pop(key, None)
        distributed = sys.modules.get("torch.distributed")
        if distributed is not None and distributed.is_available() and distributed.is_initialized():
            distributed.destroy_process_group()


def end_processes() -> None:
    """End what DDP started for a job that failed. Lightning's thread that looks after these processes would find them
    failed, and kill this one as well, with the jobs that come next."""
    for thread in threading.enumerate():
        if thread.name == "child-process-observer":
            observer: Any = thread
            processes, observer._child_processes = observer._child_processes, []  # nothing to look after: it ends
            for process in processes:
                process.kill()
                process.wait()
