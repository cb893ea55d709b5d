"""The picture of sources in the README: generated days with planted origins, found by `seep sources`.

    python benchmarks/accuracy/sources_picture.py docs/sources.png

Ten days of a square of 25 km with ten planted origins and as many slicks from anywhere, as origins.py generates them.
To the left the map of the page of `seep report maps=`, to the right the slicks of its two surest sources by day.
"""

import sys
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import pyogrio
import shapely
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from origins import SIDE, survey

from seep_lightning.config.commands import SourcesConfig
from seep_lightning.sources.collecting import collect_sources
from seep_lightning.sources.page import LOOK
from seep_lightning.sources.page_map import draw_map
from seep_lightning.sources.page_plots import draw_days, frame_of
from seep_lightning.sources.written import WrittenSources, read_sources

PIXEL = 10.0  # m
CORNER = np.array([400_000.0, 6_200_000.0])
FIRST = date(2018, 1, 3)
REVISIT = 12  # days
DAYS, ORIGINS, JITTER, SEED = 10, 10, 2.0, 1
HEIGHT = 640  # px
SHOWN = 2  # sources, day by day


def main(path: Path) -> None:
    with TemporaryDirectory() as folder:
        written = found_sources(Path(folder))
        with rc_context(fname=LOOK / "report.mplstyle"):
            pictures = [as_pixels(draw_map(written)), np.vstack([days_picture(written, k) for k in range(SHOWN)])]
    cv2.imwrite(str(path), np.hstack([scaled(picture) for picture in pictures]), [cv2.IMWRITE_PNG_COMPRESSION, 9])


def found_sources(folder: Path) -> WrittenSources:
    """Write the generated outlines, and find their sources."""
    shapes, dates = [], []
    for number, day in enumerate(survey(DAYS, ORIGINS, ORIGINS, JITTER, "all", SEED).days):
        for slick in day.slicks:
            shapes.append(shapely.make_valid(shapely.Polygon(slick.outline * PIXEL + CORNER)))
            dates.append(str(FIRST + timedelta(days=REVISIT * number)))
    write(folder / "outlines.gpkg", shapes, date=dates)
    west, north = CORNER
    write(folder / "area.gpkg", [shapely.box(west, north - SIDE * PIXEL, west + SIDE * PIXEL, north)])
    config = SourcesConfig(
        maps=str(folder / "outlines.gpkg"),
        area=str(folder / "area.gpkg"),
        date_column="date",
        output=str(folder / "found"),
    )
    collect_sources(config)
    return read_sources(config.output)


def write(path: Path, shapes: list[shapely.Geometry], **columns: list[str]) -> None:
    values = [np.array(column, object) for column in columns.values()]
    facts = {"crs": "EPSG:32631", "geometry_type": "MultiPolygon", "promote_to_multi": True}
    pyogrio.raw.write(path, shapely.to_wkb(np.array(shapes)), values, list(columns), **facts)


def days_picture(written: WrittenSources, number: int) -> np.ndarray:
    """The slicks of a source by day, under its number."""
    source = written.sources[number]
    slicks = written.slicks_of(source.number)
    names = [facts.name for facts in written.days.facts]
    plot = draw_days(source, slicks, names, frame_of(source, slicks))
    seen = f"{source.values['days_seen']} of {source.values['days_looked']} days"
    plot.suptitle(f"source {source.number}: {seen}, p {source.values['p_corrected']:.2g}", size=10, x=0.02, ha="left")
    return as_pixels(plot)


def as_pixels(plot: Figure) -> np.ndarray:
    plot.set_dpi(100)
    plot.set_layout_engine("constrained")
    canvas = FigureCanvasAgg(plot)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., 2::-1]


def scaled(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    return cv2.resize(picture, (round(width * HEIGHT / height), HEIGHT), interpolation=cv2.INTER_AREA)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
