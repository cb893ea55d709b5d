"""From the maps of many days to the places where seeps come out: `python -m seep_lightning.sources`."""

import shlex
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from seep_lightning import api
from seep_lightning.commands.callable_modules import make_callable
from seep_lightning.commands.composition import typed_config
from seep_lightning.commands.console import tell
from seep_lightning.commands.entry import run_command
from seep_lightning.config.commands import SourcesConfig
from seep_lightning.errors import Interrupted

if TYPE_CHECKING:
    from seep_lightning.sources.collecting import SourcesResult
    from seep_lightning.sources.source import Source

# so many sources are printed; all stand in the layers
MOST_SOURCES = 8


def main(cfg: DictConfig) -> int:
    """Do what `seep sources` is asked for.

    Args:
        cfg: The composed `SourcesConfig`.

    Returns:
        The number of sources.
    """
    config: SourcesConfig = typed_config(cfg)
    # rasters and outlines are not needed for the help
    from seep_lightning.sources.collecting import collect_sources

    try:
        result = collect_sources(config)
    except KeyboardInterrupt as error:
        kept = "the scenes that were read are kept"
        raise Interrupted(f"stopped by Ctrl-C; {kept}. Go on with the same command.") from error
    print_summary(result, config)
    return len(result.sources)


def print_summary(result: "SourcesResult", config: SourcesConfig) -> None:
    """Print what was found, in a few lines, and where it is.

    Args:
        result: What was found.
        config: The settings of the command.
    """
    grid = result.grid
    if not grid.wkt:
        tell("Without a coordinate system scenes are laid on one ground by their pixels, moved as data.grid says.")
    if result.undated:
        tell(_undated_line(result))
    kept = f", {result.kept} kept from before" if result.kept else ""
    read = f"{result.read} scenes read{kept}"
    tell(f"{result.days} days ({read}), {result.slicks} slicks, cells of {grid.size:g} {grid.unit}")
    tell(_recurrence_line(result))
    found = "1 source" if len(result.sources) == 1 else f"{len(result.sources)} sources"
    tell(
        f"{found} at p < {config.level:g} after correction, with {result.slicks_of_sources} of the slicks; "
        f"at least {config.min_days} days each"
    )
    if result.sources:
        tell("a source's days are those on which any of its cells had a slick of it: a single cell may have fewer")
        tell("they stand in the order of p_best_cell, that of their most unlikely cell; the p here is corrected")
    for source in result.sources[:MOST_SOURCES]:
        tell(f"  {_source_line(source, result)}")
    tell(f"{result.outputs.layers} (sources, origins, slicks), {result.outputs.recurrence}, {result.outputs.days}")
    output = shlex.quote(f"maps={config.output}")
    tell(f"A page of them: seep report {output}")


def _undated_line(result: "SourcesResult") -> str:
    """On how many days there is no date."""
    if result.days == 1:
        return "The scene has no date: it counts as a day of its own."
    have = "1 scene has" if result.undated == 1 else f"{result.undated} scenes have"
    return f"{have} no date: each counts as a day of its own, of {result.days} days."


def _recurrence_line(result: "SourcesResult") -> str:
    """On how many cells slicks recur."""
    most = int(result.counts.days.max(initial=0))
    levels = [level for level in (2, 3, 5, 6, 10) if level <= most]
    counts = ", ".join(f"{result.counts.cells_on(level):,} on {level} or more" for level in levels)
    once = f"{result.counts.cells_on(1):,} cells had a slick"
    return f"{once}, {counts}; the most of a cell: {most} days" if counts else f"{once}, none on two days"


def _source_line(source: "Source", result: "SourcesResult") -> str:
    """One source in a line."""
    in_a_cell = f"{result.counts.most(source.cells)} in one cell"
    days = f"{source.days_seen} of {source.days_looked} days"
    seen = f"{days} ({source.expected_by_chance:.1f} by chance), {in_a_cell}"
    x, y = source.origin
    return (
        f"source {source.number}: {seen}, p {source.p_corrected:.2g}, {source.origin_kind} at {x:.0f}, {y:.0f}, "
        f"spread {source.origin_spread:.0f} {result.grid.unit}"
    )


make_callable(__name__, api.find_sources)

if __name__ == "__main__":
    run_command("sources", main)
