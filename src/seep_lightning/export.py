"""A run's network as one file: `python -m seep_lightning.export`."""

import json
import logging
import warnings
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from seep_lightning.calibration import scaled
from seep_lightning.config import ExportConfig, check
from seep_lightning.door import open_door, typed
from seep_lightning.errors import UserError, explained
from seep_lightning.run import Run, open_run

if TYPE_CHECKING:
    from seep_lightning.module import SeepModule

SUFFIXES = {"onnx": ".onnx", "torch": ".pt"}
USE = (
    "Outlines dark slicks (natural oil seeps) on detected SAR images of the sea. Look-alikes (calm water, algae, rain) "
    "are found as well: every outline is for a person to judge. Other sensors, pixel sizes and seas than those of the "
    "training data have not been tried."
)


def export(config: ExportConfig) -> Path:
    """Write the network of a run to `output`, which appears when it is whole; what is in it: docs/export.md."""
    from seep_lightning.predictor import module_of, read_run

    check(config)
    run, out = open_run(config.run), Path(config.output)
    path = run.checkpoint(config.checkpoint)
    if out.suffix != SUFFIXES[config.format]:
        raise UserError(f"output={out}: format={config.format} is written to a file named *{SUFFIXES[config.format]}.")
    if out.exists() and not config.overwrite:
        raise UserError(f"output={out} exists. Choose another file, or pass overwrite=true.")
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f".{out.stem}.part{out.suffix}")
    content = read_run(run, config.checkpoint)
    card = model_card(run, content["epoch"])
    try:
        if config.format == "onnx":
            write_onnx(module_of(content, path), part, card)
        else:
            write_torch(content, part, card)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return out


def model_card(run: Run, epoch: int) -> str:
    """What the network is for, what it was trained on and how well its best epoch does, as JSON."""
    keys = ("name", "data", "split", "leakage", "best", "epochs", "figures", "packages", "git")
    summary = run.summary()
    known = {key: summary.get(key) for key in keys}
    known["data"] = {key: value for key, value in (known["data"] or {}).items() if key != "root"}  # nobody else's
    return json.dumps({"use": USE, "model": run.config.model, "epoch": epoch, **known}, indent=2)


def write_onnx(module: "SeepModule", path: Path, card: str) -> None:
    """Write network, scaling and sigmoid as ONNX, with metadata."""
    import torch

    from seep_lightning.array_predictor import ONNX_FORMAT, ONNX_KEY
    from seep_lightning.nets.outputs import probabilities

    with explained("format=onnx needs more packages: pip install 'seep_lightning[export]'.", ImportError):
        import onnxscript  # noqa: F401
    for name in ("torch.onnx", "onnxscript", "onnx_ir"):
        logging.getLogger(name).setLevel(logging.ERROR)
    facts, stride = module.hparams["facts"], module.stride
    network = module.net.eval()
    network.register_forward_hook(lambda net, image, logits: probabilities(logits, module.scaling))
    height, width = torch.export.Dim("height"), torch.export.Dim("width")
    with warnings.catch_warnings(action="ignore"):  # of torch's exporter about itself
        program = torch.onnx.export(
            network,
            (torch.zeros(2, facts["bands"], 4 * stride, 3 * stride),),
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("batch"), 2: stride * height, 3: stride * width},),
            input_names=["image"],
            output_names=["probability"],
            verbose=False,
        )
    assert program is not None
    threshold = float(scaled(module.threshold, module.scaling))
    known = {
        "format": ONNX_FORMAT,
        "threshold": threshold,
        "min_area": module.min_area,
        "stride": stride,
        "facts": facts,
    }
    channels = ", ".join(["seep", *(f"class {k}" for k in range(1, module.classes + 1))])
    program.model.metadata_props.update({ONNX_KEY: json.dumps(known), "classes": channels, "model_card": card})
    program.save(path)


def write_torch(content: dict[str, Any], path: Path, card: str) -> None:
    """Write what `predictor.load` needs of a checkpoint."""
    from seep_lightning.module import CHECKPOINT_KEY
    from seep_lightning.predictor import write_checkpoint

    kept = {key: content["hyper_parameters"][key] for key in ("model", "facts", "channels_last")}
    weights = {key: value for key, value in content["state_dict"].items() if key.startswith("net.")}
    ours = {**content[CHECKPOINT_KEY], "model_card": card}
    write_checkpoint(path, {"state_dict": weights, "hyper_parameters": kept, CHECKPOINT_KEY: ours})


def task(cfg: DictConfig) -> str:
    """The job of one `seep export`. Returns the file's name."""
    out = export(typed(cfg))
    print(f"{out} ({out.stat().st_size / 1e6:.1f} MB)")
    print(f"map with it: python -m seep_lightning.predict {quote(f'run={out}')} input=SCENE output=maps")
    return str(out)


if __name__ == "__main__":
    open_door("export", task)
