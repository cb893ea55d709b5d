"""The table of an output folder, `scenes.csv`: a typed row for each scene."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields, replace
from pathlib import Path

from seep_lightning.documents.regular_files import is_there
from seep_lightning.documents.tables import read_csv
from seep_lightning.errors import UserError, WouldReplace, as_user_error
from seep_lightning.files import check_output_folder, make_output_folder, write_table
from seep_lightning.locks import WAIT_FOREVER, lock_path, locked
from seep_lightning.scene.raster_formats import MASK_SUFFIX, PROBABILITY_SUFFIX

TABLE_NAME = "scenes.csv"
ADVICE = "Choose another output folder."
DONE = "done"
FAILED = "failed"


@dataclass(frozen=True)
class SceneRow:
    """A scene's row of the table; the fields are the columns, in this order.

    Attributes:
        name: Of the scene, and of the files of its map.
        status: `done` or `failed`.
        size: Such as `25000 x 16000`, width and height in pixels.
        seeps: Number of outlined seeps; None where no polygons were asked for.
        area: Their area together, in `unit`; None likewise.
        unit: `m2`, or `px2` for a scene without a coordinate system; empty likewise.
        seconds: How long the mapping took, by the last call that did something.
        error: Why the mapping failed.
        key: A hash of model, input and settings, by which a later call knows that the map is finished.
        notes: What was assumed of the scene, and what is doubtful about it, in sentences.
        placement: By what function control points place the scene; empty without control points.
        residual_mean_m: How far control points lie from where the others put them, mean, m; None likewise.
        residual_max_m: The largest such distance, m.
        residual_mean_px: Likewise the mean in pixels.
        residual_max_px: Likewise the largest in pixels.
        left_out: Number of outlines that a second look left out; None without one.
    """

    name: str
    status: str = ""
    size: str = ""
    seeps: int | None = None
    area: float | None = None
    unit: str = ""
    seconds: float | None = None
    error: str = ""
    key: str = ""
    notes: str = ""
    placement: str = ""
    residual_mean_m: float | None = None
    residual_max_m: float | None = None
    residual_mean_px: float | None = None
    residual_max_px: float | None = None
    left_out: int | None = None

    @classmethod
    def from_cells(cls, cells: Mapping[str, str]) -> "SceneRow":
        """A row as `cells` gave it.

        Args:
            cells: The text of each column.

        Raises:
            ValueError: A cell that should hold a number does not.
        """
        return cls(
            name=cells["name"],
            status=cells["status"],
            size=cells["size"],
            seeps=_count(cells["seeps"]),
            area=_number(cells["area"]),
            unit=cells["unit"],
            seconds=_number(cells["seconds"]),
            error=cells["error"],
            key=cells["key"],
            notes=cells.get("notes", ""),
            placement=cells.get("placement", ""),
            residual_mean_m=_number(cells.get("residual_mean_m", "")),
            residual_max_m=_number(cells.get("residual_max_m", "")),
            residual_mean_px=_number(cells.get("residual_mean_px", "")),
            residual_max_px=_number(cells.get("residual_max_px", "")),
            left_out=_count(cells.get("left_out", "")),
        )

    def cells(self) -> dict[str, str]:
        """The text of each column; empty where a value is not known."""
        return {
            "name": self.name,
            "status": self.status,
            "size": self.size,
            "seeps": _cell(self.seeps, digits=0),
            "area": _cell(self.area, digits=0),
            "unit": self.unit,
            "seconds": _cell(self.seconds, digits=1),
            "error": self.error,
            "key": self.key,
            "notes": self.notes,
            "placement": self.placement,
            "residual_mean_m": _cell(self.residual_mean_m, digits=2),
            "residual_max_m": _cell(self.residual_max_m, digits=2),
            "residual_mean_px": _cell(self.residual_mean_px, digits=3),
            "residual_max_px": _cell(self.residual_max_px, digits=3),
            "left_out": _cell(self.left_out, digits=0),
        }


def _number(cell: str) -> float | None:
    """The number in a cell; None where it is empty."""
    return float(cell) if cell else None


def _count(cell: str) -> int | None:
    """The whole number in a cell; None where it is empty."""
    number = _number(cell)
    return None if number is None else int(number)


def _cell(number: float | None, digits: int) -> str:
    """The text of a number with some digits after the point; empty for None."""
    return "" if number is None else f"{number:.{digits}f}"


COLUMNS = tuple(field.name for field in fields(SceneRow))
# tables of earlier versions lack these
YOUNGER_COLUMNS = (
    "notes",
    "placement",
    "residual_mean_m",
    "residual_max_m",
    "residual_mean_px",
    "residual_max_px",
    "left_out",
)


class SceneTable:
    """The table of one output folder during one call of `predict`; several calls may write to it at a time.

    Args:
        folder: The output folder.

    Attributes:
        folder: As given.
        path: Its `scenes.csv`.
        rows: The rows of this call, by scene.

    Raises:
        UserError: The folder holds another program's file of this name.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / TABLE_NAME
        self.rows: dict[str, SceneRow] = {}
        self._stored: dict[str, SceneRow] = {}
        # of the file that holds these rows
        self._signature: tuple[int, ...] | None = None
        # nanoseconds since 1970; 0: it has not begun
        self._began = 0
        self._stored_now()

    def begin(self, *, overwrite: bool) -> None:
        """Make the folder and its table.

        Args:
            overwrite: Whether the folder may hold something else than maps.

        Raises:
            UserError: It does, or it cannot be written.
        """
        check_output_folder(self.folder, overwrite=True, key="output")
        with self._locked():
            make_output_folder(self.folder, overwrite or self.path.exists(), "output")
            self.write()
        # by the clock of the disk, which may be another machine's
        self._began = self.path.stat().st_mtime_ns

    def finished_key(self, scene: str) -> str:
        """The key that another call left for a scene, before or meanwhile; empty where there is none."""
        row = self._stored_now().get(scene)
        return row.key if row else ""

    def add_mapped(self, row: SceneRow) -> None:
        """Write the row of a scene that this call mapped."""
        self.rows[row.name] = row
        self.write()

    def add_finished_before(self, scene: str) -> None:
        """Keep the row of a scene that an earlier call had finished."""
        self.add_mapped(replace(self._stored_now()[scene], status=DONE, error=""))

    def add_failed(self, scene: str, error: UserError) -> None:
        """Write why a scene could not be mapped; the key of an earlier map, which is there still, stays.

        The row of a finished map that this call may not replace, or did not touch, stays as it is.
        """
        row = self._stored_now().get(scene, SceneRow(scene))
        if row.status == DONE and (isinstance(error, WouldReplace) or self._is_untouched(scene)):
            self.rows[scene] = row
            return
        self.add_mapped(replace(row, status=FAILED, error=str(error)))

    def _is_untouched(self, scene: str) -> bool:
        """Whether the rasters of a map are there, as they were when this call began."""
        rasters = [self.folder / f"{scene}{suffix}" for suffix in (PROBABILITY_SUFFIX, MASK_SUFFIX)]
        return all(is_there(raster) and raster.stat().st_mtime_ns <= self._began for raster in rasters)

    def write(self) -> None:
        """Write this call's rows over those of the file, which another call may have changed since."""
        with self._locked():
            rows = {**self._stored_now(), **self.rows}
            write_table(self.path, [row.cells() for row in rows.values()], COLUMNS)
            self._stored = rows
            self._signature = _signature(self.path)

    def _stored_now(self) -> dict[str, SceneRow]:
        """The rows of the file by scene, read again where another call has written it."""
        signature = _signature(self.path)
        if signature != self._signature:
            self._stored = read_rows(self.path)
            self._signature = signature
        return self._stored

    def _locked(self) -> AbstractContextManager[None]:
        """Keep other calls from writing the table; nobody does for long."""
        return locked(lock_path(self.path), f"output={self.folder}", "predict", patience=WAIT_FOREVER)


def _signature(path: Path) -> tuple[int, ...] | None:
    """What tells one version of a file from another; None where there is no file."""
    if not path.is_file():
        return None
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def read_rows(path: Path) -> dict[str, SceneRow]:
    """The rows of a table by scene; none where there is no file.

    Args:
        path: A `scenes.csv`.

    Raises:
        UserError: The file is not a table of this command.
    """
    if not is_there(path):
        return {}
    table = read_csv(path, advice=ADVICE)
    expected = tuple(column for column in COLUMNS if column in table.columns or column not in YOUNGER_COLUMNS)
    if table.columns != expected:
        raise UserError(f"{path} is not a table of this command. {ADVICE}")
    # of an infinite number of seeps, too
    with as_user_error(f"{path} is not a table of this command", ValueError, OverflowError, advice=ADVICE):
        rows = [SceneRow.from_cells(row.cells) for row in table.rows]
    return {row.name: row for row in rows}
