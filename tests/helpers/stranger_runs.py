"""Run directories, checkpoints and exported files as a stranger may have made them."""

import shutil
from pathlib import Path
from typing import Any

import torch
import yaml

PLANTED = """
from pathlib import Path

import torch

Path(__file__).with_name("IMPORTED").write_text("our code ran")


class Net(torch.nn.Conv2d):
    def __init__(self):
        super().__init__(1, 1, 1)
"""


def plant_module(folder: Path, name: str = "stranger/evil.py") -> Path:
    """Write a module that leaves a file when it is imported; return that file's path, which is not there yet."""
    module = folder / name
    module.parent.mkdir(parents=True, exist_ok=True)
    module.write_text(PLANTED)
    return module.with_name("IMPORTED")


def copied_run(run: Path, copy: Path) -> Path:
    """A copy of a run that a test may change."""
    shutil.copytree(run, copy)
    return copy


def change_config(run: Path, **changes: Any) -> None:
    """Write other values into a run's config; a dotted key with `__` in the place of each dot."""
    path = run / "config.yaml"
    stored = yaml.safe_load(path.read_text())
    _set_all(stored, changes)
    path.write_text(yaml.safe_dump(stored))


def change_checkpoints(run: Path, **changes: Any) -> None:
    """Write other hyper-parameters into a run's checkpoints."""
    for path in sorted((run / "checkpoints").glob("*.ckpt")):
        change_checkpoint(path, **changes)


def change_checkpoint(path: Path, **changes: Any) -> None:
    """Write other hyper-parameters into a checkpoint or an exported file."""
    content = torch.load(path, weights_only=True)
    _set_all(content["hyper_parameters"], changes)
    torch.save(content, path)


def _set_all(stored: dict[str, Any], changes: dict[str, Any]) -> None:
    """Set values by their keys."""
    for key, value in changes.items():
        *parents, name = key.split("__")
        node = stored
        for parent in parents:
            node = node[parent]
        node[name] = value
