"""From a scene to its map: probability and mask as Cloud Optimized GeoTIFFs, from any point where a run was killed."""

import fcntl
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import rasterio.shutil
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from seep_lightning.classes import class_numbers
from seep_lightning.errors import UserError, disk, first_line
from seep_lightning.normalise import Floats
from seep_lightning.scene.raster import ROWS, CPLE_BaseError, Mask, Raster, opened
from seep_lightning.scene.strip import Area, Model, Normalise, Progress, predict_scene
from seep_lightning.scene.windows import Tiling

LEVELS = 254  # 8 bit holds nodata (0) and the probabilities 0/254 .. 254/254 (1..255)
MASK_NODATA = 255
KEY = "SEEP_LIGHTNING_KEY"
FORMAT = 4  # raise it when the same settings would give other pixels, or the journal another layout
COG = {"driver": "COG", "compress": "DEFLATE", "level": 6, "blocksize": 512, "bigtiff": "IF_SAFER", "statistics": "NO"}

log = logging.getLogger(__name__)


class SceneMap(NamedTuple):
    """Two rasters, from which row on this call predicted (the height: all was there), a hash of what they depend on."""

    probability: Path
    mask: Path
    first_row: int
    key: str


def map_scene(
    raster: Raster, prepare: Callable[[], tuple[Model, Normalise]], folder: Path, *, model_key: str, tiling: Tiling,
    batch: int, threads: int = 2, threshold: float = 0.5, area: Area | None = None,
    area_key: str = "", overwrite: bool = False, progress: Progress | None = None, part: tuple[int, int] | None = None,
) -> SceneMap:  # fmt: skip
    """Map a scene into `folder`: NAME.probability.tif and NAME.mask.tif.

    The model's first channel is that of seep, others are of classes. prepare: gives model and normalisation, if there
    is anything left to do. model_key, area_key: hashes of what the pixels depend on besides the file and the settings.
    part: predict these rows only, for the call that maps the whole scene; several processes may do so at once.
    The same call goes on where a killed one stopped and gives the same pixels. Raises `UserError` for outputs of
    something else (unless `overwrite`), a scene without valid pixels, a file that changes meanwhile, a full disk.
    """
    settings = [FORMAT, model_key, raster.fingerprint, tiling, batch, threshold, area_key]
    key = hashlib.sha256(json.dumps(settings).encode()).hexdigest()
    probability, mask = folder / f"{raster.name}.probability.tif", folder / f"{raster.name}.mask.tif"
    draft = folder / f".{raster.name}.part"
    foreign = [path for path in (probability, mask) if path.exists() and _key_of(path) != key]
    if not foreign and probability.exists() and mask.exists():
        shutil.rmtree(draft, ignore_errors=True)
        return SceneMap(probability, mask, raster.height, key)
    if foreign and not overwrite:
        said = f"{foreign[0]} is there already, from another model, input or settings"
        raise UserError(f"{said}. Choose another output folder, or allow it to be replaced with overwrite=true.")
    first_row, last_row = part or (0, raster.height)
    whole = draft / f"{key}.rows"
    if part and whole.exists() and whole.stat().st_size >= last_row * 2 * raster.width:
        return SceneMap(probability, mask, last_row, key)  # taken over before; its worker died after that
    with closing(Journal(draft, key, 2, last_row - first_row, raster.width, part and first_row)) as rows:
        if part is None:
            rows.take_over()
        first = first_row + rows.rows

        def write(start: int, p: Floats, mapped: Mask) -> None:
            for a in range(0, len(mapped), ROWS):  # the steps of quantising take several times the memory of its result
                some = p[:, a : a + ROWS]
                stored = quantise(some[0], mapped[a : a + ROWS])
                rows.append(np.stack((stored, classify(stored, class_numbers(some), threshold)), axis=1))

        predict_scene(
            raster, *prepare(), write, tiling=tiling, batch=batch, threads=threads, first_row=first,
            last_row=last_row, area=area, progress=progress,
        )  # fmt: skip
        if part is not None:
            return SceneMap(probability, mask, first, key)
        try:
            raster.check_unchanged()
            if all((rows.read(a, a + ROWS)[:, -1] == MASK_NODATA).all() for a in range(0, rows.height, ROWS)):
                said = f"{raster.path} has no pixel to map: all of it is nodata, or outside the area of interest"
                raise UserError(f"{said}. Check its nodata value and the area.")
        except UserError:
            rows.discard()  # of two different files, or of none
            raise
        tags = {KEY: key, "SEEP_LIGHTNING_THRESHOLD": f"{threshold:g}"}
        scaling = {"scales": [1 / LEVELS], "offsets": [-1 / LEVELS]}
        write_cog(rows, probability, 0, "seep", raster, tags, "average", nodata=0, **scaling)
        write_cog(rows, mask, 1, "class", raster, tags, "mode", nodata=MASK_NODATA)
        rows.discard()
    return SceneMap(probability, mask, first, key)


def _key_of(path: Path) -> str | None:
    """The key of a map that is there already; None for anything else."""
    with suppress(RasterioError), opened(path) as dataset:
        found: str | None = dataset.tags().get(KEY)
        return found
    return None


