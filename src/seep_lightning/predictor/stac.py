"""What an exported file is, in the terms of STAC's extension for machine learning models (MLM)."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from seep_lightning.documents.json_files import parsed_json
from seep_lightning.documents.shapes import as_shape
from seep_lightning.metrics.calibration import scaled
from seep_lightning.predictor.export_source import ExportSource, Interface
from seep_lightning.predictor.formats import ExportFormat
from seep_lightning.predictor.qgis_format import channels_of_sea

STAC_VERSION = "1.1.0"
# https://github.com/stac-extensions/mlm
MLM_EXTENSION = "https://stac-extensions.github.io/mlm/v1.5.1/schema.json"
CLASSIFICATION_EXTENSION = "https://stac-extensions.github.io/classification/v2.0.0/schema.json"
# after the whole name of the file, since several formats may lie side by side
DESCRIPTION_SUFFIX = ".stac.json"
TASKS = ["semantic-segmentation"]
DIMENSIONS = ["batch", "channel", "height", "width"]
# of a dimension that is free
FREE = -1
# of the characters that the extension allows in a model's name
NAME_CHARACTERS = re.compile(r"[^a-zA-Z0-9_.\-]+")


@dataclass(frozen=True)
class Framework:
    """What runs a file.

    Attributes:
        package: Whose version is that of the framework.
        artifact: How the file was written.
        media_type: Of the file.
    """

    package: str
    artifact: str
    media_type: str


FRAMEWORKS = {
    "ONNX": Framework("onnx", "onnx", "application/octet-stream; framework=onnx; profile=onnx"),
    "PyTorch": Framework("torch", "torch.save", "application/octet-stream; application=pytorch"),
}


def stac_item(source: ExportSource, export_format: ExportFormat, file_name: str) -> dict[str, Any]:
    """Describe an exported file.

    Args:
        source: The trained network, with all options of the file.
        export_format: Of the file.
        file_name: Its name; the description lies beside it.

    Returns:
        A STAC item, as JSON has it.
    """
    properties = _properties(source, export_format)
    asset = _asset(export_format, file_name, properties["bands"])
    return {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "stac_extensions": [MLM_EXTENSION, CLASSIFICATION_EXTENSION],
        "id": file_name,
        # it is of no place
        "geometry": None,
        "properties": properties,
        "assets": {"model": asset},
        "links": [],
    }


def _properties(source: ExportSource, export_format: ExportFormat) -> dict[str, Any]:
    """What the network is, and what it takes and gives."""
    written = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    card_source = f"{source.path}, model card"
    card = as_shape(parsed_json(source.card, card_source), dict[str, Any], card_source)
    settings = source.content["hyper_parameters"]
    properties = {
        "datetime": written,
        "description": card.get("use", "Outlines dark slicks on detected SAR images of the sea."),
        "mlm:name": _allowed_name(source.name),
        "mlm:architecture": settings["model"]["_target_"].rpartition(".")[2],
        "mlm:tasks": TASKS,
        "mlm:total_parameters": sum(weights.numel() for weights in source.network.net.parameters()),
        "mlm:input": [_input(source, export_format.interface)],
        "mlm:output": [_output(source, export_format.interface)],
        "mlm:hyperparameters": _hyperparameters(source),
        "bands": _bands(source),
    }
    framework = FRAMEWORKS.get(export_format.framework)
    if framework is not None:
        properties["mlm:framework"] = export_format.framework
        properties["mlm:framework_version"] = version(framework.package)
    return properties


def _asset(export_format: ExportFormat, file_name: str, bands: Any) -> dict[str, Any]:
    """The file itself."""
    asset = {
        "href": f"./{file_name}",
        "title": export_format.name,
        "roles": ["mlm:model", "mlm:weights"],
        # MLM looks for the bands at the item, and the core lets them stand there only if the asset has them
        "bands": bands,
        "mlm:artifact_type": export_format.name,
    }
    framework = FRAMEWORKS.get(export_format.framework)
    if framework is not None:
        asset["mlm:artifact_type"] = framework.artifact
        asset["type"] = framework.media_type
    return asset


def _allowed_name(name: str) -> str:
    """A model's name, which must begin with a letter."""
    return "seep_lightning-" + NAME_CHARACTERS.sub("_", name).strip("_.-")


def _input(source: ExportSource, interface: Interface) -> dict[str, Any]:
    """What goes into the network."""
    names = [band["name"] for band in _bands(source)]
    inside = "Scaling, logarithm, statistics (see mlm:hyperparameters) and nodata are part of the model."
    return {
        "name": "image",
        "description": f"{interface.takes} {inside}",
        "bands": names,
        "input": _tensor(source, len(names)),
        "value_scaling": None,
        "resize_type": None,
        "pre_processing_function": None,
    }


def _output(source: ExportSource, interface: Interface) -> dict[str, Any]:
    """What comes out of it."""
    classes = source.network.classes
    channels = interface.channels(classes)
    mask_values = channels_of_sea(classes)
    return {
        "name": "probability",
        "description": f"Calibrated probabilities: {', '.join(channels)}. A pixel is seep above the threshold.",
        "tasks": TASKS,
        "result": _tensor(source, len(channels)),
        "classification:classes": [{"value": value, "name": name} for value, name in enumerate(mask_values)],
    }


def _tensor(source: ExportSource, channels: int) -> dict[str, Any]:
    """The shape and type of what goes in or comes out."""
    size = source.options.size
    shape = [FREE, channels, FREE, FREE] if size is None else [1, channels, size, size]
    return {"shape": shape, "dim_order": DIMENSIONS, "data_type": "float32"}


def _hyperparameters(source: ExportSource) -> dict[str, Any]:
    """What its use needs to know beside."""
    network = source.network
    return {
        "threshold": float(scaled(network.threshold, network.scaling)),
        "min_area": network.min_area,
        "stride": network.stride,
        "normalise": network.facts["normalise"],
        **source.options.said(),
    }


def _bands(source: ExportSource) -> list[dict[str, Any]]:
    """The bands that it takes, as STAC's common metadata have them: by what they hold, where the run knows it."""
    facts = source.network.facts
    numbers = range(1, facts["bands"] + 1)
    names = facts.get("band names", numbers)
    meanings = facts.get("band meanings") or [""] * len(names)
    nodata = {} if facts["nodata"] is None else {"nodata": facts["nodata"]}
    bands: list[dict[str, Any]] = []
    for name, meaning in zip(names, meanings, strict=True):
        own_name = name if isinstance(name, str) else f"band {name}"
        bands.append({"name": meaning or own_name, **nodata})
    return bands
