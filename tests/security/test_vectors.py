"""Vector layers from a stranger: they reach no network, and read no other file of this computer."""

import json
import os
import shutil
import sqlite3
import struct
import zipfile
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest
import shapely

from helpers.strangers import Listener
from helpers.vectors import write_polygons
from seep_lightning.errors import UserError
from seep_lightning.scene import outline_budgets, vector_formats
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


def planted(path: Path, name: str, sql: str) -> Path:
    """A GeoPackage with a square, and one more entry in its schema, as no program writes it."""
    write_polygons(path, [SQUARE], "EPSG:4326")
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA writable_schema = 1")
        database.execute("INSERT INTO sqlite_master VALUES ('table', ?, ?, 0, ?)", (name, name, sql))
        database.commit()
    return path


@pytest.mark.parametrize("space", [" ", "/**/", "--\n"])
def test_a_table_that_reads_another_file_is_refused(space: str, tmp_path: Path, network: Listener) -> None:
    sql = f"CREATE{space}VIRTUAL{space}TABLE b USING VirtualOGR('/vsicurl/{network.url}/x.geojson')"
    path = planted(tmp_path / "a.gpkg", "b", sql)
    with pytest.raises(UserError, match=r"a table of it is virtual \(VirtualOGR\)|b is no table"):
        read_outline_file(path, [])
    assert not network.requests


NUMBERS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"
ENDLESS = f"{NUMBERS} SELECT x AS fid, zeroblob(900000000) AS geom FROM c"


@pytest.mark.parametrize("is_layer", [True, False])
def test_a_view_that_never_ends_is_refused(is_layer: bool, tmp_path: Path) -> None:
    path = write_polygons(tmp_path / "a.gpkg", [SQUARE], "EPSG:4326")
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"CREATE VIEW endless AS {ENDLESS}")
        if is_layer:
            database.execute("UPDATE gpkg_contents SET table_name = 'endless'")
            database.execute("UPDATE gpkg_geometry_columns SET table_name = 'endless'")
        database.commit()
    with pytest.raises(UserError, match="endless is a view, whose query may never end. Save it as a table"):
        read_outline_file(path, [])


def test_a_column_that_is_computed_takes_no_gigabytes(tmp_path: Path) -> None:
    path = write_polygons(tmp_path / "a.gpkg", [SQUARE], "EPSG:4326")
    with closing(sqlite3.connect(path)) as database:
        database.execute("ALTER TABLE a ADD COLUMN big GENERATED ALWAYS AS (zeroblob(900000000)) VIRTUAL")
        database.commit()
    with pytest.raises(UserError, match="column big of a is computed"):
        read_outline_file(path, [])


def node(depth: int, child: int, count: int = 51) -> bytes:
    """A node of a spatial index whose cells all lead to one node."""
    cells = struct.pack(">qffff", child, -180, 180, -90, 90) * count
    return (struct.pack(">HH", depth, count) + cells).ljust(1228, b"\0")


def test_a_spatial_index_that_has_no_end_is_refused(tmp_path: Path) -> None:
    path = write_polygons(tmp_path / "a.gpkg", [SQUARE], "EPSG:4326")
    depth = 20
    with closing(sqlite3.connect(path)) as database:
        database.execute("DELETE FROM rtree_a_geom_node")
        for number in range(1, depth + 1):
            content = node(depth if number == 1 else 0, number + 1)
            database.execute("INSERT INTO rtree_a_geom_node VALUES (?, ?)", (number, content))
        database.execute("INSERT INTO rtree_a_geom_node VALUES (?, ?)", (depth + 1, node(0, 0, count=0)))
        database.commit()
    with pytest.raises(UserError, match="its index rtree_a_geom is no tree"):
        read_outline_file(path, [])


def test_a_journal_beside_a_database_is_judged_with_it(tmp_path: Path) -> None:
    path = write_polygons(tmp_path / "a.gpkg", [SQUARE], "EPSG:4326")
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(f"CREATE VIEW endless AS {ENDLESS}")
        database.commit()
        (tmp_path / "sent").mkdir()
        for name in ("a.gpkg", "a.gpkg-wal"):
            shutil.copy(tmp_path / name, tmp_path / "sent" / name)
    with pytest.raises(UserError, match="endless is a view"):
        read_outline_file(tmp_path / "sent" / "a.gpkg", [])


@pytest.mark.parametrize("suffix", ["-journal", "-wal"])
def test_a_pipe_in_the_place_of_a_journal_is_not_waited_for(suffix: str, tmp_path: Path) -> None:
    path = write_polygons(tmp_path / "a.gpkg", [SQUARE], "EPSG:4326")
    os.mkfifo(tmp_path / f"a.gpkg{suffix}")
    with pytest.raises(UserError, match=rf"a\.gpkg{suffix} is a pipe; expected a regular file"):
        read_outline_file(path, [])


def test_a_database_of_very_many_outlines_is_read(tmp_path: Path) -> None:
    squares = shapely.box(*np.indices((60, 60)).reshape(2, -1), *(np.indices((60, 60)).reshape(2, -1) + 1))
    path = write_polygons(tmp_path / "a.gpkg", squares, "EPSG:32631")
    assert len(read_outline_file(path, []).numbers) == 3600


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


