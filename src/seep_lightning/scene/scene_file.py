"""A scene before it is opened: its name, where it lies, and what is known of it without a pixel."""

from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from seep_lightning.errors import UserError
from seep_lightning.scene.band_names import Band

RASTER = "raster"
"""The kind of a scene that is one file of a raster format."""


@dataclass(frozen=True)
class SceneFacts:
    """What a scene's product says of it. None stands for what it does not say.

    Attributes:
        time: When it was taken, ISO 8601.
        polarisation: Of the first band that is read, such as VV.
        orbit_direction: `ascending` or `descending`.
        mission: The satellite, such as Sentinel-1A.
        calibration: What its values are: `power`, `amplitude` or `db`, see `PolygonOptions`.
        calibrations: What its values can be read as, where `ReadingOptions.calibration` chooses.
        scale: Whether float and signed values are `linear` or `db`.
        nodata: A value of pixels without data, besides those that the file declares.
    """

    time: str | None = None
    polarisation: str | None = None
    orbit_direction: str | None = None
    mission: str | None = None
    calibration: str | None = None
    calibrations: tuple[str, ...] = ()
    scale: str | None = None
    nodata: float | None = None

    def or_else(self, others: "SceneFacts") -> "SceneFacts":
        """These facts, and the others' where these do not say."""
        unknown = {
            field.name: getattr(others, field.name) for field in fields(self) if getattr(self, field.name) is None
        }
        return replace(self, **unknown)


NO_FACTS = SceneFacts()
AMPLITUDE_FACTS = SceneFacts(calibration="amplitude", scale="linear")
"""Of complex values, of which the amplitude is read."""


@dataclass(frozen=True)
class SceneFile:
    """A scene to open.

    Attributes:
        name: The scene's name, which begins the names of its map's files.
        location: What opens it. A text and no Path: a Path merges the slashes of `/vsizip//home/me/a.zip/b.tif`, and
            GDAL's subdatasets (`NETCDF:"a.nc":sigma0`) are no paths.
        path: The file or folder that a person knows it by, for messages.
        kind: The name of its kind in `scene.inputs.kinds`.
        facts: What is known of it.
    """

    name: str
    location: str
    path: Path
    kind: str = RASTER
    facts: SceneFacts = field(default=NO_FACTS)

    @classmethod
    def of_raster(cls, text: str | Path) -> "SceneFile":
        """A scene that is one raster file.

        Args:
            text: The file, or a name of GDAL's virtual file systems (`/vsi...`), which stays as it is.
        """
        location = str(text)
        if not location.startswith("/vsi"):
            location = str(Path(location).absolute())
        path = Path(location)
        return cls(path.stem, location, path)


@dataclass(frozen=True)
class ReadingOptions:
    """How the pixels of a scene are read.

    Attributes:
        bands: See `scene.band_names`.
        nodata: The value of pixels without data, besides those that the scene declares.
        nodata_bands: `all` or `any`, see `scene.nodata`.
        calibration: What the values of a product are read as, one of `SceneFacts.calibrations`; None: the usual one.
        remove_noise: Whether the thermal noise is subtracted from a product that tells it.
    """

    bands: tuple[Band, ...] = (1,)
    nodata: float | None = None
    nodata_bands: str = "any"
    calibration: str | None = None
    remove_noise: bool = False

    def check_noise_stays(self, scene: str | Path) -> None:
        """Check that no noise is to be subtracted, for a scene that does not tell it.

        Args:
            scene: The scene, for the message.

        Raises:
            UserError: `remove_noise` is true.
        """
        if self.remove_noise:
            raise UserError(f"{scene}: remove_noise= is for Sentinel-1 products, whose tables tell the noise.")
