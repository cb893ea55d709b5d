"""Rasters that GDAL reads, by rows and windows: GeoTIFF, VRT and their like, with nodata, masks and georeference."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from seep_lightning.errors import UserError
from seep_lightning.scene.interfaces import Source, Values
from seep_lightning.scene.lookahead import lookahead
from seep_lightning.scene.raster import ROWS

SAMPLE = 1 << 22  # pixels that quantiles are taken of, at most


def scene_quantiles(source: Source, q: Sequence[float] = (0.25, 0.5, 0.75), threads: int = 2) -> NDArray[np.float64]:
    """Quantiles of each band's valid pixels in one streaming pass: (C, len(q)), in the scene's own units.

    Of a scene larger than `SAMPLE` pixels that many are taken, in equal steps: right to 1/1000 of the distance between
    the quartiles. Raises `UserError` where the scene has no valid pixel.
    """
    thin = int(np.ceil(np.sqrt(source.height * source.width / SAMPLE)))
    block = source.block_rows if source.block_rows <= 4 * ROWS else ROWS
    step = max(1, ROWS // block) * block  # whole blocks of the file: none is decoded twice

    def sample(top: int) -> Values:
        values, valid = source.read(top, min(top + step, source.height))
        part = slice(-top % thin, None, thin), slice(None, None, thin)
        return values[:, *part][:, valid[part]]

    with ThreadPoolExecutor(threads) as pool:
        parts = [part for _, part in lookahead(pool, sample, range(0, source.height, step), threads)]
    pixels = np.concatenate(parts, axis=1)
    if not pixels.size:
        raise UserError(f"{source.name} has no valid pixel: all of it is nodata. Check the nodata value of the file.")
    return np.asarray(np.quantile(pixels, q, axis=1, method="inverted_cdf").T, np.float64)
