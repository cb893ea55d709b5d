"""What a run that goes on may change: nothing but the trainer, where things lie, and the logger."""

from dataclasses import asdict, replace
from typing import Any

from omegaconf import DictConfig

from seep_lightning.config import TrainConfig, TrainerConfig
from seep_lightning.door import typed
from seep_lightning.errors import UserError
from seep_lightning.run import WEIGHTS, Run, absolute, open_run

# what `trainer=` is about
HARDWARE = ("accelerator", "devices", "strategy", "precision", "benchmark", "sync_batchnorm")
MAY_CHANGE = ("run", "ckpt", "trainer", "logger", "data.root", "data.num_workers", "data.cache_gb", "compile", "hydra")
ONLY = "Only trainer.*, paths, compile and the logger may change on resume; start a new run from its weights with init"


def check_same(run: Run, cfg: TrainConfig) -> None:
    """Raise `UserError` where `cfg` differs from the run's own config in more than may change on resume."""
    stored, given = flatten(asdict(run.config)), flatten(asdict(cfg))
    for key in sorted(stored.keys() | given.keys()):
        was, now = stored.get(key), given.get(key)
        if was != now and not key.startswith(MAY_CHANGE):
            raise UserError(f"run={run.dir} was started with {key}={was}, not {now}. {ONLY}=DIR.")


def with_absolute_paths(cfg: TrainConfig) -> TrainConfig:
    """The config with paths that hold from any folder, since later commands read it from elsewhere."""
    data, split = replace(cfg.data, root=absolute(cfg.data.root)), replace(cfg.split, path=absolute(cfg.split.path))
    return replace(cfg, data=data, split=split, init=cfg.init if cfg.init in WEIGHTS else absolute(cfg.init))


def resumed_config(composed: DictConfig, overrides: list[str]) -> TrainConfig:
    """The stored config of the run, with what may change on resume put on top; `UserError` for anything else."""
    config, new = open_run(composed.run).config, typed(composed)
    keys = [o.lstrip("+~").partition("=")[0] for o in overrides]
    for key in keys:
        if not key.startswith(MAY_CHANGE):
            raise UserError(f"{key} cannot change on resume: the run keeps its own config. {ONLY}={composed.run}.")
    default = TrainerConfig()
    for name, value in vars(new.trainer).items():
        chosen = "trainer" in keys and (name in HARDWARE or value != getattr(default, name))
        if chosen or f"trainer.{name}" in keys:
            setattr(config.trainer, name, value)
    for name in {key.removeprefix("data.") for key in keys if key.startswith("data.")}:
        setattr(config.data, name, getattr(new.data, name))
    for name in {"compile", "logger"} & {key.split(".")[0] for key in keys}:
        setattr(config, name, getattr(new, name))
    config.run = config.ckpt = None
    return config


def flatten(node: Any, prefix: str = "") -> dict[str, Any]:
    """Nested dictionaries as one, keys joined by dots."""
    if not isinstance(node, dict):
        return {prefix: node}
    return {k: v for n, sub in node.items() for k, v in flatten(sub, f"{prefix}.{n}" if prefix else n).items()}
