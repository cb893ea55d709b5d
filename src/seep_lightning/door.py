"""The door of every command: Hydra around a plain function. Errors become one line and an exit code outside of it."""

import functools
import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from difflib import get_close_matches
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, read_write
from omegaconf.errors import OmegaConfBaseException

from seep_lightning import config
from seep_lightning.errors import Interrupted, UserError
from seep_lightning.run import open_run

log = logging.getLogger("seep_lightning")

PATH_KEYS = {"run", "init", "input", "output", "area", "land", "runs", "scenes", "labels", "csv"}
PATH_KEYS |= {"data.root", "split.path", "hydra.run.dir", "hydra.sweep.dir"}
SWEEP_KEYS = re.compile(r"hydra(\.(run|sweep|mode|launcher|job\.config)|/(launcher|sweeper))")
FOLDERS = ("--config-dir", "-cd", "--config-path", "-cp")  # flags of Hydra after which a path follows
DDP_VARIABLES = {"LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"}
FULL_ERROR = "HYDRA_FULL_ERROR"
# set where HYDRA_FULL_ERROR was set by a door, not by the user; child processes inherit both
OURS = "SEEP_LIGHTNING_DOOR"


def conf_dir() -> Path:
    """Where `conf/` is: inside the installed package, else at the top of the checkout."""
    package = Path(__file__).resolve().parent
    shipped = package / "conf"
    return shipped if shipped.is_dir() else package.parents[1] / "conf"


def register_schemas() -> None:
    """Make `TrainConfig` and its like known to Hydra as `train_schema`, which `conf/train.yaml` starts from."""
    # at each question about groups, a hundred for --help, Hydra copies its one store; what it loads it copies once more
    setattr(ConfigStore, "__deepcopy__", lambda store, _: store)  # noqa: B010
    for name, schema in vars(config).items():
        if name.endswith("Config"):
            ConfigStore.instance().store(name=f"{name.removesuffix('Config').lower()}_schema", node=schema)


def compose(command: str = "train", overrides: list[str] | None = None) -> Any:
    """The typed config of a command, for notebooks and tests; `UserError` or Hydra's own for what does not fit."""
    register_schemas()
    with hydra.initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return typed(hydra.compose(command, [_quote(o, multirun=False) for o in overrides or []]))


def typed(cfg: DictConfig) -> Any:
    """A composed config as its dataclass, checked across fields (Hydra does not run `__post_init__`)."""
    if missing := sorted(OmegaConf.missing_keys(cfg)):
        raise UserError(f"{missing[0]} is not set. Pass {'=... '.join(missing)}=... on the command line.")
    settings = OmegaConf.to_object(cfg)
    config.check(settings)
    return settings


class Stop(BaseException):
    """A `UserError` on its way out: no `Exception`, at which Hydra would print lines of its own, and a sweep go on."""


def open_door(command: str, task: Callable[[DictConfig], Any]) -> None:
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
    print(f"seep {command}: {explain(error, command)}", file=sys.stderr)
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
            log.error("this job failed: %s", explain(error, command))
            raise

    return job


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


def prepare_arguments(arguments: list[str]) -> list[str]:
    """Quote values of path-valued keys, and tell Hydra which overrides are the same in every job of a multirun."""
    multirun = bool({"-m", "--multirun"} & set(arguments)) or any(a.startswith("sweep=") for a in arguments)
    quoted = [_quote(a, multirun=multirun) for a in arguments]
    if not multirun:
        return quoted
    overrides = [a for before, a in pairwise(["", *quoted]) if "=" in a and a[0] != "-" and before not in FOLDERS]
    given = OverridesParser.create().parse_overrides(overrides)
    fixed = [o.key_or_group for o in given if not o.is_sweep_override()]
    names = ",".join(f"'{key}'" for key in fixed if not key.startswith("hydra."))
    end = 1 + max(i for i, a in enumerate(quoted) if "=" in a or a in ("-m", "--multirun"))  # `--cfg job` may follow
    return [*quoted[:end], f"hydra.job.config.override_dirname.exclude_keys=[{names}]", *quoted[end:]]


