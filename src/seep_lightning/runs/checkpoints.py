"""The LightningModule: net + loss + metrics, one step for every stage."""

import warnings
from io import BytesIO
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from seep_lightning.errors import UserError
from seep_lightning.files import write_whole
from seep_lightning.runs.directory import Run

CHECKPOINT_FORMAT = 1  # of what stands under `CHECKPOINT_KEY`; raise it when an older reader would go wrong
CHECKPOINT_KEY = "seep_lightning"


def read_run_checkpoint(run: Run, checkpoint: str) -> dict[str, Any]:
    """The content of a run's checkpoint, with the least area and the scaling that validation chose for this epoch.

    The summary has those of the best epoch as it was when the training last ended: not those of `last`, nor of a better
    one since. Without, every object counts and probabilities are as the network gives them.
    """
    content, best = read_checkpoint(run.checkpoint(checkpoint)), run.summary().get("best", {})
    if best.get("epoch", content["epoch"]) == content["epoch"]:  # old runs do not say
        content[CHECKPOINT_KEY] |= {key: best[key] for key in ("min_area", "scaling") if key in best}
    return content


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The content of one of our checkpoints; `UserError` for anything else. Nothing in the file is run."""
    try:
        with warnings.catch_warnings(action="ignore"):  # about the kind of pickle: the sentences below say enough
            content = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        said = f"{path} was not loaded: it holds more than tensors and plain values, so that loading it could run code"
        raise UserError(f"{said}, or it is no checkpoint at all. Expected one that seep_lightning wrote.") from error
    except Exception as error:  # a damaged file may raise anything, a KeyError for instance
        raise UserError(f"{path} cannot be read as a checkpoint; it may be cut off. Use another one.") from error
    try:
        content = dict(content)
        ours, _ = content[CHECKPOINT_KEY], content["state_dict"]
        found, _, facts = ours["format"], ours["threshold"], content["hyper_parameters"]["facts"]
        _ = [facts[key] for key in ("normalise", "nodata", "bands")]
    except (TypeError, ValueError, LookupError) as error:
        message = f"{path} is a checkpoint of another program. Expected one that seep_lightning wrote."
        raise UserError(message) from error
    if found > CHECKPOINT_FORMAT:
        raise UserError(
            f"{path} has format {found}; this version reads up to {CHECKPOINT_FORMAT}. Update seep_lightning."
        )
    return content


def write_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write a whole checkpoint or none; `DiskError` where the disk refuses it."""
    buffer = BytesIO()
    torch.save(content, buffer)
    write_whole(path, buffer.getbuffer())
