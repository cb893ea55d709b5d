"""Bands that lie in several files, or in several parts of one, as one raster."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from seep_lightning.errors import UserError
from seep_lightning.scene.band_names import BandLabel, TrainedBand
from seep_lightning.scene.georeference import Georeference
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.vrt import VrtSource, add_complex_band, add_file_band, add_georeference, new_vrt, vrt_text

# of the bands that are there, how many a message names
MOST_NAMED = 12


@dataclass(frozen=True)
class StackedBand:
    """A band of a stack.

    Attributes:
        name: What it is called.
        location: What GDAL opens.
        data_type: GDAL's name of its data type.
        number: The band's number in there, from 1.
        nodata: The value of pixels without data; None for none.
        scaling: Scale and offset of the values.
        imaginary: What GDAL opens for the imaginary parts, of which this band holds the real ones; empty for none.
    """

    name: str
    location: str
    data_type: str
    number: int = 1
    nodata: float | None = None
    scaling: tuple[float, float] = (1.0, 0.0)
    imaginary: str = ""


def stacked(bands: Sequence[StackedBand], width: int, height: int, place: Georeference) -> str:
    """Bands of one size as one virtual raster.

    Args:
        bands: The bands.
        width: Columns.
        height: Rows.
        place: Where all of them lie.

    Returns:
        The text of the virtual raster, which GDAL opens.
    """
    vrt = new_vrt(width, height)
    add_georeference(vrt, place, 0, 0)
    for number, band in enumerate(bands, 1):
        source = VrtSource(band.location, 0, 0, width, height, band.data_type, band.number)
        if band.imaginary:
            add_complex_band(vrt, number, band.name, source, replace(source, location=band.imaginary))
        else:
            add_file_band(vrt, number, band.name, source, band.nodata, band.scaling)
    return vrt_text(vrt)


def evenly_spaced(count: int, most: int) -> list[int]:
    """Numbers from 0 to below a count, evenly: so many at most, the first and the last among them."""
    numbers = np.linspace(0, count - 1, min(count, most))
    return [round(number) for number in numbers.tolist()]


def check_chosen(raster: Raster) -> None:
    """Check that the bands of a stack were chosen by a person, or by what they hold: their order means nothing.

    Args:
        raster: The stack, open.

    Raises:
        UserError: A band was taken by its number, though there are several and nobody named one.
    """
    if len(raster.labels) == 1:
        return
    for band, index in zip(raster.bands, raster.indexes, strict=True):
        label = raster.labels[index - 1]
        if isinstance(band, TrainedBand) and not _is_meant(band, label):
            names = [each.name for each in raster.labels]
            listed = ", ".join(names[:MOST_NAMED])
            if len(names) > MOST_NAMED:
                listed += f" and {len(names) - MOST_NAMED} more"
            raise UserError(
                f"{raster.path} holds {len(names)} rasters: {listed}. Choose by name, such as bands=[{names[0]}]."
            )


def _is_meant(band: TrainedBand, label: BandLabel) -> bool:
    """Whether a band is what the training's was, by what both hold."""
    return bool(band.meaning) and band.meaning == label.meaning
