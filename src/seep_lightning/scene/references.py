"""What a raster file may draw on: judged before GDAL opens it, since GDAL follows every name that it finds in a file.

A file from a stranger may be a virtual raster under any suffix, or lie beside files of overviews and masks that are
some. GDAL would read other files of the disk, or of the network, for it. So a virtual raster may name local rasters
below its own folder only, or below one of `SEEP_VRT_FOLDERS`; and what lies beside a file must be a plain raster.
"""

import mmap
import os
import re
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from shlex import quote
from xml.etree.ElementTree import Element

from seep_lightning.documents.regular_files import check_regular, read_bytes
from seep_lightning.documents.xml_files import parsed_xml
from seep_lightning.errors import UserError
from seep_lightning.files import real_path, with_home
from seep_lightning.scene.archive_contents import UNREADABLE_ARCHIVE, check_archive, names_in
from seep_lightning.scene.archive_members import plain_name
from seep_lightning.scene.hdf5_references import SIGNATURE, check_hdf5, check_zarr
from seep_lightning.scene.locations import (
    archive_of,
    is_of_a_virtual_system,
    may_be_listed,
    member_of,
    parsed_subdataset,
)
from seep_lightning.scene.netcdf_headers import CLASSIC, check_netcdf
from seep_lightning.scene.raster_formats import envi_headers, is_signed, is_signed_by
from seep_lightning.scene.sidecars import is_metadata, raster_of
from seep_lightning.scene.source_names import file_of_source

FOLDERS_VARIABLE = "SEEP_VRT_FOLDERS"
"""Of the environment: further folders whose files virtual rasters may draw on, with `:` between them."""

VRT_MARK = b"<VRTDataset"
# what GDAL looks at to tell what a file is
HEAD_BYTES = 1024
# some 80,000 tiles
LARGEST_VRT = 32 << 20
# virtual rasters that draw on virtual rasters
DEEPEST_NESTING = 8
LARGEST_METADATA = 64 << 20
OVERVIEW_REFERENCE = "OVERVIEW_FILE"
"""Of metadata: names another file that GDAL takes for the overviews of this one."""

_ERDAS_MARK = b"EHFA_HEADER_TAG"
# of Erdas: the name of a file of pixels or overviews that does not lie beside the image or below
_ERDAS_NAME_OUTSIDE = re.compile(rb"\.\.[/\\][\x20-\x7e]{1,250}?\.(ige|rrd|img|aux)", re.IGNORECASE)
# elements and attributes of a virtual raster, in lower case as GDAL compares them: those that name files ...
_FILE_NAMES = ("sourcefilename", "sourcedataset")
# ... coordinate systems, which may be addresses ...
_SYSTEM_NAMES = ("srs", "projection", "sourcesrs", "targetsrs", "sourcecrs", "targetcrs")
# ... and those that hold numbers, plain texts or others of these
_PLAIN_ELEMENTS_TEXT = """
    vrtdataset geotransform gcplist gcp metadata mdi blockxsize blockysize
    vrtrasterband description nodatavalue hidenodatavalue unittype offset scale colorinterp colortable entry
    categorynames category histograms histitem histmin histmax bucketcount includeoutofrange approximate histcounts
    gdalrasterattributetable fielddefn name type usage row f maskband overview overviewlist
    simplesource complexsource averagedsource nodatafrommasksource kernelfilteredsource sourceband sourceproperties
    srcrect dstrect nodata usemaskband scaleoffset scaleratio exponent srcmin srcmax dstmin dstmax clamp lut
    colortablecomponent kernel size coefs maskvaluethreshold remappedvalue
    pixelfunctiontype pixelfunctionarguments sourcetransfertype skipnoncontributingsources
    gdalwarpoptions warpmemorylimit resamplealg workingdatatype option transformer approxtransformer maxerror
    basetransformer genimgprojtransformer srcgeotransform srcinvgeotransform dstgeotransform dstinvgeotransform
    srcgcptransformer gcptransformer srctpstransformer tpstransformer order reversed refine mingcps tolerance
    reprojecttransformer reprojectiontransformer options bandlist bandmapping srcnodatareal srcnodataimag
    dstnodatareal dstnodataimag cutline cutlineblenddist srcalphaband dstalphaband multithread
"""
_PLAIN_ATTRIBUTES_TEXT = """
    rasterxsize rasterysize subclass band datatype relativetovrt shared key domain format id info
    pixel line x y z c1 c2 c3 c4 xoff yoff xsize ysize blockxsize blockysize normalized separable
    dataaxistosrsaxismapping coordinateepoch resampling src dst name tabletype row0min binsize index
"""
_PLAIN_ELEMENTS = frozenset(_PLAIN_ELEMENTS_TEXT.split())
_PLAIN_ATTRIBUTES = frozenset(_PLAIN_ATTRIBUTES_TEXT.split())
_PLAIN_CLASSES = frozenset(
    ["", "VRTWarpedDataset", "VRTSourcedRasterBand", "VRTDerivedRasterBand", "VRTWarpedRasterBand"]
)
_SYSTEM = re.compile(r"\s*(|[A-Z][A-Za-z_]*\s*\[.*|EPSG:\d+(\+\d+)?|\+proj=.*|\{.*)\s*", re.DOTALL)
# GDAL takes the first part of a name that a comment divides, others take all of it
_DIVIDED_NAME = re.compile(r"<(sourcefilename|sourcedataset)\b(?![^<]*</)", re.IGNORECASE)
_XML_DECLARATION = re.compile(r"^\ufeff?\s*<\?xml[^>]*\?>")


