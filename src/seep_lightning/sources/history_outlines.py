"""Which raster a history means: outlines and maps are counted first, in a folder that lasts as long as the call."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from seep_lightning.errors import UserError
from seep_lightning.scene.raster_formats import MAP_FORMAT
from seep_lightning.sources.day_list import DayList
from seep_lightning.sources.finding_maps import OUTLINE_SUFFIXES, MapOptions, find_maps
from seep_lightning.sources.outputs import SourceOutputs
from seep_lightning.sources.recurrence import write_recurrence
from seep_lightning.sources.store import LookStore

# as `chip` of `seep sources`; the grids of scenes, with which it would count, are not known here
USUAL_CHIP = 256


@contextmanager
def raster_of_history(path: Path, folder: Path) -> Iterator[Path]:
    """The raster of recurrence of a history, for as long as it is used.

    Args:
        path: Such a raster; layers of `seep sources`, which wrote one beside them; an analyst's outlines with their
            dates; or a folder of maps.
        folder: Where the recurrence of outlines and maps is counted.

    Raises:
        UserError: It is none of these, or cannot be read.
    """
    if not path.exists():
        raise UserError(f"history={path}: there is no such file or folder.")
    raster = path if _is_raster(path) else _raster_beside(path)
    if raster is not None:
        yield raster
        return
    with TemporaryDirectory(prefix=".history-", dir=folder) as place:
        yield _counted(path, Path(place))


def _is_raster(path: Path) -> bool:
    """Whether a file is read as a raster: all that is neither a folder nor outlines, by its name."""
    return not path.is_dir() and path.suffix.lower() not in OUTLINE_SUFFIXES


def _raster_beside(layers: Path) -> Path | None:
    """The raster that `seep sources` wrote beside its layers; None where there is none."""
    for output in (layers, layers.parent):
        outputs = SourceOutputs.of(str(output))
        if outputs.layers == layers and outputs.recurrence.is_file():
            return outputs.recurrence
    return None


def _counted(path: Path, folder: Path) -> Path:
    """The recurrence of outlines or maps, counted as `seep sources` does."""
    try:
        looks = find_maps([str(path)], MapOptions(None, None, {}, USUAL_CHIP))
    except UserError as error:
        raise UserError(f"history={path} is no raster of recurrence, and none can be counted: {error}") from error
    grid = looks[0].ground().grid(None)
    store = LookStore(folder / "days")
    store.begin(grid)
    for look in looks:
        store.add(look.read(grid))
    raster = folder / f"{path.stem}.recurrence{MAP_FORMAT.suffix}"
    write_recurrence(DayList(store), grid, raster)
    return raster
