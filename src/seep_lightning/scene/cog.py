"""Probabilities as 8 bit, and Cloud Optimized GeoTIFFs that appear whole or not at all."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as xml

import numpy as np
import rasterio.shutil
from affine import Affine
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError  # what GDAL says while it copies; not derived from RasterioError
from rasterio.errors import RasterioError

from seep_lightning.errors import UserError
from seep_lightning.scene.journal import Journal
from seep_lightning.scene.raster import Raster, gdal, opened

LEVELS = 254  # 8 bit holds nodata (0) and the probabilities 0/254 .. 254/254 (1..255)
MASK_NODATA = 255


def quantise(probability: NDArray[np.float32], mapped: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Probabilities (..., n, W) in 0..1 to 8 bit: 0 where not `mapped` (n, W), else round(p * 254) + 1.

    The error is at most 1/508. Raises `UserError` for a mapped value that is not finite.
    """
    scaled = probability * np.float32(LEVELS)
    if not np.isfinite(scaled, where=mapped, out=np.ones(scaled.shape, bool)).all():
        raise UserError(
            "The model gave probabilities that are not finite. Its weights are damaged, or training diverged."
        )
    np.clip(np.rint(scaled, out=scaled), 0, LEVELS, out=scaled)
    scaled += 1
    return np.where(mapped, scaled, 0).astype(np.uint8)


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
    best = quantised.max(axis=1, keepdims=True)
    number = quantised.argmax(axis=1, keepdims=True) + 1 if quantised.shape[1] > 1 else np.ones_like(best)
    mask = np.where(best >= level(threshold), number, 0)
    return np.where(best == 0, MASK_NODATA, mask).astype(np.uint8)


@dataclass(frozen=True)
class Layer:
    """What a written raster is: its nodata value, band names, tags, and how overviews are resampled."""

    nodata: int
    names: Sequence[str]
    tags: dict[str, str]
    overviews: str
    scale: float = 1.0
    offset: float = 0.0


def write_cog(rows: Journal, path: Path, like: Raster, layer: Layer) -> None:
    """Finished rows to a Cloud Optimized GeoTIFF at `path`, placed on the ground as `like` is.

    GDAL's own driver reads the rows through a VRT, writes tiles of 512 px (deflate) and overviews beside the rows, and
    the file is read back, compared with the rows and renamed. Raises `UserError` where the disk fills up.
    """
    folder = rows.folder
    vrt, draft = folder / f"{path.stem}.vrt", folder / path.name
    options = {"compress": "DEFLATE", "level": 6, "blocksize": 512, "bigtiff": "IF_SAFER", "statistics": "NO"}
    try:
        _describe(rows, vrt, like, layer)
        with gdal(like.cache_mb, GDAL_NUM_THREADS="ALL_CPUS", CPL_TMPDIR=str(folder)):
            rasterio.shutil.copy(vrt, draft, driver="COG", overview_resampling=layer.overviews, **options)
        if not _equal(
            rows, draft, layer.tags, like.cache_mb
        ):  # GDAL keeps quiet about writes that fail while it closes a file
            raise OSError("what was written differs")
    except (RasterioError, CPLE_BaseError, OSError) as error:
        _forget(draft)
        free, size = shutil.disk_usage(folder).free, rows.height * rows.bands * rows.width * 4 / 3
        raise UserError(
            f"{path} could not be written ({(str(error).splitlines() or [''])[0][:160]}; {free / 1e9:.2f} GB free for "
            f"up to {size / 1e9:.2f} GB). Make room and give the same command again: it goes on from the finished rows."
        ) from error
    draft.replace(path)


def _describe(rows: Journal, vrt: Path, like: Raster, layer: Layer) -> None:
    """A VRT over the flat file: GDAL reads it as if it were a raster, and carries its georeference on."""
    root = xml.Element("VRTDataset", rasterXSize=str(rows.width), rasterYSize=str(rows.height))
    for band in range(rows.bands):
        node = xml.SubElement(root, "VRTRasterBand", dataType="Byte", band=str(band + 1), subClass="VRTRawRasterBand")
        xml.SubElement(node, "SourceFilename", relativeToVRT="1").text = rows.data.name
        xml.SubElement(node, "ImageOffset").text = str(band * rows.width)
        xml.SubElement(node, "PixelOffset").text = "1"
        xml.SubElement(node, "LineOffset").text = str(rows.bands * rows.width)
    xml.ElementTree(root).write(vrt)
    with gdal(), opened(vrt, "r+") as dataset:
        dataset.nodata = layer.nodata
        if like.placed_by_points:
            dataset.gcps = (like.gcps, like.crs)
        else:
            if like.transform != Affine.identity():
                dataset.transform = like.transform
            if like.crs is not None:
                dataset.crs = like.crs
        if like.rpcs is not None:
            dataset.rpcs = like.rpcs
        dataset.update_tags(**{**like.tags, **layer.tags})
        dataset.scales, dataset.offsets = [layer.scale] * rows.bands, [layer.offset] * rows.bands
        for band, name in enumerate(layer.names, 1):
            dataset.set_band_description(band, name)


def _equal(rows: Journal, path: Path, tags: dict[str, str], cache_mb: int) -> bool:
    """Whether a written raster holds the rows and tags."""
    with gdal(cache_mb, GDAL_NUM_THREADS="ALL_CPUS"), opened(path) as dataset:
        if (dataset.count, dataset.height, dataset.width) != (rows.bands, rows.height, rows.width):
            return False
        if not tags.items() <= dataset.tags().items():
            return False
        for start in range(0, rows.height, 512):
            stop = min(start + 512, rows.height)
            written = dataset.read(window=((start, stop), (0, rows.width)))
            if not np.array_equal(written.transpose(1, 0, 2), rows.read(start, stop)):
                return False
    return True


def _forget(draft: Path) -> None:
    for file in draft.parent.iterdir():
        if file.name.startswith(draft.name):
            file.unlink(missing_ok=True)
