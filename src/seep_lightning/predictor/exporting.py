"""A run's network as one file: `python -m seep_lightning.export`."""

import json
import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seep_lightning.config.commands import ExportConfig
from seep_lightning.config.rules import check_config
from seep_lightning.errors import UserError, needs_extra
from seep_lightning.metrics.calibration import scaled
from seep_lightning.runs.directory import Run, open_run

if TYPE_CHECKING:
    from seep_lightning.predictor.torch_predictor import StoredNetwork


SUFFIXES = {"onnx": ".onnx", "torch": ".pt"}
USE = (
    "Outlines dark slicks (natural oil seeps) on detected SAR images of the sea. Look-alikes (calm water, algae, rain) "
    "are found as well: every outline is for a person to judge. Other sensors, pixel sizes and seas than those of the "
    "training data have not been tried."
)


def export(config: ExportConfig) -> Path:
    """Write the network of a run to `output`, which appears when it is whole; what is in it: docs/export.md."""
    from seep_lightning.predictor.torch_predictor import stored_network
    from seep_lightning.runs.checkpoints import read_run_checkpoint

    check_config(config)
    run, out = open_run(config.run), Path(config.output)
    path = run.checkpoint(config.checkpoint)
    if out.suffix != SUFFIXES[config.format]:
        raise UserError(f"output={out}: format={config.format} is written to a file named *{SUFFIXES[config.format]}.")
    if out.exists() and not config.overwrite:
        raise UserError(f"output={out} exists. Choose another file, or pass overwrite=true.")
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f".{out.stem}.part{out.suffix}")
    content = read_run_checkpoint(run, config.checkpoint)
    card = model_card(run, content["epoch"])
    try:
        if config.format == "onnx":
            write_onnx(stored_network(content, path), part, card)
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


def write_onnx(network: "StoredNetwork", path: Path, card: str) -> None:
    """Write network, scaling and sigmoid as ONNX, with metadata."""
    import torch

    from seep_lightning.nets.outputs import probabilities
    from seep_lightning.predictor.onnx_predictor import ONNX_FORMAT, ONNX_KEY

    with needs_extra("format=onnx", "more packages", "export"):
        import onnxscript  # noqa: F401
    for name in ("torch.onnx", "onnxscript", "onnx_ir"):
        logging.getLogger(name).setLevel(logging.ERROR)
    facts, stride = network.facts, network.stride
    net = network.net.eval()
    net.register_forward_hook(lambda _, image, logits: probabilities(logits, network.scaling))
    height, width = torch.export.Dim("height"), torch.export.Dim("width")
    with warnings.catch_warnings(action="ignore"):  # of torch's exporter about itself
        program = torch.onnx.export(
            net,
            (torch.zeros(2, facts["bands"], 4 * stride, 3 * stride),),
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("batch"), 2: stride * height, 3: stride * width},),
            input_names=["image"],
            output_names=["probability"],
            verbose=False,
        )
    assert program is not None
    threshold = float(scaled(network.threshold, network.scaling))
    known = {
        "format": ONNX_FORMAT,
        "threshold": threshold,
        "min_area": network.min_area,
        "stride": stride,
        "facts": facts,
    }
    channels = ", ".join(["seep", *(f"class {k}" for k in range(1, network.classes + 1))])
    program.model.metadata_props.update({ONNX_KEY: json.dumps(known), "classes": channels, "model_card": card})
    program.save(path)


def write_torch(content: dict[str, Any], path: Path, card: str) -> None:
    """Write what `predictor.load` needs of a checkpoint."""
    from seep_lightning.runs.checkpoints import CHECKPOINT_KEY, write_checkpoint

    kept = {key: content["hyper_parameters"][key] for key in ("model", "facts", "channels_last")}
    weights = {key: value for key, value in content["state_dict"].items() if key.startswith("net.")}
    ours = {**content[CHECKPOINT_KEY], "model_card": card}
    write_checkpoint(path, {"state_dict": weights, "hyper_parameters": kept, CHECKPOINT_KEY: ours})
