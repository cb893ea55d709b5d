"""Seeps as files that a GIS opens: GeoPackage or GeoJSON, and the QGIS style that colours them."""

import logging
import sqlite3
import warnings
from dataclasses import fields as fields_of
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import shapely
from numpy.typing import NDArray

from seep_lightning import compat
from seep_lightning.documents.sqlite_files import discard_journals, limit_queries, looking_into
from seep_lightning.errors import UserError, WouldReplace, as_user_error, first_line, writing_to
from seep_lightning.files import draft_of, publish
from seep_lightning.scene.databases import LARGEST_VALUE, LONGEST_CHECK
from seep_lightning.scene.field_texts import add_field_texts
from seep_lightning.scene.ground import Ground
from seep_lightning.scene.polygons import SeepLayer
from seep_lightning.scene.projections import WGS84, WHOLE_TURN, Shift
from seep_lightning.scene.qgis_style import (
    LONGEST_LOOK,
    SEEPS,
    LayerLook,
    add_style_inside,
    style_for,
    write_style_beside,
)
from seep_lightning.scene.vector_layers import UNREADABLE

DRIVERS = {".gpkg": "GPKG", ".geojson": "GeoJSON"}
GEOJSON_OPTIONS = {"RFC7946": "YES", "COORDINATE_PRECISION": 8}
"""For coordinates in degrees, which RFC 7946 demands."""

# it reports how many records it wrote
logging.getLogger("pyogrio").setLevel(logging.WARNING)


def write_seeps(
    layer: SeepLayer, path: Path, *, wgs84: bool = False, overwrite: bool = False, look: LayerLook = SEEPS
) -> None:
    """Write features with their QGIS style: inside a GeoPackage, and beside the file (.qml) unless there is one.

    A style that an analyst saved in either place stays.

    Args:
        layer: The features of a scene.
        path: The file, .gpkg or .geojson.
        wgs84: Write longitude and latitude instead of the scene's coordinates; GeoJSON always has them (RFC 7946).
        overwrite: Replace a file of this name.
        look: The layer's name and colours, where it holds something other than seeps.

    Raises:
        UserError: The suffix is another one, or the file exists.
        DiskError: The disk is full or refuses the file.
    """
    _check_path(path, overwrite)
    unwritten = as_user_error(
        f"{path} could not be written", *UNREADABLE, RuntimeError, advice="Make room, and give it again."
    )
    with draft_of(path, path.suffix) as draft, writing_to(path), unwritten:
        in_degrees = bool(layer.ground.wkt) and (wgs84 or _is_geojson(path))
        _write_features(layer, draft, look.name, in_degrees=in_degrees)
        fields = [attribute.text(layer.ground.unit) for attribute in layer.attributes]
        style = style_for(path, fields, look)
        write_style_beside(path, style, look)
        if not _is_geojson(path):
            add_style_inside(draft, style, look)
            add_field_texts(draft, look.name, fields)
        _check_written(draft, look.name, len(layer.seeps))
        if not _is_geojson(path):
            discard_journals(path)
        publish(draft, path)


def _check_path(path: Path, overwrite: bool) -> None:
    if path.suffix not in DRIVERS:
        suffix = path.suffix or "no suffix"
        raise UserError(f"{path}: features are written as {' or '.join(DRIVERS)}; found {suffix}.")
    if path.exists() and not overwrite:
        raise WouldReplace(
            f"{path} is there already. Choose another output, or allow it to be replaced: overwrite=true."
        )


def _is_geojson(path: Path) -> bool:
    return path.suffix == ".geojson"


def _write_features(layer: SeepLayer, path: Path, name: str, *, in_degrees: bool) -> None:
    """Write outlines and columns, and count the features that arrived: GDAL does not always say that it failed."""
    outlines = _outlines(layer, in_degrees=in_degrees, cut=_is_geojson(path))
    crs = WGS84 if in_degrees else layer.ground.wkt
    file = compat.literal_path(path)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="'crs' was not provided|No SRS set")
        pyogrio.raw.write(
            file,
            shapely.to_wkb(outlines),
            _column_arrays(layer),
            list(layer.columns),
            layer=name,
            crs=crs or None,
            driver=DRIVERS[path.suffix],
            geometry_type="MultiPolygon",
            promote_to_multi=True,
            **_driver_options(layer, path, in_degrees=in_degrees),
        )


