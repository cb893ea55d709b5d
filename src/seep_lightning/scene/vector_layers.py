"""The layer of polygons in a vector file, and those of its polygons that lie within a scene, in the file's own CRS."""

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from shlex import quote
from typing import Any, NamedTuple, Self

import numpy as np
import pyogrio.errors
import pyogrio.raw
import pyogrio.util
import pyproj
import shapely
from numpy.typing import NDArray

from seep_lightning import compat
from seep_lightning.errors import LONGEST_REASON, UserError, first_line
from seep_lightning.scene.gdal_settings import gdal_settings
from seep_lightning.scene.ground import Ground
from seep_lightning.scene.locations import archive_of
from seep_lightning.scene.outline_budgets import check_comparisons, check_crossings
from seep_lightning.scene.projections import WHOLE_TURN, Points, Reprojection, Shift, near_longitude
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.vector_formats import check_packed_vector, check_vector_file

_ONLY_ADDRESS = "CPL_VSIL_CURL_ALLOWED_FILENAME"
# schemas that a GML names are not fetched, nor anything else before a person has typed an address
pyogrio.set_gdal_config_options({"GML_DOWNLOAD_SCHEMA": "NO", _ONLY_ADDRESS: "none", **gdal_settings()})
# what they think of a ring that is open, or that leads too far: the one is closed, the other told by its number
warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"(pyogrio|shapely)\.")

UNREADABLE = (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError)
"""What pyogrio raises for a file that is no vector file."""
END_OF_REASON = re.compile(r"\.[;\s]")
"""Where GDAL's reason ends, and its advice about GDAL begins."""
MOST_REASONS = 2
"""GDAL repeats itself: what it could not do, and why, is enough."""
POLYGON_TYPES = (3, 6)
"""Shapely's numbers of polygon and multipolygon."""
GRID_POINTS = 21
"""Points along each side of a scene by which its extent in another CRS is found."""
MARGINS_PER_SIDE = 10
"""What is read around a scene is such a part of its longer side."""
Shapes = NDArray[np.object_]
"""Geometries of shapely, (N,)."""


class VectorLayer(NamedTuple):
    """The layer of polygons in a vector file.

    Attributes:
        path: The file.
        location: The file as pyogrio takes it.
        options: Of GDAL's driver, with which the file is opened.
        name: Name of the layer.
        crs: CRS of the layer; None where it has none.
        fields: Names of the attributes.
        bounds: West, south, east, north of all polygons; None for an empty layer.
    """

    path: Path
    location: str
    options: dict[str, str]
    name: str
    crs: str | None
    fields: list[str]
    bounds: tuple[float, float, float, float] | None

    @property
    def field_names(self) -> str:
        """The names of the attributes in a row, for messages."""
        return ", ".join(self.fields) or "none"


class Frame(NamedTuple):
    """Where a scene lies in the CRS of a vector file.

    Attributes:
        box: A box around the scene, with a margin.
        side: The scene's longer side, without margin.
        turns: Shifts to the east under which the file may hold the same place: longitudes count from 0 or from -180.
    """

    box: shapely.Polygon
    side: float
    turns: tuple[int, ...]

    @classmethod
    def around(cls, points: Points, turns: tuple[int, ...]) -> Self:
        """The frame around points of a scene (N, 2); those that are not finite do not count."""
        finite = points[np.isfinite(points).all(axis=1)]
        low = finite.min(axis=0)
        high = finite.max(axis=0)
        side = (high - low).max()
        margin = side / MARGINS_PER_SIDE
        west, south = low - margin
        east, north = high + margin
        box = shapely.box(west, south, east, north)
        return cls(box, side, turns)


class LayerFeatures(NamedTuple):
    """All features of a layer as they were drawn, in the order of the file.

    Attributes:
        shapes: Their geometries, (N,); None for a feature without one.
        numbers: Number of each feature in the file, (N,).
        columns: The attributes by name, each (N,).
    """

    shapes: Shapes
    numbers: NDArray[np.int64]
    columns: dict[str, NDArray[Any]]


