"""The vector formats that are read, and what their files may refer to: judged before GDAL opens them.

GDAL tells a format by a file's content, whatever its suffix, and some formats are nothing but the address of a service.
A format that is to be read is one entry of `VECTOR_FORMATS`.
"""

import mmap
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote

from seep_lightning.documents.regular_files import check_regular, read_bytes
from seep_lightning.errors import UserError
from seep_lightning.scene.archive_contents import LARGEST_UNPACKED, check_archive, members_of
from seep_lightning.scene.archive_members import plain_name
from seep_lightning.scene.databases import check_database
from seep_lightning.scene.locations import archive_of, may_be_listed, member_of
from seep_lightning.scene.references import packed_bytes

HEAD_BYTES = 64 << 10
LARGEST_PACKED = 256 << 20
"""Bytes of a file in an archive that is read as a whole."""
LEAST_PACKED_TO_DOUBT = 16 << 20
"""Bytes of a layer in an archive that may be packed in any way: reading each 16 MiB of KML takes some seconds."""
LARGEST_RATIO = 50
"""Times the archive's bytes: coordinates pack 4 to 1, empty columns of tables 20 to 1."""
# GDAL takes a file for one of these services, or for a list of other files, wherever in its first bytes this stands
_SERVICES = (
    b"<ogrvrt",
    b"<ogrwfs",
    b"<ogroapif",
    b"<wfs_capabilities",
    b"<wfs:wfs_capabilities",
    b"<gdal",
    b"<vrtdataset",
    b"csw:",
    b"<rss",
    b"<georss",
    b"gdal_streamed_alg",
)
_BEFORE_ROOT = rb"\s*(\xef\xbb\xbf)?\s*(<\?xml[^>]*>|<!--.*?-->|\s)*"
_KML = re.compile(_BEFORE_ROOT + rb"<(\w+:)?kml\b", re.DOTALL | re.IGNORECASE)
_GML = re.compile(_BEFORE_ROOT + rb"<[^>]*opengis\.net/gml", re.DOTALL | re.IGNORECASE)
_LIST_OF_TABLES = re.compile(rb"create\s+view|open\s+table|isseamless", re.IGNORECASE)
_INCLUDED_SCHEMA = re.compile(rb"<(\w+:)?(include|redefine)\b", re.IGNORECASE)
# of a GeoJSON: its coordinate system, which in old ones may be an address ...
_SYSTEM = re.compile(rb'"crs"\s*:\s*\{', re.IGNORECASE)
# ... or a name
_NAMED_SYSTEM = re.compile(
    rb'"crs"\s*:\s*\{\s*("type"\s*:\s*"(name|epsg)"\s*,\s*"properties"\s*:\s*\{[^{}]*\}'
    rb'|"properties"\s*:\s*\{[^{}]*\}\s*,\s*"type"\s*:\s*"(name|epsg)")\s*\}',
    re.IGNORECASE,
)
# letters that are written as numbers hide a word, and no program writes them so
_HIDDEN_LETTER = re.compile(rb"\\u00(4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9a])", re.IGNORECASE)

SHAPEFILE_PARTS = (".shx", ".dbf", ".prj", ".cpg", ".qix", ".sbn", ".sbx")


def _refers_to_nothing(path: Path) -> None:
    """Take the files of a format that names no others."""


def _refers_to_nothing_packed(location: str) -> None:
    """Take the files of such a format in an archive."""


def _unpack_first(location: str) -> None:
    """Raise `UserError` for a file of which only the whole content, or what lies beside it, tells what it refers to."""
    raise UserError(f"{location} is read unpacked only. Unpack the archive, and give the file.")


def _check_geojson(path: Path) -> None:
    """Raise `UserError` for GeoJSON whose coordinate system lies at an address."""
    if not path.stat().st_size:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        _check_systems(content, path)


