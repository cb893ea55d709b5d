"""The export formats, each declared once: `export format=NAME`, `load` and `predict run=FILE` go through this table.

docs/extending.md shows how to add one.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from seep_lightning.errors import UserError, first_line
from seep_lightning.predictor.base import Predictor
from seep_lightning.predictor.export_source import ExportSource
from seep_lightning.predictor.onnx_format import OnnxPredictor, write_onnx
from seep_lightning.predictor.torch_format import load_torch, write_torch

# Other packages declare formats of theirs under this name in their pyproject.toml.
ENTRY_POINTS = "seep_lightning.export_formats"


@dataclass(frozen=True)
class ExportFormat:
    """A kind of file that holds a trained network.

    Attributes:
        name: In `export format=NAME`.
        suffix: Of its files, by which `load` knows them, such as `.onnx`.
        writer: Writes a trained network to a path that ends in `suffix`.
        loader: Reads such a file, for a device (`auto`, `cpu`, `cuda` ...). An `ImportError` of either is told with
            what to install.
        install: What brings the packages that it needs, as `pip install` takes it; empty where it needs none.
    """

    name: str
    suffix: str
    writer: Callable[[ExportSource, Path], None]
    loader: Callable[[Path, str], Predictor]
    install: str = ""

    def write(self, source: ExportSource, path: Path) -> None:
        """Write a trained network.

        Args:
            source: The network.
            path: The file.

        Raises:
            UserError: A package is missing.
        """
        with self._with_packages(f"format={self.name}"):
            self.writer(source, path)

    def load(self, path: Path, device: str) -> Predictor:
        """Read a file.

        Args:
            path: The file.
            device: `auto`, `cpu`, `cuda` ...

        Raises:
            UserError: The file cannot be used, or a package is missing.
        """
        with self._with_packages(str(path)):
            return self.loader(path, device)

    def collides_with(self, other: "ExportFormat") -> bool:
        """Whether another format has the same name or suffix.

        Args:
            other: The other format.
        """
        return self.name == other.name or self.suffix == other.suffix

    @contextmanager
    def _with_packages(self, subject: str) -> Iterator[None]:
        """Say what to install where a package is missing."""
        try:
            yield
        except ImportError as error:
            if not self.install:
                raise
            message = (
                f"{subject} needs more packages ({first_line(error)}). Install them: pip install '{self.install}'."
            )
            raise UserError(message) from error


EXPORT_FORMATS = {
    "onnx": ExportFormat("onnx", ".onnx", write_onnx, OnnxPredictor, install="seep_lightning[export]"),
    "torch": ExportFormat("torch", ".pt", write_torch, load_torch),
}


def register_export_format(export_format: ExportFormat) -> None:
    """Add a format to the table, for this process.

    Args:
        export_format: Its name and its suffix must be its own.

    Raises:
        UserError: Another format has its name or its suffix.
    """
    for other in EXPORT_FORMATS.values():
        if other != export_format and export_format.collides_with(other):
            raise UserError(
                f"export format {export_format.name} (*{export_format.suffix}): there is {other.name} "
                f"(*{other.suffix}) already. Choose another name and suffix."
            )
    EXPORT_FORMATS[export_format.name] = export_format


def export_format_named(name: str) -> ExportFormat:
    """The format of `export format=NAME`.

    Args:
        name: As the user gave it.

    Raises:
        UserError: There is none.
    """
    _register_installed()
    if name not in EXPORT_FORMATS:
        raise UserError(f"format={name}: expected one of {', '.join(EXPORT_FORMATS)}.")
    return EXPORT_FORMATS[name]


def export_format_of(path: Path) -> ExportFormat | None:
    """The format of a file by its suffix; None where no format has it.

    Args:
        path: The file.
    """
    _register_installed()
    for export_format in EXPORT_FORMATS.values():
        if path.suffix == export_format.suffix:
            return export_format
    return None


@cache
def _register_installed() -> None:
    """Add the formats of other installed packages, once."""
    for entry_point in entry_points(group=ENTRY_POINTS):
        export_format = entry_point.load()
        if not isinstance(export_format, ExportFormat):
            raise UserError(f"{entry_point.value} is no ExportFormat, as an entry of {ENTRY_POINTS} must be.")
        register_export_format(export_format)
