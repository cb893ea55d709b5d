"""The typed schema of `conf/`: every field that is ours, its type and its default, in one place.

`model`, `loss`, `optimizer`, `scheduler`, `augment`, `callbacks` and `logger` are `_target_` nodes (see `targets.py`).
"""

from dataclasses import dataclass, field, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from omegaconf import MISSING

from seep_lightning.errors import UserError
from seep_lightning.scene.options import PolygonOptions


@dataclass
class GridConfig:
    """How tiles lie in a scene: tile = row * columns + column; column - offset is the column on the common ground."""

    columns: int = MISSING
    offset: int = 0


@dataclass
class NormaliseConfig:
    """See `normalise.Normaliser`."""

    kind: str = "chip"
    log: bool = True


@dataclass
class SyntheticConfig:
    """The generated data set: see `data.synthetic.SyntheticSpec`."""

    seed: int = 0
    chips: int = 160
    scenes: int = 7


@dataclass
class DataConfig:
    """A folder of chips."""

    source: str = "chips"  # chips | synthetic (made into the cache folder at first use)
    root: str | None = None
    images: str = "train_images_256"
    masks: str = "train_masks_256"
    pattern: str = r"(?P<scene>[^.]+)(\.(?P<tile>\d+))?\.\w+$"
    unpaired: str = "error"  # error | skip
    bands: list[Any] | None = None  # numbers from 1, or names; None: the one band
    nodata: int | None = 0
    classes: int = 7  # largest value that a mask may hold
    grid: dict[str, GridConfig] = field(default_factory=dict)  # by prefix of the scene's name
    normalise: NormaliseConfig = field(default_factory=NormaliseConfig)
    batch_size: int = 8
    num_workers: int | None = None  # None: 0 on CPU, else up to 8
    cache_gb: float = 4.0  # keep decoded chips in memory up to this size, else read them at each use
    synthetic: SyntheticConfig = field(default_factory=SyntheticConfig)


@dataclass
class SplitConfig:
    """Which chip is in which part."""

    kind: str = "scene"  # random | scene | place | kfold | file
    seed: int = 0
    val: float = 0.2
    test: float = 0.1
    by: str = "scene"  # kfold: scene | place
    folds: int = 5
    fold: int = 0
    block: int = 3  # place: cells a side of a block
    path: str | None = None  # file: a split.csv


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
    accumulate_grad_batches: int = 1
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
    seed: int = 0
    task: str = "binary"  # binary: any class above 0 is seep | classes: they are told apart too
    run: str | None = None  # resume this run directory
    ckpt: str | None = None  # last: go on with the newest run of this name, or start one
    init: str | None = None  # start from the weights of a run, an exported file, or the package: seeps, generated
    test: bool = False  # score the test part at the end; off while anything is still being chosen
    monitor: str = "dice/val"  # best checkpoint and early stopping go by it; lower is better where it starts with loss
    early_stop: int | None = None  # epochs without a better monitor
    ema_decay: float | None = 0.98  # average of the weights over about 1 / (1 - decay) steps; None: off
    checkpoint_every: int = 1  # epochs between looks for the best epoch, and between last checkpoints
    panels: int = 5  # epochs between pictures in TensorBoard
    lr_find: bool = False  # Lightning's learning-rate range test, instead of a training
    compile: bool = False
    channels_last: bool = True
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


@dataclass
class OtherDataConfig:
    """Another data set than the run's own: only where it lies; how it is read comes from the run."""

    root: str | None = None


@dataclass
class EvaluateConfig:
    """Score a run on a part of its data, or on other data."""

    run: str = MISSING
    part: str = "test"  # train | val | test | all
    data: OtherDataConfig = field(default_factory=OtherDataConfig)
    checkpoint: str = "best"  # best | last
    threshold: float | None = None  # None: the run's own, tuned on validation
    name: str | None = None  # evaluate/<name>; None: the part, or the folder's name
    overwrite: bool = False
    batch_size: int = 4  # as in the reference: the two soft figures depend on it
    device: str = "auto"


