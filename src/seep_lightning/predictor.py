"""A trained run as a callable on arrays."""

import warnings
from collections import Counter
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch

from seep_lightning.array_predictor import ArrayPredictor
from seep_lightning.data.chips import Chips
from seep_lightning.errors import UserError, explained
from seep_lightning.module import CHECKPOINT_KEY, FORMAT, SeepModule
from seep_lightning.nets.outputs import probabilities
from seep_lightning.normalise import Floats
from seep_lightning.run import WEIGHTS, Run, open_run, starting_weights, write_whole


class Predictor(ArrayPredictor):
    """A checkpoint's network on torch; holds all that the checkpoint knows. See `ArrayPredictor`."""

    def __init__(self, module: SeepModule, device: str = "auto") -> None:
        super().__init__(module.hparams["facts"], module.threshold, module.min_area)
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        with explained(f"device={device} cannot be used here ({{}}). Try device=cpu.", RuntimeError, AssertionError):
            torch.empty(0, device=device).cpu()  # which `meta` cannot do
        self.device = torch.device(device)
        self.module = module.eval().to(self.device)

    @torch.inference_mode()
    def probability(self, batch: Floats) -> Floats:
        """See `ArrayPredictor`."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            logits = self.module(torch.from_numpy(batch).to(self.device))
        return np.asarray(probabilities(torch.as_tensor(logits), self.scaling).cpu().numpy())


def load(run: str | Path | Run, checkpoint: str = "best", device: str = "auto") -> Predictor:
    """See `array_predictor.load`; of a run directory, or a file that `export format=torch` wrote."""
    if not isinstance(run, Run) and Path(run).is_file():
        module = module_of(read_checkpoint(Path(run)), Path(run))
    else:
        opened = run if isinstance(run, Run) else open_run(run)
        module = module_of(read_run(opened, checkpoint), opened.checkpoint(checkpoint))
    predictor = Predictor(module, device)
    predictor.scale(module.scaling)
    return predictor


def module_of(content: dict[str, Any], path: Path) -> SeepModule:
    """The module of what `read_checkpoint` found at `path`."""
    facts, ours = content["hyper_parameters"], content[CHECKPOINT_KEY]
    with explained(f"{path} holds settings that this version does not know ({{}}).", TypeError):
        module = SeepModule(**{**facts, "loss": None, "optimizer": None, "scheduler": None})
    load_weights(module, content, path)
    module.threshold, module.min_area = ours["threshold"], ours.get("min_area")
    module.scaling = tuple(ours.get("scaling", (1.0, 0.0)))
    return module


def read_run(run: Run, checkpoint: str) -> dict[str, Any]:
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
    said = f"{path} is a checkpoint of another program. Expected one that seep_lightning wrote."
    with explained(said, TypeError, ValueError, LookupError):
        content = dict(content)
        ours, _ = content[CHECKPOINT_KEY], content["state_dict"]
        found, _, facts = ours["format"], ours["threshold"], content["hyper_parameters"]["facts"]
        _ = [facts[key] for key in ("normalise", "nodata", "bands")]
    if found > FORMAT:
        raise UserError(f"{path} has format {found}; this version reads up to {FORMAT}. Update seep_lightning.")
    return content


def learned_before(init: str | None, chips: Chips, parts: Sequence[str]) -> str:
    """What the network of `init` learned from, of the chips that validate and test here, in words; nothing for none.

    A run's split names its chips, and those of the runs that it started from. A file tells no more than the data set.
    """
    told, seen = "", set[str]()
    while init is not None and init not in seen:
        try:
            facts = read_checkpoint(starting_weights(init))["hyper_parameters"]["facts"]
        except UserError:
            if not seen:
                raise
            break  # an earlier one is gone
        seen.add(init)
        run = None if init in WEIGHTS or Path(init).is_file() else Run(Path(init))
        learned = {name for name, part in (run.parts() if run else {}).items() if part == "train"}
        known = Counter(part for name, part in zip(chips.names, parts, strict=True) if name in learned)
        same, whose = facts.get("fingerprint") == chips.fingerprint, f"; init={Path(init).name} HAS LEARNED FROM"
        if same and not learned:
            told += f"{whose} THIS DATA SET, from which part is not known"
        elif known["val"] + known["test"] and (same or (run and run.config.data.source != "synthetic")):
            told += f"{whose} {known['val']} val and {known['test']} test chips"
        init = run.config.init if run else None
    return told


def write_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write a whole checkpoint or none; `DiskError` where the disk refuses it."""
    buffer = BytesIO()
    torch.save(content, buffer)
    write_whole(path, buffer.getbuffer())


def load_weights(module: SeepModule, content: dict[str, Any], path: Path, new_head: bool = False) -> None:
    """Put a checkpoint's network weights into `module`; `UserError` where the networks differ.

    new_head: a last layer (`head`) with other channels, such as those of classes, keeps the weights that it has.
    """
    weights = {k.removeprefix("net."): v for k, v in content["state_dict"].items() if k.startswith("net.")}
    for name, own in module.net.state_dict().items() if new_head else ():
        if name.startswith("head.") and name in weights and weights[name].shape != own.shape:
            weights[name] = own
    try:
        module.net.load_state_dict(weights)
    except RuntimeError as error:
        said = f"{path}: its network differs from model ({str(error).splitlines()[-1].strip().rstrip('.')})"
        raise UserError(f"{said}. Use the model it was trained with{', or init=null' * new_head}.") from error
