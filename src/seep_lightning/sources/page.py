"""The page of sources: `seep report maps=DIR`, one HTML file that needs no network."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from seep_lightning import reporting
from seep_lightning.config.commands import ReportConfig
from seep_lightning.config.rules import check_config
from seep_lightning.errors import UserError
from seep_lightning.files import real_path, remove_leftovers, with_home, write_text
from seep_lightning.locks import lock_path, locked
from seep_lightning.scene.projections import WGS84, Reprojection
from seep_lightning.sources.finding import MOST_COUNTED
from seep_lightning.sources.page_map import length_text
from seep_lightning.sources.written import WrittenSource, WrittenSources, read_sources

HERE = Path(__file__).parent
# the look of all pages
LOOK = Path(reporting.__path__[0])
MOST_CARDS = 12
MOST_IN_STRIP = 60
MOST_ROWS = 200
DEGREES = 4
"""Decimals of longitude and latitude: some 10 m."""


@dataclass(frozen=True)
class Card:
    """The small pictures of a source.

    Attributes:
        source: The source.
        picture: Its slicks day by day, a data URI.
        side: How wide each picture is, in words.
        days: On how many days the pictures are.
    """

    source: WrittenSource
    picture: Markup
    side: str
    days: int


def report_sources(config: ReportConfig) -> Path:
    """Write one self-contained HTML page about sources.

    Args:
        config: The output of `seep sources`, and the page.

    Returns:
        The page's path.

    Raises:
        InUse: Another process writes the page.
        UserError: There are no sources, a file of them is damaged, or the page exists.
    """
    check_config(config)
    assert config.maps is not None
    written = read_sources(config.maps)
    out = with_home(config.output) if config.output else written.outputs.page
    with locked(lock_path(out), f"output={out}", "report"):
        if out.exists() and not config.overwrite:
            raise UserError(f"output={out} exists. Choose another, or pass overwrite=true.")
        remove_leftovers(out.parent)
        write_text(out, page_text(written))
    return out


def page_text(written: WrittenSources) -> str:
    """The page.

    Args:
        written: What `seep sources` wrote.

    Returns:
        HTML with all that it needs.
    """
    from jinja2 import Environment, FileSystemLoader
    from matplotlib import rc_context

    environment = Environment(
        loader=FileSystemLoader([HERE, LOOK]), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    with rc_context(fname=LOOK / "report.mplstyle"):
        return environment.get_template("sources.html.j2").render(
            **_pictures(written),
            home=real_path(written.outputs.folder),
            written=written,
            settings=written.settings,
            totals=_totals(written),
            rows=[_row(source, written) for source in written.sources[:MOST_ROWS]],
            most_in_strip=MOST_IN_STRIP,
            counted=min(written.settings.permutations, MOST_COUNTED),
            smallest_p=1 / (written.settings.permutations + 1),
            made=datetime.now(),
        )


def _pictures(written: WrittenSources) -> dict[str, Any]:
    """All pictures of the page."""
    from seep_lightning.reporting.plots import data_uri
    from seep_lightning.sources.page_days import states_of
    from seep_lightning.sources.page_map import draw_map
    from seep_lightning.sources.page_plots import draw_strip

    shown = written.sources[:MOST_IN_STRIP]
    names = [facts.name for facts in written.days.facts]
    strip = strip_width = None
    if shown:
        plot = draw_strip(shown, names, states_of(written, shown))
        strip, strip_width = data_uri(plot), round(96 * plot.get_figwidth())
    return {
        "map": data_uri(draw_map(written)),
        "strip": strip,
        "strip_width": strip_width,
        "cards": [_card(source, written, names) for source in written.sources[:MOST_CARDS]],
    }


def _card(source: WrittenSource, written: WrittenSources, names: Sequence[str]) -> Card:
    """The small pictures of a source."""
    from seep_lightning.reporting.plots import data_uri
    from seep_lightning.sources.page_plots import MOST_SMALL_PICTURES, draw_days, frame_of

    slicks = written.slicks_of(source.number)
    frame = frame_of(source, slicks)
    picture = data_uri(draw_days(source, slicks, names, frame))
    side = length_text(frame.side, written.grid.unit)
    return Card(source, picture, side, min(len(source.seen_on), MOST_SMALL_PICTURES))


def _totals(written: WrittenSources) -> dict[str, Any]:
    """What the page's head tells."""
    facts = written.days.facts
    dates = [day.date for day in facts if day.date]
    return {
        "data": _data_of(written),
        "days": len(facts),
        "undated": len(facts) - len(dates),
        "first": min(dates, default=""),
        "last": max(dates, default=""),
        "slicks": sum(day.slick_count for day in facts),
        "scenes": sum(len(day.looks) for day in facts),
        "shared_ends": sum(source.has_shared_end for source in written.sources),
        "most_days": max((source.values["days_seen"] for source in written.sources), default=0),
    }


def _data_of(written: WrittenSources) -> str:
    """The folder that all scenes were read from; empty where they share none."""
    folders = [Path(look.source).absolute().parent for facts in written.days.facts for look in facts.looks]
    try:
        return os.path.commonpath(folders)
    # none, or on several drives
    except ValueError:
        return ""


def _row(source: WrittenSource, written: WrittenSources) -> dict[str, Any]:
    """What the table tells of a source."""
    values = source.values
    return {
        "source": source,
        "seen": f"{values['days_seen']} of {values['days_looked']}",
        "rate": f"{values['rate']:.2f} ({values['rate_low']:.2f} to {values['rate_high']:.2f})",
        "chance": f"{values['expected_by_chance']:.1f}",
        "p": f"{values['p_corrected']:.3g}",
        "place": _place(source, written),
        "spread": length_text(source.origin_spread, written.grid.unit),
        "first": values["first"],
        "last": values["last"],
    }


def _place(source: WrittenSource, written: WrittenSources) -> str:
    """Where an origin is: latitude and longitude, or column and row."""
    point = np.array([source.origin])
    if written.grid.wkt:
        longitude, latitude = Reprojection(written.grid.wkt, WGS84)(point)[0]
        return f"{latitude:.{DEGREES}f}, {longitude:.{DEGREES}f}"
    x, y = source.origin
    # rows count downwards
    return f"{x:.0f}, {-y:.0f}"
