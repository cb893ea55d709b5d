"""Materials of maps of many days, of what `sources` stored of them, and of a history of a place."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely
from affine import Affine

from helpers.map_days import write_map
from helpers.rasters import UTM

DATES = ("20180101", "20180113", "20180125", "20180206", "20180218")
SHORE = np.s_[40:44, 20:40]
"""A slick of every day."""


def map_of_day(folder: Path, number: int) -> None:
    """A map of one day: the slick that comes back, and one that does not."""
    other = np.s_[10 + 20 * number : 14 + 20 * number, 70:82]
    write_map(folder, f"S1_{DATES[number]}T054412", [SHORE, other])


def days(folder: Path, _: Any) -> None:
    (folder / "maps").mkdir()
    for number in range(len(DATES)):
        map_of_day(folder / "maps", number)


def store(folder: Path, run: Any) -> None:
    """All days but the last are stored."""
    later = folder / "later"
    later.mkdir()
    for path in sorted((folder / "maps").glob(f"*{DATES[-1]}*")):
        path.rename(later / path.name)
    run("sources", "maps=in/maps", "output=in/sources", "permutations=199")
    for path in sorted(later.iterdir()):
        path.rename(folder / "maps" / path.name)
    later.rmdir()


def written_sources(folder: Path, run: Any) -> None:
    """All that `sources` writes, beside the maps that it read."""
    run("sources", "maps=in/maps", "output=in/sources", "permutations=199")


def outlines_of_days(folder: Path, _: Any) -> None:
    """An analyst's outlines of many days in one file, and the area that was looked at."""
    transform: Affine = UTM["transform"]
    x, y = transform * (20, 40)
    boxes = [shapely.box(x, y - 40, x + 400, y) for _ in DATES]
    boxes += [shapely.box(x, y - 400 * n - 40, x + 300, y - 400 * n) for n in range(1, len(DATES) + 1)]
    dates = np.array([f"{date[:4]}-{date[4:6]}-{date[6:]}" for date in DATES * 2], dtype=object)
    facts = {"crs": UTM["crs"], "geometry_type": "Polygon"}
    pyogrio.raw.write(folder / "outlines.gpkg", shapely.to_wkb(np.array(boxes)), [dates], ["date"], **facts)
    area = shapely.to_wkb(np.array([shapely.box(x - 500, y - 3000, x + 3000, y + 500)]))
    pyogrio.raw.write(folder / "area.gpkg", area, [], [], **facts)


def history(folder: Path, run: Any) -> None:
    """All that a history may be of, beside a scene and a trained run."""
    days(folder, run)
    outlines_of_days(folder, run)
    written_sources(folder, run)
    shutil.copy(folder / "sources" / "recurrence.tif", folder / "recurrence.tif")
