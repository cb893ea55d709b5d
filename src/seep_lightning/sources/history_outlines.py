"""Which raster a history means: outlines and maps are counted first, in a folder that lasts as long as the call."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seep_lightning.config.data import GridConfig
from seep_lightning.data.grid import grid_of_scene
from seep_lightning.errors import UserError, shortened
from seep_lightning.files import draft_of, is_empty
from seep_lightning.scene.raster_formats import MAP_FORMAT
from seep_lightning.sources.dates import date_in
from seep_lightning.sources.day_list import DayList
from seep_lightning.sources.finding_maps import OUTLINE_SUFFIXES, MapOptions, find_maps
from seep_lightning.sources.look_sources import LookSource
from seep_lightning.sources.map_source import MapSource
from seep_lightning.sources.outputs import GEOPACKAGE, SourceOutputs
from seep_lightning.sources.recurrence import write_recurrence
from seep_lightning.sources.store import LookStore

RECURRENCE = f"recurrence{MAP_FORMAT.suffix}"
"""How the name of a raster of `seep sources` ends."""
# as `chip` of `seep sources`
USUAL_CHIP = 256


@contextmanager
def raster_of_history(path: Path, folder: Path, facts: Mapping[str, Any]) -> Iterator[Path]:
    """The raster of recurrence of a history, for as long as it is used.

    Args:
        path: Such a raster; layers of `seep sources`, which wrote one beside them, or the folder of both; an analyst's
            outlines with their dates; or a folder of maps.
        folder: Where the recurrence of outlines and maps is counted.
        facts: What a network knows of the data that it was trained on: how scenes without coordinates lie on the ground
            that they share.

    Raises:
        UserError: It is none of these, cannot be read, or nobody knows where one of its scenes lies.
    """
    if not path.exists():
        raise UserError(f"history={path}: there is no such file or folder.")
    if path.is_dir() and is_empty(path):
        raise UserError(f"history={path}: it is empty. Give the folder of `seep sources`, or one of maps or outlines.")
    raster = path if _is_raster(path) else _raster_beside(path)
    if raster is not None:
        yield raster
        return
    # a draft, which the next call removes where this one is killed
    with draft_of(folder / "history") as place:
        place.mkdir()
        yield _counted(path, place, facts)


def own_days_note(raster: Path, scenes: Sequence[str]) -> str | None:
    """What to tell of a history that counts the days of the scenes to map.

    Args:
        raster: As `raster_of_history` gives it; the days that it counts lie beside it.
        scenes: Names of the scenes.

    Returns:
        One line; None where no such day is known.
    """
    store = LookStore(_store_beside(raster))
    try:
        store.open()
    except (UserError, OSError):
        # nothing is known of the days of a raster alone
        return None
    dates = {facts.date for facts in store.facts.values() if facts.date}
    own = [scene for scene in scenes if scene in store.facts or date_in(scene) in dates]
    if not own:
        return None
    return (
        f"history={raster.name} counts the days of {len(own)} of the scenes to map ({shortened(own)}): there it "
        "repeats what was seen on that day. Leave these days out of it."
    )


def _store_beside(raster: Path) -> Path:
    """Where the days of a raster of `seep sources` lie, if it is one."""
    return raster.with_name(f"{raster.name.removesuffix(RECURRENCE)}days")


def _is_raster(path: Path) -> bool:
    """Whether a file is read as a raster: all that is neither a folder nor outlines, by its name."""
    return not path.is_dir() and path.suffix.lower() not in OUTLINE_SUFFIXES


def _raster_beside(path: Path) -> Path | None:
    """The raster that `seep sources` wrote beside its layers, or in its folder; None where there is none."""
    if not path.is_dir() and path.suffix != GEOPACKAGE:
        return None
    for output in (path, path.parent):
        outputs = SourceOutputs.of(str(output))
        is_of_it = outputs.layers == path or (outputs.folder == path and outputs.are_there)
        if is_of_it and outputs.recurrence.is_file():
            return outputs.recurrence
    return None


def _counted(path: Path, folder: Path, facts: Mapping[str, Any]) -> Path:
    """The recurrence of outlines or maps, counted as `seep sources` does."""
    grids = {scene: GridConfig(**grid) for scene, grid in facts.get("grid", {}).items()}
    _, chip = facts.get("chip_size", (USUAL_CHIP, USUAL_CHIP))
    try:
        looks = find_maps([str(path)], MapOptions(None, None, grids, chip))
    except UserError as error:
        raise UserError(f"history={path} is no raster of recurrence, and none can be counted: {error}") from error
    first = looks[0].ground()
    if not first.wkt:
        _check_places(path, looks, grids)
    grid = first.grid(None)
    raster = folder / f"{path.stem}.{RECURRENCE}"
    store = LookStore(_store_beside(raster))
    store.begin(grid)
    for look in looks:
        store.add(look.read(grid))
    write_recurrence(DayList(store), grid, raster)
    return raster


def _check_places(path: Path, looks: Sequence[LookSource], grids: Mapping[str, GridConfig]) -> None:
    """Raise `UserError` where scenes without a coordinate system are moved, and nobody knows by how much one is."""
    if not any(grid.offset for grid in grids.values()):
        return
    for look in looks:
        # outlines may be of any scene
        if not isinstance(look, MapSource) or grid_of_scene(grids, look.name) is None:
            raise UserError(
                f"history={path}: {look.name} has no coordinate system, and the network does not know where it lies on "
                "the ground that scenes share. Count it with data.grid= of seep sources, and give its recurrence.tif."
            )
