"""A training is the same to the bit, wherever its chips are kept, and whichever start it is."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from seep_lightning.data.cache import last_set
from seep_lightning.training.session import train

LONG_AGO = 1.7e9

Compose = Callable[..., Any]


def weights(config: Any, out: Path) -> dict[str, torch.Tensor]:
    """Of the best checkpoint of a training in a process that has read no chips yet."""
    last_set.forget()
    content = torch.load(train(config, out).run.checkpoint("best"), weights_only=True)
    last_set.forget()
    state: dict[str, torch.Tensor] = content["state_dict"]
    return state


def test_chips_in_memory_in_a_file_or_decoded_at_each_use_train_the_same_network(
    compose_tiny: Compose, chips_root: Path, tmp_path: Path
) -> None:
    for path in chips_root.rglob("*"):
        # of files that changed a moment ago nothing is kept
        os.utime(path, (LONG_AGO, LONG_AGO))
    kept = tmp_path / "kept"
    ways = {
        "in memory": ["data.cache_folder=none"],
        "decoded at each use": ["data.cache_folder=none", "data.cache_gb=0"],
        "first start": [f"data.cache_folder={kept}"],
        "second start": [f"data.cache_folder={kept}"],
    }
    found = {way: weights(compose_tiny(*settings), tmp_path / way) for way, settings in ways.items()}
    assert list(kept.rglob("pixels-*.raw"))
    plain = found["in memory"]
    for way, other in found.items():
        assert other.keys() == plain.keys()
        assert all(torch.equal(other[name], value) for name, value in plain.items()), way
