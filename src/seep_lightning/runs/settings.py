"""The run directory: the contract between all commands. Its paths, config, summary; what may change on resume."""

from dataclasses import asdict
from typing import Any

from seep_lightning.config.training import TrainConfig

# what says nothing about a result, in a comparison; and what is always said of trainer and data, default or not
_WHERE = (
    "name",
    "run",
    "ckpt",
    "data.root",
    "data.images",
    "data.masks",
    "data.grid",
    "data.pattern",
    "logger",
    "callbacks",
    "figures",
    "metrics",
)
NO_SETTINGS = (*_WHERE, "test", "panels", "checkpoint_every", "compile", "cuda_graphs", "channels_last")
OFTEN_SWEPT = ("data.batch_size", "trainer.max_epochs", "trainer.precision", "trainer.gradient_clip_val")


def settings_of(cfg: TrainConfig) -> dict[str, Any]:
    """The settings that a comparison of runs is about, flat: not where things lie, nor the Trainer's many defaults."""
    flat = flatten(asdict(cfg))
    usual = {k: v for k, v in flatten(asdict(TrainConfig())).items() if k.startswith(("trainer.", "data."))}
    told = {k for k, v in flat.items() if k.startswith(OFTEN_SWEPT) or k not in usual or v != usual[k]}
    return {k: v for k, v in flat.items() if k in told and not k.startswith(NO_SETTINGS)}


def flatten(node: Any, prefix: str = "") -> dict[str, Any]:
    """Nested dictionaries as one, keys joined by dots."""
    if not isinstance(node, dict):
        return {prefix: node}
    return {k: v for n, sub in node.items() for k, v in flatten(sub, f"{prefix}.{n}" if prefix else n).items()}