@dataclass
class PredictConfig(PolygonOptions):
    """Map scenes: rasters of probability and mask, and the seeps as polygons."""

    run: Any = None  # a run or an exported file, or a list of them: their mean; None: the network in the package
    input: str = MISSING  # a raster, a folder or glob of them, or chips
    output: str = MISSING
    checkpoint: str = "best"
    device: str = "auto"
    precision: str | None = None  # 32 | bf16; None: bf16 on a GPU
    threshold: float | None = None  # None: the run's own, tuned on validation
    bands: list[Any] | None = None  # numbers from 1, or names; None: those of the training
    scale: str | None = None  # of float and signed values: linear | db
    mosaic: bool = True  # lay chips named SCENE.TILE into their scene first
    columns: int | None = None  # tiles a row of the scenes; None: from data.grid of the run, or found from the edges
    chips: bool = False  # also cut the results back into the chips: masks/ and probabilities/
    area: str | None = None  # vector file: only what lies in its polygons is mapped
    land: str | None = None  # vector file: what lies in its polygons is not mapped
    window: int | None = None  # px; None: that of the run's chips if it normalises by chip, else 512
    overlap: int | None = None  # px; None: a quarter of the window
    batch: int = 4
    threads: int = 2
    flips: bool = False  # average over flips and quarter turns: 8 times the work
    polygons: bool = True
    format: str = "gpkg"  # gpkg | geojson
    wgs84: bool = False  # polygons in longitude and latitude (GeoJSON always)
    picture: bool = False  # NAME.png: the scene with the outlines
    overwrite: bool = False
    cluster: str = "local"  # local | dask: processes on this machine | tcp://HOST:PORT of a Dask scheduler
    workers: int | None = None  # cluster=dask: how many; None: one a core


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
    part: str = "val"  # train | val | test | all: what is scored
    output: str | None = None  # None: report.html in the folder
    overwrite: bool = False
    device: str = "auto"


@dataclass
class ExportConfig:
    """Write a run's network as one file."""

    run: str = MISSING
    output: str = MISSING
    format: str = "onnx"  # onnx | torch
    checkpoint: str = "best"
    overwrite: bool = False


@dataclass
class PrepareConfig:
    """Cut scenes and an analyst's polygons into chips and masks."""

    scenes: Any = MISSING  # a raster, a folder or a pattern of them, or a list of these
    labels: str = MISSING  # polygons: GeoPackage, GeoJSON, shapefile ...
    output: str = MISSING
    bands: list[Any] = field(default_factory=lambda: [1])  # numbers from 1, or names
    nodata: float | None = None  # besides the one that a scene declares
    scale: str | None = None  # of float and signed values: linear | db
    class_attribute: str | None = None  # 1..7; None: every polygon is class 1
    scene_attribute: str | None = None  # names the scene that a polygon is of; None: of all in which it lies
    ignore: str | None = None  # SQL condition: of these polygons nobody is sure, their pixels become nodata
    size: int = 256
    overlap: int = 0
    empty_share: float = 0.2  # of the chips without seep, kept
    seed: int = 0


@dataclass
class CheckConfig:
    """Audit a data set."""

    data: DataConfig = field(default_factory=DataConfig)
    split: SplitConfig = field(default_factory=SplitConfig)


def check(config: Any) -> None:
    """Raise `UserError` for values that are out of range or do not go together."""
    check_known(config)
    check_data(config)
    check_train(config)
    check_use(config)
    check_prepare(config)


def check_known(config: Any, prefix: str = "") -> None:
    """Raise `UserError` for a key that `+key=value` put past the schema: it would have no effect."""
    known = [field.name for field in fields(config)]
    for name, value in vars(config).items():
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"did you mean {prefix}{near[0]}?" if near else f"known are {', '.join(known)}."
            raise UserError(f"{prefix}{name} is not a key of this command; {hint}")
        if is_dataclass(value):
            check_known(value, f"{prefix}{name}.")


def check_data(config: Any) -> None:
    """Raise `UserError` for values of `data` and `split` outside what they may be."""
    data, split = getattr(config, "data", None), getattr(config, "split", None)
    if isinstance(data, DataConfig):
        one_of("data.source", data.source, ("chips", "synthetic"))
        one_of("data.unpaired", data.unpaired, ("error", "skip"))
        at_least("data.batch_size", data.batch_size, 1)
        at_least("data.num_workers", data.num_workers or 0, 0)
        for prefix, grid in data.grid.items():
            at_least(f"data.grid.{prefix}.columns", grid.columns, 1)
        if data.source == "synthetic" and data.root is not None:
            raise UserError(
                f"data.root={data.root} has no effect on data=synthetic. Pass data=seeps data.root=... to train on it."
            )
    if isinstance(split, SplitConfig):
        one_of("split.kind", split.kind, ("random", "scene", "place", "kfold", "file"))
        one_of("split.by", split.by, ("scene", "place", "chip"))
        at_least("split.block", split.block, 1)
        valid_seed("split.seed", split.seed)
        if not (split.val > 0 and split.test > 0 and split.val + split.test < 1):
            raise UserError(
                f"split.val={split.val} and split.test={split.test}: both must be above 0 and leave a share to train."
            )
        for key, kind in (("path", "file"), ("fold", "kfold")):
            if getattr(split, key) and split.kind != kind:
                raise UserError(
                    f"split.{key}={getattr(split, key)} has no effect on split={split.kind}. Pass split={kind} too."
                )
        if split.kind == "kfold" and not 0 <= split.fold < split.folds >= 3:
            raise UserError(
                f"split.fold={split.fold} of split.folds={split.folds}: needs 0 <= fold < folds, folds >= 3."
            )