def _check_packed_geojson(location: str) -> None:
    """The same for GeoJSON in an archive."""
    content = packed_bytes(location, LARGEST_PACKED + 1) or b""
    if len(content) > LARGEST_PACKED:
        _unpack_first(location)
    _check_systems(content, Path(location))


def _check_systems(content: bytes | mmap.mmap, path: Path) -> None:
    """Raise `UserError` for a text of GeoJSON whose coordinate system may be no name."""
    if _HIDDEN_LETTER.search(content) is not None:
        raise _refused(path, "it hides letters behind numbers")
    for system in _SYSTEM.finditer(content):
        if _NAMED_SYSTEM.match(content, system.start()) is None:
            raise _refused(path, "its coordinate system (crs) is no name. Remove crs: GeoJSON is in degrees")


def _check_kmz(path: Path) -> None:
    """Raise `UserError` for an archive whose KML, all of which is read into memory, is larger than it seems."""
    check_archive(path)
    _check_density(path, [member.size for member in members_of(path, path.stat().st_mtime_ns)], LARGEST_PACKED)


def _check_density(archive: Path, sizes: Sequence[int], largest: int) -> None:
    """Raise `UserError` for files (bytes of each) in an archive that are larger than it seems: all are read."""
    size = sum(sizes)
    ratio = size // max(archive.stat().st_size, 1)
    if size > largest or (size > LEAST_PACKED_TO_DOUBT and ratio > LARGEST_RATIO):
        problem = f"what it holds has {size:,} bytes unpacked, {ratio:,} times its own"
        raise _refused(archive, f"{problem}; expected at most {largest:,}, {LARGEST_RATIO} times its own. Unpack it")


def _check_shapefile(path: Path) -> None:
    """Raise `UserError` where a part of a shapefile is no regular file."""
    for suffix in SHAPEFILE_PARTS:
        part = path.with_suffix(suffix)
        if part.exists():
            check_regular(part)


def _check_gml(path: Path) -> None:
    """Raise `UserError` for GML whose schema, beside it, takes in others, which may lie at an address."""
    schema = path.with_suffix(".xsd")
    if schema.exists() and _INCLUDED_SCHEMA.search(read_bytes(schema)) is not None:
        raise _refused(path, f"{schema.name} beside it includes other schemas. Remove {schema.name}")


def _check_table(path: Path) -> None:
    """Raise `UserError` for a table of MapInfo that lists other tables."""
    if _LIST_OF_TABLES.search(_head(path)) is not None:
        raise _refused(path, "it lists other tables. Give one of them")


@dataclass(frozen=True)
class VectorFormat:
    """A vector format that is read.

    Attributes:
        name: What people call it.
        suffixes: The suffixes of its files, in lower case and with their dot; empty for any.
        content: What its files begin with.
        check: Function of a file that raises `UserError` where it refers to others.
        check_packed: Function of a location in an archive that raises `UserError` where that file may refer to others.
        prefix: With it before a path, GDAL takes the file for nothing else.
        options: Of GDAL's driver, with which the file is opened.
    """

    name: str
    suffixes: tuple[str, ...]
    content: "re.Pattern[bytes]"
    check: Callable[[Path], None] = _refers_to_nothing
    check_packed: Callable[[str], None] = _refers_to_nothing_packed
    prefix: str = ""
    options: dict[str, str] = field(default_factory=dict)


