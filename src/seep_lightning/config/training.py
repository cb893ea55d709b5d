"""The schema of `train`'s config: every key with its type, its default and its rule."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from seep_lightning.config.data import DataConfig, SplitConfig
from seep_lightning.errors import UserError
from seep_lightning.ranges import (
    COUNT,
    NOT_NEGATIVE,
    PROCESSES,
    Span,
    anything,
    at_least,
    between_0_and_1,
    by_name,
    is_number,
    node,
    one_of,
    path,
    random_seed,
    restricted,
    text,
    texts,
    within,
)

DEFAULT_MONITOR = "dice_before_scaling/val"
"""Dice on validation at 0.5, as each epoch measures it before its probabilities are scaled."""

# who refuses what `anything` lets through
LIGHTNING = "Lightning's Trainer"

PART_OF_BATCHES = "a number of batches, or a share such as 0.5"
INTERVAL = "a time such as 10s, 2min or 1h; 0s for a line an epoch"
SECONDS_OF_UNIT = {"s": 1, "min": 60, "h": 3600}
INTERVAL_TEXT = r"(\d{1,9}(\.\d{1,9})?)(s|min|h)?"
DURATION = "days, hours, minutes and seconds such as 00:12:00:00"


def _are_devices(value: Any) -> bool:
    """Whether this may be a number of devices, or which of them; Lightning knows which there are."""
    return isinstance(value, str | list) or value == -1 or PROCESSES.holds(value)


def _is_dry_run(value: Any) -> bool:
    """Whether this may be a number of batches of a dry run, or says whether there is one."""
    return isinstance(value, bool) or Span(at_least=0, whole=True).holds(value)


def _is_limit_of_steps(value: Any) -> bool:
    """Whether this may be the largest number of steps."""
    return value == -1 or COUNT.holds(value)


def _is_duration(value: Any) -> bool:
    """Whether this may be the longest time of a training: a text, or a number for each unit."""
    if isinstance(value, Mapping):
        return bool(value) and all(NOT_NEGATIVE.holds(number) for number in value.values())
    return isinstance(value, str) and re.fullmatch(r"\d+(:\d+){3}", value) is not None


def _is_part_of_batches(value: Any) -> bool:
    """Whether this may be a part of the batches of an epoch: a number of them, or a share."""
    return COUNT.holds(value) or (isinstance(value, float) and Span(above=0, at_most=1).holds(value))


def _is_part_of_batches_or_0(value: Any) -> bool:
    """Whether this may be a part of batches that may be none."""
    return _is_part_of_batches(value) or (is_number(value) and value == 0)


def _is_interval(value: Any) -> bool:
    """Whether this is a time between two lines: a number of seconds, or a text with its unit."""
    if isinstance(value, str):
        return re.fullmatch(INTERVAL_TEXT, value) is not None
    return NOT_NEGATIVE.holds(value)


def seconds_of(interval: float | str) -> float:
    """The seconds of an interval such as `10s`, `2min`, `1h` or 10."""
    if not isinstance(interval, str):
        return float(interval)
    number, _, unit = re.fullmatch(INTERVAL_TEXT, interval).groups()  # type: ignore[union-attr]
    return float(number) * SECONDS_OF_UNIT[unit or "s"]


@dataclass
class TrainerConfig:
    """Every argument of Lightning's Trainer that a config can hold, so that each can be overridden without a `+`.

    Our defaults differ from Lightning's where a training of chips needs it. `precision=auto` is bf16-mixed where the
    machine multiplies bf16 in hardware, else 32-true. For the others see Lightning's documentation.
    """

    accelerator: str = anything("auto", LIGHTNING)
    strategy: str = anything("auto", LIGHTNING)
    devices: Any = restricted(1, _are_devices, f"auto, -1 for all, 1 to {PROCESSES.at_most}, or a list of numbers")
    num_nodes: int = within(PROCESSES, 1)
    precision: Any = anything("auto", LIGHTNING)
    fast_dev_run: Any = restricted(False, _is_dry_run, "true, false or a number of batches")
    max_epochs: int = at_least(-1, 30)
    min_epochs: int | None = at_least(0, None)
    max_steps: int = restricted(-1, _is_limit_of_steps, "1 or more, or -1 for no limit")
    min_steps: int | None = at_least(0, None)
    max_time: Any = restricted(None, _is_duration, DURATION)
    limit_train_batches: int | float | None = restricted(None, _is_part_of_batches, PART_OF_BATCHES)
    limit_val_batches: int | float | None = restricted(None, _is_part_of_batches_or_0, PART_OF_BATCHES)
    limit_test_batches: int | float | None = restricted(None, _is_part_of_batches_or_0, PART_OF_BATCHES)
    limit_predict_batches: int | float | None = restricted(None, _is_part_of_batches_or_0, PART_OF_BATCHES)
    val_check_interval: Any = restricted(None, _is_part_of_batches, PART_OF_BATCHES)
    check_val_every_n_epoch: int | None = within(COUNT, 1)
    num_sanity_val_steps: int | None = at_least(-1, 0)
    log_every_n_steps: int | None = at_least(0, 1)
    enable_progress_bar: bool | None = True
    enable_model_summary: bool | None = False
    accumulate_grad_batches: int = at_least(1, 1)
    gradient_clip_val: float | None = within(NOT_NEGATIVE, 1.0)
    gradient_clip_algorithm: str | None = one_of(None, "norm", "value")
    deterministic: Any = one_of(None, True, False, "warn", expected="true, false or warn")
    benchmark: bool | None = None
    inference_mode: bool = True
    profiler: str | None = anything(None, LIGHTNING)
    detect_anomaly: bool = False
    barebones: bool = False
    plugins: Any = anything(None, LIGHTNING)
    sync_batchnorm: bool = False
    reload_dataloaders_every_n_epochs: int = at_least(0, 0)
    enable_autolog_hparams: bool = False
    model_registry: str | None = anything(None, LIGHTNING)


@dataclass
class ProgressConfig:
    """What a training tells of its progress.

    Attributes:
        every: Of more than 100 epochs, a line for each that ends so long after the last told one, such as 10s or 2min.
    """

    every: Any = restricted("10s", _is_interval, INTERVAL)


@dataclass
class TrainConfig:
    """One training run.

    `model`, `loss`, `optimizer`, `scheduler`, `augment`, `callbacks` and `logger` are `_target_` nodes: classes with
    their arguments, which `config.targets` builds.

    Attributes:
        name: Of the runs, which lie in outputs/<name>/<time>.
        seed: Of weights, order and augmentation.
        task: `binary`: any class above 0 is seep; `classes`: they are told apart too.
        run: The run directory to go on with.
        ckpt: `last`: go on with the newest run of this name, or start one.
        init: Start from the weights of a run, an exported file, or the package (`seeps`, `generated`).
        test: Whether the test part is scored at the end. Off while anything is still being chosen.
        monitor: The best checkpoint goes by it (the least loss/val, the most of others; `epoch`: the last).
            `dice/val` is at each epoch's tuned threshold, `dice_before_scaling/val` at 0.5.
        early_stop: Epochs without a better monitor after which training ends.
        ema_decay: Of the average of the weights, over about 1 / (1 - decay) steps; None: no average.
        checkpoint_every: Epochs between looks for the best one, and between last checkpoints.
        progress: How often a training tells how far it is.
        panels: Epochs between pictures in TensorBoard; twice as many after every ten.
        lr_find: Run Lightning's learning-rate range test instead of a training.
        compile: Compile the net (`torch.compile`).
        cuda_graphs: On one GPU, record the training step once and replay it (docs/performance.md).
        channels_last: Layout of the weights; None: where machine and net are the faster for it.
        data: The data set.
        split: Which chip is in which part.
        augment: Transforms of training chips.
        model: The net.
        loss: The loss.
        optimizer: The optimiser.
        scheduler: The learning rate's schedule; None or empty: it stays.
        trainer: Arguments of Lightning's Trainer.
        logger: Loggers by name.
        callbacks: More callbacks by name.
        figures: Figures beside those of every run: keys of figures of batches, or MODULE.NAME of one's own.
        metrics: Any torchmetrics Metric on validation, by name (docs/extending.md).
        trusted: Packages whose classes a stored run may name; importing them runs their code (docs/security.md).
    """

    name: str = text("train", "a name, which becomes that of a folder")
    seed: int = random_seed()
    task: str = one_of("binary", "classes")
    run: str | None = path(None)
    ckpt: str | None = one_of(None, "last", expected="last, or run=DIR to resume one, init=DIR for weights")
    init: str | None = path(None)
    test: bool = False
    monitor: str = text(DEFAULT_MONITOR, "the name of a figure such as dice/val")
    early_stop: int | None = at_least(1, None)
    ema_decay: float | None = between_0_and_1(0.98, "a number between 0 and 1, or null for none")
    checkpoint_every: int = at_least(1, 1)
    progress: ProgressConfig = field(default_factory=ProgressConfig)
    panels: int = at_least(1, 5)
    lr_find: bool = False
    compile: bool = False
    cuda_graphs: bool = False
    channels_last: bool | None = None
    data: DataConfig = field(default_factory=DataConfig)
    split: SplitConfig = field(default_factory=SplitConfig)
    augment: list[Any] = anything([], "`data.augment`")
    model: Any = node(MISSING)
    loss: Any = node(MISSING)
    optimizer: Any = node(MISSING)
    scheduler: Any = node(None)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    logger: Any = by_name()
    callbacks: Any = by_name()
    figures: list[str] = texts()
    metrics: Any = by_name()
    trusted: list[str] = texts()

    def check_together(self) -> None:
        """Check the keys of which only one may be set."""
        if self.monitor == "epoch" and self.early_stop is not None:
            raise UserError(f"early_stop={self.early_stop} needs a monitor that may get worse; pass monitor=dice/val.")
        if self.compile and self.cuda_graphs:
            raise UserError("compile=true and cuda_graphs=true: pass one of them.")
        if self.run is not None and self.init is not None:
            raise UserError("run=DIR resumes and init=DIR starts anew from weights: pass one of them.")


def ranked_by(monitor: str) -> str:
    """Name the figure that runs are ranked by.

    Args:
        monitor: The monitor of their configs.

    Returns:
        The monitor, or Dice on validation if the monitor only picks the last epoch.
    """
    return "dice/val" if monitor == "epoch" else monitor
