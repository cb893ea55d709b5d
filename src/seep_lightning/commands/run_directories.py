"""The door of every command: Hydra around a plain function. Errors become one line and an exit code outside of it."""

import os
import re
from datetime import datetime
from pathlib import Path

from seep_lightning.errors import UserError
from seep_lightning.runs.directory import open_run


def run_directory(run: str | None, ckpt: str | None, name: str) -> str:
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


def sweep_folder_name(overrides: str) -> str:
    """`optimizer.lr-0.001;seed-1` to `lr-0.001_seed-1`: no `=`, comma or bracket, which Hydra's grammar reserves."""
    parts = [re.sub(r"^([\w@/]+\.)+(?=\w+-)", "", part) for part in overrides.split(";")]
    return "_".join(re.sub(r"-?[^\w.+-]+", "-", part).strip("-") for part in parts) or "0"