def _quote(argument: str, *, multirun: bool) -> str:
    """Wrap a path in quotes: `=`, brackets, commas and blanks in it mean something to Hydra's grammar."""
    key, separator, value = argument.partition("=")
    plain = value.lower() in ("", "null") or value[0] in "'\"[" or value.startswith("${") or (multirun and "," in value)
    if key.lstrip("+") not in PATH_KEYS or not separator or plain:
        return argument
    return f"{key}={quoted(value)}"


def quoted(value: str) -> str:
    """A value that Hydra's grammar takes as it is."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def run_dir(run: str | None, ckpt: str | None, name: str) -> str:
    """Where a run lives: the one that is resumed, else `outputs/<name>/<time or job>`. A resolver for `conf/`."""
    if run:
        return str(open_run(run).dir)  # looked for before Hydra makes it
    home = Path("outputs") / name
    if ckpt == "last" and (found := list(home.glob("*/checkpoints/last.ckpt"))):
        return str(max(found, key=lambda last: last.stat().st_mtime_ns).parents[1])
    if job_id() is None and "TORCHELASTIC_RUN_ID" in os.environ and os.environ.get("WORLD_SIZE") != "1":
        raise UserError(
            "torchrun gave this job no name, so its processes cannot agree on a directory. "
            "Pass torchrun --standalone (one machine) or --rdzv-id=NAME, or set hydra.run.dir=DIR."
        )
    return str(home / (job_id() or datetime.now().strftime("%Y-%m-%d_%H-%M-%S-%f")[:-3]))


def job_id() -> str | None:
    """What SLURM or torchrun calls this job, on all ranks and when requeued; None in interactive SLURM, and else."""
    if "SLURM_JOB_ID" in os.environ and os.environ.get("SLURM_JOB_NAME") not in ("bash", "interactive"):
        return os.environ["SLURM_JOB_ID"]
    name = os.environ.get("TORCHELASTIC_RUN_ID", "none")
    return None if name == "none" else name


def sweep_subdir(overrides: str) -> str:
    """`optimizer.lr-0.001;seed-1` to `lr-0.001_seed-1`: no `=`, comma or bracket, which Hydra's grammar reserves."""
    parts = [re.sub(r"^([\w@/]+\.)+(?=\w+-)", "", part) for part in overrides.split(";")]
    return "_".join(re.sub(r"-?[^\w.+-]+", "-", part).strip("-") for part in parts) or "0"


# where the module is imported, for launchers' processes; cached, so that a sweep has one time
OmegaConf.register_new_resolver("seep_dir", run_dir, replace=True, use_cache=True)
OmegaConf.register_new_resolver("seep_subdir", sweep_subdir, replace=True)


def explain(error: Exception, command: str) -> str:
    """One message for an error of ours, Hydra's or OmegaConf's; with the nearest known key for a misspelt one."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError) and not isinstance(error, HydraException):
        return f"{error}. Is there such a place, is there room, and may you write there?"
    if "UserError raised while resolving interpolation: " in str(error):
        return str(error).partition("interpolation: ")[2].splitlines()[0]
    cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else None
    lines = [line.strip() for e in (error, cause) if e is not None for line in str(e).splitlines()]
    noise = ("object_type=", "full_key:", "reference_type=", "To append to your config use", "Set the environment")
    text = " ".join(line for line in dict.fromkeys(lines) if line and not line.startswith(noise))
    return text + _nearest_key(text, command)


def _nearest_key(text: str, command: str) -> str:
    match = re.search(r"Could not override '([^']+)'", text)
    if match is None or match[1].startswith("hydra."):
        return ""
    *parents, name = match[1].split(".")
    try:
        GlobalHydra.instance().clear()
        with hydra.initialize_config_dir(str(conf_dir()), version_base="1.3"):
            cfg = hydra.compose(command)
        while parents and not isinstance(OmegaConf.select(cfg, ".".join(parents)), DictConfig):
            *parents, name = parents  # trainerr.max_epochs: it is the group that is misspelt
        parent = ".".join(parents)
        known = [str(k) for k in OmegaConf.select(cfg, parent) if not str(k).startswith("_")]
    except (HydraException, OmegaConfBaseException):
        return ""
    near = get_close_matches(name, known, 1)
    hint = f" Did you mean {'.'.join([*parents, near[0]])}?" if near else ""
    return f"{hint} Keys{f' of {parent}' if parent else ''}: {', '.join(known)}."
