"""The same scene as each kind of input: with libraries where they write it, by hand as SNAP does where none does."""

import gzip
import tarfile
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import NotGeoreferencedWarning

from helpers.rasters import UTM, write_raster

NAME = "Sigma0_VV"
OTHER = "Sigma0_VH"


def scene_tif(home: Path, values: NDArray[Any], name: str = "a", **facts: Any) -> Path:
    """The scene as GeoTIFF."""
    return write_raster(home / f"{name}.tif", values, **{**UTM, "nodata": 0, **facts})


def copied(source: Path, path: Path, driver: str, **options: Any) -> Path:
    """A raster in the format of another driver."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        rasterio.shutil.copy(source, path, driver=driver, **options)
    return path


def netcdf(home: Path, values: NDArray[Any]) -> Path:
    """Two variables, of which `Band1` is the scene; version 4 is a file of HDF5."""
    stack = write_raster(home / "stack.tif", np.stack([values, values[::-1]]), **UTM, nodata=0)
    return copied(stack, home / "a.nc", "netCDF", FORMAT="NC4")


def zarr(home: Path, values: NDArray[Any]) -> Path:
    """Two arrays, the first of which is the scene."""
    path = home / "a.zarr"
    copied(write_raster(home / "1.tif", values, **UTM), path, "Zarr", ARRAY_NAME=NAME)
    other = write_raster(home / "2.tif", values[::-1], **UTM)
    return copied(other, path, "Zarr", ARRAY_NAME=OTHER, APPEND_SUBDATASET="YES")


def pages(home: Path, values: NDArray[Any]) -> Path:
    """A GeoTIFF of two pages, the second of which is the scene."""
    path = scene_tif(home, values[::-1])
    second = scene_tif(home, values, "second")
    return copied(second, path, "GTiff", APPEND_SUBDATASET="YES")


def zipped(home: Path, values: NDArray[Any]) -> Path:
    """An archive with the scene in a folder, and what a system adds."""
    tif = scene_tif(home, values)
    path = home / "archive.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(tif, "in a folder/a.tif")
        archive.writestr("__MACOSX/in a folder/._a.tif", "no raster")
        archive.writestr("readme.txt", "a scene")
    tif.unlink()
    return path


def tarred(home: Path, values: NDArray[Any]) -> Path:
    """A compressed archive of another kind."""
    tif = scene_tif(home, values)
    path = home / "archive.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(tif, "in/a.tif")
    tif.unlink()
    return path


def gzipped(home: Path, values: NDArray[Any]) -> Path:
    """A compressed file."""
    tif = scene_tif(home, values)
    path = home / "a.tif.gz"
    path.write_bytes(gzip.compress(tif.read_bytes()))
    tif.unlink()
    return path


DIM = """<?xml version="1.0" encoding="ISO-8859-1"?>
<Dimap_Document name="{name}.dim">
    <Metadata_Id>
        <METADATA_FORMAT version="2.12.1">DIMAP</METADATA_FORMAT>
        <METADATA_PROFILE>BEAM-DATAMODEL-V1</METADATA_PROFILE>
    </Metadata_Id>
{place}
    <Raster_Dimensions>
        <NCOLS>{width}</NCOLS>
        <NROWS>{height}</NROWS>
        <NBANDS>{count}</NBANDS>
    </Raster_Dimensions>
    <Data_Access>
        <DATA_FILE_FORMAT>ENVI</DATA_FILE_FORMAT>
        <DATA_FILE_FORMAT_DESC>ENVI File Format</DATA_FILE_FORMAT_DESC>
        <DATA_FILE_ORGANISATION>BAND_SEPARATE</DATA_FILE_ORGANISATION>
{files}
    </Data_Access>
{grids}
    <Image_Interpretation>
{bands}
    </Image_Interpretation>
    <Dataset_Sources>
        <MDElem name="metadata">
            <MDElem name="Abstracted_Metadata">
                <MDATTR name="MISSION" type="ascii" mode="rw">SENTINEL-1A</MDATTR>
                <MDATTR name="PASS" type="ascii" mode="rw">DESCENDING</MDATTR>
                <MDATTR name="first_line_time" type="utc" mode="rw">13-OCT-2018 06:23:22.794457</MDATTR>
            </MDElem>
        </MDElem>
    </Dataset_Sources>
