"""Colours to grey: which bands are red, green and blue, and their luminance."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.enums import ColorInterp

from seep_lightning.errors import UserError
from seep_lightning.scene.interfaces import Values

# of red, green and blue in thousandths, as PIL and OpenCV take them: https://www.itu.int/rec/R-REC-BT.601
LUMINANCE_WEIGHTS = (299, 587, 114)
_SUM_OF_WEIGHTS = 1000


def luminance(colours: Values) -> Values:
    """The luminance of colours; three equal bands give exactly their value.

    Args:
        colours: Red, green and blue, (3, H, W); further bands, such as alpha, are passed over.

    Returns:
        (H, W) of the same type; of integers rounded.
    """
    red, green, blue = colours[:3]
    if colours.dtype.kind == "f":
        _, green_weight, blue_weight = np.array(LUMINANCE_WEIGHTS, colours.dtype) / _SUM_OF_WEIGHTS
        return np.asarray(red + green_weight * (green - red) + blue_weight * (blue - red))
    weighted = np.full(red.shape, _SUM_OF_WEIGHTS // 2, np.int64)
    for weight, band in zip(LUMINANCE_WEIGHTS, (red, green, blue), strict=True):
        weighted += weight * band.astype(np.int64)
    return np.asarray(weighted // _SUM_OF_WEIGHTS, colours.dtype)


def palette_of(dataset: Any) -> Values | None:
    """The colour of each index of an open dataset's first band, (N, 3) uint8; None where values are no indices."""
    if dataset.colorinterp[0] != ColorInterp.palette:
        return None
    table = dataset.colormap(1)
    # black for an index without a colour
    palette = np.zeros((max(table) + 1, 3), np.uint8)
    for index, colour in table.items():
        palette[index] = colour[:3]
    return palette


def grey_palette(dataset: Any) -> Values | None:
    """The luminance of each index of an open dataset's first band, (N,); None where values are no indices."""
    palette = palette_of(dataset)
    if palette is None:
        return None
    return luminance_of_palette(palette)


def luminance_of_palette(palette: Values) -> Values:
    """The luminance (N,) of the colours (N, 3) of a palette."""
    one_row = palette.T[:, None]
    return np.asarray(luminance(one_row)[0])


def colour_bands(meanings: Sequence[ColorInterp]) -> list[int]:
    """The numbers, from 1, of the bands that are no alpha band; by what GDAL says that each band means."""
    return [number for number, meaning in enumerate(meanings, 1) if meaning != ColorInterp.alpha]


def grey_bands(path: Path, meanings: Sequence[ColorInterp]) -> list[int]:
    """The numbers, from 1, of the bands that grey is made of: the only one, or red, green and blue.

    Args:
        path: The file, for the message.
        meanings: What GDAL says that each band means.

    Raises:
        UserError: There are two bands, of which none is grey.
    """
    numbers = colour_bands(meanings)[:3]
    if len(numbers) == 2:
        raise UserError(
            f"{path} has {len(meanings)} bands; grey is one band, or made of red, green and blue. "
            "Choose with (data.)bands=[1]."
        )
    return numbers


def grey_values(values: Values, palette: Values | None) -> Values:
    """Stored values as grey.

    Args:
        values: One band, indices of a palette, or red, green and blue: (C, h, w).
        palette: The luminance of each index; None where values are none.

    Returns:
        (1, h, w).
    """
    if palette is not None:
        return np.take(palette, values[:1], mode="clip")
    if len(values) == 1:
        return values
    return luminance(values)[None]
