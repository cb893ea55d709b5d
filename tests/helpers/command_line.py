"""Commands as a user types them."""

import os
import subprocess
import sys
from pathlib import Path


def seep(
    *arguments: str, cwd: Path | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `python -m seep_lightning.<verb> ...` as a user would."""

    clean = {
        k: v for k, v in os.environ.items() if k not in ("HYDRA_FULL_ERROR", "SEEP_DATA_ROOT", "SEEP_LIGHTNING_RAISES")
    }
    command = [sys.executable, "-m", f"seep_lightning.{arguments[0]}", *arguments[1:]]
    return subprocess.run(command, cwd=cwd, env={**clean, **(env or {})}, capture_output=True, text=True, timeout=300)