</Dimap_Document>
"""
BAND = """        <Spectral_Band_Info>
            <BAND_INDEX>{index}</BAND_INDEX>
            <BAND_DESCRIPTION>{name}</BAND_DESCRIPTION>
            <BAND_NAME>{name}</BAND_NAME>
            <BAND_RASTER_WIDTH>{width}</BAND_RASTER_WIDTH>
            <BAND_RASTER_HEIGHT>{height}</BAND_RASTER_HEIGHT>
            <DATA_TYPE>{type}</DATA_TYPE>
            <PHYSICAL_UNIT>{unit}</PHYSICAL_UNIT>
            <SCALING_FACTOR>1.0</SCALING_FACTOR>
            <SCALING_OFFSET>0.0</SCALING_OFFSET>
            <LOG10_SCALED>false</LOG10_SCALED>
            <NO_DATA_VALUE_USED>true</NO_DATA_VALUE_USED>
            <NO_DATA_VALUE>0.0</NO_DATA_VALUE>
        </Spectral_Band_Info>"""
VIRTUAL_BAND = """        <Spectral_Band_Info>
            <BAND_INDEX>99</BAND_INDEX>
            <BAND_NAME>Intensity_VV_db</BAND_NAME>
            <DATA_TYPE>float32</DATA_TYPE>
            <PHYSICAL_UNIT>{unit}</PHYSICAL_UNIT>
            <VIRTUAL_BAND>true</VIRTUAL_BAND>
            <EXPRESSION>10 * log10(Sigma0_VV)</EXPRESSION>
        </Spectral_Band_Info>"""
FILE = """        <Data_File>
            <DATA_FILE_PATH href="{name}.data/{band}.hdr" />
            <BAND_INDEX>{index}</BAND_INDEX>
        </Data_File>"""
GRID_FILE = """        <Tie_Point_Grid_File>
            <TIE_POINT_GRID_FILE_PATH href="{name}.data/tie_point_grids/{grid}.hdr" />
            <TIE_POINT_GRID_INDEX>{index}</TIE_POINT_GRID_INDEX>
        </Tie_Point_Grid_File>"""
GRID = """        <Tie_Point_Grid_Info>
            <TIE_POINT_GRID_INDEX>{index}</TIE_POINT_GRID_INDEX>
            <PHYSICAL_UNIT>deg</PHYSICAL_UNIT>
            <TIE_POINT_GRID_NAME>{grid}</TIE_POINT_GRID_NAME>
            <DATA_TYPE>float32</DATA_TYPE>
            <NCOLS>{columns}</NCOLS>
            <NROWS>{rows}</NROWS>
            <OFFSET_X>0.0</OFFSET_X>
            <OFFSET_Y>0.0</OFFSET_Y>
            <STEP_X>{step_x}</STEP_X>
            <STEP_Y>{step_y}</STEP_Y>
            <CYCLIC>false</CYCLIC>
        </Tie_Point_Grid_Info>"""
ENVI = """ENVI
description = {{{name}}}
samples = {width}
lines = {height}
bands = 1
header offset = 0
file type = ENVI Standard
data type = {code}
interleave = bsq
byte order = 1
band names = {{ {name} }}
"""
ENVI_CODES = {"uint8": 1, "int16": 2, "float32": 4, "float64": 5, "uint16": 12}


def write_envi(folder: Path, name: str, values: NDArray[Any]) -> None:
    """A raster as SNAP writes it: the most significant byte first, and no georeference."""
    folder.mkdir(parents=True, exist_ok=True)
    height, width = values.shape
    code = ENVI_CODES[values.dtype.name]
    (folder / f"{name}.hdr").write_text(ENVI.format(name=name, width=width, height=height, code=code))
    (folder / f"{name}.img").write_bytes(values.astype(values.dtype.newbyteorder(">")).tobytes())


def beam_dimap(
    home: Path,
    bands: dict[str, NDArray[Any]],
    unit: str = "intensity",
    tie_points: Sequence[NDArray[np.float32]] = (),
    name: str = "a",
) -> Path:
    """A product of SNAP; tie_points: latitudes and longitudes of a grid over the scene, else it is projected."""
    data = home / f"{name}.data"
    height, width = next(iter(bands.values())).shape
    infos: list[str] = []
    files: list[str] = []
    for index, (band, values) in enumerate(bands.items()):
        write_envi(data, band, values)
        facts = {
            "index": index,
            "name": band,
            "width": width,
            "height": height,
            "type": values.dtype.name,
            "unit": unit,
        }
        infos.append(BAND.format(**facts))
        files.append(FILE.format(name=name, band=band, index=index))
    infos.append(VIRTUAL_BAND.format(unit=unit))
    grids: list[str] = []
    for index, (grid, values) in enumerate(zip(("latitude", "longitude"), tie_points, strict=False)):
        write_envi(data / "tie_point_grids", grid, values)
        rows, columns = values.shape
        steps = {"step_x": width / (columns - 1), "step_y": height / (rows - 1)}
        grids.append(GRID.format(index=index, grid=grid, rows=rows, columns=columns, **steps))
        files.append(GRID_FILE.format(name=name, grid=grid, index=index))
    text = DIM.format(
        name=name,
        width=width,
        height=height,
        count=len(bands),
        files="\n".join(files),
        bands="\n".join(infos),
        grids=f"<Tie_Point_Grids>{''.join(grids)}</Tie_Point_Grids>" if grids else "",
        place=_tie_point_place() if grids else _projected_place(),
    )
    path = home / f"{name}.dim"
    path.write_text(text)
    return path


def _projected_place() -> str:
    a, b, c, d, e, f = tuple(UTM["transform"])[:6]
    wkt = CRS.from_user_input(UTM["crs"]).to_wkt()
    return (
        f"<Coordinate_Reference_System><WKT>\n{wkt}\n</WKT></Coordinate_Reference_System>"
        f"<Geoposition><IMAGE_TO_MODEL_TRANSFORM>{a},{d},{b},{e},{c},{f}</IMAGE_TO_MODEL_TRANSFORM></Geoposition>"
    )


def _tie_point_place() -> str:
    return (
        "<Coordinate_Reference_System><Geocoding_Tie_Point_Grids>"
        "<TIE_POINT_GRID_NAME_LAT>latitude</TIE_POINT_GRID_NAME_LAT>"
        "<TIE_POINT_GRID_NAME_LON>longitude</TIE_POINT_GRID_NAME_LON>"
        "</Geocoding_Tie_Point_Grids></Coordinate_Reference_System>"
    )
