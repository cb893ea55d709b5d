"""The typed schema of `conf/`: every field that is ours, its type, its default and what it may be, in one place.

`model`, `loss`, `optimizer`, `scheduler`, `augment`, `callbacks` and `logger` are `_target_` nodes (see `targets.py`).
A class says in `_together` what must hold across its fields: Hydra does not run `__post_init__`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from omegaconf import MISSING

from seep_lightning.errors import UserError
from seep_lightning.scene.options import PolygonOptions


def where(default: Any, holds: Callable[[Any], bool], expected: str) -> Any:
    """A field for which `holds(value)` must be true; `check` says what was `expected` where it is not."""
    return field(default=default, metadata={"holds": holds, "expected": expected})


def one_of(*allowed: str | None, default: str | None = None) -> Any:
    """A field that is one of `allowed`, by default the first."""
    names = ", ".join(value or "null" for value in allowed)
    return where(default or allowed[0], lambda value: value in allowed, f"one of {names}")


def at_least(smallest: int, default: Any) -> Any:
    """A number that is not below `smallest`, or None."""
    return where(default, lambda value: value is None or value >= smallest, f"{smallest} or more")


def inside(value: float | None) -> bool:
    """Whether a number lies between 0 and 1, without these two; None does."""
    return value is None or 0 < value < 1


PROBABILITY = (None, inside, "a probability between 0 and 1")
SEED = (0, lambda value: 0 <= value < 2**32, f"0 to {2**32 - 1}")  # what numpy's generators take


@dataclass
class GridConfig:
    """How tiles lie in a scene: tile = row * columns + column; column - offset is the column on the common ground."""

    columns: int = at_least(1, MISSING)
    offset: int = 0


@dataclass
class NormaliseConfig:
    """See `normalise.Normaliser`."""

    kind: str = "chip"
    log: bool = True


@dataclass
class SyntheticConfig:
    """The generated data set; the rest of `data.synthetic.SyntheticSpec` is not for the command line."""

    seed: int = 0
    chips: int = 160  # in all scenes together
    scenes: int = 7  # scenes that are cut into chips


@dataclass
class DataConfig:
    """A folder of chips."""

    source: str = one_of("chips", "synthetic")  # synthetic: made into the cache folder at first use
    root: str | None = None
    images: str = "train_images_256"
    masks: str = "train_masks_256"
    pattern: str = r"(?P<scene>[^.]+)(\.(?P<tile>\d+))?\.\w+$"
    unpaired: str = one_of("error", "skip")
    bands: list[Any] | None = None  # numbers from 1, or names; None: the one band
    nodata: int | None = 0
    classes: int = 7  # largest value that a mask may hold
    grid: dict[str, GridConfig] = field(default_factory=dict)  # by prefix of the scene's name
    normalise: NormaliseConfig = field(default_factory=NormaliseConfig)
    batch_size: int = at_least(1, 8)
    num_workers: int | None = at_least(0, None)  # None: 0 on CPU, else up to 8
    cache_gb: float = 4.0  # keep decoded chips in memory up to this size, else read them at each use
    synthetic: SyntheticConfig = field(default_factory=SyntheticConfig)

    def _together(self) -> None:
        if self.bands == []:
            raise UserError("data.bands=[]: expected numbers from 1, names, or null for the one band.")
        if self.source == "synthetic" and self.root is not None:
            raise UserError(f"data.root={self.root} has no effect on data=synthetic. Pass data=seeps to train on it.")


@dataclass
class SplitConfig:
    """Which chip is in which part."""

    kind: str = one_of("random", "scene", "place", "kfold", "file", default="scene")
    seed: int = where(*SEED)
    val: float = 0.2
    test: float = 0.1
    by: str = one_of("scene", "place", "chip")  # kfold
    folds: int = 5
    fold: int = 0
    block: int = at_least(1, 3)  # place: cells a side of a block
    path: str | None = None  # file: a split.csv

    def _together(self) -> None:
        if not (self.val > 0 and self.test > 0 and self.val + self.test < 1):
            raise UserError(
                f"split.val={self.val} and split.test={self.test}: both must be above 0 and leave a share to train."
            )
        for key, value, kind in (("path", self.path, "file"), ("fold", self.fold, "kfold")):
            if value and self.kind != kind:
                raise UserError(f"split.{key}={value} has no effect on split={self.kind}. Pass split={kind} too.")
        if self.kind == "kfold" and not 0 <= self.fold < self.folds >= 3:
            raise UserError(f"split.fold={self.fold} of {self.folds} folds: needs 0 <= fold < folds, folds >= 3.")


@dataclass
class TrainerConfig:
    """Every argument of Lightning's Trainer that a config can hold, so that each can be overridden without a `+`."""

    accelerator: str = "auto"
    strategy: str = "auto"
    devices: Any = 1
    num_nodes: int = 1
    precision: Any = "auto"  # bf16-mixed where the machine does that fast, else 32-true
    fast_dev_run: Any = False
    max_epochs: int = 30
    min_epochs: int | None = None
    max_steps: int = -1
    min_steps: int | None = None
    max_time: Any = None
    limit_train_batches: int | float | None = None
    limit_val_batches: int | float | None = None
    limit_test_batches: int | float | None = None
    limit_predict_batches: int | float | None = None
    val_check_interval: Any = None
    check_val_every_n_epoch: int | None = 1
    num_sanity_val_steps: int | None = 0
    log_every_n_steps: int | None = 1
    enable_progress_bar: bool | None = True
    enable_model_summary: bool | None = False
    accumulate_grad_batches: int = at_least(1, 1)
    gradient_clip_val: float | None = 1.0
    gradient_clip_algorithm: str | None = None
    deterministic: Any = None
    benchmark: bool | None = None
    inference_mode: bool = True
    profiler: str | None = None
    detect_anomaly: bool = False
    barebones: bool = False
    plugins: Any = None
    sync_batchnorm: bool = False
    reload_dataloaders_every_n_epochs: int = 0
    enable_autolog_hparams: bool = False
    model_registry: str | None = None


