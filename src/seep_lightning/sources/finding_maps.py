"""What `maps=` means: folders of maps, patterns, single maps, files of outlines."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from seep_lightning.config.data import GridConfig
from seep_lightning.data.grid import grid_of_scene
from seep_lightning.documents.patterns import paths_like
from seep_lightning.documents.regular_files import is_there
from seep_lightning.documents.tables import read_csv
from seep_lightning.errors import UserError, shortened
from seep_lightning.files import is_empty, with_home
from seep_lightning.runs.directory import runs_below
from seep_lightning.scene.raster_formats import MAP_SUFFIXES, PROBABILITY_SUFFIX
from seep_lightning.sources.look_sources import LookSource
from seep_lightning.sources.map_source import MapSource
from seep_lightning.sources.outline_source import outline_sources

log = logging.getLogger(__name__)

# of those that `predict` writes, and of other programs
OUTLINE_SUFFIXES = (".gpkg", ".geojson")
FOREIGN_SUFFIXES = (".shp", ".fgb", ".kml", ".gml", ".json")
TABLE_NAME = "scenes.csv"
DONE = "done"


@dataclass(frozen=True)
class MapOptions:
    """How maps and outlines are read.

    Attributes:
        date_column: The column of dates in files of outlines.
        area: A file whose polygons were looked at on each date of these.
        grids: How chips lie in scenes without a coordinate system, by the beginning of the scene's name.
        chip: Side of a chip, px.
    """

    date_column: str | None
    area: Path | None
    grids: dict[str, GridConfig]
    chip: int

    def shift(self, scene: str) -> float:
        """Pixels by which a scene without a coordinate system lies to the right on the ground that scenes share."""
        grid = grid_of_scene(self.grids, scene)
        return 0.0 if grid is None else float(-grid.offset * self.chip)


def find_maps(places: Sequence[str], options: MapOptions) -> list[LookSource]:
    """The looks that `maps=` means, in the order of their names.

    Args:
        places: Folders, patterns, maps or files of outlines.
        options: How they are read.

    Raises:
        UserError: There is no such file, a place holds neither maps nor outlines, or two are of one name.
    """
    found: list[LookSource] = []
    for place in places:
        for path in _paths_like(place):
            found += _looks_in(path, options)
    _check_names(found)
    return sorted(found, key=lambda source: source.name)


def _paths_like(place: str) -> list[Path]:
    """The file or folder of this name, or all that a pattern means."""
    path = with_home(place)
    if is_there(path):
        return [path]
    paths = [Path(name) for name in sorted(paths_like(str(path)))]
    if not paths:
        raise UserError(f"maps={place}: there is no such file or folder, nor any like it.")
    return _without_parts_of_maps(paths)


def _without_parts_of_maps(paths: Sequence[Path]) -> list[Path]:
    """Files of a pattern: of each map only its raster of probabilities, nothing that is neither map nor outlines."""
    kept = []
    for path in paths:
        is_part = path.suffix in OUTLINE_SUFFIXES and _raster_beside(path) is not None
        is_mask = path.name.endswith(MAP_SUFFIXES) and not path.name.endswith(PROBABILITY_SUFFIX)
        is_known = path.is_dir() or path.name.endswith(MAP_SUFFIXES) or _is_outlines(path)
        others = {str(other) for other in paths}
        if is_known and not (is_part and str(_raster_beside(path)) in others) and not is_mask:
            kept.append(path)
    return kept


def _is_outlines(path: Path) -> bool:
    return path.suffix.lower() in (*OUTLINE_SUFFIXES, *FOREIGN_SUFFIXES)


def _raster_beside(outlines: Path) -> Path | None:
    """The raster of probabilities of the map that a file of outlines belongs to; None for an analyst's file."""
    raster = outlines.with_name(f"{outlines.stem}{PROBABILITY_SUFFIX}")
    return raster if raster.is_file() else None


