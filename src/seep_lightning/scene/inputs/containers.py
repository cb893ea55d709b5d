"""The kinds of input that hold several rasters in one file: NetCDF, HDF5, Zarr; and one of their rasters by its name.

GDAL calls these rasters subdatasets. Those of the largest size become the bands of one raster, called as they are; what
is smaller (axes, tie points, metadata) is none of the scene.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.windows import Window

from seep_lightning.errors import UserError
from seep_lightning.scene.datasets import UNREADABLE_RASTER, open_dataset, open_for_reading
from seep_lightning.scene.georeference import Georeference, read_georeference
from seep_lightning.scene.inputs.stacks import StackedBand, check_chosen, evenly_spaced, stacked
from seep_lightning.scene.locations import parsed_subdataset
from seep_lightning.scene.raster import COMPLEX_TYPES, GDAL_TYPES, Raster
from seep_lightning.scene.scene_file import ReadingOptions, SceneFile

CONTAINER = "container"
SUBDATASET = "subdataset"
"""The names of these kinds."""

CONTAINER_SUFFIXES = (".nc", ".nc4", ".cdf", ".h5", ".hdf5", ".he5", ".zarr")
# of HDF5 this driver reads where the rasters lie, if axes and projection are given as in NetCDF
GEOREFERENCING_DRIVER = "netCDF"
# places, not measurements, by the last part of their names
LATITUDES = ("lat", "latitude")
LONGITUDES = ("lon", "longitude")
COORDINATES = (*LATITUDES, *LONGITUDES, "lat_bnds", "lon_bnds", "x", "y", "crs", "spatial_ref")
# control points along each side of a scene whose pixels have each a longitude and a latitude
POINTS_A_SIDE = 21


@dataclass(frozen=True)
class Layer:
    """A raster in a container.

    Attributes:
        name: Its name, without the groups in which it lies.
        location: What GDAL opens.
        width: Columns.
        height: Rows.
        place: Where it lies.
        bands: Its bands.
    """

    name: str
    location: str
    width: int
    height: int
    place: Georeference
    bands: tuple[StackedBand, ...]

    @property
    def pixels(self) -> int:
        """How many pixels it has."""
        return self.width * self.height


def recognise_container(text: str) -> bool:
    """Whether it is a file, or a folder of Zarr, by its suffix."""
    path = Path(text)
    return path.suffix.lower() in CONTAINER_SUFFIXES and path.exists()


def container_scenes(text: str) -> list[SceneFile]:
    """The one scene in a container."""
    path = Path(text).absolute()
    return [SceneFile(path.stem, str(path), path, CONTAINER)]


def open_container(scene: SceneFile, options: ReadingOptions) -> Raster:
    """Open a container as the bands of one raster.

    Args:
        scene: The container.
        options: How it is read.

    Raises:
        UserError: It holds no raster, or several of which nobody named one.
    """
    found = _layers(scene)
    layers = _largest(found)
    first = layers[0]
    bands = [band for layer in layers for band in layer.bands]
    place = first.place
    if not (place.has_transform or place.placed_by_points):
        place = _place_by_coordinates(found, first)
    stack = replace(scene, location=stacked(bands, first.width, first.height, place))
    raster = Raster(stack, options.bands, options.nodata, options.nodata_bands)
    raster.watch(scene.path)
    check_chosen(raster)
    return raster


def recognise_subdataset(text: str) -> bool:
    """Whether it is GDAL's name of a raster in a file, such as `NETCDF:"a.nc":sigma0` or `GTIFF_DIR:2:a.tif`."""
    return parsed_subdataset(text) is not None and not Path(text).exists()


def subdataset_scenes(text: str) -> list[SceneFile]:
    """The one scene that it names; called as the file and what is meant in it."""
    match = parsed_subdataset(text)
    if match is None:
        raise UserError(f"{text} is no name of a raster in a file.")
    file = match["file"]
    path = Path(file) if file.startswith("/vsi") else Path(file).absolute()
    part = match["part"].strip("/")
    name = re.sub(r"[^\w-]+", "_", part)
    location = _location(match["driver"], file if file.startswith("/vsi") else str(path), match["part"])
    return [SceneFile(f"{path.stem}_{name}", location, path, SUBDATASET)]


def open_subdataset(scene: SceneFile, options: ReadingOptions) -> Raster:
    """Open a raster in a file by its name."""
    raster = Raster(scene, options.bands, options.nodata, options.nodata_bands)
    raster.watch(scene.path)
    return raster


def _location(driver: str, file: str, part: str) -> str:
    """GDAL's name of a subdataset."""
    if driver.upper() == "GTIFF_DIR":
        return f"GTIFF_DIR:{part}:{file}"
    return f'{driver.upper()}:"{file}":{part}'