@dataclass
class TrainConfig:
    """One training run."""

    name: str = "train"  # outputs/<name>/<time>
    seed: int = where(*SEED)
    task: str = one_of("binary", "classes")  # binary: any class above 0 is seep | classes: they are told apart too
    run: str | None = None  # resume this run directory
    # last: go on with the newest run of this name, or start one
    ckpt: str | None = where(None, (None, "last").__contains__, "last, or run=DIR to resume one, init=DIR for weights")
    init: str | None = None  # start from the weights of a run, an exported file, or the package: seeps, generated
    test: bool = False  # score the test part at the end; off while anything is still being chosen
    monitor: str = "dice/val"  # the best checkpoint goes by it (least of loss/val, most of others; epoch: the last)
    early_stop: int | None = at_least(1, None)  # epochs without a better monitor
    # average of the weights over about 1 / (1 - decay) steps; None: off
    ema_decay: float | None = where(0.98, inside, "a number between 0 and 1, or null for none")
    checkpoint_every: int = at_least(1, 1)  # epochs between looks for the best epoch, and between last checkpoints
    panels: int = at_least(1, 5)  # epochs between pictures in TensorBoard
    lr_find: bool = False  # Lightning's learning-rate range test, instead of a training
    compile: bool = False
    cuda_graphs: bool = False  # one GPU: record the training step once and replay it (docs/performance.md)
    channels_last: bool | None = None  # None: where machine and net are the faster for it
    data: DataConfig = field(default_factory=DataConfig)
    split: SplitConfig = field(default_factory=SplitConfig)
    augment: list[Any] = field(default_factory=list)
    model: Any = MISSING
    loss: Any = MISSING
    optimizer: Any = MISSING
    scheduler: Any = None
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    logger: Any = None
    callbacks: Any = None  # more callbacks, by name

    def _together(self) -> None:
        if self.monitor == "epoch" and self.early_stop is not None:
            raise UserError(f"early_stop={self.early_stop} needs a monitor that may get worse; pass monitor=dice/val.")
        if self.compile and self.cuda_graphs:
            raise UserError("compile=true and cuda_graphs=true: pass one of them.")
        if self.run is not None and self.init is not None:
            raise UserError("run=DIR resumes and init=DIR starts anew from weights: pass one of them.")


@dataclass
class OtherDataConfig:
    """Another data set than the run's own: only where it lies; how it is read comes from the run."""

    root: str | None = None


@dataclass
class EvaluateConfig:
    """Score a run on a part of its data, or on other data."""

    run: str = MISSING
    part: str = one_of("train", "val", "test", "all", default="test")
    data: OtherDataConfig = field(default_factory=OtherDataConfig)
    checkpoint: str = one_of("best", "last")
    threshold: float | None = where(*PROBABILITY)  # None: the run's own, tuned on validation
    # evaluate/<name>; None: the part, or the folder's name
    name: str | None = where(None, lambda n: n is None or Path(n).name == n != "..", "the name of a folder, not a path")
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
    threshold: float | None = where(*PROBABILITY)  # None: the run's own, tuned on validation
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
    flips: bool | str | None = where(None, (None, "mirror", True, False).__contains__, "mirror, true or false")
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
    format: str = one_of("onnx", "torch")
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
    class_attribute: str | None = None  # 1..7; None: every polygon is class 1
    scene_attribute: str | None = None  # names the scene that a polygon is of; None: of all in which it lies
    ignore: str | None = None  # SQL condition: of these polygons nobody is sure, their pixels become nodata
    size: int = at_least(1, 256)
    overlap: int = 0
    empty_share: float = where(0.2, lambda value: 0 <= value <= 1, "a share, 0 to 1")  # of chips without seep, kept
    seed: int = where(*SEED)

    def _together(self) -> None:
        if not 0 <= self.overlap < self.size:
            raise UserError(f"overlap={self.overlap}: expected 0 or more, and less than size={self.size}.")
        if not self.bands:
            raise UserError("bands=[]: expected numbers from 1, or names.")


@dataclass
class CheckConfig:
    """Audit a data set."""

    data: DataConfig = field(default_factory=DataConfig)
    split: SplitConfig = field(default_factory=SplitConfig)


def ranked_by(monitor: str) -> str:
    """The figure that runs are ranked by: the monitor, or Dice where that only picks the last epoch."""
    return "dice/val" if monitor == "epoch" else monitor


def check(config: Any, prefix: str = "") -> None:
    """Raise `UserError` for a value that may not be, alone or with others, and for a key that `+key=` put in."""
    rules = {each.name: each.metadata for each in fields(config)}
    for name, value in vars(config).items():
        if name not in rules:
            near = get_close_matches(name, rules, 1)
            hint = f"did you mean {prefix}{near[0]}?" if near else f"known are {', '.join(rules)}."
            raise UserError(f"{prefix}{name} is not a key of this command; {hint}")
        if "holds" in rules[name] and not rules[name]["holds"](value):
            raise UserError(f"{prefix}{name}={value}: expected {rules[name]['expected']}.")
        for key, node in value.items() if isinstance(value, dict) else [("", value)]:
            if is_dataclass(node):
                check(node, f"{prefix}{name}.{key}{'.' * bool(key)}")
    if hasattr(config, "_together"):
        config._together()
