"""Where sources go: the files of one output, and whether they may be replaced."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seep_lightning.documents.regular_files import is_there
from seep_lightning.errors import UserError
from seep_lightning.files import check_output_folder, is_empty, remove_leftovers, with_home
from seep_lightning.scene.raster_formats import MAP_FORMAT

GEOPACKAGE = ".gpkg"
DEFAULT_STEM = "sources"


@dataclass(frozen=True)
class SourceOutputs:
    """The files of one output.

    Attributes:
        folder: Where they lie.
        layers: The GeoPackage of sources, origins and slicks.
        recurrence: The raster.
        days: The table of days.
        source_days: The table of sources by days.
        store: The folder of what was read of each map.
        page: What `seep report maps=` writes.
    """

    folder: Path
    layers: Path
    recurrence: Path
    days: Path
    source_days: Path
    store: Path
    page: Path

    @classmethod
    def of(cls, output: str) -> "SourceOutputs":
        """The files of `output=`.

        Args:
            output: A folder; or a GeoPackage, whose name then begins those of the other files.

        Raises:
            UserError: It is a file of another kind.
        """
        path = with_home(output)
        if path.suffix == GEOPACKAGE:
            return cls._named(path.parent, path, f"{path.stem}.")
        if path.exists() and not path.is_dir():
            raise UserError(f"output={path} is a file; expected a folder, or the name of a GeoPackage (.gpkg).")
        return cls._named(path, path / f"{DEFAULT_STEM}{GEOPACKAGE}", "")

    @classmethod
    def _named(cls, folder: Path, layers: Path, prefix: str) -> "SourceOutputs":
        return cls(
            folder=folder,
            layers=layers,
            recurrence=folder / f"{prefix}recurrence{MAP_FORMAT.suffix}",
            days=folder / f"{prefix}days.csv",
            source_days=folder / f"{prefix}source_days.csv",
            store=folder / f"{prefix}days",
            page=folder / f"{prefix}report.html",
        )

    @property
    def are_there(self) -> bool:
        """Whether a call of `seep sources` has written them."""
        return self.layers.is_file() and self.recurrence.is_file()

    @property
    def files(self) -> tuple[Path, ...]:
        """All files but those of the store."""
        return (self.layers, self.recurrence, self.days, self.source_days)

    def check_replaceable(self, *, overwrite: bool) -> None:
        """Check that what is there is of an earlier call, or may be replaced; called where no store is there.

        Args:
            overwrite: Whether files of somebody else may be replaced.

        Raises:
            UserError: It is somebody else's.
        """
        self._remove_empty_store()
        if self.layers.name == f"{DEFAULT_STEM}{GEOPACKAGE}" and self.store.name == "days":
            check_output_folder(self.folder, overwrite, "output")
        for path in (*self.files, self.store):
            if is_there(path) and not overwrite:
                raise UserError(f"{path} is there already. Choose another output, or pass overwrite=true.")

    def _remove_empty_store(self) -> None:
        """Remove the folder of a call that was killed before it could say what its cells are."""
        if self.store.is_dir() and is_empty(self.store):
            remove_leftovers(self.store)
            with suppress(OSError):
                self.store.rmdir()
