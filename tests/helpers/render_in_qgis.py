"""Run by the Python of QGIS: map a scene by the Processing script, load the outlines, and draw both as a picture.

python3 render_in_qgis.py SCENE FOLDER PICTURE prints what QGIS made of the layer, as JSON.
"""

import json
import sys

from qgis.core import QgsApplication, QgsMapRendererParallelJob, QgsMapSettings, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QCoreApplication, QSize

PICTURE_SIZE = QSize(768, 576)


def main(scene: str, folder: str, picture: str) -> None:
    # as the window has them: by these QGIS finds the profile
    QCoreApplication.setOrganizationName("QGIS")
    QCoreApplication.setApplicationName("QGIS3")
    application = QgsApplication([], False)
    application.initQgis()
    sys.path.append("/usr/share/qgis/python/plugins")
    import processing
    from processing.core.Processing import Processing

    Processing.initialize()
    processing.runAndLoadResults("script:map_oil_seeps", {"INPUT": scene, "OUTPUT": folder})
    (outlines,) = QgsProject.instance().mapLayers().values()
    draw([outlines, QgsRasterLayer(scene, "scene")], picture)
    facts = {
        "name": outlines.name(),
        "renderer": outlines.renderer().type(),
        "attribute": outlines.renderer().classAttribute(),
        "classes": len(outlines.renderer().ranges()),
        "seeps": outlines.featureCount(),
        "aliases": [field.alias() for field in outlines.fields()],
    }
    print(json.dumps(facts))


def draw(layers: list, picture: str) -> None:
    settings = QgsMapSettings()
    settings.setLayers(layers)
    settings.setExtent(layers[-1].extent())
    settings.setDestinationCrs(layers[-1].crs())
    settings.setOutputSize(PICTURE_SIZE)
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    assert job.renderedImage().save(picture)


if __name__ == "__main__":
    main(*sys.argv[1:])
