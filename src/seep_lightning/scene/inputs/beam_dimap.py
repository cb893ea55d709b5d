"""The kind of input that SNAP writes: BEAM-DIMAP, a `.dim` file of XML beside a `.data` folder of rasters.

GDAL's driver DIMAP is for another format of that name, SPOT's. The bands of a product are ENVI rasters, whose headers
tell no place where tie points do; so places, nodata values, scales and units are taken from the `.dim`. Its tags are
those of SNAP's `DimapProductConstants`.
"""

import datetime
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.errors import CRSError

from seep_lightning.documents.xml_files import read_xml
from seep_lightning.errors import UserError, as_user_error
from seep_lightning.scene.budgets import check_chip
from seep_lightning.scene.datasets import open_for_reading
from seep_lightning.scene.georeference import Georeference
from seep_lightning.scene.inputs.stacks import StackedBand, check_chosen, evenly_spaced, stacked
from seep_lightning.scene.raster import GDAL_TYPES, TYPES_OF_FULL_SCALE, Raster
from seep_lightning.scene.scene_file import NO_FACTS, ReadingOptions, SceneFacts, SceneFile

BEAM_DIMAP = "beam_dimap"
"""The name of this kind."""

HEADER_SUFFIX = ".dim"
DATA_SUFFIX = ".data"
ADVICE = "Copy the .dim file and the .data folder beside it again."
# along each side; more tell no more of a scene
MOST_POINTS = 21
# in capitals: whatever language the computer speaks
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
# what the bands of a single-look complex product are called, before their common name
REAL, IMAGINARY = "i_", "q_"

BAND_INFOS = "./Image_Interpretation/Spectral_Band_Info"

# what SNAP's units say
FACTS_OF_UNITS = {
    "intensity": SceneFacts(calibration="power", scale="linear"),
    "amplitude": SceneFacts(calibration="amplitude", scale="linear"),
    "intensity_db": SceneFacts(calibration="db", scale="db"),
    "amplitude_db": SceneFacts(calibration="db", scale="db"),
    "db": SceneFacts(calibration="db", scale="db"),
}


@dataclass(frozen=True)
class Header:
    """What a `.dim` file says.

    Attributes:
        path: The file.
        root: Its XML.
        width: Columns of the product.
        height: Rows.
    """

    path: Path
    root: Element
    width: int
    height: int

    @property
    def is_beam(self) -> bool:
        """Whether it is SNAP's: SPOT's names no ENVI headers."""
        return any(_header_of(file) for file in self.root.iterfind("./Data_Access/Data_File"))


def recognise(text: str) -> bool:
    """Whether it is a `.dim` file, or the `.data` folder beside one."""
    path = Path(text)
    match path.suffix.lower():
        case ".dim":
            return path.is_file()
        case ".data":
            return path.is_dir() and path.with_suffix(HEADER_SUFFIX).is_file()
        case _:
            return False


def scenes(text: str) -> list[SceneFile]:
    """The one scene in a product; of a damaged one nothing is known, and `open_scene` says why."""
    path = Path(text).absolute()
    file = path.with_suffix(HEADER_SUFFIX)
    scene = SceneFile(path.stem, str(file), path, BEAM_DIMAP)
    with suppress(UserError):
        return [replace(scene, facts=_facts(_read_header(file)))]
    return [scene]


def open_scene(scene: SceneFile, options: ReadingOptions) -> Raster:
    """Open a product as the bands of one raster.

    Args:
        scene: The product.
        options: How it is read.

    Raises:
        UserError: It is damaged or not whole, or nobody named one of its bands.
    """
    header = _read_header(Path(scene.location))
    if not header.is_beam:
        return Raster(scene, options.bands, options.nodata, options.nodata_bands)
    with as_user_error(f"{header.path} holds a number that is none", ValueError, advice=ADVICE):
        bands = list(_bands(header))
    if not bands:
        raise UserError(f"{header.path}: none of its bands lies in {_data_folder(header)}. {ADVICE}")
    stack = replace(scene, location=stacked(bands, header.width, header.height, _place(header)))
    raster = Raster(stack, options.bands, options.nodata, options.nodata_bands)
    raster.watch(header.path)
    check_chosen(raster)
    (info, *_) = [_band_info(header, raster.labels[index - 1].name) for index in raster.indexes]
    if info is not None:
        raster.facts = _facts_of_band(info).or_else(raster.facts)
    return raster


