"""The page of sources: `seep report maps=DIR`."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from matplotlib.backends.backend_agg import FigureCanvasAgg

from helpers.map_days import write_map
from helpers.rasters import UTM
from seep_lightning.config.commands import ReportConfig, SourcesConfig
from seep_lightning.errors import UserError
from seep_lightning.sources.collecting import collect_sources
from seep_lightning.sources.day_colours import DAY_STEPS
from seep_lightning.sources.page import report_sources
from seep_lightning.sources.page_days import LOOKED, SEEN, states_of
from seep_lightning.sources.page_map import _values
from seep_lightning.sources.page_plots import draw_strip
from seep_lightning.sources.written import read_sources

NO_PLACE: dict[str, Any] = {"crs": None, "transform": Affine.identity()}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of three days with a slick at one place, and one without; the maps lie in `maps` beside it."""
    folder = tmp_path_factory.mktemp("days")
    (folder / "maps").mkdir()
    for day in range(4):
        slicks = [np.s_[40:48, 30 : 60 + 4 * day]] if day else []
        write_map(folder / "maps", f"S1_2018010{day + 1}T054412", slicks)
    collect_sources(SourcesConfig(maps=str(folder / "maps"), output=str(folder / "out"), permutations=20, level=0.2))
    return folder / "out"


def test_the_page_has_its_parts(found: Path, tmp_path: Path) -> None:
    page = report_sources(ReportConfig(maps=str(found), output=str(tmp_path / "page.html"))).read_text()
    assert "1 source in 4 days, 2018-01-01 to 2018-01-04" in page
    assert f"Of {found.parent / 'maps'}, made " in page
    # the map, the strip, the slicks of the source
    assert page.count('src="data:image/svg+xml;base64,') == 3
    row = page[page.index("<td>1</td>") :].partition("</tr>")[0]
    assert "<td>3 of 4</td><td>0.75 (0.28 to 0.97)</td>" in row
    assert "<td>2018-01-02</td><td>2018-01-04</td>" in row
    assert "The smallest that 20 permutations can tell is 0.048." in page
    # a map whose cells have fewer days than a colour stands for ends where they do
    assert [_values(step, 3) for step in DAY_STEPS[:3]] == ["1", "2", "3"]
    assert "A source’s days are those on which any of its cells had a slick of it" in page
    # the days by chance are of no more permutations than `finding` counts
    assert "20 times (seed 0)" in page
    assert "http" not in page.replace("http-equiv", "")


def test_a_source_is_seen_or_looked_at(found: Path) -> None:
    written = read_sources(str(found))
    assert states_of(written, written.sources).tolist() == [[LOOKED, SEEN, SEEN, SEEN]]


def test_without_coordinates_and_without_sources(tmp_path: Path) -> None:
    (tmp_path / "maps").mkdir()
    write_map(tmp_path / "maps", "one", [np.s_[40:48, 30:60]], **NO_PLACE)
    collect_sources(SourcesConfig(maps=str(tmp_path / "maps"), output=str(tmp_path / "out"), permutations=100))
    page = report_sources(ReportConfig(maps=str(tmp_path / "out"))).read_text()
    assert "0 sources in 1 day" in page
    assert "places and sizes are in pixels" in page
    assert "No source: " in page


def test_names_of_days_are_drawn_as_they_stand() -> None:
    names = [r"$\frac{$", "$x^{$ and more", "a$b", "\x1b[31mred"]
    source: Any = SimpleNamespace(number=1, values={"days_seen": 1, "days_looked": 4})
    plot = draw_strip([source], names, np.zeros((1, len(names)), np.uint8))
    FigureCanvasAgg(plot).draw()
    shown = [label.get_text() for label in plot.axes[0].get_xticklabels()]
    assert shown[0] == r"\$\frac{\$" and "\x1b" not in "".join(shown)