# a folder of ESRI, which is judged by its name
FILE_GEODATABASE = VectorFormat("file geodatabase", (".gdb",), re.compile(rb""))
VECTOR_FORMATS: tuple[VectorFormat, ...] = (
    VectorFormat("GeoPackage", (), re.compile(rb"SQLite format 3\0"), check_database, _unpack_first),
    VectorFormat("shapefile", (".shp",), re.compile(rb"\0\0\x27\x0a"), _check_shapefile),
    VectorFormat(
        "GeoJSON text sequence",
        (".geojsonl", ".geojsons", ".ndjson"),
        re.compile(rb"\s*\x1e?\s*\{"),
        _check_geojson,
        _check_packed_geojson,
    ),
    VectorFormat(
        "GeoJSON", (), re.compile(rb"(\xef\xbb\xbf)?\s*\{"), _check_geojson, _check_packed_geojson, prefix="GeoJSON:"
    ),
    VectorFormat("FlatGeobuf", (), re.compile(rb"fgb")),
    VectorFormat("KML", (), _KML),
    VectorFormat("KMZ", (".kmz",), re.compile(rb"PK\x03\x04"), _check_kmz, _unpack_first),
    # what GDAL finds out about a GML it would keep in a file beside it
    VectorFormat("GML", (), _GML, _check_gml, _unpack_first, options={"WRITE_GFS": "NO"}),
    VectorFormat("MapInfo", (".tab",), re.compile(rb"\s*!table", re.IGNORECASE), _check_table, _unpack_first),
    VectorFormat("MapInfo MIF", (".mif",), re.compile(rb"\s*version", re.IGNORECASE)),
    VectorFormat("a table with outlines as text", (".csv",), re.compile(rb"[^<{!\0]")),
)


def check_vector_file(path: Path) -> VectorFormat:
    """Judge a vector file on a disk before GDAL opens it.

    Args:
        path: The file; or a folder of ESRI, .gdb.

    Returns:
        Its format.

    Raises:
        UserError: It is none of `VECTOR_FORMATS`, or refers to what it may not.
    """
    if path.suffix.lower() == ".gdb" and path.is_dir():
        return FILE_GEODATABASE
    check_regular(path)
    head = _head(path)
    if not head:
        raise UserError(f"{path} is empty; expected a vector file. Copy it again.")
    known = _format_of(path, head)
    if known is None:
        raise _unknown(path)
    known.check(path)
    return known


def check_packed_vector(location: str) -> None:
    """Judge a vector file in an archive before GDAL opens it there.

    Args:
        location: Such as `/vsizip//home/a.zip/b.shp`; of another virtual system nothing is known.

    Raises:
        UserError: It is none of `VECTOR_FORMATS`, may refer to others, or cannot be found.
    """
    archive = archive_of(location)
    if archive is None:
        return
    check_archive(archive)
    head = packed_bytes(location, HEAD_BYTES)
    if head is None or not may_be_listed(location):
        raise UserError(f"{location} cannot be found in the archive. Unpack it, and give the file.")
    known = _format_of(Path(location), head)
    if known is None:
        raise _unknown(Path(location))
    _check_density(archive, _sizes_of(archive, member_of(location)), LARGEST_UNPACKED)
    known.check_packed(location)


def _sizes_of(archive: Path, name: str) -> list[int]:
    """Bytes of a file in an archive, and of the parts of a shapefile beside it."""
    stem = plain_name(name).rpartition(".")[0]
    members = members_of(archive, archive.stat().st_mtime_ns)
    return [member.size for member in members if plain_name(member.name).rpartition(".")[0] == stem]


def _format_of(path: Path, head: bytes) -> VectorFormat | None:
    """The format of a file by its first bytes and its suffix; None for any other, and for the address of a service."""
    if any(service in head.lower() for service in _SERVICES):
        return None
    for known in VECTOR_FORMATS:
        fits = not known.suffixes or path.suffix.lower() in known.suffixes
        if fits and known.content.match(head) is not None:
            return known
    return None


def _head(path: Path) -> bytes:
    """The first bytes of a file."""
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def _refused(path: Path, reason: str) -> UserError:
    """The error for a file that refers to what it may not."""
    return UserError(f"{path} is not opened: {reason}.")


def _unknown(path: Path) -> UserError:
    """The error for a file that is none of the formats that are read."""
    names = ", ".join(known.name for known in VECTOR_FORMATS)
    return UserError(
        f"{path} cannot be read as polygons: it is none of {names}. Convert it: ogr2ogr outlines.gpkg "
        f"{quote(path.name)}."
    )