def check_train(config: Any) -> None:
    """Raise `UserError` for settings of a training that do not go together."""
    if not isinstance(config, TrainConfig):
        return
    one_of("task", config.task, ("binary", "classes"))
    at_least("panels", config.panels, 1)
    at_least("checkpoint_every", config.checkpoint_every, 1)
    valid_seed("seed", config.seed)
    at_least("early_stop", 1 if config.early_stop is None else config.early_stop, 1)
    at_least("trainer.accumulate_grad_batches", config.trainer.accumulate_grad_batches, 1)
    if config.ckpt not in (None, "last"):
        raise UserError(
            f"ckpt={config.ckpt}: expected ckpt=last, or run=DIR to resume one run, or init=DIR for weights."
        )
    if config.run is not None and config.init is not None:
        raise UserError("run=DIR resumes and init=DIR starts anew from weights: pass one of them.")
    if config.ema_decay is not None and not 0 < config.ema_decay < 1:
        raise UserError(f"ema_decay={config.ema_decay}: expected a number between 0 and 1, or null for none.")


def check_use(config: Any) -> None:
    """Raise `UserError` for settings of `evaluate`, `predict`, `report` and `export` outside what they may be."""
    if isinstance(config, EvaluateConfig | ReportConfig):
        one_of("part", config.part, ("train", "val", "test", "all"))
    if isinstance(config, ExportConfig):
        one_of("format", config.format, ("onnx", "torch"))
    if isinstance(config, EvaluateConfig | PredictConfig | ExportConfig):
        one_of("checkpoint", config.checkpoint, ("best", "last"))
    if not isinstance(config, EvaluateConfig | PredictConfig):
        return
    if config.threshold is not None and not 0 < config.threshold < 1:
        raise UserError(f"threshold={config.threshold}: expected a probability between 0 and 1.")
    if isinstance(config, PredictConfig):
        one_of("precision", config.precision, (None, "32", "bf16"))
        one_of("scale", config.scale, (None, "linear", "db"))
        one_of("format", config.format, ("gpkg", "geojson"))
        one_of("calibration", config.calibration, (None, "power", "amplitude", "db"))
        for key in ("batch", "threads", "columns", "workers"):
            at_least(key, 1 if getattr(config, key) is None else getattr(config, key), 1)
    if isinstance(config, EvaluateConfig):
        at_least("batch_size", config.batch_size, 1)
        if config.name is not None and (Path(config.name).name != config.name or config.name == ".."):
            raise UserError(f"name={config.name}: expected the name of a folder below evaluate/, without a path.")


def check_prepare(config: Any) -> None:
    """Raise `UserError` for settings of `prepare` outside what they may be."""
    if not isinstance(config, PrepareConfig):
        return
    valid_seed("seed", config.seed)
    at_least("size", config.size, 1)
    if not 0 <= config.overlap < config.size:
        raise UserError(f"overlap={config.overlap}: expected 0 or more, and less than size={config.size}.")
    if not 0 <= config.empty_share <= 1:
        raise UserError(f"empty_share={config.empty_share}: expected a share, 0 to 1.")
    one_of("scale", config.scale, (None, "linear", "db"))


def one_of(key: str, value: Any, allowed: tuple[str | None, ...]) -> None:
    """Raise `UserError` unless `value` is one of `allowed`."""
    if value not in allowed:
        raise UserError(f"{key}={value}: expected one of {', '.join(str(a or 'null') for a in allowed)}.")


def at_least(key: str, value: float, smallest: float) -> None:
    """Raise `UserError` if `value` is below `smallest`."""
    if value < smallest:
        raise UserError(f"{key}={value}: expected {smallest} or more.")


def valid_seed(key: str, value: int) -> None:
    """Raise `UserError` for a seed that numpy's generators do not take."""
    if not 0 <= value < 2**32:
        raise UserError(f"{key}={value}: expected 0 to {2**32 - 1}.")