def check_references(path: Path) -> None:
    """Check a raster on a disk before GDAL opens it.

    Args:
        path: The file; or a folder of Zarr.

    Raises:
        UserError: It is no regular file, or it, or what lies beside it, draws on what it may not.
    """
    if is_zarr_folder(path):
        check_zarr(path)
        return
    check_regular(path)
    _Judge((real_path(path).parent, *allowed_folders())).check_file(str(path))


def check_own_vrt(text: str) -> None:
    """Check the sources of a virtual raster that this package made: they may lie anywhere, but must be plain rasters.

    Args:
        text: The virtual raster.

    Raises:
        UserError: A source is no raster of a known format, or draws on what it may not.
    """
    root = parsed_xml(text.encode(), "a stack of bands")
    for element in root.iter("SourceFilename"):
        location = str(element.text)
        folder = real_path(location).parent
        _Judge((folder, *allowed_folders())).check_source(location, location)


def is_zarr_folder(path: Path) -> bool:
    """Whether a path is a folder of Zarr, the one format of ours whose rasters are folders."""
    return path.suffix.lower() == ".zarr" and path.is_dir()


def raster_sidecars(location: str) -> list[str]:
    """The files of overviews and masks that GDAL takes for parts of a raster, and of which metadata may name others.

    Args:
        location: A file on the disk, or in an archive.
    """
    is_packed = archive_of(location) is not None
    beside = _packed_sidecars(location) if is_packed else _sidecars(Path(location))
    return [sidecar for sidecar in beside if not is_metadata(sidecar)]


def check_metadata(tags: dict[str, str], path: str) -> None:
    """Check what a file says of its overviews, which may be the name of another file.

    Args:
        tags: Of the metadata domain `OVERVIEWS`.
        path: The file, for messages.

    Raises:
        UserError: It names a file.
    """
    if OVERVIEW_REFERENCE in tags:
        raise _refused(path, f"its metadata name another file, {tags[OVERVIEW_REFERENCE]}, for its overviews")


