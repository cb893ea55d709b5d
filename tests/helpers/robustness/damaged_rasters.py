"""Damages of what a GeoTIFF, an ENVI header and other rasters say."""

import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import rasterio
from affine import Affine

from helpers.robustness.damage import Damage, named

Written = tuple[Any, dict[str, Any]]
"""Values (C, H, W), and facts for `rasterio.open`."""
TIFF, PNG, ENVI_HEADER, VRT = "tiff", "png", "envi header", "vrt"
TAGS = {
    "width": 256,
    "height": 257,
    "bits": 258,
    "compression": 259,
    "photometric": 262,
    "offsets": 273,
    "bands": 277,
    "rows of a strip": 278,
    "lengths": 279,
    "planes": 284,
    "format": 339,
}
NUMBERS = (0, 1, 7, 60_000, 200_000, 2**31 - 1)


def _tags(content: bytearray) -> dict[int, int]:
    """Where the values of the tags of a classic little-endian TIFF's first directory stand."""
    assert content[:4] == b"II*\0", "not a classic little-endian TIFF"
    start = struct.unpack_from("<I", content, 4)[0]
    count = struct.unpack_from("<H", content, start)[0]
    entries = [start + 2 + 12 * number for number in range(count)]
    return {struct.unpack_from("<H", content, entry)[0]: entry for entry in entries}


def claim(path: Path, variant: str, _: Random) -> None:
    """Another number in a tag of the header, of the same pixels."""
    name, _, number = variant.partition("=")
    content = bytearray(path.read_bytes())
    entry = _tags(content).get(TAGS[name])
    if entry is None:
        return
    # as one LONG
    struct.pack_into("<HII", content, entry + 2, 4, 1, int(number))
    path.write_bytes(content)


def claim_size(path: Path, variant: str, _: Random) -> None:
    """Another width and height at once."""
    width, _, height = variant.partition(" x ")
    for name, number in (("width", width), ("height", height)):
        claim(path, f"{name}={number}", Random(0))


def directory_of_itself(path: Path, _: str, __: Random) -> None:
    """The directory's successor is itself."""
    content = bytearray(path.read_bytes())
    start = struct.unpack_from("<I", content, 4)[0]
    count = struct.unpack_from("<H", content, start)[0]
    struct.pack_into("<I", content, start + 2 + 12 * count, start)
    path.write_bytes(content)


def _noisy(spoilt: float) -> Callable[[Any], Written]:
    """A tenth of the pixels with another value."""

    def spoil(values: Any) -> Written:
        some = np.random.default_rng(0).random(values.shape) < 0.1
        return np.where(some, np.float32(spoilt), values.astype(np.float32)), {"nodata": None}

    return spoil


def _as(change: Callable[[Any], Any], **facts: Any) -> Callable[[Any], Written]:
    """Other values, and perhaps other facts."""
    return lambda values: (change(values), facts)


def _placed(**facts: Any) -> Callable[[Any], Written]:
    """The same values in another place."""
    return lambda values: (values, facts)


OTHERWISE: dict[str, Callable[[Any], Written]] = {
    "nan pixels": _noisy(np.nan),
    "infinite pixels": _noisy(np.inf),
    "only nan": _as(lambda values: np.full(values.shape, np.nan, np.float32), nodata=None),
    "negative": _as(lambda values: -values.astype(np.float32), nodata=None),
    "huge values": _as(lambda values: values.astype(np.float32) * np.float32(1e34), nodata=None),
    "all nodata": _as(np.zeros_like, nodata=0),
    "constant": _as(lambda values: np.full_like(values, 7)),
    "complex": _as(lambda values: values.astype(np.complex64), nodata=None),
    "64-bit integers": _as(lambda values: values.astype(np.int64), nodata=None),
    "one pixel": _as(lambda values: values[:, :1, :1]),
    "one row": _as(lambda values: values[:, :1]),
    "three bands": _as(lambda values: np.repeat(values[:1], 3, axis=0)),
    "2,000 bands": _as(lambda values: np.repeat(values[:1, :8, :8], 2000, axis=0)),
    "another size": _as(lambda values: np.pad(values, ((0, 0), (0, 9), (0, 5)))),
    "nodata nan": _as(lambda values: values.astype(np.float32), nodata=float("nan")),
    "no place": _placed(crs=None, transform=Affine.identity()),
    "nan place": _placed(transform=Affine(float("nan"), 0, 0, 0, -10, 0)),
    "infinite place": _placed(transform=Affine(10, 0, float("inf"), 0, -10, 0)),
    "pixels of no size": _placed(transform=Affine(0, 0, 5e5, 0, 0, 5e6)),
    "beyond the pole": _placed(crs="EPSG:4326", transform=Affine(10, 0, -500, 0, -10, 400)),
    "local place": _placed(crs='LOCAL_CS["somewhere",UNIT["metre",1]]'),
}


