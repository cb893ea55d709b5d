"""The learning-rate range test: `python -m seep_lightning.train lr_find=true`."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from lightning.pytorch.tuner.tuning import Tuner
from matplotlib.figure import Figure

from seep_lightning.config.training import TrainConfig
from seep_lightning.data.datamodule import SeepDataModule
from seep_lightning.errors import UserError
from seep_lightning.runs.directory import Run
from seep_lightning.training.building import build_module, build_trainer
from seep_lightning.training.hardware import precision_of
from seep_lightning.training.process import prepare_process

STEPS, SMOOTHING = 100, 0.98  # the latter is Lightning's


def lr_find(cfg: TrainConfig, out: Path) -> float:
    """Train a net, which is thrown away, at rates that rise to 1; suggest a tenth of where the loss falls fastest
    (Smith 2017). Writes `config.yaml`, `lr_find.csv` and `lr_find.png` to `out`."""
    prepare_process(cfg.seed)
    # the tuner stops after STEPS by itself, and there is nothing to validate, average, schedule or log
    steps = replace(cfg.trainer, max_epochs=-1, check_val_every_n_epoch=STEPS, enable_progress_bar=False)
    steps.precision = precision_of(steps)
    bare = replace(cfg, trainer=steps, scheduler=None, ema_decay=None, early_stop=None, logger=None, callbacks=None)
    data = SeepDataModule(cfg.data, cfg.split, cfg.augment, seed=cfg.seed)
    model = build_module(bare, data, init=cfg.init)
    model._check_finite = lambda loss: None  # type: ignore[method-assign] # it may diverge: that ends the test
    trainer = build_trainer(bare, Run(out))
    found = Tuner(trainer).lr_find(model, datamodule=data, min_lr=1e-7, num_training=STEPS, update_attr=False)
    if found is None or np.isfinite(found.results["loss"]).sum() < 2:
        raise UserError("lr_find=true: the range test measured nothing. Is trainer.fast_dev_run on, or the loss NaN?")
    rate, loss = np.array(found.results["lr"]), np.array(found.results["loss"])
    step = np.arange(1, len(loss) + 1)
    loss *= (1 - SMOOTHING ** (step + 1)) / (1 - SMOOTHING**step)  # Lightning corrects its bias one step too far
    # by the logarithm; Lightning's own suggestion, the steepest fall by the rate itself, is noise at tiny rates
    suggested = float(rate[np.nanargmin(np.gradient(loss, np.log(rate)))]) / 10
    if trainer.is_global_zero:
        Run(out).write_config(cfg)
        np.savetxt(out / "lr_find.csv", np.c_[rate, loss], "%.6g", ",", header="lr,loss", comments="")
        figure = Figure(layout="constrained")
        axes = figure.add_subplot(xscale="log", xlabel="learning rate", ylabel="training loss, smoothed")
        axes.plot(rate, loss)
        axes.axvline(suggested, linestyle="--", label=f"suggested: {suggested:.2g}")
        axes.legend()
        figure.savefig(picture := out / "lr_find.png", dpi=150)
        print(f"suggested: optimizer.lr={suggested:.2g}, a tenth of where the loss falls fastest: {picture}")
    return suggested
