"""Run by the Python of QGIS: load the layers and the raster of `seep sources`, and draw them as a picture.

python3 sources_in_qgis.py FOLDER PICTURE prints what QGIS made of each, as JSON.
"""

import json
import sys

from qgis.core import QgsApplication, QgsMapRendererParallelJob, QgsMapSettings, QgsRasterLayer, QgsVectorLayer
from qgis.PyQt.QtCore import QSize


def main(folder: str, picture: str) -> None:
    application = QgsApplication([], False)
    application.initQgis()
    names = ("origins", "sources", "slicks")
    layers = [QgsVectorLayer(f"{folder}/sources.gpkg|layername={name}", name) for name in names]
    raster = QgsRasterLayer(f"{folder}/recurrence.tif", "recurrence")
    facts = {layer.name(): facts_of(layer) for layer in layers}
    shader = raster.renderer().shader().rasterShaderFunction()
    facts["recurrence"] = {"labels": [item.label for item in shader.colorRampItemList()]}
    draw([*layers, raster], picture)
    print(json.dumps(facts))


def facts_of(layer: QgsVectorLayer) -> dict:
    renderer = layer.renderer()
    return {
        "attribute": renderer.classAttribute(),
        "labels": [step.label() for step in renderer.ranges()],
        "aliases": [field.alias() for field in layer.fields()],
    }


def draw(layers: list, picture: str) -> None:
    settings = QgsMapSettings()
    settings.setLayers(layers)
    settings.setExtent(layers[-1].extent())
    settings.setDestinationCrs(layers[-1].crs())
    settings.setOutputSize(QSize(640, 640))
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    assert job.renderedImage().save(picture)


if __name__ == "__main__":
    main(*sys.argv[1:])
