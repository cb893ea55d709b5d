"""The export formats, each declared once: `export format=NAME`, `load` and `predict run=FILE` go through this table.

docs/extending.md shows how to add one.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from seep_lightning.errors import UserError, first_line
from seep_lightning.predictor.base import Predictor
from seep_lightning.predictor.export_source import ExportOptions, ExportSource, Interface
from seep_lightning.predictor.onnx_format import OnnxPredictor, write_onnx
from seep_lightning.predictor.qgis_format import QGIS_INTERFACE, usual_qgis_options, write_qgis
from seep_lightning.predictor.torch_format import load_torch, write_torch

# Other packages declare formats of theirs under this name in their pyproject.toml.
ENTRY_POINTS = "seep_lightning.export_formats"


def _no_options(_: ExportSource) -> ExportOptions:
    """Nothing that the user did not say."""
    return ExportOptions()


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
        options: Which keys of `ExportOptions` it takes.
        usual_options: What its files are like where the user does not say.
        interface: What its files take and give.
        framework: What runs its files, as STAC names it; empty where none of its names fits.
    """

    name: str
    suffix: str
    writer: Callable[[ExportSource, Path], None]
    loader: Callable[[Path, str], Predictor]
    install: str = ""
    options: tuple[str, ...] = ()
    usual_options: Callable[[ExportSource], ExportOptions] = _no_options
    interface: Interface = field(default_factory=Interface)
    framework: str = ""

    def check_options(self, options: ExportOptions) -> None:
        """Refuse what the user said of a file that this format does not take.

        Args:
            options: What the user said.

        Raises:
            UserError: There is such a key.
        """
        for key, value in options.said().items():
            if key not in self.options:
                takers = [other.name for other in EXPORT_FORMATS.values() if key in other.options]
                raise UserError(
                    f"{key}={value}: format={self.name} does not take it. Leave it out, or pass format={takers[0]}."
                )

    def complete(self, source: ExportSource) -> ExportSource:
        """A network with all options of its file.

        Args:
            source: The network, with what the user said.
        """
        usual = self.usual_options(source)
        return replace(source, options=replace(usual, **source.options.said()))

    def write(self, source: ExportSource, path: Path) -> None:
        """Write a trained network.

        Args:
            source: The network, with all options, see `complete`.
            path: The file.

        Raises:
            UserError: A package is missing, or an option does not fit the network.
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


ONNX = ExportFormat(
    name="onnx",
    suffix=".onnx",
    writer=write_onnx,
    loader=OnnxPredictor,
    install="seep_lightning[export]",
    options=("size", "values"),
    framework="ONNX",
)
# a file of `qgis` is ONNX, too, which its loader refuses with advice
QGIS = replace(
    ONNX,
    name="qgis",
    writer=write_qgis,
    options=("size", "values", "pixel_size"),
    usual_options=usual_qgis_options,
    interface=QGIS_INTERFACE,
)
TORCH = ExportFormat("torch", ".pt", write_torch, load_torch, framework="PyTorch")
EXPORT_FORMATS = {export_format.name: export_format for export_format in (ONNX, TORCH, QGIS)}


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