def _read_header(path: Path) -> Header:
    """Read a `.dim` file; `UserError` where it is none."""
    root = read_xml(path, advice=ADVICE)
    with as_user_error(f"{path} tells no size", ValueError, TypeError, advice=ADVICE):
        width = int(str(root.findtext("./Raster_Dimensions/NCOLS")))
        height = int(str(root.findtext("./Raster_Dimensions/NROWS")))
    return Header(path, root, width, height)


def _data_folder(header: Header) -> Path:
    return header.path.with_suffix(DATA_SUFFIX)


def _header_of(file: Element) -> str:
    """The ENVI header that a `Data_File` or `Tie_Point_Grid_File` names; empty for none."""
    for element in file:
        href = element.get("href", "")
        if href.lower().endswith(".hdr"):
            return href
    return ""


def _raster_file(header: Header, href: str) -> Path | None:
    """The raster beside an ENVI header, in the `.data` folder whatever that was called; None where it is missing."""
    inside = Path(href.replace("\\", "/"))
    # a header from a stranger may name any file of the disk
    if inside.is_absolute() or ".." in inside.parts:
        return None
    for folder in (header.path.parent / inside.parent, _data_folder(header).joinpath(*inside.parent.parts[1:])):
        file = folder / f"{inside.stem}.img"
        if file.is_file():
            return file
    return None


def _bands(header: Header) -> Iterator[StackedBand]:
    """The bands that hold pixels of the product's size; two of real and imaginary parts are one of complex values."""
    files = {
        file.findtext("BAND_INDEX"): _raster_file(header, _header_of(file))
        for file in header.root.iterfind("./Data_Access/Data_File")
    }
    stored: dict[str, StackedBand] = {}
    for info in header.root.iterfind(BAND_INFOS):
        band = _band(header, info, files.get(info.findtext("BAND_INDEX")))
        if band is not None:
            stored[band.name] = band
    for name, band in stored.items():
        common = name[len(REAL) :]
        if name.startswith(REAL) and IMAGINARY + common in stored:
            yield replace(band, name=common, imaginary=stored[IMAGINARY + common].location)
        elif not (name.startswith(IMAGINARY) and REAL + common in stored):
            yield band


def _band(header: Header, info: Element, file: Path | None) -> StackedBand | None:
    """A band by its `Spectral_Band_Info`; None for one without a file, of another size or type, or of logarithms."""
    data_type = GDAL_TYPES.get(info.findtext("DATA_TYPE", ""))
    size = (info.findtext("BAND_RASTER_WIDTH"), info.findtext("BAND_RASTER_HEIGHT"))
    is_whole = size in {(None, None), (str(header.width), str(header.height))}
    is_logarithm = info.findtext("LOG10_SCALED") == "true"
    if file is None or data_type is None or is_logarithm or not is_whole:
        return None
    nodata = None
    if info.findtext("NO_DATA_VALUE_USED") == "true":
        nodata = float(info.findtext("NO_DATA_VALUE", "0"))
    scaling = (float(info.findtext("SCALING_FACTOR", "1")), float(info.findtext("SCALING_OFFSET", "0")))
    return StackedBand(info.findtext("BAND_NAME", "").strip(), str(file), data_type, nodata=nodata, scaling=scaling)


def _place(header: Header) -> Georeference:
    """Where a product lies: by its projection, by its tie points, or not at all."""
    wkt = header.root.findtext("./Coordinate_Reference_System/WKT")
    transform = header.root.findtext("./Geoposition/IMAGE_TO_MODEL_TRANSFORM")
    with as_user_error(f"{header.path}: its place cannot be read", CRSError, ValueError, TypeError, advice=ADVICE):
        if wkt and transform:
            a, d, b, e, c, f = (float(number) for number in transform.split(","))
            return Georeference(CRS.from_wkt(" ".join(wkt.split())), Affine(a, b, c, d, e, f), [], False)
        points = _tie_points(header)
    if not points:
        return Georeference(None, Affine.identity(), [], False)
    return Georeference(CRS.from_epsg(4326), Affine.identity(), points, True)