def test_what_cannot_be_told_is_said_in_a_line(found: Path, tmp_path: Path) -> None:
    maps = found.parent / "maps"
    with pytest.raises(UserError, match=f"sources first: seep sources maps={maps} output=SOURCES"):
        report_sources(ReportConfig(maps=str(maps)))
    (tmp_path / "page.html").write_text("mine")
    with pytest.raises(UserError, match="exists"):
        report_sources(ReportConfig(maps=str(found), output=str(tmp_path / "page.html")))
    changed = shutil.copytree(found, tmp_path / "changed")
    (changed / "source_days.csv").write_text("source,day\n1,9\n")
    with pytest.raises(UserError, match="not of one call"):
        report_sources(ReportConfig(maps=str(changed)))
    with pytest.raises(UserError, match="either run=DIR, .* or maps=DIR"):
        report_sources(ReportConfig())


def run_statement(path: Path, statement: str) -> None:
    """Change a GeoPackage; triggers call functions that only GDAL has."""
    with closing(sqlite3.connect(path)) as database, database:
        for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER [{trigger}]")
        assert database.execute(statement).rowcount


DAMAGED_LAYERS = {
    "no outline": "UPDATE sources SET geom = NULL",
    "a number of a source that is missing": "UPDATE sources SET source = NULL",
    "no p": "UPDATE sources SET p_corrected = NULL",
    "no origin": "UPDATE origins SET geom = NULL",
    "an outline for an origin": "UPDATE origins SET geom = (SELECT geom FROM sources)",
    "an endless spread": "UPDATE origins SET origin_spread_m = 9e999",
    "no slicks": "DELETE FROM slicks",
    "no outline of a slick": "UPDATE slicks SET geom = NULL",
    "no day": "UPDATE slicks SET day = NULL",
    "no permutations": "UPDATE gpkg_metadata SET metadata = replace(metadata, '>20<', '>0<')",
}


@pytest.mark.parametrize("statement", DAMAGED_LAYERS.values(), ids=list(DAMAGED_LAYERS))
def test_a_damaged_layer_is_named(statement: str, found: Path, tmp_path: Path) -> None:
    layers = shutil.copytree(found, tmp_path / "out") / "sources.gpkg"
    run_statement(layers, statement)
    with pytest.raises(UserError, match=f"^{layers}"):
        report_sources(ReportConfig(maps=str(tmp_path / "out")))


@pytest.mark.parametrize(
    ("bands", "expected"),
    [
        (np.ones((1, 8, 8)), "has the bands days_seen; expected days_seen and days_looked"),
        (np.full((2, 8, 8), -3), "holds values that are no counts of days"),
    ],
)
def test_a_raster_that_is_no_recurrence_is_named(
    bands: np.ndarray[Any, Any], expected: str, found: Path, tmp_path: Path
) -> None:
    raster = shutil.copytree(found, tmp_path / "out") / "recurrence.tif"
    raster.unlink()
    with rasterio.open(
        raster, "w", driver="GTiff", height=8, width=8, count=len(bands), dtype="float32", **UTM
    ) as dataset:
        dataset.write(bands)
        for band, name in zip(dataset.indexes, ("days_seen", "days_looked"), strict=False):
            dataset.set_band_description(band, name)
    with pytest.raises(UserError, match=f"{raster} {expected}"):
        report_sources(ReportConfig(maps=str(tmp_path / "out")))
    raster.write_bytes(raster.read_bytes()[:-200])
    with pytest.raises(UserError, match=f"^{raster}"):
        report_sources(ReportConfig(maps=str(tmp_path / "out")))


@pytest.mark.browser
def test_a_browser_shows_it_whole_and_asks_for_nothing(browser: Any, found: Path, tmp_path: Path) -> None:
    path = report_sources(ReportConfig(maps=str(found), output=str(tmp_path / "page.html")))
    tab = browser.new_page(viewport={"width": 390, "height": 844})
    said, asked = [], []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("request", lambda sent: asked.append(sent.url))
    tab.goto(path.as_uri())
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
    images = tab.evaluate("[...document.images].map(image => image.complete && image.naturalWidth)")
    assert len(images) == 3
    assert min(images) > 0
    for width in (390, 1200):
        tab.set_viewport_size({"width": width, "height": 900})
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.close()
