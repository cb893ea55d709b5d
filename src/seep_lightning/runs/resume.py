"""What may change when a run is resumed, and whether a finished run covers what is asked for."""

from copy import deepcopy
from dataclasses import asdict, replace

from seep_lightning.config.training import TrainConfig, TrainerConfig
from seep_lightning.errors import UserError
from seep_lightning.files import absolute
from seep_lightning.runs.directory import Run
from seep_lightning.runs.settings import flatten
from seep_lightning.runs.weights import SHIPPED_NETWORKS

# what `trainer=` is about
HARDWARE = ("accelerator", "devices", "strategy", "precision", "benchmark", "sync_batchnorm")
# leave the training what it is
BESIDE = ("compile", "cuda_graphs", "channels_last", "logger", "panels", "test", "figures", "metrics")
# of `trainer`, on which the outcome of a finished run depends beside its length in epochs
_LENGTH = ("min_epochs", "max_steps", "min_steps", "max_time", "limit_train_batches", "limit_val_batches")
_STEP = ("accumulate_grad_batches", "gradient_clip_val", "gradient_clip_algorithm")
OUTCOME = (*_LENGTH, *_STEP, "val_check_interval", "check_val_every_n_epoch")
MAY_CHANGE = (*BESIDE, "run", "ckpt", "trainer", "data.root", "data.num_workers", "data.cache_gb", "hydra")
ONLY = "Only trainer.*, paths, compile and the like may change on resume; start a new run from its weights with init"


def covers(run: Run, cfg: TrainConfig) -> bool:
    """Whether a run has all the epochs of `cfg`, on data at the same place; `UserError` where it is another run."""
    check_same_config(run, cfg)
    was, now = run.config.trainer, cfg.trainer
    for key in OUTCOME:
        if (before := getattr(was, key)) != (given := getattr(now, key)):
            said = f"{run.dir} is finished, with trainer.{key}={before}, not {given}"
            raise UserError(f"{said}. Choose another folder.")
    enough = 0 <= now.max_epochs <= was.max_epochs or was.max_epochs < 0  # -1: endless
    return enough and run.config.data.root == cfg.data.root


def check_same_config(run: Run, cfg: TrainConfig) -> None:
    """Raise `UserError` where `cfg` differs from the run's own config in more than may change on resume."""
    stored, given = flatten(asdict(run.config)), flatten(asdict(cfg))
    for key in sorted(stored.keys() | given.keys()):
        was, now = stored.get(key), given.get(key)
        if was != now and not key.startswith(MAY_CHANGE):
            raise UserError(f"run={run.dir} was started with {key}={was}, not {now}. {ONLY}=DIR.")


def with_absolute_paths(cfg: TrainConfig) -> TrainConfig:
    """The config with paths that hold from any folder, since later commands read it from elsewhere."""
    data, split = replace(cfg.data, root=absolute(cfg.data.root)), replace(cfg.split, path=absolute(cfg.split.path))
    return replace(cfg, data=data, split=split, init=cfg.init if cfg.init in SHIPPED_NETWORKS else absolute(cfg.init))


def resumed_config(run: Run, new: TrainConfig, overrides: list[str]) -> TrainConfig:
    """The stored config of a run, with what may change on resume put on top; `UserError` for all else."""
    config = deepcopy(run.config)
    keys = [o.lstrip("+~").partition("=")[0] for o in overrides]
    for key in keys:
        if not key.startswith(MAY_CHANGE):
            raise UserError(f"{key} cannot change on resume: the run keeps its own config. {ONLY}={run.dir}.")
    default = TrainerConfig()
    for name, value in vars(new.trainer).items():
        chosen = "trainer" in keys and (name in HARDWARE or value != getattr(default, name))
        if chosen or f"trainer.{name}" in keys:
            setattr(config.trainer, name, value)
    for name in {key.removeprefix("data.") for key in keys if key.startswith("data.")}:
        setattr(config.data, name, getattr(new.data, name))
    for name in set(BESIDE) & {key.split(".")[0] for key in keys}:
        setattr(config, name, getattr(new, name))
    config.run = config.ckpt = None
    return config
