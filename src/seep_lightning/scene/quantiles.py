"""Quantiles of a whole scene in one streaming pass."""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from seep_lightning.errors import UserError
from seep_lightning.scene.interfaces import Source, Values
from seep_lightning.scene.lookahead import lookahead
from seep_lightning.scene.raster import READ_ROWS

# Pixels that quantiles are taken of, at most.
SAMPLE_PIXELS = 1 << 22

QUARTILES = (0.25, 0.5, 0.75)

# Higher blocks than this would need more memory than decoding them twice is worth.
HIGHEST_BLOCK = 4 * READ_ROWS


def scene_quantiles(source: Source, q: Sequence[float] = QUARTILES, threads: int = 2) -> NDArray[np.float64]:
    """Quantiles of each band's valid pixels, in the scene's own units.

    Of a scene larger than `SAMPLE_PIXELS` that many pixels are taken, in equal steps: right to 1/1000 of the distance
    between the quartiles.

    Args:
        source: The scene.
        q: Which quantiles, 0 to 1.
        threads: Threads that read.

    Returns:
        The quantiles, (C, len(q)).

    Raises:
        UserError: The scene has no valid pixel.
    """
    step = math.ceil(math.sqrt(source.height * source.width / SAMPLE_PIXELS))
    rows = _rows_a_read(source)

    def sample(top: int) -> Values:
        values, valid = source.read(top, min(top + rows, source.height))
        # every step-th row and column of the scene, not of this part
        thinned = slice(-top % step, None, step), slice(None, None, step)
        return values[:, *thinned][:, valid[thinned]]

    with ThreadPoolExecutor(threads) as executor:
        tops = range(0, source.height, rows)
        samples = [pixels for _, pixels in lookahead(executor, sample, tops, threads)]
    pixels = np.concatenate(samples, axis=1)
    if not pixels.size:
        raise UserError(f"{source.name} has no valid pixel: all of it is nodata. Check the nodata value of the file.")
    return np.asarray(np.quantile(pixels, q, axis=1, method="inverted_cdf").T, np.float64)


def _rows_a_read(source: Source) -> int:
    """How many rows to read in one go: whole blocks of the file, so that none is decoded twice."""
    block = source.block_rows if source.block_rows <= HIGHEST_BLOCK else READ_ROWS
    return max(1, READ_ROWS // block) * block
