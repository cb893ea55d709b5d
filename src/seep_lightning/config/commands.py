"""The typed schema of `conf/`: every field that is ours, its type, its default and what it may be, in one place.

`model`, `loss`, `optimizer`, `scheduler`, `augment`, `callbacks` and `logger` are `_target_` nodes (see `targets.py`).
A class says in `check_together` what must hold across its fields: Hydra does not run `__post_init__`.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import MISSING

from seep_lightning.config.data import DataConfig, OtherDataConfig, SplitConfig
from seep_lightning.config.rules import at_least, one_of, probability, random_seed, restricted
from seep_lightning.errors import UserError
from seep_lightning.scene.options import PolygonOptions


def _names_a_folder(name: str | None) -> bool:
    """Whether a name is that of one folder, with no path before it; None is."""
    return name is None or (Path(name).name == name and name != "..")


@dataclass
class EvaluateConfig:
    """Score a run on a part of its data, or on other data."""

    run: str = MISSING
    part: str = one_of("train", "val", "test", "all", default="test")
    data: OtherDataConfig = field(default_factory=OtherDataConfig)
    checkpoint: str = one_of("best", "last")
    threshold: float | None = probability()  # None: the run's own, tuned on validation
    # evaluate/<name>; None: the part, or the folder's name
    name: str | None = restricted(
        None, lambda n: n is None or Path(n).name == n != "..", "the name of a folder, not a path"
    )
    overwrite: bool = False
    batch_size: int = at_least(1, 4)  # as in the reference: the two soft figures depend on it
    device: str = "auto"


@dataclass
class PredictConfig(PolygonOptions):
    """Map scenes: rasters of probability and mask, and the seeps as polygons."""

    run: Any = None  # a run or an exported file, or a list of them: their mean; None: the network in the package
    input: str = MISSING  # a raster, a folder or glob of them, or chips
    output: str = MISSING
    checkpoint: str = one_of("best", "last")
    device: str = "auto"
    precision: str | None = one_of(None, "32", "bf16")  # None: bf16 on a GPU
    threshold: float | None = probability()  # None: the run's own, tuned on validation
    bands: list[Any] | None = None  # numbers from 1, or names; None: those of the training
    scale: str | None = one_of(None, "linear", "db")  # of float and signed values
    calibration: str | None = one_of(None, "power", "amplitude", "db")  # see PolygonOptions
    mosaic: bool = True  # lay chips named SCENE.TILE into their scene first
    columns: int | None = at_least(1, None)  # tiles a row of the scenes; None: from the run's data.grid, or the edges
    chips: bool = False  # also cut the results back into the chips: masks/ and probabilities/
    area: str | None = None  # vector file: only what lies in its polygons is mapped
    land: str | None = None  # vector file: what lies in its polygons is not mapped
    window: int | None = None  # px; None: that of the run's chips if it normalises by chip, else 512
    overlap: int | None = None  # px; None: a quarter of the window
    batch: int = at_least(1, 4)
    threads: int = at_least(1, 2)
    # mean of a window and its mirror image (mirror: twice the work), or of all flips and quarter turns (true: 8 times);
    # None: mirror for the network in the package
    flips: bool | str | None = one_of(None, "mirror", True, False, expected="mirror, true or false")
    polygons: bool = True
    format: str = one_of("gpkg", "geojson")
    wgs84: bool = False  # polygons in longitude and latitude (GeoJSON always)
    picture: bool = False  # NAME.png: the scene with the outlines
    overwrite: bool = False
    cluster: str = "local"  # local | dask: processes on this machine | tcp://HOST:PORT of a Dask scheduler
    workers: int | None = at_least(1, None)  # cluster=dask: how many; None: one a core


@dataclass
class CompareConfig:
    """Set runs side by side."""

    runs: Any = MISSING  # a folder, or a list of them
    metric: str = "dice"
    paired: bool = False  # two runs, or two sets of folds, on the same chips
    part: str = "test"  # paired: which evaluation
    csv: str | None = None


@dataclass
class ReportConfig:
    """One page about a run, or about the runs of a sweep."""

    run: str = MISSING  # a run, or a folder that holds several
    part: str = one_of("train", "val", "test", "all", default="val")  # what is scored
    output: str | None = None  # None: report.html in the folder
    overwrite: bool = False
    device: str = "auto"


@dataclass
class ExportConfig:
    """Write a run's network as one file."""

    run: str = MISSING
    output: str = MISSING
    format: str = "onnx"  # one of predictor.formats
    checkpoint: str = one_of("best", "last")
    overwrite: bool = False


@dataclass
class PrepareConfig:
    """Cut scenes and an analyst's polygons into chips and masks."""

    scenes: Any = MISSING  # a raster, a folder or a pattern of them, or a list of these
    labels: str = MISSING  # polygons: GeoPackage, GeoJSON, shapefile ...
    output: str = MISSING
    bands: list[Any] = field(default_factory=lambda: [1])  # numbers from 1, or names
    nodata: float | None = None  # besides the one that a scene declares
    scale: str | None = one_of(None, "linear", "db")  # of float and signed values
    class_attribute: str | None = None  # column with 1, 2, ...; None: every polygon is class 1
    scene_attribute: str | None = None  # names the scene that a polygon is of; None: of all in which it lies
    ignore: str | None = None  # SQL condition: of these polygons nobody is sure, their pixels become nodata
    size: int = at_least(1, 256)
    overlap: int = 0
    empty_share: float = restricted(
        0.2, lambda value: 0 <= value <= 1, "a share, 0 to 1"
    )  # of chips without seep, kept
    seed: int = random_seed()

    def check_together(self) -> None:
        """Check the overlap against the size, and that there is a band."""
        if not 0 <= self.overlap < self.size:
            raise UserError(f"overlap={self.overlap}: expected 0 or more, and less than size={self.size}.")
        if not self.bands:
            raise UserError("bands=[]: expected numbers from 1, or names.")


@dataclass
class CheckConfig:
    """Audit a data set."""

    data: DataConfig = field(default_factory=DataConfig)
    split: SplitConfig = field(default_factory=SplitConfig)