def _layers(scene: SceneFile) -> list[Layer]:
    """The rasters in a container; those of a driver that knows where they lie, if one does."""
    readings = [_read_layers(scene, driver) for driver in (GEOREFERENCING_DRIVER, None)]
    placed = [layers for layers in readings if any(layer.place.is_complete for layer in layers)]
    for layers in (*placed, *readings):
        if any(layer.bands for layer in layers):
            return layers
    raise UserError(f"{scene.path} holds no raster of numbers. Is it the right file?")


def _read_layers(scene: SceneFile, driver: str | None) -> list[Layer]:
    """The rasters in a container as a driver of GDAL lists them; None: the driver that GDAL chooses."""
    if driver is None:
        with open_for_reading(scene.location) as file:
            return _layers_of(file, scene)
    with suppress(*UNREADABLE_RASTER, OSError), open_dataset(scene.path, driver=driver) as file:
        return _layers_of(file, scene)
    return []


def _layers_of(file: Any, scene: SceneFile) -> list[Layer]:
    """The rasters in an open container."""
    if not file.subdatasets:
        return [_layer_of(file, scene, "", scene.location)] if file.count else []
    layers: list[Layer] = []
    for subdataset in file.subdatasets:
        driver, _, rest = subdataset.partition(":")
        part = rest.replace('"', "").removeprefix(str(scene.path).replace('"', "")).removeprefix(":")
        location = _location(driver, str(scene.path), part)
        # metadata beside the file may list anything
        named = parsed_subdataset(location)
        if named is None or named["file"] != str(scene.path):
            continue
        with suppress(UserError), open_for_reading(location) as raster:
            layers.append(_layer_of(raster, scene, part, location))
    return layers


def _layer_of(raster: Any, scene: SceneFile, part: str, location: str) -> Layer:
    """What is known of an open raster in a container."""
    tags = raster.tags(1)
    name = part.strip("/").rpartition("/")[2] or tags.get("NETCDF_VARNAME") or raster.descriptions[0] or scene.name
    bands: list[StackedBand] = []
    for number in range(1, raster.count + 1):
        stored = raster.dtypes[number - 1]
        data_type = GDAL_TYPES.get(stored) or COMPLEX_TYPES.get(stored)
        if data_type is None:
            continue
        scaling = (raster.scales[number - 1], raster.offsets[number - 1])
        band_name = name if raster.count == 1 else f"{name}:{number}"
        bands.append(StackedBand(band_name, location, data_type, number, raster.nodatavals[number - 1], scaling))
    place = read_georeference(scene.path, raster)
    return Layer(name, location, raster.width, raster.height, place, tuple(bands))


def _largest(layers: Sequence[Layer]) -> list[Layer]:
    """The layers as large as the largest one, without those of coordinates unless there is nothing else."""
    measured = [layer for layer in layers if layer.bands and layer.name.lower() not in COORDINATES]
    candidates = measured or [layer for layer in layers if layer.bands]
    largest = max(candidates, key=_pixels)
    return [layer for layer in candidates if (layer.width, layer.height) == (largest.width, largest.height)]


def _pixels(layer: Layer) -> int:
    return layer.pixels


def _place_by_coordinates(layers: Sequence[Layer], like: Layer) -> Georeference:
    """Where a raster lies by longitudes and latitudes of its pixels; nowhere, where the container has none."""
    latitudes = _coordinates(layers, LATITUDES, like)
    longitudes = _coordinates(layers, LONGITUDES, like)
    if latitudes is None or longitudes is None:
        return like.place
    points: list[GroundControlPoint] = []
    for row in evenly_spaced(like.height, POINTS_A_SIDE):
        x, y = _row(longitudes, row), _row(latitudes, row)
        for column in evenly_spaced(like.width, POINTS_A_SIDE):
            if np.isfinite((x[column], y[column])).all():
                points.append(GroundControlPoint(row + 0.5, column + 0.5, x[column], y[column], 0.0))
    return Georeference(CRS.from_epsg(4326), Affine.identity(), points, True)


def _coordinates(layers: Sequence[Layer], names: Sequence[str], like: Layer) -> Layer | None:
    """The layer of longitudes or latitudes of all pixels; None where there is none of this size."""
    for layer in layers:
        if layer.name.lower() in names and (layer.width, layer.height) == (like.width, like.height):
            return layer
    return None


def _row(layer: Layer, row: int) -> list[float]:
    """A row of a layer."""
    with open_for_reading(layer.location) as raster:
        values: list[float] = raster.read(1, window=Window(0, row, layer.width, 1))[0].tolist()
    return values