def _looks_in(path: Path, options: MapOptions) -> list[LookSource]:
    """The looks of one folder or file."""
    if path.is_dir() and path.suffix.lower() != ".gdb":
        return _looks_in_folder(path, options)
    if path.name.endswith(PROBABILITY_SUFFIX):
        return _map_of(path, options, _outlines_beside(path))
    raster = _raster_beside(path)
    if raster is not None:
        return _map_of(raster, options, path)
    return list(outline_sources(path, options.date_column, options.area))


def _outlines_beside(raster: Path) -> Path | None:
    """The outlines of a map; None where there are none."""
    stem = raster.name.removesuffix(PROBABILITY_SUFFIX)
    for suffix in OUTLINE_SUFFIXES:
        path = raster.with_name(f"{stem}{suffix}")
        if path.is_file():
            return path
    return None


def _map_of(raster: Path, options: MapOptions, outlines: Path | None) -> list[LookSource]:
    """The look of one map; `UserError` for one without outlines."""
    name = raster.name.removesuffix(PROBABILITY_SUFFIX)
    if outlines is None:
        raise UserError(
            f"{raster} has no outlines beside it, {name}.gpkg or {name}.geojson. Give the same command of predict "
            "again, with polygons=true."
        )
    return [MapSource(name, raster, outlines, options.shift(name))]


def _looks_in_folder(folder: Path, options: MapOptions) -> list[LookSource]:
    """The looks of a folder: its maps, or else its files of outlines."""
    rasters = sorted(path for path in folder.iterdir() if path.name.endswith(PROBABILITY_SUFFIX))
    if rasters:
        return _finished_maps(folder, rasters, options)
    files = sorted(path for path in folder.iterdir() if _is_outlines(path))
    if not files and is_empty(folder):
        raise UserError(f"maps={folder}: it is empty. Give a folder of maps (which predict writes) or of outlines.")
    # a folder of folds holds a JSON of its own, which is none of outlines
    if not any(file.suffix.lower() in OUTLINE_SUFFIXES for file in files) and any(runs_below(folder, depth=1)):
        raise UserError(
            f"maps={folder} is a folder of runs: map with them first, seep predict {quote(f'run={folder}')} "
            "input=SCENES output=MAPS."
        )
    if not files:
        raise UserError(
            f"maps={folder} holds neither maps (NAME{PROBABILITY_SUFFIX}, which predict writes) nor outlines "
            f"({', '.join(OUTLINE_SUFFIXES)}). Of a data set's masks: {quote(f'data.root={folder}')} in place of maps=."
        )
    found: list[LookSource] = []
    for file in files:
        found += outline_sources(file, options.date_column, options.area)
    return found


def _finished_maps(folder: Path, rasters: Iterable[Path], options: MapOptions) -> list[LookSource]:
    """The maps of a folder that are whole; the others are told."""
    found: list[LookSource] = []
    unfinished: list[str] = []
    done = _done_scenes(folder)
    for raster in rasters:
        name = raster.name.removesuffix(PROBABILITY_SUFFIX)
        outlines = _outlines_beside(raster)
        if outlines is None or (done is not None and name not in done):
            unfinished.append(name)
        else:
            found += _map_of(raster, options, outlines)
    if unfinished:
        log.warning(
            "%s: %d maps are not finished, or have no outlines, and are left out: %s",
            folder,
            len(unfinished),
            shortened(unfinished),
        )
    if not found:
        raise UserError(
            f"maps={folder}: none of its maps is finished and has outlines. Give predict the command again."
        )
    return found


def _done_scenes(folder: Path) -> set[str] | None:
    """The scenes that `predict` has finished, by its table; None where there is none."""
    path = folder / TABLE_NAME
    if not is_there(path):
        return None
    table = read_csv(path, required=("name", "status"))
    return {row.cells["name"] for row in table.rows if row.cells["status"] == DONE}


def _check_names(found: Sequence[LookSource]) -> None:
    """Raise `UserError` where two maps are of one scene."""
    by_name: dict[str, LookSource] = {}
    for source in found:
        other = by_name.setdefault(source.name, source)
        if other is not source:
            raise UserError(
                f"{other.path} and {source.path} are both of {source.name}: which of them is the day's? Give one."
            )