@dataclass
class _Judge:
    """Judges a file with all that it draws on.

    Attributes:
        folders: Where files of virtual rasters may lie.
        judged: The files that need not be judged again.
    """

    folders: Sequence[Path]
    judged: set[str] = field(default_factory=set)

    def check_file(self, path: str, depth: int = 0) -> None:
        """Check a regular file and what lies beside it."""
        if path in self.judged:
            return
        self.judged.add(path)
        head = _head(path)
        if VRT_MARK in head:
            self._check_vrt(path, depth)
        elif not is_signed(head):
            _check_plain_numbers(Path(path))
        if head.startswith(_ERDAS_MARK):
            _check_erdas(Path(path), Path(path).stat().st_mtime_ns)
        _check_container(path, head)
        for sidecar in _sidecars(Path(path)):
            if is_metadata(sidecar):
                _check_metadata_sidecar(sidecar)
            else:
                _check_raster_sidecar(sidecar)

    def _check_vrt(self, path: str, depth: int) -> None:
        """Check a virtual raster."""
        if depth > DEEPEST_NESTING:
            raise _refused(path, f"more than {DEEPEST_NESTING} virtual rasters draw on each other")
        for name, is_relative in _sources(_parsed(path), path):
            places = list(_places(path, name, is_relative=is_relative))
            for location in places:
                self._check_below(location, path)
            # what is not there may be something else to GDAL
            if not any(_is_there(location) for location in places):
                raise _refused(path, f"it draws on {name[:200]}, which is not there. Put it there")
            for location in places:
                self.check_source(location, path, depth + 1)

    def _check_below(self, location: str, vrt: str) -> None:
        """Raise `UserError` for a file that lies in none of the folders that a virtual raster may draw on."""
        archive = archive_of(location)
        if archive is None and is_of_a_virtual_system(location):
            raise _refused(vrt, f"it draws on {location[:80]}, which is no file of this computer")
        real = Path(os.path.realpath(location if archive is None else archive))
        if not any(real.is_relative_to(folder) for folder in self.folders):
            raise _refused(
                vrt,
                f"it draws on {location[:200]}, which does not lie below its folder. Put it above its files, "
                f"or allow their folder: {FOLDERS_VARIABLE}={quote(str(real.parent))}",
            )

    def check_source(self, location: str, vrt: str, depth: int = 0) -> None:
        """Check what a virtual raster names: a raster of a known format, or another virtual raster."""
        subdataset = parsed_subdataset(location)
        if subdataset is not None:
            location = subdataset["file"]
        if location in self.judged:
            return
        if archive_of(location) is not None:
            _check_packed_source(location, vrt)
            return
        path = Path(location)
        if is_zarr_folder(path):
            check_zarr(path)
            return
        # a link to a virtual raster leaves two places open
        if not os.path.lexists(location):
            return
        check_regular(path)
        head = _head(location)
        if VRT_MARK not in head and not is_signed_by(path, head):
            raise _refused(vrt, f"it draws on {location}, which is no raster of a known format")
        self.check_file(location, depth)


def _check_plain_numbers(path: Path) -> None:
    """Raise `UserError` for any file of the disk that a link and a header of ENVI make a raster."""
    for header in envi_headers(path):
        if header.is_file() and header.resolve().parent != path.resolve().parent:
            raise _refused(str(path), f"it is a link to {path.resolve()}, and its header {header.name} lies elsewhere")


