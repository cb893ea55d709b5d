"""Seeps as features: outlines and attributes of the objects of a written map, in files that a GIS opens."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import shapely
from jinja2 import Template
from numpy.typing import NDArray

from seep_lightning.errors import UserError, as_user_error, writing_to
from seep_lightning.scene.outlines import UNREADABLE
from seep_lightning.scene.polygons import SeepLayer

DRIVERS = {".gpkg": "GPKG", ".geojson": "GeoJSON"}
STEPS = (  # of p_max, in viridis: even in lightness, for all eyes
    (0.0, 0.6, "68,1,84"), (0.6, 0.7, "59,82,139"), (0.7, 0.8, "33,145,140"), (0.8, 0.9, "94,201,98"),
    (0.9, 1.0, "253,231,37"),
)  # fmt: skip
STYLE = """<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.28" styleCategories="Symbology">
<renderer-v2 type="graduatedSymbol" attr="p_max" graduatedMethod="GraduatedColor" symbollevels="0">
<ranges>{% for low, high, _ in steps %}
<range lower="{{ low }}" upper="{{ high }}" symbol="{{ loop.index }}" label="{{ low }} to {{ high }}" render="true"/>
{% endfor %}</ranges><symbols>{% for _, _, colour in steps %}
<symbol type="fill" name="{{ loop.index }}" alpha="1"><layer class="SimpleFill" pass="0" locked="0" enabled="1">
<Option type="Map"><Option name="color" value="{{ colour }},140" type="QString"/><Option name="outline_color"
 value="{{ colour }},255" type="QString"/><Option name="outline_width" value="0.4" type="QString"/></Option></layer>
</symbol>{% endfor %}</symbols></renderer-v2></qgis>
"""


def _within_the_world(outline: shapely.MultiPolygon) -> shapely.MultiPolygon:
    """An outline in degrees, cut at the date line (RFC 7946, 3.1.9). GDAL would leave empty parts."""
    west, _, east, _ = outline.bounds
    if west >= -180 and east <= 180:
        return outline
    parts = []
    for turn in (-360, 0, 360):
        here = shapely.intersection(shapely.make_valid(outline), shapely.box(turn - 180, -90, turn + 180, 90))
        parts += shapely.get_parts(shapely.transform(here, lambda at, turn=turn: at - np.array([turn, 0]))).tolist()
    return shapely.MultiPolygon([part for part in parts if part.geom_type == "Polygon" and not part.is_empty])


def write_seeps(layer: SeepLayer, path: Path, *, wgs84: bool = False, overwrite: bool = False) -> None:
    """Write features to `path` (.gpkg or .geojson), and a QGIS style of the same name (.qml) unless there is one.

    The coordinates are the scene's; with `wgs84`, and always in GeoJSON (RFC 7946), longitude and latitude. Raises
    `UserError` for another suffix, or a file that is there already.
    """
    if path.suffix not in DRIVERS:
        raise UserError(f"{path}: features are written as {' or '.join(DRIVERS)}; found {path.suffix or 'no suffix'}.")
    if path.exists() and not overwrite:
        raise UserError(f"{path} is there already. Choose another output, or allow it to be replaced: overwrite=true.")
    seeps, _, ground = layer
    degrees = bool(ground.wkt) and (wgs84 or path.suffix == ".geojson")
    outlines = np.array([seep.outline for seep in seeps], dtype=object)
    if degrees:
        outlines = np.array([shapely.transform(outline, ground.degrees_together) for outline in outlines], dtype=object)
    if degrees and path.suffix == ".geojson":
        outlines = np.array([_within_the_world(outline) for outline in outlines], dtype=object)
    columns: list[NDArray[Any]] = [  # no value: NaN, which is written as null
        np.array([seep.attributes[name] for seep in seeps], object if kind is str else kind)
        for name, kind in layer.columns.items()
    ]
    options: dict[str, Any] = {"layer_metadata": {"transform": ground.note}}
    if path.suffix == ".geojson":
        options = {"RFC7946": "YES", "COORDINATE_PRECISION": 8} if degrees else {}
    draft = path.with_name(f".{path.stem}.part{path.suffix}")
    draft.unlink(missing_ok=True)
    try:
        refused = as_user_error(
            f"{path} could not be written", *UNREADABLE, RuntimeError, advice="Make room, and give it again."
        )
        with writing_to(path), refused, warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="'crs' was not provided|No SRS set")
            pyogrio.raw.write(
                draft, shapely.to_wkb(outlines), columns, list(layer.columns), layer="seeps",
                crs="EPSG:4326" if degrees else ground.wkt or None, driver=DRIVERS[path.suffix],
                geometry_type="MultiPolygon", promote_to_multi=True, **options,
            )  # fmt: skip
            if pyogrio.read_info(draft, layer="seeps")["features"] != len(seeps):
                raise RuntimeError("fewer features than were written")
            if not path.with_suffix(".qml").exists():  # an analyst's own stays
                draft.with_suffix(".qml").write_text(Template(STYLE).render(steps=STEPS))
                draft.with_suffix(".qml").replace(path.with_suffix(".qml"))
            draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
