"""The run directory: the contract between all commands. Its paths, config, summary; what may change on resume."""

import subprocess
from pathlib import Path
from typing import Any

# what the figures depend on
PACKAGES = ("seep_lightning", "torch", "lightning", "torchmetrics", "albumentations", "opencv-python", "numpy")


def git_state() -> dict[str, Any] | None:
    """Commit of the checkout that this code runs from, and whether it was changed since; None outside a checkout."""
    here = Path(__file__).resolve().parents[3]
    if not (here / "pyproject.toml").is_file():
        return None
    command = ["git", "-C", str(here), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
    return {"commit": found.removesuffix("-dirty"), "dirty": found.endswith("-dirty")}
