"""The QGIS plugin Deepness on one layer, by its own code and without its window; `deepness.py` calls it.

    python benchmarks/export/deepness_runner.py PLUGIN MODEL.onnx SCENE.tif CLASSES.npy

Runs in the plugin's environment (QGIS's Python, numpy<2, onnxruntime 1.17.0, opencv-python-headless 4.9.0.80), which
has nothing of this package. PLUGIN is the folder that holds `deepness/`. The file says what the plugin's form shows.
"""

import os
import sys
from unittest.mock import MagicMock

import numpy as np

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


def main() -> None:
    plugin, model_path, scene, output = sys.argv[1:]
    sys.path.insert(0, plugin)
    from deepness.common.channels_mapping import ChannelsMapping, ImageChannelStandaloneBand
    from deepness.common.processing_overlap import ProcessingOverlap, ProcessingOverlapOptions
    from deepness.common.processing_parameters.map_processing_parameters import ProcessedAreaType
    from deepness.common.processing_parameters.segmentation_parameters import SegmentationParameters
    from deepness.processing.map_processor.map_processor_segmentation import MapProcessorSegmentation
    from deepness.processing.models.segmentor import Segmentor
    from qgis.core import QgsApplication, QgsRasterLayer

    application = QgsApplication([], False)
    application.initQgis()
    layer = QgsRasterLayer(scene, "scene")
    assert layer.isValid(), scene
    model = Segmentor(model_path)
    model.check_loaded_model_outputs()
    assert model.get_metadata_model_type() == "Segmentor"
    mapping = ChannelsMapping()
    mapping.set_image_channels([ImageChannelStandaloneBand(1, "band 1")])
    mapping.set_number_of_model_inputs(model.get_number_of_channels())
    assert model.get_metadata_tile_size() == model.get_input_size_in_pixels()[0]
    parameters = SegmentationParameters(
        resolution_cm_per_px=model.get_metadata_resolution(),
        processed_area_type=ProcessedAreaType.ENTIRE_LAYER,
        tile_size_px=model.get_metadata_tile_size(),
        batch_size=model.get_model_batch_size() or 1,
        local_cache=False,
        input_layer_id=layer.id(),
        mask_layer_id=None,
        processing_overlap=ProcessingOverlap(
            ProcessingOverlapOptions.OVERLAP_IN_PERCENT, percentage=model.get_metadata_tiles_overlap()
        ),
        input_channels_mapping=mapping,
        postprocessing_dilate_erode_size=model.get_metadata_segmentation_small_segment(),
        model=model,
        # the plugin's form has two digits
        pixel_classification__probability_threshold=round(model.get_metadata_segmentation_threshold(), 2),
    )
    processor = MapProcessorSegmentation(rlayer=layer, vlayer_mask=None, map_canvas=MagicMock(), params=parameters)
    processor.run()
    classes = processor.get_result_img()[0]
    names = [model.get_channel_name(0, number) for number in range(model.get_number_of_output_channels()[0])]
    print("tiles:", processor.x_bins_number * processor.y_bins_number, "layers:", ", ".join(names))
    np.save(output, classes)


if __name__ == "__main__":
    main()