# an image may have gigabytes, and is opened by each thread
@lru_cache(maxsize=1024)
def _check_erdas(path: Path, changed: int) -> None:
    """Raise `UserError` for an image of Erdas whose pixels or overviews lie outside its folder."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        outside = _ERDAS_NAME_OUTSIDE.search(content)
        name = "" if outside is None else outside[0].decode()[:200]
    if name:
        raise _refused(str(path), f"it names {name}, which does not lie below its folder. Put it beside the image")


def _check_packed_source(location: str, vrt: str) -> None:
    """Raise `UserError` for a source in an archive that is no plain raster: what lies in it is not judged further."""
    head = packed_bytes(location, HEAD_BYTES)
    if head is None:
        raise _refused(vrt, f"it draws on {location}, which cannot be found in the archive. Unpack the archive")
    may_refer = VRT_MARK in head or head.startswith((SIGNATURE, *CLASSIC))
    if may_refer or not is_signed_by(Path(location), head):
        raise _refused(vrt, f"it draws on {location}, which is no plain raster. Unpack the archive")


def _sidecars(path: Path) -> list[str]:
    """The files that GDAL takes for parts of a file: their names may be in capitals, too."""
    in_folder = _sidecars_in(path.parent, path.parent.stat().st_mtime_ns)
    return [sidecar for sidecar in in_folder.get(path.name.lower(), ()) if os.path.lexists(sidecar)]


# a folder may hold 1,000,000 chips
@lru_cache(maxsize=64)
def _sidecars_in(folder: Path, changed: int) -> dict[str, list[str]]:
    """All sidecars in a folder that changed last at some time, by the names of their rasters in small letters."""
    sidecars: dict[str, list[str]] = {}
    for path in folder.iterdir():
        raster = raster_of(path.name.lower())
        if raster:
            sidecars.setdefault(raster, []).append(str(path))
    return sidecars


def _check_raster_sidecar(path: str) -> None:
    """Raise `UserError` for a file of overviews or of a mask that is no plain raster."""
    check_regular(Path(path))
    if not _is_plain(_head(path)):
        raise _refused(path, "it lies beside a raster, and is no plain raster itself. Remove it")


def _check_container(path: str, head: bytes) -> None:
    """Raise `UserError` for NetCDF or HDF5 that shows other files or claims more than it holds."""
    if SIGNATURE in head or head.startswith(CLASSIC):
        _check_spelling(path)
    check_hdf5(Path(path))
    if head.startswith(CLASSIC):
        check_netcdf(Path(path))


def _check_spelling(path: str) -> None:
    """Raise `UserError` for a NetCDF or HDF5 file at a path that means another file to its library."""
    # the netCDF library takes a backslash for a slash on every system: it reads another file, or leaves this one to a
    # driver that does not know where it lies
    if os.sep == "/" and "\\" in path:
        raise _refused(
            path, "NetCDF and HDF5 are read only where no backslash is in their path. Rename the file or its folder"
        )


def _is_plain(head: bytes) -> bool:
    """Whether a file is a plain raster and no container, of which more than the first bytes would have to be judged."""
    return is_signed(head) and not head.startswith(CLASSIC) and SIGNATURE not in head


def _check_metadata_sidecar(path: str) -> None:
    """Raise `UserError` for metadata beside a raster that name further files."""
    content = read_bytes(Path(path), largest=LARGEST_METADATA)
    # in any encoding that GDAL reads, these are bytes of ASCII
    if OVERVIEW_REFERENCE.lower().encode() in content.lower():
        raise _refused(path, "it names another file for overviews. Remove it")


def _head(path: str) -> bytes:
    """The first bytes of a regular file; `UserError` where it cannot be read."""
    try:
        # faster than a `Path`, for many chips
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            return file.read(HEAD_BYTES)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error


def _is_there(location: str) -> bool:
    """Whether there is a file, or an archive that holds it."""
    return archive_of(location) is not None or os.path.lexists(location)


def _parsed(path: str) -> Element:
    """A virtual raster as XML. GDAL heeds no encoding, so what is no UTF-8 would be read in two ways."""
    content = read_bytes(Path(path), largest=LARGEST_VRT)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise _refused(path, "it is not UTF-8") from error
    if _DIVIDED_NAME.search(text) is not None:
        raise _refused(path, "the name of a source holds a comment, or more than a text")
    plain = _XML_DECLARATION.sub("", text).lstrip("\ufeff")
    return parsed_xml(plain.encode(), path, advice="Write the virtual raster again, with gdalbuildvrt.")


def _sources(root: Element, path: str) -> Iterator[tuple[str, bool]]:
    """The files that a virtual raster names, and whether relative to itself; `UserError` for what may not stand in it.

    An attribute means to GDAL what an element of its name does.
    """
    for element in root.iter():
        attributes = _attributes(element, path)
        tag = element.tag.lower()
        text = element.text or ""
        if tag in _FILE_NAMES:
            yield text, attributes.get("relativetovrt") == "1"
        elif tag in _SYSTEM_NAMES:
            _check_system(text, path)
        elif tag not in _PLAIN_ELEMENTS:
            raise _refused(path, f"a virtual raster of somebody else may not hold <{element.tag[:40]}>")
        _check_attributes(attributes, path)


def _attributes(element: Element, path: str) -> dict[str, str]:
    """The attributes of an element by their names in small letters; `UserError` for those that may mean two things."""
    attributes = {name.lower(): value for name, value in element.attrib.items()}
    if len(attributes) < len(element.attrib):
        raise _refused(path, f"an attribute of <{element.tag[:40]}> stands there twice")
    if attributes.get("relativetovrt", "0") not in ("0", "1"):
        raise _refused(path, f"relativeToVRT is {attributes['relativetovrt'][:40]!r}; expected 0 or 1")
    return attributes


def _check_attributes(attributes: dict[str, str], path: str) -> None:
    """Raise `UserError` for an attribute, or a kind of band, that may read what is no raster, or run code."""
    for name, value in attributes.items():
        if name in _SYSTEM_NAMES:
            _check_system(value, path)
        elif name not in _PLAIN_ATTRIBUTES:
            raise _refused(path, f"a virtual raster of somebody else may not hold the attribute {name[:40]}")
    kind = attributes.get("subclass", "")
    if kind not in _PLAIN_CLASSES:
        raise _refused(path, f"a virtual raster of somebody else may not be a {kind[:40]}")
    if attributes.get("key", "").upper() == OVERVIEW_REFERENCE:
        raise _refused(path, "its metadata name another file for overviews")


def _check_system(text: str, path: str) -> None:
    """Raise `UserError` for a coordinate system that is none, but may be an address."""
    if _SYSTEM.fullmatch(text) is None:
        raise _refused(path, f"{text[:60]!r} is no coordinate system")


def _places(vrt: str, name: str, *, is_relative: bool) -> Iterator[str]:
    """Where a file may lie that a virtual raster names: links to virtual rasters are followed, or not."""
    file = file_of_source(name)
    if file is None:
        raise _refused(vrt, f"it draws on {name[:80]!r}, which is no plain name of a file. Rename the file")
    if is_of_a_virtual_system(file) or Path(file).is_absolute():
        yield file
        return
    folders = [Path(vrt).parent, Path(vrt).resolve().parent] if is_relative else [Path.cwd()]
    for folder in dict.fromkeys(folders):
        yield str(folder / file)


def allowed_folders() -> list[Path]:
    """The folders of `SEEP_VRT_FOLDERS`."""
    texts = os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep)
    return [real_path(with_home(text)) for text in texts if text]


def check_packed(location: str) -> None:
    """Check a raster in an archive before GDAL opens it there.

    Args:
        location: Such as `/vsizip/{/home/a.zip}/b.tif`.

    Raises:
        UserError: It is a virtual raster, or what lies beside it in the archive draws on other files.
    """
    archive = archive_of(location)
    if archive is None:
        return
    check_regular(archive)
    check_archive(archive)
    head = packed_bytes(location, HEAD_BYTES) or b""
    if VRT_MARK in head:
        raise _refused(location, "it is a virtual raster in an archive. Unpack the archive")
    if head.startswith(SIGNATURE):
        raise _refused(location, "it is HDF5 in an archive, and may show other files. Unpack the archive")
    for sidecar in _packed_sidecars(location):
        if is_metadata(sidecar):
            _check_packed_metadata(sidecar)
        elif not _is_plain(packed_bytes(sidecar, HEAD_BYTES) or b""):
            raise _refused(sidecar, "it lies beside a raster, and is no plain raster itself")


def _packed_sidecars(location: str) -> list[str]:
    """The files in an archive that GDAL takes for parts of one of them."""
    archive = archive_of(location)
    if archive is None or not is_listed(location):
        return []
    raster = plain_name(member_of(location))
    names = names_in(archive, archive.stat().st_mtime_ns)
    folder = location.removesuffix(member_of(location))
    return [f"{folder}{name}" for plain, name in names.items() if raster_of(plain) == raster]


def _check_packed_metadata(location: str) -> None:
    """Raise `UserError` for metadata beside a raster in an archive that name further files."""
    metadata = packed_bytes(location, LARGEST_METADATA + 1) or b""
    if len(metadata) > LARGEST_METADATA or OVERVIEW_REFERENCE.lower().encode() in metadata.lower():
        raise _refused(location, "it names another file for overviews")


def packed_bytes(location: str, most: int) -> bytes | None:
    """The first bytes of a file in an archive.

    Args:
        location: Such as `/vsizip/{/home/a.zip}/b.tif`.
        most: How many.

    Returns:
        The bytes; None where there is no such file, or the archive cannot be read or is of another kind.
    """
    archive, member = archive_of(location), _packed_name(location)
    if archive is None or member is None:
        return None
    with suppress(*UNREADABLE_ARCHIVE):
        if location.startswith("/vsizip/"):
            with zipfile.ZipFile(archive) as packed, packed.open(member) as file:
                return file.read(most)
        with tarfile.open(archive) as packed_tar:
            member_file = packed_tar.extractfile(member)
            return None if member_file is None else member_file.read(most)
    return None


def is_listed(location: str) -> bool:
    """Whether all that lies beside a file in an archive is known: of a zip or tar on the disk that Python reads.

    Args:
        location: Such as `/vsizip/{/home/a.zip}/b.tif`.
    """
    return may_be_listed(location) and _packed_name(location) is not None


def _packed_name(location: str) -> str | None:
    """The name of a file as it stands in the archive; None where Python finds none."""
    archive = archive_of(location)
    if archive is None:
        return None
    return names_in(archive, archive.stat().st_mtime_ns).get(plain_name(member_of(location)))


def _refused(path: str, reason: str) -> UserError:
    """The error for a file that draws on what it may not."""
    return UserError(f"{path} is not opened: {reason}.")
