"""The learning-rate range test (Smith 2017): `python -m seep_lightning.train lr_find=true`."""

from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np
from lightning.pytorch.tuner.tuning import Tuner
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from seep_lightning.commands.console import tell
from seep_lightning.config.training import TrainConfig
from seep_lightning.data.datamodule import SeepDataModule
from seep_lightning.errors import UserError
from seep_lightning.files import write_whole
from seep_lightning.runs.directory import Run, is_first_process
from seep_lightning.training.building import build_module
from seep_lightning.training.machine_precision import precision_of
from seep_lightning.training.open_settings import settle
from seep_lightning.training.process import prepare_process
from seep_lightning.training.trainer import build_trainer

STEPS = 100
SMALLEST_RATE = 1e-7
# the decay with which Lightning averages the loss over the steps
SMOOTHING = 0.98


@dataclass(frozen=True)
class LossByRate:
    """What a range test measured.

    Attributes:
        rates: Learning rates (N,), rising.
        losses: The training loss at each, averaged over the steps before it.
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]

    def suggested_rate(self) -> float:
        """A tenth of the rate where the loss falls fastest.

        The fall is measured along the logarithm of the rate. Lightning's own suggestion, the steepest fall along the
        rate itself, picks noise at tiny rates.
        """
        fall = np.gradient(self.losses, np.log(self.rates))
        return float(self.rates[np.nanargmin(fall)]) / 10


def find_learning_rate(config: TrainConfig, directory: Path) -> float:
    """Train a net, which is thrown away, at rates that rise to 1, and suggest a learning rate.

    Writes `config.yaml`, `lr_find.csv` and `lr_find.png`, and prints the suggestion.

    Args:
        config: The settings.
        directory: Where the files go.

    Returns:
        The suggested `optimizer.lr`.

    Raises:
        UserError: The loss could not be measured, or a setting is wrong.
    """
    prepare_process(config.seed)
    measured = measure_losses(config, directory)
    suggested = measured.suggested_rate()
    if is_first_process():
        Run(directory).write_config(config)
        table = np.c_[measured.rates, measured.losses]
        np.savetxt(directory / "lr_find.csv", table, "%.6g", ",", header="lr,loss", comments="")
        picture = directory / "lr_find.png"
        draw_losses(measured, suggested, picture)
        tell(f"suggested: optimizer.lr={suggested:.2g}, a tenth of where the loss falls fastest: {picture}")
    return suggested


def measure_losses(config: TrainConfig, directory: Path) -> LossByRate:
    """Train for `STEPS` steps at rising rates.

    Args:
        config: The settings of the training.
        directory: Lightning's temporary files go there.

    Returns:
        The loss at each rate.

    Raises:
        UserError: Fewer than two losses were finite.
    """
    data = SeepDataModule(config.data, config.split, config.augment, seed=config.seed)
    settled = settle(config, data)
    bare = _without_the_rest(settled)
    module = build_module(bare, data, init=config.init)
    # the loss may diverge: that ends the test
    module._check_finite = _accept_any_loss  # type: ignore[method-assign]
    trainer = build_trainer(bare, Run(directory))
    finder = Tuner(trainer).lr_find(
        module, datamodule=data, min_lr=SMALLEST_RATE, num_training=STEPS, update_attr=False
    )
    if finder is None or np.isfinite(finder.results["loss"]).sum() < 2:
        raise UserError("lr_find=true: the range test measured nothing. Is trainer.fast_dev_run on, or the loss NaN?")
    losses = _with_bias_corrected(np.array(finder.results["loss"]))
    return LossByRate(np.array(finder.results["lr"]), losses)


def _without_the_rest(config: TrainConfig) -> TrainConfig:
    """The config with nothing to validate, average, schedule or log; the tuner stops after `STEPS` by itself."""
    trainer = replace(config.trainer, max_epochs=-1, check_val_every_n_epoch=STEPS, enable_progress_bar=False)
    trainer.precision = precision_of(trainer)
    return replace(
        config, trainer=trainer, scheduler=None, ema_decay=None, early_stop=None, logger=None, callbacks=None
    )


def _accept_any_loss(loss: Tensor) -> None:
    pass


def _with_bias_corrected(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lightning's averages with the correction of their step: it takes that of the step after."""
    step = np.arange(1, len(losses) + 1)
    corrected: NDArray[np.float64] = losses * (1 - SMOOTHING ** (step + 1)) / (1 - SMOOTHING**step)
    return corrected


def draw_losses(measured: LossByRate, suggested: float, picture: Path) -> None:
    """Draw the loss by the learning rate.

    Args:
        measured: The losses.
        suggested: The suggested rate, drawn as a line.
        picture: The PNG that is written.
    """
    figure = Figure(layout="constrained")
    axes = figure.add_subplot(xscale="log", xlabel="learning rate", ylabel="training loss, smoothed")
    axes.plot(measured.rates, measured.losses)
    axes.axvline(suggested, linestyle="--", label=f"suggested: {suggested:.2g}")
    axes.legend()
    content = BytesIO()
    figure.savefig(content, format=picture.suffix.removeprefix("."), dpi=150)
    write_whole(picture, content.getvalue())
