"""Features to files that a GIS opens: GeoPackage or GeoJSON, with a QGIS style beside it."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.errors
import pyogrio.raw
import shapely
from numpy.typing import NDArray

from seep_lightning.errors import UserError
from seep_lightning.scene.journal import disk
from seep_lightning.scene.polygons import Seep, SeepLayer

DRIVERS = {".gpkg": "GPKG", ".geojson": "GeoJSON"}
RAMP = ("68,1,84", "59,82,139", "33,145,140", "94,201,98", "253,231,37")  # viridis: even in lightness, for all eyes


def write_seeps(
    layer: SeepLayer,
    path: Path,
    *,
    wgs84: bool = False,
    metadata: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> None:
    """Write features to `path` (.gpkg or .geojson), and a QGIS style of the same name (.qml) that it opens with.

    The coordinates are the scene's; with `wgs84`, and always in GeoJSON (RFC 7946), longitude and latitude. A file
    without features still has all its columns. It appears whole, by renaming. Raises `UserError` for another suffix,
    or a file that is there already.
    """
    if path.suffix not in DRIVERS:
        raise UserError(f"{path}: features are written as {' or '.join(DRIVERS)}; found {path.suffix or 'no suffix'}.")
    if path.exists() and not overwrite:
        raise UserError(f"{path} is there already. Choose another output, or allow it to be replaced: overwrite=true.")
    ground, seeps = layer.ground, layer.seeps
    degrees = bool(ground.wkt) and (wgs84 or path.suffix == ".geojson")
    crs = "EPSG:4326" if degrees else ground.wkt or None
    outlines = np.array([seep.outline for seep in seeps], dtype=object)
    if degrees:
        outlines = shapely.transform(outlines, ground.degrees)
    columns, missing = zip(*(_column(seeps, name, kind) for name, kind in layer.columns.items()), strict=True)
    draft = path.with_name(f".{path.stem}.part{path.suffix}")
    draft.unlink(missing_ok=True)
    notes = {"transform": ground.note, **(metadata or {})}
    options: dict[str, Any] = {"layer_metadata": notes}
    if path.suffix == ".geojson":
        options = {"RFC7946": "YES", "COORDINATE_PRECISION": 8} if degrees else {}
    try:
        with disk(path), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="'crs' was not provided|No SRS set")
            pyogrio.raw.write(
                draft, shapely.to_wkb(outlines), columns, list(layer.columns), field_mask=missing, layer="seeps",
                crs=crs, driver=DRIVERS[path.suffix], geometry_type="MultiPolygon", promote_to_multi=True, **options,
            )  # fmt: skip
        if pyogrio.read_info(draft, layer="seeps")["features"] != len(seeps):
            raise pyogrio.errors.DataSourceError("fewer features than were written")
        with disk(path):
            path.with_suffix(".qml").write_text(style())
            draft.replace(path)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, RuntimeError) as error:
        raise UserError(f"{path} could not be written ({str(error)[:160]}). Make room, and give it again.") from error
    finally:
        draft.unlink(missing_ok=True)


def _column(seeps: Sequence[Seep], name: str, kind: type) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Values of one column (N,), and where there is none."""
    values = [seep.attributes[name] for seep in seeps]
    missing = np.array([value is None for value in values], bool)
    filled = [kind() if value is None else value for value in values]
    return np.array(filled, dtype=object if kind is str else kind), missing


def style() -> str:
    """A QGIS style: fill by `p_max` in five steps, thin outlines of the same colour."""
    edges = [0.0, *np.linspace(0.6, 0.9, len(RAMP) - 1), 1.0]
    ranges = symbols = ""
    for i, (colour, low, high) in enumerate(zip(RAMP, edges, edges[1:], strict=False)):
        label = f"{low:.1f} to {high:.1f}" if i else f"below {high:.1f}"
        ranges += f'<range lower="{low:.3f}" upper="{high:.3f}" symbol="{i}" label="{label}" render="true"/>\n'
        facts = {"color": f"{colour},140", "outline_color": f"{colour},255", "outline_width": "0.4"}
        options = "".join(f'<Option name="{key}" value="{value}" type="QString"/>' for key, value in facts.items())
        symbols += (
            f'<symbol type="fill" name="{i}" alpha="1"><layer class="SimpleFill" pass="0" locked="0" enabled="1">'
            f'<Option type="Map">{options}</Option></layer></symbol>\n'
        )
    return (
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
        '<qgis version="3.28" styleCategories="Symbology">\n'
        '<renderer-v2 type="graduatedSymbol" attr="p_max" graduatedMethod="GraduatedColor" symbollevels="0">\n'
        f"<ranges>\n{ranges}</ranges>\n<symbols>\n{symbols}</symbols>\n</renderer-v2>\n</qgis>\n"
    )
