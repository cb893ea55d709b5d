"""The usual kind of input: one file of a raster format, on a disk or in one of GDAL's virtual file systems."""

from pathlib import Path

from seep_lightning.errors import UserError, shortened
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.scene_file import ReadingOptions, SceneFile

# of the pages of a file, how many a message names
MOST_PAGES = 4


def recognise(text: str) -> bool:
    """Whether it is a file, whatever its suffix: GDAL says later what is none of its formats."""
    return text.startswith("/vsi") or Path(text).is_file()


def scenes(text: str) -> list[SceneFile]:
    """The one scene in a file."""
    return [SceneFile.of_raster(text)]


def open_scene(scene: SceneFile, options: ReadingOptions) -> Raster:
    """Open the file, see `Raster`; `UserError` for a file of several pages."""
    raster = Raster(scene, options.bands, options.nodata, options.nodata_bands)
    if raster.pages:
        raster.close()
        raise UserError(
            f"{scene.path} holds {len(raster.pages)} rasters, one a page. Choose by name, such as "
            f"{shortened(raster.pages, MOST_PAGES)}."
        )
    return raster
