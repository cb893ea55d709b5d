"""Networks for the QGIS plugin Deepness: the file that `export format=qgis` writes.

Read off the plugin's source (PUTvision/qgis-plugin-deepness, 0.6): it feeds squares of any type divided by 255, with
zeros where the layer ends; of the output's channels it takes the largest that reaches the threshold, else the first.
"""

import json
from pathlib import Path

from seep_lightning.data.normalise import FULL_SCALE, Normaliser
from seep_lightning.metrics.calibration import scaled
from seep_lightning.predictor.export_source import ExportOptions, ExportSource, Interface
from seep_lightning.predictor.onnx_format import write_raw_graph

# what the plugin divides every value by
DIVISOR = FULL_SCALE["uint8"]
# what it puts where the layer ends
FILL = 0.0
# of tiles, in percent of their side: a quarter, as `predict` has it
TILES_OVERLAP = 25
# of Sentinel-1 GRD, which the chips of the package's network are like, m
USUAL_PIXEL_SIZE = 10.0
CENTIMETRES = 100


def channels_of_sea(classes: int) -> list[str]:
    """The channels that the plugin gets: sea, then seep, or each class that the network tells apart."""
    if classes == 0:
        return ["sea", "seep"]
    return ["sea", *(f"class {number}" for number in range(1, classes + 1))]


QGIS_INTERFACE = Interface(f"Numbers as the raster stores them, divided by {DIVISOR:.0f}.", channels_of_sea)


def write_qgis(source: ExportSource, path: Path) -> None:
    """Write a network as the plugin loads it, see docs/export.md.

    Args:
        source: The trained network.
        path: The file.

    Raises:
        UserError: The size does not fit the network.
        ImportError: onnxscript is not installed.
    """
    from seep_lightning.predictor.onnx_graph import LikeliestChannel
    from seep_lightning.predictor.raw_input import RawInput, RawValues

    facts = source.network.facts
    values = RawValues.of_network(facts, source.options.values, FILL)
    raw_input = RawInput(values, Normaliser(**facts["normalise"]), DIVISOR)
    channels = channels_of_sea(source.network.classes)
    write_raw_graph(source, path, raw_input, LikeliestChannel(), channels, _plugin_metadata(source))


def usual_qgis_options(source: ExportSource) -> ExportOptions:
    """What a file is like where the user does not say: squares of the side of the training's chips.

    Args:
        source: The trained network.
    """
    stride = source.network.stride
    side = max(source.network.facts.get("chip_size", [stride]))
    multiple_of_stride = -(-int(side) // stride) * stride
    return ExportOptions(size=multiple_of_stride, pixel_size=USUAL_PIXEL_SIZE)


def _plugin_metadata(source: ExportSource) -> dict[str, str]:
    """What the plugin fills its form with; each value is JSON."""
    network = source.network
    pixel_size = source.options.pixel_size
    assert pixel_size is not None
    bands = network.facts["bands"]
    values = {
        "model_type": "Segmentor",
        "class_names": dict(enumerate(channels_of_sea(network.classes))),
        "resolution": pixel_size * CENTIMETRES,
        "tile_size": source.options.size,
        "tiles_overlap": TILES_OVERLAP,
        "seg_thresh": float(scaled(network.threshold, network.scaling)),
        # no median filter: it would remove narrow seeps
        "seg_small_segment": 0,
        # it subtracts the mean and divides by the deviation, after the division by 255
        "standardization_mean": [0.0] * bands,
        "standardization_std": [1.0] * bands,
    }
    return {key: json.dumps(value) for key, value in values.items()}
