"""Probabilities as 8 bit, and Cloud Optimized GeoTIFFs that appear whole or not at all."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio.shutil
from affine import Affine
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError  # what GDAL says while it copies; not derived from RasterioError
from rasterio.errors import RasterioError

from seep_lightning.errors import UserError
from seep_lightning.scene.journal import Journal
from seep_lightning.scene.raster import Raster, first_line, gdal, opened

LEVELS = 254  # 8 bit holds nodata (0) and the probabilities 0/254 .. 254/254 (1..255)
MASK_NODATA = 255


def quantise(probability: NDArray[np.float32], mapped: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Probabilities (..., n, W) in 0..1 to 8 bit: 0 where not `mapped` (n, W), else round(p * 254) + 1.

    The error is at most 1/508. Raises `UserError` for a mapped value that is not finite.
    """
    if not np.isfinite(probability, where=mapped, out=np.ones(probability.shape, bool)).all():
        raise UserError("The model gave probabilities that are not finite. Its weights are damaged, or it diverged.")
    return np.where(mapped, np.rint(probability.clip(0, 1) * np.float32(LEVELS)) + 1, 0).astype(np.uint8)


def dequantise(quantised: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The inverse of `quantise`; nodata becomes NaN."""
    table = (np.arange(256, dtype=np.float32) - 1) / np.float32(LEVELS)
    table[0] = np.nan
    return table[quantised]


def level(probability: float) -> int:
    """The smallest quantised value, 1..255, whose probability is at least this."""
    return int(np.ceil(probability * LEVELS - 1e-6)) + 1


def classify(quantised: NDArray[np.uint8], threshold: float) -> NDArray[np.uint8]:
    """Quantised probabilities (n, K, W) to a mask (n, 1, W): 255 nodata, 0 sea, else 1 + the most probable band."""
    best, number = quantised.max(axis=1, keepdims=True), quantised.argmax(axis=1, keepdims=True) + 1
    return np.where(best == 0, MASK_NODATA, np.where(best >= level(threshold), number, 0)).astype(np.uint8)


def write_cog(
    rows: Journal, path: Path, bands: Sequence[int], names: Sequence[str], like: Raster, tags: dict[str, str],
    overviews: str, **facts: Any,
) -> None:  # fmt: skip
    """Some bands (from 0) of finished rows to a Cloud Optimized GeoTIFF at `path`, placed on the ground as `like` is.

    GDAL's own driver reads the rows through a VRT and writes tiles of 512 px (deflate) and overviews beside the rows;
    the file is checked and renamed. overviews: how they are resampled. facts: nodata, scales, offsets of the dataset.
    Raises `UserError` where the disk fills up.
    """
    folder = rows.folder
    vrt, draft = folder / f"{path.stem}.vrt", folder / path.name
    options = {"compress": "DEFLATE", "level": 6, "blocksize": 512, "bigtiff": "IF_SAFER", "statistics": "NO"}
    try:
        _describe(rows, vrt, bands, names, like, tags, **facts)
        with gdal(like.cache_mb, GDAL_NUM_THREADS="ALL_CPUS", CPL_TMPDIR=str(folder)):
            rasterio.shutil.copy(vrt, draft, driver="COG", overview_resampling=overviews, **options)
            with opened(vrt) as asked, opened(draft) as got:  # GDAL keeps quiet about writes that fail as it closes
                same = [asked.checksum(i) for i in asked.indexes] == [got.checksum(i) for i in got.indexes]
                if not same or not tags.items() <= got.tags().items():
                    raise OSError("what was written differs")
    except (RasterioError, CPLE_BaseError, OSError) as error:
        for file in folder.glob(f"{draft.name}*"):  # with GDAL's own temporary files
            file.unlink()
        raise UserError(
            f"{path} could not be written ({first_line(error)[:160]}; {shutil.disk_usage(folder).free / 1e9:.2f} GB "
            "free). Make room and give the same command again: it goes on from the finished rows."
        ) from error
    draft.replace(path)


def _describe(
    rows: Journal, vrt: Path, bands: Sequence[int], names: Sequence[str], like: Raster, tags: dict[str, str],
    **facts: Any,
) -> None:  # fmt: skip
    """A VRT over the flat file: GDAL reads it as if it were a raster, and carries its georeference on."""
    raw = "".join(
        f'<VRTRasterBand dataType="Byte" band="{i}" subClass="VRTRawRasterBand">'
        f'<SourceFilename relativeToVRT="1">{rows.data.name}</SourceFilename><ImageOffset>{band * rows.width}'
        f"</ImageOffset><PixelOffset>1</PixelOffset><LineOffset>{rows.bands * rows.width}</LineOffset></VRTRasterBand>"
        for i, band in enumerate(bands, 1)
    )
    vrt.write_text(f'<VRTDataset rasterXSize="{rows.width}" rasterYSize="{rows.height}">{raw}</VRTDataset>')
    with gdal(), opened(vrt, "r+") as dataset:
        if like.placed_by_points:
            dataset.gcps = (like.gcps, like.crs)
        else:
            if like.transform != Affine.identity():
                dataset.transform = like.transform
            if like.crs is not None:
                dataset.crs = like.crs
        for name, value in facts.items():
            setattr(dataset, name, value)
        dataset.descriptions = names
        dataset.update_tags(**{**like.tags, **tags})
