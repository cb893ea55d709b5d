"""Train, or resume, one network: `python -m seep_lightning.train`."""

import logging
import os
from dataclasses import replace
from pathlib import Path
from shlex import quote

from omegaconf import DictConfig

from seep_lightning.commands.composition import typed_config
from seep_lightning.commands.entry import run_command
from seep_lightning.commands.run_directories import job_id
from seep_lightning.config.commands import EvaluateConfig
from seep_lightning.errors import UserError
from seep_lightning.runs.directory import Run, is_first_process, open_run
from seep_lightning.runs.resume import covers, resumed_config, with_absolute_paths
from seep_lightning.training.os_signals import preemptible
from seep_lightning.training.session import train

log = logging.getLogger(__name__)


def print_result(run: Run, test: bool) -> None:
    """The final table of a training, that of the test part where it is asked for, and the lines to type next."""
    from seep_lightning.evaluation.evaluation import evaluate
    from seep_lightning.reporting.tables import print_evaluation, print_figures

    summary = run.summary()
    tuned = f"val, at {summary['best']['threshold']:.4f} (tuned)"
    title = f"{summary['name']}, split={summary['split']}, {summary['epochs']} epochs, {summary['seconds']:.0f} s"
    figures = summary["figures"]
    print_figures(title, {tuned: figures["val"], "val, at 0.5 before scaling": figures["val_at_0.5"]})
    print(f"run directory: {run.dir}")
    if test:
        print_evaluation(evaluate(EvaluateConfig(run=str(run.dir), overwrite=True)))
    where = Path(os.path.relpath(run.dir)) if run.dir.is_relative_to(Path.cwd()) else run.dir
    named = quote(f"run={where}")
    print(f"look at the curves:  tensorboard --logdir {quote(str(where))}")
    if not test:
        print(f"score the test part: python -m seep_lightning.evaluate {named}")
    print(f"map scenes or chips: python -m seep_lightning.predict {named} input=PATH output=maps")


def main(cfg: DictConfig) -> float:
    """The job of one `seep train`: fresh, resumed, or one of a sweep. Returns the best score, for sweepers."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    hydra = HydraConfig.get()
    out = Path(hydra.runtime.output_dir)
    there = Run(out)
    if cfg.run is not None:
        stored = open_run(str(cfg.run))
        if hydra.mode == RunMode.MULTIRUN or out.resolve() != stored.dir.resolve():
            said = f"run={cfg.run} goes on in its own directory"
            raise UserError(f"{said}: give one run at a time, without -m and without hydra.run.dir.")
        cfg.data.source = stored.config.data.source  # what data.root= is checked against
        config = resumed_config(stored, typed_config(cfg), list(hydra.overrides.task))
        # with nothing to change; what a search ended as hopeless may be brought to its end
        again = config == replace(stored.config, run=None, ckpt=None) and stored.summary().get("status") == "finished"
    else:
        config = with_absolute_paths(typed_config(cfg))
        if config.lr_find:
            if (out / "split.csv").exists():
                raise UserError(f"lr_find=true trains nothing, but {out} holds a run. Choose another directory.")
            from seep_lightning.training.lr_range_test import lr_find

            return lr_find(config, out)
        # given again, a sweep with its folder, a cluster's job that was requeued and `ckpt=last` do what is missing
        again = hydra.mode == RunMode.MULTIRUN or job_id() is not None or config.ckpt == "last"
        if there.config_path.exists() and is_first_process() and not again:
            resume = quote(f"run={out}")
            raise UserError(f"{out} holds a run already. Resume it with {resume}, or choose another directory.")
    if again and there.finished and covers(there, config):
        log.info("%s is finished already", out)
        if config.test and is_first_process() and not (out / "evaluate/test/summary.json").exists():
            print_result(there, test=True)
        return float(there.summary()["best"]["score"])
    with preemptible(there):
        result = train(config, out)
        if config.trainer.fast_dev_run and is_first_process():
            print("trainer.fast_dev_run: it runs; no checkpoint, curve or figure was kept")
        elif is_first_process():
            print_result(result.run, config.test)
    return result.score


if __name__ == "__main__":
    run_command("train", main)
