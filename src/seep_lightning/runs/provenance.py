"""Where figures come from: versions of packages, and the commit of this checkout."""

import subprocess
from pathlib import Path
from typing import Any

# What the figures depend on.
PACKAGES = ("seep_lightning", "torch", "lightning", "torchmetrics", "albumentations", "opencv-python", "numpy")
DIRTY_MARK = "-dirty"


def git_state() -> dict[str, Any] | None:
    """The commit of the checkout that this code runs from, and whether it was changed since.

    Returns:
        `commit` (40 hex digits) and `dirty`; None outside a checkout.
    """
    checkout = Path(__file__).resolve().parents[3]
    if not (checkout / "pyproject.toml").is_file():
        return None
    command = ["git", "-C", str(checkout), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    description = result.stdout.strip()
    return {"commit": description.removesuffix(DIRTY_MARK), "dirty": description.endswith(DIRTY_MARK)}