@pytest.mark.parametrize(
    ("begin", "end"),
    [("<gml:MultiGeometry><gml:geometryMember>", "</gml:geometryMember></gml:MultiGeometry>"), ("<a:d>", "</a:d>")],
)
def test_elements_of_gml_that_are_nested_without_end_are_one_line(begin: str, end: str, tmp_path: Path) -> None:
    path = tmp_path / "a.gml"
    path.write_text(
        '<a:FeatureCollection xmlns:a="http://a" xmlns:gml="http://www.opengis.net/gml"><gml:featureMember><a:b><a:c>'
        + begin * 20_000
        + end * 20_000
        + "</a:c></a:b></gml:featureMember></a:FeatureCollection>"
    )
    with pytest.raises(UserError, match=r"a\.gml (is a table without outlines|holds no layer|cannot be read)"):
        read_outline_file(path, [])


def test_an_archive_holds_vector_files_and_no_services(tmp_path: Path, network: Listener) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.geojson", geojson())
        archive.writestr("b.geojson", SERVICES["a list of layers"].replace("URL", network.url))
    assert len(read_outline_file(Path(f"{tmp_path}/a.zip!a.geojson"), []).numbers) == 1
    for text in (f"{tmp_path}/a.zip!b.geojson", f"/vsizip/{tmp_path}/a.zip/b.geojson"):
        with pytest.raises(UserError, match="cannot be read as polygons: it is none of"):
            read_outline_file(Path(text), [])
    assert not network.requests


def test_what_an_archive_holds_is_judged_as_a_whole_or_read_unpacked_only(tmp_path: Path, network: Listener) -> None:
    database = planted(tmp_path / "c.gpkg", "b", f"CREATE VIRTUAL TABLE b USING VirtualOGR('/vsicurl/{network.url}/x')")
    address = {"type": "link", "properties": {"href": f"{network.url}/c"}}
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.geojson", geojson(name="x" * 100_000, crs=address))
        archive.write(database, "c.gpkg")
    for name, expected in {
        "a.geojson": "its coordinate system .* is no name",
        "c.gpkg": "is read unpacked only",
        "d.gpkg": "cannot be found in the archive",
        "": "cannot be found in the archive",
    }.items():
        with pytest.raises(UserError, match=expected):
            read_outline_file(Path(f"/vsizip/{tmp_path}/a.zip/{name}"), [])
    assert not network.requests


KML = '<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{}</Document></kml>'
RING = "<outerBoundaryIs><LinearRing><coordinates>0,0 1,0 1,1 0,0</coordinates></LinearRing></outerBoundaryIs>"
PLACEMARK = f"<Placemark><name>a</name><Polygon>{RING}</Polygon></Placemark>"


@pytest.mark.parametrize(
    "more",
    [
        "<NetworkLink><Link><href>URL/x.kml</href></Link></NetworkLink>",
        "<GroundOverlay><Icon><href>URL/i.png</href></Icon></GroundOverlay>",
        "<Placemark><styleUrl>URL/s.kml#a</styleUrl></Placemark>",
        '<Placemark><ExtendedData><SchemaData schemaUrl="URL/s.kml#x"/></ExtendedData></Placemark>',
    ],
)
def test_links_in_kml_and_kmz_are_not_fetched(more: str, tmp_path: Path, network: Listener) -> None:
    text = KML.format(PLACEMARK + more.replace("URL", network.url))
    (tmp_path / "a.kml").write_text(text)
    with zipfile.ZipFile(tmp_path / "a.kmz", "w") as archive:
        archive.writestr("doc.kml", text)
    for name in ("a.kml", "a.kmz"):
        with suppress(UserError):
            read_outline_file(tmp_path / name, [])
    assert not network.requests


@pytest.mark.parametrize("name", ["a.kmz", "a.zip"])
def test_kml_that_is_larger_than_its_archive_seems_is_not_unpacked(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("doc.kml", KML.format(PLACEMARK * 120_000))
    with pytest.raises(UserError, match=r"[\d,]+ bytes unpacked, \d+ times its own; expected .* 50 times"):
        read_outline_file(Path(f"{path}!doc.kml") if name == "a.zip" else path, [])


def test_kml_is_read_up_to_a_size_however_it_is_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.kmz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("doc.kml", KML.format(PLACEMARK * 200))
    assert len(read_outline_file(path, []).numbers) == 200
    monkeypatch.setattr(vector_formats, "LARGEST_PACKED", 1 << 10)
    with pytest.raises(UserError, match=r"[\d,]+ bytes unpacked"):
        read_outline_file(path, [])


def test_tables_of_mapinfo_that_list_others_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tab"
    path.write_text('!table\n!version 300\nopen table "../../secret.tab"\n"\\IsSeamless" = "TRUE"\n')
    with pytest.raises(UserError, match="it lists other tables"):
        read_outline_file(path, [])


def star(corners: int) -> shapely.Polygon:
    """An outline through random corners: it crosses itself some corners² / 8 times."""
    return shapely.Polygon(np.random.default_rng(0).random((corners, 2)))


def test_an_outline_that_crosses_itself_without_end_is_not_repaired(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.geojson"
    feature = {"type": "Feature", "properties": {}, "geometry": json.loads(shapely.to_geojson(star(8000)))}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    with pytest.raises(UserError, match=r"a\.geojson is not read: .* 8,001 corners .* pairs of them lie side by side"):
        read_outline_file(path, [])
    few = write_polygons(tmp_path / "few.gpkg", [star(40)] * 20, "EPSG:4326")
    assert read_outline_file(few, []).is_repaired.all()
    monkeypatch.setattr(outline_budgets, "MOST_CROSSINGS", 1_000)
    with pytest.raises(UserError, match=r"few\.gpkg is not read: .* crosses or touches itself more often than 1,000"):
        read_outline_file(few, [])


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
