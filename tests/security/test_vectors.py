"""Vector layers from a stranger: they reach no network, and read no other file of this computer."""

import json
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import pytest
import shapely

from helpers.strangers import Listener
from helpers.vectors import write_polygons
from seep_lightning.errors import UserError
from seep_lightning.scene.outline_file import read_outline_file

SQUARE = shapely.box(0, 0, 1, 1)


def geojson(**members: object) -> str:
    """A square in degrees, with more members."""
    geometry = json.loads(shapely.to_geojson(SQUARE))
    feature = {"type": "Feature", "properties": {}, "geometry": geometry}
    return json.dumps({"type": "FeatureCollection", **members, "features": [feature]})


SERVICES = {
    "a list of layers": '<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource>/vsicurl/URL/x.json</SrcDataSource>'
    "</OGRVRTLayer></OGRVRTDataSource>",
    "a feature service": "<OGRWFSDataSource><URL>URL/wfs</URL></OGRWFSDataSource>",
    "a feature service of the new kind": "<OGROAPIFDataSource><URL>URL/api</URL></OGROAPIFDataSource>",
    "a pipeline": json.dumps(
        {"type": "gdal_streamed_alg", "command_line": "gdal vector pipeline ! read /vsicurl/URL/x.json"}
    ),
    "a list after a comment": "<!-- <kml> --> <OGRVRTDataSource><OGRVRTLayer name='x'/></OGRVRTDataSource>",
    "words": "PG:host=127.0.0.1",
}


@pytest.mark.parametrize("suffix", [".gpkg", ".shp", ".geojson", ".json", ".kml"])
@pytest.mark.parametrize("service", SERVICES)
def test_the_address_of_a_service_is_refused_under_any_suffix(
    service: str, suffix: str, tmp_path: Path, network: Listener
) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_text(SERVICES[service].replace("URL", network.url))
    with pytest.raises(UserError, match=r"a\.\w+ cannot be read as polygons: it is none of GeoPackage"):
        read_outline_file(path, [])
    assert not network.requests


@pytest.mark.parametrize("kind", ["link", "url", "URL"])
def test_a_coordinate_system_at_an_address_is_not_fetched(kind: str, tmp_path: Path, network: Listener) -> None:
    path = tmp_path / "a.geojson"
    path.write_text(geojson(crs={"type": kind, "properties": {"href": f"{network.url}/c", "url": f"{network.url}/c"}}))
    with pytest.raises(UserError, match="its coordinate system .* is no name"):
        read_outline_file(path, [])
    path.write_text(path.read_text().replace('"crs"', r'"\u0063rs"'))
    with pytest.raises(UserError, match="it hides letters"):
        read_outline_file(path, [])
    assert not network.requests


def test_a_coordinate_system_by_its_name_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    path.write_text(geojson(crs={"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}))
    assert len(read_outline_file(path, []).numbers) == 1
    path.write_text(geojson(crs=None, name="crs"))
    assert len(read_outline_file(path, []).numbers) == 1


def test_a_table_that_reads_another_file_is_refused(tmp_path: Path, network: Listener) -> None:
    path = write_polygons(tmp_path / "a.gpkg", [SQUARE], "EPSG:4326")
    assert len(read_outline_file(path, []).numbers) == 1
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA writable_schema = 1")
        sql = f"CREATE VIRTUAL TABLE b USING VirtualOGR('/vsicurl/{network.url}/x.geojson')"
        database.execute("INSERT INTO sqlite_master VALUES ('table', 'b', 'b', 0, ?)", (sql,))
        database.commit()
    with pytest.raises(UserError, match=r"a table of it is virtual \(VirtualOGR\)"):
        read_outline_file(path, [])
    assert not network.requests


def test_schemas_of_gml_are_not_fetched(tmp_path: Path, network: Listener) -> None:
    path = tmp_path / "a.gml"
    path.write_text(
        '<a:FeatureCollection xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:a="http://a"'
        f' xmlns:gml="http://www.opengis.net/gml" xsi:schemaLocation="http://a {network.url}/a.xsd">'
        "<gml:featureMember><a:b><a:c><gml:Polygon><gml:outerBoundaryIs><gml:LinearRing><gml:coordinates>0,0 1,0 1,1 "
        "0,0</gml:coordinates></gml:LinearRing></gml:outerBoundaryIs></gml:Polygon></a:c></a:b></gml:featureMember>"
        "</a:FeatureCollection>"
    )
    assert len(read_outline_file(path, []).numbers) == 1
    schema = '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:include schemaLocation="{}/a"/></xs:schema>'
    (tmp_path / "a.xsd").write_text(schema.format(network.url))
    with pytest.raises(UserError, match=r"a\.xsd beside it includes other schemas"):
        read_outline_file(path, [])
    assert not network.requests


def test_an_archive_holds_vector_files_and_no_services(tmp_path: Path, network: Listener) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.geojson", geojson())
        archive.writestr("b.geojson", SERVICES["a list of layers"].replace("URL", network.url))
    assert len(read_outline_file(Path(f"{tmp_path}/a.zip!a.geojson"), []).numbers) == 1
    for text in (f"{tmp_path}/a.zip!b.geojson", f"/vsizip/{tmp_path}/a.zip/b.geojson"):
        with pytest.raises(UserError, match="cannot be read as polygons: it is none of"):
            read_outline_file(Path(text), [])
    assert not network.requests


def test_tables_of_mapinfo_that_list_others_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tab"
    path.write_text('!table\n!version 300\nopen table "../../secret.tab"\n"\\IsSeamless" = "TRUE"\n')
    with pytest.raises(UserError, match="it lists other tables"):
        read_outline_file(path, [])


DAMAGED_OUTLINES = {
    "an open ring": [[[0, 0], [1, 0], [1, 1], [0, 1]]],
    "a ring of two corners": [[[0, 0], [1, 0], [0, 0]]],
    "no ring": [],
    "a corner that is no number": [[[0, 0], [1, 0], [float("nan"), 1], [0, 0]]],
    "a corner at the end of the world": [[[0, 0], [1, 0], [float("inf"), 1], [0, 0]]],
}


@pytest.mark.parametrize("damage", DAMAGED_OUTLINES)
def test_an_outline_that_is_damaged_is_one_line_or_none_of_the_outlines(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    whole = geojson()
    outline = json.dumps({"type": "Polygon", "coordinates": DAMAGED_OUTLINES[damage]})
    feature = f'{{"type": "Feature", "properties": {{}}, "geometry": {outline}}}, '
    path.write_text(whole.replace('"features": [', f'"features": [{feature}'))
    try:
        outlines = read_outline_file(path, [])
    except UserError as error:
        assert "a.geojson" in str(error)
        assert "\n" not in str(error)
        return
    assert len(outlines.numbers) == 2
    assert not outlines.is_empty[1]
