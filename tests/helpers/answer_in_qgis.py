"""Run by the Python of QGIS: answer the first label of a review's layer as a person does, by the column's list.

python3 answer_in_qgis.py LAYER ANSWER prints what QGIS offers for the column, as JSON.
"""

import json
import sys

from qgis.core import QgsApplication, QgsVectorLayer


def main(path: str, answer: str) -> None:
    application = QgsApplication([], False)
    application.initQgis()
    layer = QgsVectorLayer(path, "review", "ogr")
    column = layer.fields().indexFromName("answer")
    offered = layer.editorWidgetSetup(column)
    values = [value for entry in offered.config()["map"] for value in entry.values()]
    first = next(layer.getFeatures())
    layer.startEditing()
    layer.changeAttributeValue(first.id(), column, answer)
    saved = layer.commitChanges()
    print(json.dumps({"widget": offered.type(), "values": values, "number": first["number"], "saved": saved}))


if __name__ == "__main__":
    main(*sys.argv[1:])
