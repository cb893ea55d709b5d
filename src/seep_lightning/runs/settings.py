"""A config as flat settings, and those of them that a comparison of runs is about."""

from collections.abc import Mapping
from dataclasses import is_dataclass
from functools import cache
from typing import Any

from seep_lightning.config.training import TrainConfig

# Beginnings of keys. What says where things lie:
_PLACES = (
    "name",
    "run",
    "ckpt",
    "data.root",
    "data.images",
    "data.masks",
    "data.image_suffix",
    "data.mask_suffix",
    "data.pairs",
    "data.grid",
    "data.pattern",
)
# What only watches a training:
_OBSERVATION = ("logger", "callbacks", "figures", "metrics", "panels", "progress", "checkpoint_every")
# What is done after it, or how fast it runs:
_SPEED = (
    "compile",
    "cuda_graphs",
    "channels_last",
    "data.num_workers",
    "trainer.accelerator",
    "trainer.enable_model_summary",
    "trainer.enable_progress_bar",
)
NOT_COMPARED = (*_PLACES, *_OBSERVATION, *_SPEED, "test", "trusted")
# Sections with so many defaults that these are left out ...
_MOSTLY_DEFAULTS = ("trainer.", "data.")
# ... but for the settings that are often varied.
OFTEN_SWEPT = ("data.batch_size", "trainer.max_epochs", "trainer.precision", "trainer.gradient_clip_val")


def settings_of(config: TrainConfig) -> dict[str, Any]:
    """The settings that a comparison of runs is about.

    Args:
        config: Of a run.

    Returns:
        Values by dotted key: not where things lie, nor the many defaults of Trainer and data.
    """
    return compared(flatten(config))


def compared(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a run's settings that a comparison is about; see `settings_of`.

    Args:
        settings: All of them, by dotted key.
    """
    usual = default_settings()
    kept: dict[str, Any] = {}
    for key, value in settings.items():
        if key.startswith(NOT_COMPARED):
            continue
        is_usual = key.startswith(_MOSTLY_DEFAULTS) and key in usual and value == usual[key]
        if not is_usual or key.startswith(OFTEN_SWEPT):
            kept[key] = value
    return kept


@cache
def default_settings() -> Mapping[str, Any]:
    """The defaults of all settings that have one, by dotted key."""
    return flatten(TrainConfig())


def flatten(node: Any, prefix: str = "") -> dict[str, Any]:
    """Nested dictionaries and dataclasses as one dictionary.

    Args:
        node: A dictionary, a dataclass, or a value.
        prefix: The key of this node.

    Returns:
        Values by keys that are joined by dots.
    """
    items = vars(node) if is_dataclass(node) else node
    if not isinstance(items, dict):
        return {prefix: node}
    flat: dict[str, Any] = {}
    for key, value in items.items():
        dotted = f"{prefix}.{key}" if prefix else str(key)
        flat.update(flatten(value, dotted))
    return flat
