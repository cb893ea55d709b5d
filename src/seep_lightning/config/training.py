"""The typed schema of `conf/`: every field that is ours, its type, its default and what it may be, in one place.

`model`, `loss`, `optimizer`, `scheduler`, `augment`, `callbacks` and `logger` are `_target_` nodes (see `targets.py`).
A class says in `check_together` what must hold across its fields: Hydra does not run `__post_init__`.
"""

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from seep_lightning.config.data import DataConfig, SplitConfig
from seep_lightning.config.rules import at_least, between_0_and_1, one_of, random_seed
from seep_lightning.errors import UserError


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
    seed: int = random_seed()
    task: str = one_of("binary", "classes")  # binary: any class above 0 is seep | classes: they are told apart too
    run: str | None = None  # resume this run directory
    # last: go on with the newest run of this name, or start one
    ckpt: str | None = one_of(None, "last", expected="last, or run=DIR to resume one, init=DIR for weights")
    init: str | None = None  # start from the weights of a run, an exported file, or the package: seeps, generated
    test: bool = False  # score the test part at the end; off while anything is still being chosen
    monitor: str = "dice/val"  # the best checkpoint goes by it (least of loss/val, most of others; epoch: the last)
    early_stop: int | None = at_least(1, None)  # epochs without a better monitor
    # average of the weights over about 1 / (1 - decay) steps; None: off
    ema_decay: float | None = between_0_and_1(0.98, "a number between 0 and 1, or null for none")
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
    # more figures than every run has, by key: those of batches (metrics/figures.py)
    figures: list[str] = field(default_factory=list)
    # any torchmetrics Metric on validation, by name (docs/extending.md)
    metrics: Any = None

    def check_together(self) -> None:
        """Check the keys of which only one may be set."""
        if self.monitor == "epoch" and self.early_stop is not None:
            raise UserError(f"early_stop={self.early_stop} needs a monitor that may get worse; pass monitor=dice/val.")
        if self.compile and self.cuda_graphs:
            raise UserError("compile=true and cuda_graphs=true: pass one of them.")
        if self.run is not None and self.init is not None:
            raise UserError("run=DIR resumes and init=DIR starts anew from weights: pass one of them.")


def ranked_by(monitor: str) -> str:
    """The figure that runs are ranked by: the monitor, or Dice where that only picks the last epoch."""
    return "dice/val" if monitor == "epoch" else monitor