def _check_written(draft: Path, name: str, count: int) -> None:
    """Raise `RuntimeError` unless a draft holds so many features: GDAL does not always say that it failed."""
    if _damage_of(draft):
        raise RuntimeError(_damage_of(draft))
    if pyogrio.read_info(compat.literal_path(draft), layer=name)["features"] != count:
        raise RuntimeError("fewer features than were written")


def is_whole_layer(path: Path) -> bool:
    """Whether a file of outlines that was written before can be read; an analyst may have changed it since.

    Args:
        path: The file, which need not be there.
    """
    return path.is_file() and not _damage_of(path)


def _damage_of(path: Path) -> str:
    """What is wrong with a file of outlines; empty for a whole one."""
    if not path.stat().st_size:
        return "it is empty"
    try:
        if not _is_geojson(path):
            return _damage_of_database(path)
        # counting reads all of it
        pyogrio.read_info(compat.literal_path(path), force_feature_count=True)
    except (*UNREADABLE, RuntimeError, sqlite3.Error) as error:
        return first_line(error)
    return ""


def _damage_of_database(path: Path) -> str:
    """What SQLite finds wrong with a GeoPackage; empty for a whole one."""
    with looking_into(path, largest_value=LARGEST_VALUE, seconds=LONGEST_CHECK) as database:
        (answer,) = database.execute("PRAGMA quick_check(1)").fetchone()
        # a list of layers is short, unless it is a query that never ends
        limit_queries(database, largest_value=LARGEST_VALUE, seconds=LONGEST_LOOK)
        layers = database.execute("SELECT count(*) FROM gpkg_contents WHERE data_type = 'features'").fetchone()
    if answer != "ok":
        return str(answer)
    return "" if layers[0] else "it has no layer"


def _outlines(layer: SeepLayer, *, in_degrees: bool, cut: bool) -> NDArray[np.object_]:
    """The outlines as they are written, (N,); cut: in degrees at the date line."""
    outlines = [seep.outline for seep in layer.seeps]
    if in_degrees:
        outlines = [shapely.transform(outline, layer.ground.degrees_together) for outline in outlines]
    if in_degrees and cut:
        outlines = [_cut_at_the_date_line(outline) for outline in outlines]
    return np.array(outlines, dtype=object)


def _cut_at_the_date_line(outline: shapely.MultiPolygon) -> shapely.MultiPolygon:
    """An outline in degrees, cut at the date line (RFC 7946, 3.1.9). GDAL would leave empty parts."""
    west, _, east, _ = outline.bounds
    if west >= -180 and east <= 180:
        return outline
    valid = shapely.make_valid(outline)
    parts = []
    for turn in (-WHOLE_TURN, 0, WHOLE_TURN):
        world = shapely.box(turn - 180, -90, turn + 180, 90)
        turned_back = shapely.transform(shapely.intersection(valid, world), Shift(-turn))
        parts += shapely.get_parts(turned_back).tolist()
    polygons = [part for part in parts if part.geom_type == "Polygon" and not part.is_empty]
    return shapely.MultiPolygon(polygons)


def _column_arrays(layer: SeepLayer) -> list[NDArray[Any]]:
    """The attributes by columns; in numbers NaN stands for no value, which is written as null."""
    arrays: list[NDArray[Any]] = []
    for name, kind in layer.columns.items():
        dtype = object if kind is str else kind
        arrays.append(np.array([seep.attributes[name] for seep in layer.seeps], dtype))
    return arrays


def _driver_options(layer: SeepLayer, path: Path, *, in_degrees: bool) -> dict[str, Any]:
    """What only one format knows."""
    if not _is_geojson(path):
        return {"layer_metadata": {**_placement_metadata(layer.ground), **layer.metadata}}
    if not in_degrees:
        return {}
    return dict(GEOJSON_OPTIONS)


def _placement_metadata(ground: Ground) -> dict[str, str]:
    """How the outlines were placed; by control points, also how far these are from where the others put them."""
    metadata = {"transform": ground.note}
    if ground.by_points is None or ground.by_points.residual is None:
        return metadata
    for field in fields_of(ground.by_points.residual):
        metadata[f"residual_{field.name}"] = f"{getattr(ground.by_points.residual, field.name):.3f}"
    return metadata
