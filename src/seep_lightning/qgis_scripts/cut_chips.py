"""QGIS Processing: cut scenes and outlines into chips and masks to train on."""

import sys
from pathlib import Path

from qgis.core import (
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingException,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
    QgsProcessingParameterVectorLayer,
    QgsProviderRegistry,
    QgsWkbTypes,
)

sys.path.append(str(Path(__file__).parent))
from seep_lightning_command import SeepError, bands_of, run_verb, setting, usual_python

SCALES = ("", "linear", "db")
SCALE_LABELS = ("8 or 16 bit", "linear power or amplitude", "decibels")


class CutChips(QgsProcessingAlgorithm):
    """Runs `seep prepare`."""

    def name(self):
        """What it is called in `qgis_process run script:...`."""
        return "cut_chips_from_outlines"

    def displayName(self):
        """What people read."""
        return "Cut chips from outlines"

    def group(self):
        """The branch of the toolbox."""
        return "Oil seeps"

    def groupId(self):
        """The branch's name in programs."""
        return "oilseeps"

    def shortHelpString(self):
        """The text beside the form."""
        return (
            "Cuts radar scenes, and outlines that you drew in them, into chips and masks on which seep_lightning "
            "trains.\n\nWithout a column of scenes, an outline counts wherever a scene lies under it. Without a column "
            "of classes, all are of one class. Of outlines for which the condition holds nobody is sure: their pixels "
            "count neither as seep nor as sea.\n\nEdits must be saved first. The folder of chips must be a new one."
        )

    def createInstance(self):
        """A new one, as QGIS asks for."""
        return CutChips()

    def initAlgorithm(self, configuration=None):
        """Declare the form."""
        whole = QgsProcessingParameterNumber.Integer
        real = QgsProcessingParameterNumber.Double
        self.addParameter(
            QgsProcessingParameterMultipleLayers("SCENES", "Radar scenes", QgsProcessing.TypeRaster, optional=True)
        )
        self.addParameter(
            QgsProcessingParameterString("SOURCE", "Or a product, a folder, or a pattern of scenes", optional=True)
        )
        self.addParameter(QgsProcessingParameterVectorLayer("LABELS", "Outlines", [QgsProcessing.TypeVectorPolygon]))
        for name, label in (("CLASS", "Column of classes"), ("SCENE", "Column of scenes")):
            self.addParameter(
                QgsProcessingParameterField(name, label, parentLayerParameterName="LABELS", optional=True)
            )
        self.addParameter(
            QgsProcessingParameterString("IGNORE", "Condition of doubtful outlines, such as sure = 0", optional=True)
        )
        self.addParameter(
            QgsProcessingParameterBoolean("SKIP", "Leave out outlines that lie in no scene", defaultValue=False)
        )
        self.addParameter(QgsProcessingParameterNumber("SIZE", "Side of a chip (pixels)", whole, 256, False, 1))
        self.addParameter(QgsProcessingParameterNumber("OVERLAP", "Overlap of chips (pixels)", whole, 0, False, 0))
        self.addParameter(
            QgsProcessingParameterNumber("EMPTY_SHARE", "Share of empty chips that is kept", real, 0.2, False, 0, 1)
        )
        self.addParameter(QgsProcessingParameterEnum("SCALE", "Values of the scenes", SCALE_LABELS, defaultValue=0))
        self.addParameter(
            QgsProcessingParameterString("BANDS", "Bands, such as VV or 1 (the first if empty)", optional=True)
        )
        python = QgsProcessingParameterFile(
            "PYTHON", "Python of seep_lightning", defaultValue=usual_python(), optional=True
        )
        python.setFlags(python.flags() | QgsProcessingParameterDefinition.FlagAdvanced)
        self.addParameter(python)
        self.addParameter(QgsProcessingParameterFolderDestination("OUTPUT", "Folder of the chips"))

    def processAlgorithm(self, parameters, context, feedback):
        """Cut."""
        output = Path(self.parameterAsString(parameters, "OUTPUT", context))
        # QGIS may have made it, and `prepare` makes its own
        if output.is_dir() and not any(output.iterdir()):
            output.rmdir()
        settings = [
            *setting("scenes", self._scenes(parameters, context)),
            *setting("labels", self._labels(parameters, context, feedback)),
            *setting("output", str(output)),
            *setting("class_attribute", self.parameterAsString(parameters, "CLASS", context)),
            *setting("scene_attribute", self.parameterAsString(parameters, "SCENE", context)),
            *setting("ignore", self.parameterAsString(parameters, "IGNORE", context)),
            *setting("unplaced", "skip" if self.parameterAsBool(parameters, "SKIP", context) else ""),
            *setting("size", self.parameterAsInt(parameters, "SIZE", context)),
            *setting("overlap", self.parameterAsInt(parameters, "OVERLAP", context)),
            *setting("empty_share", self.parameterAsDouble(parameters, "EMPTY_SHARE", context)),
            *setting("scale", SCALES[self.parameterAsEnum(parameters, "SCALE", context)]),
            *setting("bands", bands_of(self.parameterAsString(parameters, "BANDS", context))),
        ]
        python = self.parameterAsFile(parameters, "PYTHON", context) or usual_python()
        try:
            run_verb(python, "prepare", settings, feedback)
        except SeepError as error:
            raise QgsProcessingException(str(error)) from None
        return {"OUTPUT": str(output)}

    def _scenes(self, parameters, context):
        """What is cut, as the verb takes it."""
        source = self.parameterAsString(parameters, "SOURCE", context)
        layers = self.parameterAsLayerList(parameters, "SCENES", context)
        if bool(layers) == bool(source):
            raise QgsProcessingException("Give radar scenes, or the path of a product, folder or pattern.")
        return [layer.source() for layer in layers] or source

    def _labels(self, parameters, context, feedback):
        """The file of the outlines: the layer's own, or a copy where it is none, or only a part of one."""
        layer = self.parameterAsVectorLayer(parameters, "LABELS", context)
        if layer.isModified():
            raise QgsProcessingException(f"{layer.name()} has edits that are not saved. Save them first.")
        path, name = self.parameterAsCompatibleSourceLayerPathAndLayerName(
            parameters, "LABELS", context, ["gpkg", "geojson", "shp", "kml"], "gpkg", feedback
        )
        if name and _polygon_layers(path) > 1:
            return self.parameterAsCompatibleSourceLayerPath(parameters, "LABELS", context, ["gpkg"], "gpkg", feedback)
        return path


def _polygon_layers(path):
    """How many layers of polygons a file has."""
    layers = QgsProviderRegistry.instance().querySublayers(path)
    polygons = [layer for layer in layers if QgsWkbTypes.geometryType(layer.wkbType()) == QgsWkbTypes.PolygonGeometry]
    return len(polygons)