def write_otherwise(path: Path, how: str, _: Random) -> None:
    """The raster written again with other values or facts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(path) as dataset:
            values, profile = dataset.read(), dict(dataset.profile)
        values, facts = OTHERWISE[how](values)
        kept = {key: profile[key] for key in ("crs", "transform", "nodata") if profile.get(key) is not None}
        count, height, width = values.shape
        size = {"count": count, "height": height, "width": width, "dtype": values.dtype.name}
        path.unlink()
        with rasterio.open(path, "w", driver="GTiff", **{**kept, **size, **facts}) as out:
            out.write(values)


SIZES = ("200000 x 200000", "2147483647 x 4", "4 x 2147483647", "65536 x 65536", "0 x 0")


def claim_png_size(path: Path, variant: str, _: Random) -> None:
    """Another size in the header of a PNG, with its checksum."""
    width, _, height = variant.partition(" x ")
    content = bytearray(path.read_bytes())
    struct.pack_into(">II", content, 16, int(width), int(height))
    struct.pack_into(">I", content, 29, zlib.crc32(bytes(content[12:29])))
    path.write_bytes(content)


def change_envi(path: Path, variant: str, _: Random) -> None:
    key, _, value = variant.partition("=")
    lines = [line for line in path.read_text().splitlines() if not line.startswith(f"{key} =")]
    if value != "missing":
        lines.append(f"{key} = {value}")
    path.write_text("\n".join(lines) + "\n")


ENVI = tuple(
    f"{key}={value}"
    for key in ("samples", "lines", "bands", "data type", "interleave", "byte order", "header offset", "band names")
    for value in ("missing", "abc", "-1", "0", "2000000000", "{ a, b")
)


def change_vrt(path: Path, how: str, _: Random) -> None:
    text = path.read_text()
    source = text[text.index("<SourceFilename") : text.index("</SourceFilename>") + len("</SourceFilename>")]
    other = {
        "of itself": f'<SourceFilename relativeToVRT="1">{path.name}</SourceFilename>',
        "of nothing": '<SourceFilename relativeToVRT="1">not there.tif</SourceFilename>',
        "of a secret": '<SourceFilename relativeToVRT="0">/etc/passwd</SourceFilename>',
        "of the network": '<SourceFilename relativeToVRT="0">/vsicurl/http://127.0.0.1:9/a.tif</SourceFilename>',
        "of zeros": '<SourceFilename relativeToVRT="0">/dev/zero</SourceFilename>',
        "of a folder above": '<SourceFilename relativeToVRT="1">../../../../../../etc/passwd</SourceFilename>',
        "of a long name": f'<SourceFilename relativeToVRT="1">{"a/" * 5000}</SourceFilename>',
    }
    sizes = {"huge": 'rasterXSize="200000" rasterYSize="200000"', "of size 0": 'rasterXSize="0" rasterYSize="0"'}
    if how in sizes:
        first = text.index(">")
        path.write_text(f"<VRTDataset {sizes[how]}{text[first:]}")
    else:
        path.write_text(text.replace(source, other[how]))


DAMAGES = (
    Damage(
        "another claim",
        (TIFF,),
        claim,
        named(*(f"{name}={number}" for name in TAGS for number in NUMBERS)),
    ),
    Damage("another size claimed", (TIFF,), claim_size, named(*SIZES)),
    Damage("a directory of itself", (TIFF,), directory_of_itself),
    Damage("written otherwise", (TIFF,), write_otherwise, named(*OTHERWISE)),
    Damage("another size claimed", (PNG,), claim_png_size, named(*SIZES)),
    Damage("another header", (ENVI_HEADER,), change_envi, named(*ENVI)),
    Damage(
        "another source",
        (VRT,),
        change_vrt,
        named(
            *("of itself", "of nothing", "of a secret", "of the network", "of zeros", "of a folder above"),
            *("of a long name", "huge", "of size 0"),
        ),
    ),
)
