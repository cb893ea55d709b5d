"""QGIS Processing: map oil seeps in a raster layer, and load the outlines."""

import sys
from pathlib import Path

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingLayerPostProcessorInterface,
    QgsProcessingOutputMultipleLayers,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

sys.path.append(str(Path(__file__).parent))
from seep_lightning_command import SeepError, bands_of, run_verb, setting, usual_python

SCALES = ("", "linear", "db")
SCALE_LABELS = ("as in the training (8 and 16 bit)", "linear power or amplitude", "decibels")
CALIBRATIONS = ("", "power", "amplitude", "db")
CALIBRATION_LABELS = ("not known", "power (sigma0, gamma0)", "amplitude", "decibels")


class OwnStyle(QgsProcessingLayerPostProcessorInterface):
    """Gives a loaded layer the style that its file carries: Processing loads layers without it."""

    def postProcessLayer(self, layer, context, feedback):
        """Called by QGIS once the layer is loaded."""
        layer.loadDefaultStyle()


# QGIS keeps no reference of its own
OWN_STYLE = OwnStyle()


class MapOilSeeps(QgsProcessingAlgorithm):
    """Runs `seep predict`."""

    def name(self):
        """What it is called in `qgis_process run script:...`."""
        return "map_oil_seeps"

    def displayName(self):
        """What people read."""
        return "Map oil seeps"

    def group(self):
        """The branch of the toolbox."""
        return "Oil seeps"

    def groupId(self):
        """The branch's name in programs."""
        return "oilseeps"

    def shortHelpString(self):
        """The text beside the form."""
        return (
            "Draws the outlines of natural oil seeps in a radar scene, with a network of seep_lightning.\n\n"
            "Give a raster layer; or the path of a product, a folder of scenes or a pattern such as scenes/*.tif.\n\n"
            "Without a run and a file, the network in the package maps, which is for research and evaluation only.\n\n"
            "The output folder gets a GeoPackage of outlines, and rasters of probability and mask, for each scene. "
            "Finished scenes stay: if you cancel, the same call goes on where it stopped."
        )

    def createInstance(self):
        """A new one, as QGIS asks for."""
        return MapOilSeeps()

    def initAlgorithm(self, configuration=None):
        """Declare the form."""
        folder = QgsProcessingParameterFile.Folder
        real = QgsProcessingParameterNumber.Double
        whole = QgsProcessingParameterNumber.Integer
        self.addParameter(QgsProcessingParameterRasterLayer("INPUT", "Radar scene", optional=True))
        self.addParameter(
            QgsProcessingParameterString("SOURCE", "Or a product, a folder, or a pattern of scenes", optional=True)
        )
        self.addParameter(QgsProcessingParameterFile("RUN", "Network: run directory", behavior=folder, optional=True))
        self.addParameter(QgsProcessingParameterFile("NETWORK", "Or network: exported file", optional=True))
        self.addParameter(
            QgsProcessingParameterNumber(
                "THRESHOLD", "Threshold (probability; the network's own if empty)", real, None, True, 0.0, 1.0
            )
        )
        self.addParameter(
            QgsProcessingParameterNumber(
                "MIN_AREA", "Smallest area (pixels; the network's own if empty)", whole, None, True, 0
            )
        )
        self.addParameter(QgsProcessingParameterEnum("SCALE", "Values of the scene", SCALE_LABELS, defaultValue=0))
        self.addParameter(
            QgsProcessingParameterEnum("CALIBRATION", "Calibration, for contrasts", CALIBRATION_LABELS, defaultValue=0)
        )
        self.addParameter(
            QgsProcessingParameterString("BANDS", "Bands, such as VV or 1 (of the training if empty)", optional=True)
        )
        self.addParameter(
            QgsProcessingParameterBoolean("OVERWRITE", "Replace maps that were made otherwise", defaultValue=False)
        )
        python = QgsProcessingParameterFile(
            "PYTHON", "Python of seep_lightning", defaultValue=usual_python(), optional=True
        )
        python.setFlags(python.flags() | QgsProcessingParameterDefinition.FlagAdvanced)
        self.addParameter(python)
        self.addParameter(QgsProcessingParameterFolderDestination("OUTPUT", "Folder of the maps"))
        self.addOutput(QgsProcessingOutputMultipleLayers("OUTLINES", "Outlines"))

    def processAlgorithm(self, parameters, context, feedback):
        """Map, and load the outlines."""
        output = self.parameterAsString(parameters, "OUTPUT", context)
        settings = [
            *setting("input", self._input(parameters, context)),
            *setting("output", output),
            *setting("run", self._network(parameters, context)),
            *setting("threshold", self._number(parameters, "THRESHOLD", context)),
            *setting("min_area", self._whole_number(parameters, "MIN_AREA", context)),
            *setting("scale", SCALES[self.parameterAsEnum(parameters, "SCALE", context)]),
            *setting("calibration", CALIBRATIONS[self.parameterAsEnum(parameters, "CALIBRATION", context)]),
            *setting("bands", bands_of(self.parameterAsString(parameters, "BANDS", context))),
            *setting("overwrite", self.parameterAsBool(parameters, "OVERWRITE", context)),
        ]
        python = self.parameterAsFile(parameters, "PYTHON", context) or usual_python()
        try:
            outlines = run_verb(python, "predict", settings, feedback)
        except SeepError as error:
            raise QgsProcessingException(str(error)) from None
        layers = []
        for file in outlines:
            layer = f"{file}|layername=seeps"
            layers.append(layer)
            details = QgsProcessingContext.LayerDetails(f"seeps of {Path(file).stem}", context.project(), "OUTLINES")
            details.setPostProcessor(OWN_STYLE)
            context.addLayerToLoadOnCompletion(layer, details)
        return {"OUTPUT": output, "OUTLINES": layers}

    def _input(self, parameters, context):
        """What is mapped, as the verb takes it."""
        source = self.parameterAsString(parameters, "SOURCE", context)
        layer = self.parameterAsRasterLayer(parameters, "INPUT", context)
        if (layer is None) == (not source):
            raise QgsProcessingException("Give a radar scene, or the path of a product, folder or pattern.")
        if layer is None:
            return source
        if layer.providerType() != "gdal":
            raise QgsProcessingException(
                f"{layer.name()} comes from {layer.providerType()}, not from a file. Save it as GeoTIFF first: Export, "
                "Save As, raw data."
            )
        return layer.source()

    def _network(self, parameters, context):
        """The run or file; empty for the network in the package."""
        run = self.parameterAsString(parameters, "RUN", context)
        file = self.parameterAsString(parameters, "NETWORK", context)
        if run and file:
            raise QgsProcessingException("Give the network as a run directory or as an exported file, not both.")
        return run or file

    def _number(self, parameters, name, context):
        """A number; None where the field is empty."""
        if parameters.get(name) is None:
            return None
        return self.parameterAsDouble(parameters, name, context)

    def _whole_number(self, parameters, name, context):
        """A whole number; None where the field is empty."""
        if parameters.get(name) is None:
            return None
        return self.parameterAsInt(parameters, name, context)