class CutPolygons(NamedTuple):
    """Polygons within a frame, in the CRS of their file, ordered by their numbers in the file.

    Attributes:
        shapes: The polygons, (N,), each of an area above 0.
        numbers: Number of each polygon in the file, (N,).
        columns: The attributes by name, each (N,).
    """

    shapes: Shapes
    numbers: NDArray[np.int64]
    columns: dict[str, NDArray[Any]]

    def select(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "CutPolygons":
        """Those of a mask or of positions."""
        shapes = self.shapes[chosen]
        numbers = self.numbers[chosen]
        columns = {name: values[chosen] for name, values in self.columns.items()}
        return CutPolygons(shapes, numbers, columns)


@contextmanager
def read_as_polygons(path: Path, *kinds: type[Exception]) -> Iterator[None]:
    """Raise what libraries say about a file that they cannot read, in two sentences.

    Args:
        path: The file.
        kinds: Errors beside `UNREADABLE` and `ValueError`.

    Raises:
        UserError: The file, the reason in brackets, and what was expected.
    """
    try:
        yield
    except (*UNREADABLE, ValueError, *kinds) as error:
        first_sentence = END_OF_REASON.split(first_line(error))[0]
        reason = "; ".join(first_sentence.split("; ")[:MOST_REASONS])[:LONGEST_REASON]
        message = f"{path} cannot be read as polygons ({reason}). Expected a vector file; copy it again if it was one."
        raise UserError(message) from error


def polygon_layer(path: Path, name: str = "") -> VectorLayer:
    """The one layer of polygons in a vector file, or the one of a name.

    Args:
        path: Any vector file.
        name: Which layer, of polygons or of others, of a file with several; empty: the one of polygons.

    Returns:
        The layer.

    Raises:
        UserError: The file has several, or none of the name, or a CRS that cannot be read.
        DataSourceError: It is no vector file.
    """
    location, options = _source(path)
    layers = _layers(location, options)
    if name and name not in [layer for layer, _ in layers]:
        listed = ", ".join(layer for layer, _ in layers) or "none"
        raise UserError(f"{path} has no layer {name}; those that it has: {listed}.")
    name = name or _layer_name(path, layers)
    info = _layer_facts(path, location, name, options)
    return VectorLayer(
        path=path,
        location=location,
        options=options,
        name=name,
        crs=info["crs"],
        fields=list(info["fields"]),
        bounds=info["total_bounds"],
    )


def _layer_facts(path: Path, location: str, name: str, options: dict[str, str]) -> dict[str, Any]:
    """What pyogrio knows of a layer."""
    try:
        return dict(pyogrio.read_info(location, layer=name, force_total_bounds=True, **options))
    # pyogrio's own, where GDAL cannot write the CRS down
    except UnboundLocalError as error:
        advice = "Give it one that is right: ogr2ogr -a_srs EPSG:4326 one.gpkg"
        raise UserError(f"{path}: its coordinate system cannot be read. {advice} {quote(path.name)}.") from error


def _source(path: Path) -> tuple[str, dict[str, str]]:
    """A vector file as pyogrio takes it, judged, and the options with which it is opened.

    What is no file, such as `a.zip!b.shp`, may be one of pyogrio's URIs.
    """
    text = str(path)
    if text.startswith("/vsi"):
        text = _with_both_slashes(path)
    elif path.exists() or path.is_symlink():
        known = check_vector_file(path)
        return compat.literal_path(path, prefix=known.prefix), known.options
    else:
        text = pyogrio.util.vsi_path(text)
    if archive_of(text) is None:
        pyogrio.set_gdal_config_options({_ONLY_ADDRESS: None})
    check_packed_vector(text)
    return text, {}


def _with_both_slashes(path: Path) -> str:
    """GDAL's name of a file in an archive with an absolute path, `/vsizip//home/a.zip/b.shp`: a Path merges two."""
    _, system, *parts = path.parts
    inside = Path("/", *parts)
    lies_in_a_file = any(folder.is_file() for folder in (inside, *inside.parents))
    return f"/{system}/{inside}" if lies_in_a_file else str(path)


def _layers(location: str, options: dict[str, str]) -> list[tuple[str, str | None]]:
    """Name and kind of geometry of each layer in a vector file."""
    if not options:
        return [(name, kind) for name, kind in pyogrio.list_layers(location)]
    # `list_layers` takes no options
    layers: list[tuple[str, str | None]] = []
    with suppress(pyogrio.errors.DataLayerError):
        for number in count():
            info = pyogrio.read_info(location, layer=number, **options)
            layers.append((info["layer_name"], info["geometry_type"]))
    return layers


def _layer_name(path: Path, layers: Sequence[tuple[str, str | None]]) -> str:
    """The name of the one layer that may hold polygons, or else of the first; `UserError` for several, or for none."""
    if not layers:
        raise UserError(f"{path} holds no layer. Expected a vector file with a layer of polygons.")
    drawn = [(name, kind) for name, kind in layers if kind is not None]
    if not drawn:
        raise UserError(f"{path} is a table without outlines. Expected a vector file with a layer of polygons.")
    names = [name for name, kind in drawn if _may_hold_polygons(kind)]
    if not names:
        # points or lines, each of which is told as what it is
        return drawn[0][0]
    if len(names) > 1:
        listed = ", ".join(names)
        command = f"ogr2ogr one.gpkg {quote(path.name)} {quote(names[0])}"
        raise UserError(
            f"{path} has several layers: {listed}. Give a file with one of them: {command}. If they are classes, merge "
            "them in QGIS (Merge Vector Layers), which names them in the column that class_attribute=layer reads."
        )
    return names[0]


def _may_hold_polygons(kind: str) -> bool:
    """Whether a layer of this kind of geometry may hold polygons: Unknown may."""
    return "Point" not in kind and "Line" not in kind


def check_layer(layer: VectorLayer, ground: Ground, columns: Sequence[str]) -> None:
    """Check that a layer has what its reader needs.

    Args:
        layer: The layer of polygons.
        ground: The ground of the scene.
        columns: Names of the attributes that are read.

    Raises:
        UserError: The layer has no CRS, although the scene has one, or lacks one of the columns.
    """
    if ground.wkt and not layer.crs:
        raise UserError(
            f"{layer.path} has no coordinate system, the scene has one. Assign the one that it was drawn in: "
            f"ogr2ogr -a_srs EPSG:NUMBER placed.gpkg {quote(str(layer.path))}."
        )
    check_columns(layer, columns)


def check_columns(layer: VectorLayer, columns: Sequence[str]) -> None:
    """Check that a layer has some attributes.

    Args:
        layer: The layer of polygons.
        columns: Names of the attributes.

    Raises:
        UserError: It lacks one of them.
    """
    missing = sorted(set(columns) - set(layer.fields))
    if missing:
        lacking = ", ".join(missing)
        raise UserError(f"{layer.path} has no attribute {lacking}; those that it has: {layer.field_names}.")


def frame_of(raster: Raster, ground: Ground, layer: VectorLayer) -> Frame:
    """Where a scene lies in the CRS of a layer.

    Args:
        raster: The scene.
        ground: The ground of the scene.
        layer: The layer of polygons.

    Returns:
        The frame.
    """
    grid = _grid_over(raster)
    points = ground.place(grid)
    if not ground.wkt:
        return Frame.around(points, turns=(0,))
    reprojection = Reprojection(ground.wkt, str(layer.crs))
    points = reprojection(points)
    if not pyproj.CRS(layer.crs).is_geographic:
        return Frame.around(points, turns=(0,))
    middle_longitude = points[len(points) // 2, 0]
    near_middle = near_longitude(points, middle_longitude)
    return Frame.around(near_middle, turns=(-WHOLE_TURN, 0, WHOLE_TURN))


def _grid_over(raster: Raster) -> Points:
    """Points all over a raster in pixels, (N, 2); the one in the middle of the list is in the middle of the raster."""
    columns = np.linspace(0, raster.width, GRID_POINTS)
    rows = np.linspace(0, raster.height, GRID_POINTS)
    grid = np.meshgrid(columns, rows)
    return np.stack(grid, axis=-1).reshape(-1, 2)


def read_features(layer: VectorLayer, columns: Sequence[str], condition: str | None = None) -> LayerFeatures:
    """All features of a layer as they were drawn, wherever they lie.

    Args:
        layer: The layer of polygons.
        columns: Names of the attributes that are read.
        condition: An SQL condition on the attributes that the features meet; None: all.

    Returns:
        The features in the order of the file.
    """
    meta, numbers, geometry, values = pyogrio.raw.read(
        layer.location, layer=layer.name, columns=list(columns), where=condition, return_fids=True, **layer.options
    )
    shapes = _geometries(geometry, layer.path)
    by_name = dict(zip(meta["fields"], values, strict=True))
    return LayerFeatures(shapes, numbers, by_name)


def _geometries(wkb: NDArray[np.object_], path: Path) -> Shapes:
    """Geometries of a file, (N,): rings that it leaves open are closed; None for what has no shape, or no end."""
    shapes = np.asarray(shapely.from_wkb(wkb, on_invalid="fix"), dtype=object)
    coordinates, owner = shapely.get_coordinates(shapes, return_index=True)
    is_endless = ~np.isfinite(coordinates).all(axis=1)
    shapes[np.unique(owner[is_endless])] = None
    check_comparisons(shapes, path)
    return shapes


def numbers_where(layer: VectorLayer, condition: str) -> NDArray[np.int64]:
    """Which features of a layer meet a condition.

    Args:
        layer: The layer of polygons.
        condition: An SQL condition on the attributes.

    Returns:
        Their numbers in the file, (K,).

    Raises:
        ValueError, FeatureError: The format's driver refuses the condition.
    """
    # some drivers do not evaluate a condition on columns that are not read
    _, numbers, _, _ = pyogrio.raw.read(
        layer.location, layer=layer.name, where=condition, read_geometry=False, return_fids=True, **layer.options
    )
    return np.asarray(numbers, dtype=np.int64)


def read_cut(layer: VectorLayer, frame: Frame, columns: Sequence[str]) -> CutPolygons | None:
    """The polygons within a frame, in the order of the file, so that the last one is on top.

    Args:
        layer: The layer of polygons.
        frame: The scene's frame in the CRS of the layer.
        columns: Names of the attributes that are read.

    Returns:
        The polygons; None where the extents of layer and frame do not meet.
    """
    by_turn: list[CutPolygons] = []
    for turn in _turns_with_polygons(layer, frame):
        polygons = _read_turn(layer, frame, turn, columns)
        by_turn.append(polygons)
    if not by_turn:
        return None
    joined = _joined(by_turn)
    order = np.argsort(joined.numbers, kind="stable")
    in_order = joined.select(order)
    has_area = shapely.area(in_order.shapes) > 0
    return in_order.select(has_area)


def _joined(lists: Sequence[CutPolygons]) -> CutPolygons:
    """All polygons of several lists, which have the same columns."""
    shapes = np.concatenate([polygons.shapes for polygons in lists])
    numbers = np.concatenate([polygons.numbers for polygons in lists])
    columns: dict[str, NDArray[Any]] = {}
    for name in lists[0].columns:
        columns[name] = np.concatenate([polygons.columns[name] for polygons in lists])
    return CutPolygons(shapes, numbers, columns)


def _turns_with_polygons(layer: VectorLayer, frame: Frame) -> Iterator[int]:
    """The turns of the globe at which the frame meets the extent of the layer."""
    extent = frame.box
    if layer.bounds is not None:
        extent = shapely.box(*layer.bounds)
    for turn in frame.turns:
        turned = shapely.transform(frame.box, Shift(turn))
        if turned.intersects(extent):
            yield turn


def _read_turn(layer: VectorLayer, frame: Frame, turn: int, columns: Sequence[str]) -> CutPolygons:
    """The polygons that lie within the frame after a turn of the globe, turned back."""
    turned = shapely.transform(frame.box, Shift(turn))
    meta, numbers, geometry, values = pyogrio.raw.read(
        layer.location,
        layer=layer.name,
        columns=list(columns),
        bbox=turned.bounds,
        return_fids=True,
        **layer.options,
    )
    within = _cut(_geometries(geometry, layer.path), turned, layer.path)
    shapes = shapely.transform(within, Shift(-turn))
    by_name = dict(zip(meta["fields"], values, strict=True))
    return CutPolygons(shapes, numbers, by_name)


def _cut(shapes: Shapes, frame: shapely.Polygon, path: Path) -> Shapes:
    """What of each polygon (N,) lies within a frame: without lines, empty parts, and crossings of its own outline."""
    is_damaged = damaged(shapes)
    shapes[is_damaged] = repaired(shapes[is_damaged], path)
    beyond = ~shapely.covers(frame, shapes)
    within = shapely.intersection(shapes[beyond], frame)
    shapes[beyond] = shapely.buffer(within, 0)
    return shapes


def damaged(shapes: Shapes) -> NDArray[np.bool_]:
    """Which shapes (N,) are not whole polygons: outlines that cross themselves, lines, points, empty parts, none."""
    is_polygon = np.isin(shapely.get_type_id(shapes), POLYGON_TYPES)
    is_damaged = ~is_polygon | ~shapely.is_valid(shapes)
    parts, owner = shapely.get_parts(shapes, return_index=True)
    is_damaged[owner[shapely.is_empty(parts)]] = True
    return np.asarray(is_damaged)


def repaired(shapes: Shapes, path: Path) -> Shapes:
    """What of damaged shapes (N,) has an area; empty polygons for those that have none, None for none.

    Args:
        shapes: The shapes.
        path: Their file, for messages.

    Raises:
        UserError: Repairing them would take too long.
    """
    check_crossings(shapes, path)
    valid = shapely.make_valid(shapes, method="structure", keep_collapsed=False)
    return np.asarray(shapely.buffer(valid, 0))