def _tie_points(header: Header) -> list[GroundControlPoint]:
    """The tie points of longitudes and latitudes; none where there are none."""
    latitude = _grid_info(header, "LAT")
    longitude = _grid_info(header, "LON")
    if latitude is None or longitude is None:
        return []
    latitudes = _grid_values(header, latitude)
    longitudes = _grid_values(header, longitude)
    left = float(latitude.findtext("OFFSET_X", "0"))
    top = float(latitude.findtext("OFFSET_Y", "0"))
    column_step = float(latitude.findtext("STEP_X", "1"))
    row_step = float(latitude.findtext("STEP_Y", "1"))
    points: list[GroundControlPoint] = []
    for row in evenly_spaced(len(latitudes), MOST_POINTS):
        for column in evenly_spaced(latitudes.shape[1], MOST_POINTS):
            place = (float(longitudes[row, column]), float(latitudes[row, column]), 0.0)
            points.append(GroundControlPoint(top + row_step * row, left + column_step * column, *place))
    return points


def _grid_info(header: Header, kind: str) -> Element | None:
    """What is said of the grid of latitudes or longitudes; None where there is none."""
    name = _grid_name(header, kind)
    for info in header.root.iterfind("./Tie_Point_Grids/Tie_Point_Grid_Info"):
        if info.findtext("TIE_POINT_GRID_NAME", "").strip() == name:
            return info
    return None


def _grid_name(header: Header, kind: str) -> str:
    """The name of the grid of latitudes or longitudes; SNAP has two places for it."""
    tag = f"TIE_POINT_GRID_NAME_{kind}"
    for element in header.root.iter(tag):
        return (element.text or "").strip()
    return {"LAT": "latitude", "LON": "longitude"}[kind]


def _grid_values(header: Header, info: Element) -> NDArray[np.float64]:
    """The values of a grid of tie points, (rows, columns)."""
    index = info.findtext("TIE_POINT_GRID_INDEX")
    hrefs = [
        _header_of(file)
        for file in header.root.iterfind("./Data_Access/Tie_Point_Grid_File")
        if file.findtext("TIE_POINT_GRID_INDEX") == index
    ]
    file = _raster_file(header, hrefs[0]) if hrefs else None
    if file is None:
        name = info.findtext("TIE_POINT_GRID_NAME")
        raise UserError(f"{header.path}: its tie points {name} are not in {_data_folder(header)}. {ADVICE}")
    with open_for_reading(str(file)) as grid:
        check_chip(grid, file)
        return np.asarray(grid.read(1), np.float64)


def _facts(header: Header) -> SceneFacts:
    """What the metadata of the radar say, and the unit of all bands where it is one."""
    metadata = _abstracted_metadata(header)
    facts_of_bands = {_facts_of_band(info) for info in header.root.iterfind(BAND_INFOS)}
    facts = SceneFacts(
        time=_iso_time(metadata.get("first_line_time", "")),
        orbit_direction=metadata.get("PASS", "").lower() or None,
        mission=metadata.get("MISSION", "").replace("SENTINEL", "Sentinel") or None,
    )
    if len(facts_of_bands) != 1:
        return facts
    return facts.or_else(facts_of_bands.pop())


def _facts_of_band(info: Element) -> SceneFacts:
    """What the unit of a band says; types that have a full scale have no other."""
    unit = info.findtext("PHYSICAL_UNIT", "").strip().lower()
    facts = FACTS_OF_UNITS.get(unit, NO_FACTS)
    if info.findtext("DATA_TYPE") in TYPES_OF_FULL_SCALE:
        return replace(facts, scale=None)
    return facts


def _band_info(header: Header, name: str) -> Element | None:
    """The `Spectral_Band_Info` of a band; None for one of complex values, which has two."""
    for info in header.root.iterfind(BAND_INFOS):
        if info.findtext("BAND_NAME", "").strip() == name:
            return info
    return None


def _abstracted_metadata(header: Header) -> Mapping[str, str]:
    """What SNAP calls the abstracted metadata, by name."""
    for element in header.root.iter("MDElem"):
        if element.get("name") == "Abstracted_Metadata":
            return {item.get("name", ""): (item.text or "").strip() for item in element.iterfind("MDATTR")}
    return {}


def _iso_time(text: str) -> str | None:
    """SNAP's `30-MAR-2021 05:26:23.794457` in ISO 8601; None for anything else."""
    with suppress(ValueError):
        day, month, rest = text.split("-")
        year, clock = rest.split()
        number = MONTHS.index(month.upper()) + 1
        time = datetime.time.fromisoformat(clock.partition(".")[0])
        return f"{datetime.date(int(year), number, int(day))}T{time}Z"
    return None