def quantise(probability: NDArray[np.float32], mapped: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Probabilities (n, W) to 8 bit: 0 where not `mapped`, else round(254 p) + 1; `UserError` if one is not finite."""
    if not np.isfinite(probability, where=mapped, out=np.ones(probability.shape, bool)).all():
        raise UserError("The model gave probabilities that are not finite. Its weights are damaged, or it diverged.")
    return np.where(mapped, np.rint(probability.clip(0, 1) * np.float32(LEVELS)) + 1, 0).astype(np.uint8)


def level(probability: float) -> int:
    """The smallest quantised value, 1..255, whose probability is at least this; 1, of 0, for nothing above it."""
    return max(int(np.ceil(probability * LEVELS - 1e-6)), int(probability > 0)) + 1


def classify(quantised: NDArray[np.uint8], numbers: NDArray[np.uint8], threshold: float) -> NDArray[np.uint8]:
    """Quantised probabilities and numbers of classes (n, W) to a mask: 255 nodata, 0 sea, else the number."""
    return np.where(quantised == 0, MASK_NODATA, np.where(quantised >= level(threshold), numbers, 0)).astype(np.uint8)


class Journal:
    """A raster's rows, each (bands, width) uint8, in one flat file that only grows.

    folder: for one process at a time, and one for each part. key: a hash of all that the rows depend on; others are
    dropped with a warning, but not by a part, since another process may be writing them. rows: how many are safe on
    disk. part: the first row of a part of a scene, which lies in a file of its own.
    """

    def __init__(self, folder: Path, key: str, bands: int, height: int, width: int, part: int | None = None) -> None:
        self.folder, self.bands, self.height, self.width = folder, bands, height, width
        own = "" if part is None else f".{part:09d}"
        self.key, self.data, self._row_bytes = key, folder / f"{key}{own}.rows", bands * width
        with disk(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = (folder / f"lock{own}").open("w")  # the system lets go of it when the process ends, however
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(f"{folder} is in use: another process maps this scene. Wait for it.") from None
            for other in {p for p in folder.glob("*.rows") if part is None and not p.name.startswith(key)}:
                log.warning("%s holds part of a map of another model, input or settings: starting anew.", folder)
                other.unlink()
            self._file = self.data.open("ab")
            self.rows = self._file.tell() // self._row_bytes
            self._file.truncate(self.rows * self._row_bytes)
        needed, free = (height - self.rows) * self._row_bytes, shutil.disk_usage(folder).free
        if needed > free:
            self.close()
            room = f"has {free / 1e9:.2f} GB free; the map's rows need {needed / 1e9:.2f} GB before they are compressed"
            raise UserError(f"{folder.parent} {room}. Make room, or choose another output folder.")

    def append(self, rows: NDArray[np.uint8]) -> None:
        """Add the next finished rows, (n, bands, width), and see them safe."""
        with disk(self.folder):
            self._file.write(np.ascontiguousarray(rows).data)
            self._file.flush()
            os.fsync(self._file.fileno())
        self.rows += len(rows)

    def take_over(self) -> None:
        """Append what parts hold of the rows that come next, and remove them."""
        for path in sorted(self.folder.glob(f"{self.key}.*.rows")):
            start = int(path.name.split(".")[1])
            if start > self.rows:  # beyond a gap: for a later call
                break
            while len(rows := self.read(self.rows - start, self.rows - start + ROWS, path)):
                self.append(rows)
            path.unlink()

    def read(self, start: int, stop: int, path: Path | None = None) -> NDArray[np.uint8]:
        """Finished rows start..stop, (n, bands, width), fewer at the end; path: of a part, counted from its first."""
        count, offset = (stop - start) * self._row_bytes, start * self._row_bytes
        flat = np.fromfile(path or self.data, np.uint8, count, offset=offset)
        return flat[: flat.size // self._row_bytes * self._row_bytes].reshape(-1, self.bands, self.width)

    def close(self) -> None:
        """Close the files; what is finished stays."""
        with suppress(OSError):  # the rest of a write that the disk refused
            self._file.close()
        self._lock.close()

    def discard(self) -> None:
        """Close, and remove the folder with all that is in it."""
        self.close()
        self.data.unlink()  # first: without it nothing else counts
        shutil.rmtree(self.folder)


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
        with opened(vrt, "r+") as asked:
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
        with opened(vrt) as asked, opened(draft) as got:  # GDAL keeps quiet about writes that fail as it closes
            if asked.checksum(1) != got.checksum(1) or not tags.items() <= got.tags().items():
                raise OSError("what was written differs")
    except (RasterioError, CPLE_BaseError, OSError) as error:
        for file in rows.folder.glob(f"{draft.name}*"):  # with GDAL's own temporary files
            file.unlink()
        why = f"{first_line(error)[:160]}; {shutil.disk_usage(rows.folder).free / 1e9:.2f} GB free"
        advice = "Make room and give the same command again: it goes on from the finished rows."
        raise UserError(f"{path} could not be written ({why}). {advice}") from error
    draft.replace(path)
