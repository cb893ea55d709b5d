"""Finished rows as Cloud Optimized GeoTIFFs."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rasterio.shutil
from rasterio.windows import Window

from seep_lightning.errors import UserError, first_line
from seep_lightning.files import draft_of, publish
from seep_lightning.scene.datasets import UNREADABLE_RASTER, open_dataset, open_own_dataset
from seep_lightning.scene.georeference import Georeference
from seep_lightning.scene.journal import Journal
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.raster_formats import MAP_FORMAT
from seep_lightning.scene.vrt import add_metadata, add_raw_byte_band, new_vrt, vrt_text

# characters of GDAL's message that fit into ours
LONGEST_GDAL_MESSAGE = 160
CHECKSUM_TAG = "SEEP_LIGHTNING_CHECKSUM"
"""Holds GDAL's checksum of the pixels, by which a map is known to be whole."""
RESERVED_TAGS = ("ns", "bidx")
"""Names of tags that are keywords of rasterio's `update_tags`, too."""


@dataclass(frozen=True)
class MapLayer:
    """A band of the finished rows, and how it is stored.

    Attributes:
        index: The band's number, from 0.
        name: What it shows.
        nodata: Its value of pixels that are not mapped.
        resampling: How its overviews are made, as GDAL calls it.
        scale: With `offset`: stored value x scale + offset is what it means; None where the value means itself.
        offset: See `scale`.
    """

    index: int
    name: str
    nodata: int
    resampling: str
    scale: float | None = None
    offset: float | None = None


def write_cog(rows: Journal, path: Path, layer: MapLayer, like: Raster, tags: dict[str, str]) -> None:
    """Write a band of finished rows as a Cloud Optimized GeoTIFF, all or nothing.

    Args:
        rows: The finished rows.
        path: The file to write.
        layer: Which band, and how it is stored.
        like: The raster whose place on the ground and tags it takes.
        tags: Further metadata.

    Raises:
        UserError: The disk is full or refuses it.
    """
    vrt, draft = rows.folder / f"{path.stem}.vrt", rows.folder / path.name
    try:
        _describe(vrt, rows, layer, like, tags)
        with rasterio.Env(GDAL_NUM_THREADS="ALL_CPUS", CPL_TMPDIR=str(rows.folder)):
            options = {"driver": MAP_FORMAT.driver, **MAP_FORMAT.options}
            rasterio.shutil.copy(vrt, draft, overview_resampling=layer.resampling, **options)
        _check_written(vrt, draft, tags)
    except (*UNREADABLE_RASTER, OSError) as error:
        _remove_draft(draft)
        reason = first_line(error)[:LONGEST_GDAL_MESSAGE]
        free = shutil.disk_usage(rows.folder).free / 1e9
        raise UserError(
            f"{path} could not be written ({reason}; {free:.2f} GB free). "
            "Make room and give the same command again: it goes on from the finished rows."
        ) from error
    publish(draft, path)


@dataclass(frozen=True)
class SparseContent:
    """What a raster holds that may be empty for the most part.

    Attributes:
        windows: Where it has data: only these are checked, reading all of it would take longer than writing it.
        resampling: How overviews are made, as GDAL calls it; None for no overviews.
    """

    windows: Sequence[Window]
    resampling: str | None

    @property
    def options(self) -> dict[str, Any]:
        """GDAL's options, beside those of all maps."""
        if self.resampling is None:
            return {"sparse_ok": True, "overviews": "NONE"}
        return {"sparse_ok": True, "overview_resampling": self.resampling}

    def checksums(self, dataset: Any) -> list[int]:
        """GDAL's checksum of each band in each window of an open raster."""
        return [dataset.checksum(band, window) for window in self.windows for band in dataset.indexes]


def write_copy_as_cog(source: Path, path: Path, content: SparseContent, tags: dict[str, str]) -> None:
    """Write a raster of our own again as a Cloud Optimized GeoTIFF, all or nothing.

    Args:
        source: The raster; the tags are added to it.
        path: The file to write.
        content: What it holds.
        tags: Further metadata.

    Raises:
        UserError: The disk is full or refuses it.
    """
    with draft_of(path, MAP_FORMAT.suffix) as draft:
        try:
            with open_dataset(source, "r+") as plain:
                plain.update_tags(**tags)
            with rasterio.Env(CPL_TMPDIR=str(path.parent)):
                options = {"driver": MAP_FORMAT.driver, **MAP_FORMAT.options, **content.options}
                rasterio.shutil.copy(source, draft, **options)
            _check_copy(source, draft, content)
        except (*UNREADABLE_RASTER, OSError) as error:
            reason = first_line(error)[:LONGEST_GDAL_MESSAGE]
            free = shutil.disk_usage(path.parent).free / 1e9
            message = f"{path} could not be written ({reason}; {free:.2f} GB free)."
            raise UserError(f"{message} Make room and give the same command again.") from error
        publish(draft, path)


def _check_copy(source: Path, draft: Path, content: SparseContent) -> None:
    """Raise `OSError` unless a draft holds the data of its source."""
    with open_own_dataset(source) as plain, open_own_dataset(draft) as written:
        is_whole = content.checksums(plain) == content.checksums(written)
    if not is_whole:
        raise OSError("what was written differs")


def _describe(vrt: Path, rows: Journal, layer: MapLayer, like: Raster, tags: dict[str, str]) -> None:
    """Write a virtual raster that shows a band of the rows where they lie, with all that is known of it."""
    dataset = new_vrt(rows.width, rows.height)
    line_bytes = rows.bands * rows.width
    add_raw_byte_band(dataset, rows.data, offset=layer.index * rows.width, line_bytes=line_bytes)
    all_tags = {**like.tags, **tags}
    # rasterio takes tags as keywords, beside two of its own
    add_metadata(dataset, {name: text for name, text in all_tags.items() if name in RESERVED_TAGS})
    vrt.write_text(vrt_text(dataset), encoding="utf-8")
    with open_own_dataset(vrt) as plain:
        all_tags[CHECKSUM_TAG] = str(plain.checksum(1))
    with open_dataset(vrt, "r+") as out:
        _place(out, like.place)
        out.nodata = layer.nodata
        if layer.scale is not None:
            out.scales, out.offsets = [layer.scale], [layer.offset]
        out.descriptions = (layer.name,)
        out.update_tags(**{name: text for name, text in all_tags.items() if name not in RESERVED_TAGS})


def _place(out: Any, place: Georeference) -> None:
    """Put an open dataset where a raster lies."""
    if place.placed_by_points and place.crs:
        out.gcps = (place.gcps, place.crs)
        return
    if place.has_transform:
        out.transform = place.transform
    if place.crs:
        out.crs = place.crs


def _check_written(vrt: Path, draft: Path, tags: dict[str, str]) -> None:
    """Raise `OSError` unless the draft holds what it should: GDAL is silent about writes that fail as it closes."""
    with open_own_dataset(vrt) as expected, open_own_dataset(draft) as written:
        same_pixels = expected.tags()[CHECKSUM_TAG] == str(written.checksum(1))
        has_tags = tags.items() <= written.tags().items()
    if not same_pixels or not has_tags:
        raise OSError("what was written differs")


def _remove_draft(draft: Path) -> None:
    """Remove a file that was begun, with GDAL's own temporary files."""
    # not by a pattern: the name may hold brackets
    for file in draft.parent.iterdir():
        if file.name.startswith(draft.name):
            file.unlink()
