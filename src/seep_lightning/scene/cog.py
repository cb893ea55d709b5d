"""From a scene to its map: probability and mask as Cloud Optimized GeoTIFFs, from any point where a run was killed."""

import shutil
from pathlib import Path
from typing import Any

import rasterio.shutil
from affine import Affine
from rasterio.errors import RasterioError

from seep_lightning import compat
from seep_lightning.errors import UserError, first_line
from seep_lightning.scene.journal import Journal
from seep_lightning.scene.raster import Raster, open_dataset

COG = {"driver": "COG", "compress": "DEFLATE", "level": 6, "blocksize": 512, "bigtiff": "IF_SAFER", "statistics": "NO"}


def write_cog(
    rows: Journal, path: Path, band: int, name: str, like: Raster, tags: dict[str, str], overviews: str, **facts: Any
) -> None:
    """A band (from 0) of finished rows to a Cloud Optimized GeoTIFF at `path`, placed on the ground as `like` is.

    overviews: how they are resampled. facts: nodata, scales, offsets. Raises `UserError` where the disk fills up.
    """
    vrt, draft = rows.folder / f"{path.stem}.vrt", rows.folder / path.name
    text = (
        f'<VRTDataset rasterXSize="{rows.width}" rasterYSize="{rows.height}">'
        '<VRTRasterBand dataType="Byte" band="1" subClass="VRTRawRasterBand">'
        f'<SourceFilename relativeToVRT="1">{rows.data.name}</SourceFilename><ImageOffset>{band * rows.width}'
        f"</ImageOffset><PixelOffset>1</PixelOffset><LineOffset>{rows.bands * rows.width}</LineOffset></VRTRasterBand>"
        "</VRTDataset>"
    )
    try:
        vrt.write_text(text)
        with open_dataset(vrt, "r+") as asked:
            if like.placed_by_points and like.crs:
                asked.gcps = (like.gcps, like.crs)
            else:
                facts |= {"transform": like.transform} if like.transform != Affine.identity() else {}
                facts |= {"crs": like.crs} if like.crs else {}
            for key, value in facts.items():
                setattr(asked, key, value)
            asked.descriptions = (name,)
            asked.update_tags(**{**like.tags, **tags})
        with rasterio.Env(GDAL_NUM_THREADS="ALL_CPUS", CPL_TMPDIR=str(rows.folder)):
            rasterio.shutil.copy(vrt, draft, overview_resampling=overviews, **COG)
        with (
            open_dataset(vrt) as asked,
            open_dataset(draft) as got,
        ):  # GDAL keeps quiet about writes that fail as it closes
            if asked.checksum(1) != got.checksum(1) or not tags.items() <= got.tags().items():
                raise OSError("what was written differs")
    except (RasterioError, compat.gdal_error(), OSError) as error:
        for file in rows.folder.glob(f"{draft.name}*"):  # with GDAL's own temporary files
            file.unlink()
        why = f"{first_line(error)[:160]}; {shutil.disk_usage(rows.folder).free / 1e9:.2f} GB free"
        advice = "Make room and give the same command again: it goes on from the finished rows."
        raise UserError(f"{path} could not be written ({why}). {advice}") from error
    draft.replace(path)
