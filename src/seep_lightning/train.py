"""Train, or resume, one network: `python -m seep_lightning.train`."""

import importlib
import inspect
import logging
import math
import os
import time
import warnings
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from shlex import quote
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from omegaconf import DictConfig

from seep_lightning.config import EvaluateConfig, TrainConfig, check, ranked_by
from seep_lightning.door import job_id, open_door, typed
from seep_lightning.errors import DiskError, Interrupted, Preempted, TakenUp, UserError, explained
from seep_lightning.hardware import keep_memory, precision_of
from seep_lightning.run import (
    Run,
    is_first_process,
    open_run,
    resumed_config,
    settings_of,
    starting_weights,
    with_absolute_paths,
)
from seep_lightning.signals import Stopped, go_on, lightnings_own, preemptible

if TYPE_CHECKING:
    import lightning.pytorch as pl

    from seep_lightning.data.datamodule import SeepDataModule
    from seep_lightning.module import SeepModule

log = logging.getLogger(__name__)

TRIAL = "SEEP_LIGHTNING_TRIAL"  # in the environment of a trial of `tune.search`, and so on all its ranks


class Result(NamedTuple):
    """What a training returns: its run, and the score of its best checkpoint by the monitor."""

    run: Run
    score: float


def train(cfg: TrainConfig, out: str | Path) -> Result:
    """Train one network and leave a complete run directory in `out`.

    Resumes from `out/checkpoints/last.ckpt` where there is one; the result is then the same, bit for bit on CPU, as if
    it had never stopped. Raises `UserError` for anything that the person at the keyboard can put right.
    """
    from seep_lightning.data.datamodule import SeepDataModule
    from seep_lightning.data.split import write_split
    from seep_lightning.panels import write_hparams
    from seep_lightning.predictor import learned_before

    cfg = with_absolute_paths(cfg)
    check(cfg)
    cfg = replace(cfg, trainer=replace(cfg.trainer, precision=precision_of(cfg.trainer)))
    run = Run(Path(out).resolve())
    resumes = run.last.is_file()
    if resumes and cfg.trainer.fast_dev_run:
        raise UserError(f"trainer.fast_dev_run=true tries a new run and keeps nothing; {run.dir} has checkpoints.")
    if cfg.data.source == "synthetic" and os.environ.get("SEEP_DATA_ROOT"):
        log.info("SEEP_DATA_ROOT is set, but data=synthetic does not use it; pass data=seeps to train on it")
    split = replace(cfg.split, path=str(run.split_path)) if resumes and cfg.split.kind == "file" else cfg.split
    start = time.perf_counter()
    prepare_process(cfg.seed)
    data = SeepDataModule(cfg.data, split, cfg.augment, seed=cfg.seed)
    data.prepare_data()
    data.setup()
    model = build_module(cfg, data, init=None if resumes else cfg.init)
    checkpoint = read_last(run, cfg, data)
    data.first_epoch = checkpoint["epoch"] + 1 if checkpoint else 0
    trainer = build_trainer(cfg, run, data.first_epoch)
    earlier = run.summary() if checkpoint else {}
    leakage = earlier.get("leakage") or data.leakage_line() + learned_before(cfg.init, data.chips, data.parts)
    run.write_config(cfg)  # now that the Trainer took it: what it refuses must not be what a resume starts from
    if checkpoint is None and is_first_process():
        write_split(run.split_path, data.chips, data.parts)
    before = earlier.get("seconds", 0.0)
    facts = {"name": cfg.name, "split": cfg.split.kind, "leakage": leakage, "data": data_facts(data)}
    facts |= {k: v for k, v in earlier.items() if k in ("best", "epochs", "figures", "device")}  # until it is done anew
    if first := is_first_process():
        log.info(leakage)
    run.write_summary({**facts, "status": "running", "seconds": before})
    try:
        fit(trainer, model, data, run, cfg)
        if cfg.trainer.fast_dev_run:
            run.write_summary({**facts, "status": "tried"})
            return Result(run, math.nan)
        best = getattr(trainer.checkpoint_callback, "best_model_score", None)
        if best is None:
            said = f"no checkpoint was written: monitor={cfg.monitor} was never measured before the end"
            raise UserError(f"{said}. Let at least one epoch and its validation end: see trainer.max_steps, max_time.")
        if not first:
            return Result(run, float(best))
        outcome = finish(trainer, run, cfg, data, float(best))
    except TakenUp:  # the directory is another process's by now
        raise
    except (UserError, Stopped) as error:
        status = "interrupted" if isinstance(error, Interrupted | Stopped) else "failed"
        seconds = before + time.perf_counter() - start
        with suppress(DiskError):  # which may be what `error` is about
            run.write_summary({**facts, "status": status, "error": str(error), "seconds": seconds})
        raise
    status = "pruned" if any(getattr(c, "pruned", False) for c in vars(trainer)["callbacks"]) else "finished"
    outcome |= {"status": status, "seconds": round(before + time.perf_counter() - start, 1)}
    run.write_summary(facts | outcome)
    if "tensorboard" in (cfg.logger or {}):
        write_hparams(run, settings_of(cfg), outcome["figures"]["val_at_0.5"], outcome["best"]["epoch"])
    return Result(run, outcome["best"]["score"])


def prepare_process(seed: int) -> None:
    """Seed everything, keep memory, and send Lightning's warnings through the root logger, without its own handlers."""
    import lightning.pytorch as pl
    import torch

    pl.seed_everything(seed, workers=True, verbose=False)
    keep_memory()
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined] # for bugs; slow
    for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.WARNING)
    known = "does not have many workers|exists and is not empty|isinstance.treespec, LeafSpec|litlogger"
    warnings.filterwarnings("ignore", message=f".*({known}).*")


def read_last(run: Run, cfg: TrainConfig, data: "SeepDataModule") -> dict[str, Any] | None:
    """The run's last checkpoint, None where there is none yet; `UserError` where this is not the same run."""
    from seep_lightning.data.split import read_split
    from seep_lightning.predictor import read_checkpoint

    if not run.last.is_file():
        return None
    run.check_same(cfg)
    content = read_checkpoint(run.last)
    if "optimizer_states" not in content:
        raise UserError(f"{run.last} is not a last checkpoint: it holds weights alone. Start anew with init={run.dir}.")
    found = content["hyper_parameters"]["facts"]["fingerprint"]
    if found != data.chips.fingerprint or read_split(data.chips, str(run.split_path)) != data.parts:
        raise UserError(
            f"run={run.dir} was trained on other data than {data.chips.root} holds now (fingerprint {found}, now "
            f"{data.chips.fingerprint}) or another split. Put the data back, or start a new run with init={run.dir}."
        )
    if 0 <= cfg.trainer.max_epochs <= content["epoch"]:
        said = f"run={run.dir} has {content['epoch'] + 1} epochs, more than trainer.max_epochs={cfg.trainer.max_epochs}"
        raise UserError(f"{said}. Leave it as it is, or give as many or more.")
    return content


def build_module(cfg: TrainConfig, data: "SeepDataModule", init: str | None = None) -> "SeepModule":
    """The LightningModule of a config, with the weights that `init` names."""
    from seep_lightning.classes import class_shares
    from seep_lightning.data.augment import Augment
    from seep_lightning.module import SeepModule
    from seep_lightning.predictor import load_weights, read_checkpoint

    loss = cfg.loss
    if loss.get("shares", ...) is None:  # of classes
        loss = {**loss, "shares": class_shares(data.chips.class_pixels(data.indices("train"))[1:])}
    model = SeepModule(
        model=cfg.model,
        loss=loss,
        optimizer=cfg.optimizer,
        scheduler=cfg.scheduler,
        facts={**data.facts(), "task": cfg.task},
        seed=cfg.seed,
        channels_last=cfg.channels_last,
    )
    if (made_for := getattr(model.loss, "task", cfg.task)) != cfg.task:
        raise UserError(f"loss={type(model.loss).__name__} is for task={made_for}, not {cfg.task}. Choose another.")
    if init is not None:
        weights = starting_weights(init)
        load_weights(model, read_checkpoint(weights), weights, new_head=True)
    # once what `fit` builds late, so that a misspelt key leaves no run directory behind
    Augment(cfg.augment, cfg.seed)
    model.trainer = cast(Any, SimpleNamespace(estimated_stepping_batches=100))
    model.configure_optimizers()
    model.trainer = None
    if cfg.compile:
        model.net.compile()  # in place: `torch.compile(net)` would rename the checkpoint's keys
    return model


def build_trainer(cfg: TrainConfig, run: Run, first_epoch: int = 0) -> "pl.Trainer":
    """Lightning's Trainer with our callbacks and loggers."""
    import lightning.pytorch as pl
    from lightning.fabric.utilities.exceptions import MisconfigurationException
    from lightning.pytorch.callbacks import RichProgressBar
    from lightning.pytorch.loggers import Logger

    from seep_lightning.callbacks import (
        CudaGraphs,
        EarlyStopping,
        EpochFacts,
        MovingAverage,
        RunCheckpoint,
        WholeFiles,
    )
    from seep_lightning.panels import Panels
    from seep_lightning.targets import build, resolve

    mode = "min" if cfg.monitor.startswith("loss") else "max"
    best = RunCheckpoint(run.checkpoints, "best", cfg.checkpoint_every, cfg.monitor, mode)
    last = RunCheckpoint(run.checkpoints, "last", cfg.checkpoint_every)
    callbacks: list[pl.Callback] = [EpochFacts(), Panels(cfg.panels), best, last]
    if cfg.ema_decay is not None:
        callbacks.append(MovingAverage(cfg.ema_decay))
    if cfg.cuda_graphs:
        callbacks.append(CudaGraphs())
    if cfg.early_stop is not None:
        callbacks.append(EarlyStopping(cfg.monitor, patience=cfg.early_stop, mode=mode, strict=False))
    if TRIAL in os.environ:
        from seep_lightning.tune import Pruning

        callbacks.append(Pruning(ranked_by(cfg.monitor), os.environ[TRIAL]))
    if cfg.trainer.enable_progress_bar:
        callbacks.append(RichProgressBar(leave=False))
    callbacks += [build(f"callbacks.{k}", node, pl.Callback) for k, node in (cfg.callbacks or {}).items() if node]
    loggers = []
    for name, node in (cfg.logger or {}).items():
        if not node or cfg.trainer.fast_dev_run:
            continue
        takes = inspect.signature(resolve(f"logger.{name}", node, Logger)).parameters
        ours = (("save_dir", str(run.dir)), ("purge_step", first_epoch or None))
        given: dict[str, Any] = {k: v for k, v in ours if k in takes and k not in node}
        node = {k: v.replace("{run}", str(run.dir)) if isinstance(v, str) else v for k, v in node.items()}
        loggers.append(build(f"logger.{name}", node, Logger, **given))
        with explained(f"logger.{name}: {{all}}", Exception):  # whatever another library raises
            loggers[-1].log_hyperparams(settings_of(cfg))  # opens it: a missing account is known before the training
    with explained("trainer: {all}", ValueError, TypeError, RuntimeError, MisconfigurationException):
        given = asdict(cfg.trainer)
        plugins, whole_files = given.pop("plugins") or [], WholeFiles(run.checkpoints / "best.ckpt")
        trainer = pl.Trainer(
            **given,
            plugins=[*(plugins if isinstance(plugins, list) else [plugins]), whole_files],
            logger=loggers,
            callbacks=callbacks,
            default_root_dir=str(run.dir),
            use_distributed_sampler=False,  # EpochSampler shares the chips out, without padding
        )
    # with max_steps, Lightning would take each resume for one inside an epoch; ours begin with the next one
    trainer.fit_loop._iteration_based_training = lambda: False  # type: ignore[method-assign]
    return trainer


def fit(trainer: "pl.Trainer", model: "SeepModule", data: "SeepDataModule", run: Run, cfg: TrainConfig) -> None:
    """`trainer.fit`, from the last checkpoint where there is one; one sentence for what can go wrong outside of us."""
    import torch
    from lightning.fabric.utilities.exceptions import MisconfigurationException
    from lightning.pytorch.utilities.exceptions import SIGTERMException

    try:
        with lightnings_own(), explained("trainer: {all}", MisconfigurationException):
            last = str(run.last) if run.last.is_file() else None
            trainer.fit(model, datamodule=data, ckpt_path=last, weights_only=True)
    except SIGTERMException as error:
        raise Preempted(f"stopped by a signal; whole epochs are kept. {go_on(run)}") from error
    except SystemExit as error:
        if error.code != 1:  # a launcher's own; Lightning turns Ctrl-C into 1
            raise
        raise Interrupted(f"stopped by Ctrl-C; whole epochs are kept. {go_on(run)}") from error
    except (RuntimeError, MemoryError) as error:
        if not isinstance(error, torch.OutOfMemoryError | MemoryError) and "DefaultCPUAllocator" not in str(error):
            raise
        raise UserError(
            f"memory ran out with data.batch_size={cfg.data.batch_size}. Begin anew with half of it (and "
            f"trainer.accumulate_grad_batches=2), or add trainer.precision=bf16-mixed. {go_on(run)}"
        ) from error
    finally:
        if (cfg.logger or {}).get("wandb"):  # else the next job of a sweep would go on with this one's W&B run
            importlib.import_module("wandb").finish()


def finish(trainer: "pl.Trainer", run: Run, cfg: TrainConfig, data: "SeepDataModule", score: float) -> dict[str, Any]:
    """Figures of the best checkpoint on validation, of which the monitor was `score`; and what it was trained on."""
    import torch

    from seep_lightning.evaluate import score_indices
    from seep_lightning.object_scores import best_area
    from seep_lightning.predictor import Predictor, module_of, read_checkpoint

    path, masks = run.checkpoint("best"), list[Any]()
    content = read_checkpoint(path)
    predictor = Predictor(module_of(content, path))

    def sink(_: int, probability: Any, truth: Any, valid: Any, *more: Any) -> None:
        masks.append(((probability > predictor.threshold) & valid, truth))

    scored = score_indices(predictor, data.chips, data.indices("val"), batch_size=cfg.data.batch_size, sink=sink)
    figures = {"val": scored.at(predictor.threshold), "val_at_0.5": scored.at(0.5)}
    predictor.scale(scored.reliability.scaling())
    score = score if ranked_by(cfg.monitor) == cfg.monitor else figures["val_at_0.5"]["dice"]
    best = {"monitor": cfg.monitor, "score": score, "epoch": content["epoch"]}
    best |= {"threshold": predictor.threshold, "min_area": best_area(masks), "scaling": predictor.scaling}
    device = trainer.strategy.root_device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu, {torch.get_num_threads()} threads"
    name += f" x {trainer.world_size}, {trainer.precision}"
    epochs = read_checkpoint(run.last)["epoch"] + 1
    return {"best": best, "epochs": epochs, "figures": figures, "device": name}


def data_facts(data: "SeepDataModule") -> dict[str, Any]:
    """What was trained on, for `summary.json`."""
    return {
        "source": data.data.source,
        "root": str(data.chips.root),
        "fingerprint": data.chips.fingerprint,
        "chips": {part: len(data.indices(part)) for part in ("train", "val", "test")},
        "scenes": len(set(data.chips.scenes)),
    }


def print_result(run: Run, test: bool) -> None:
    """The final table of a training, that of the test part where it is asked for, and the lines to type next."""
    from seep_lightning.evaluate import evaluate, print_evaluation, print_table

    summary = run.summary()
    tuned = f"val, at {summary['best']['threshold']:.4f} (tuned)"
    title = f"{summary['name']}, split={summary['split']}, {summary['epochs']} epochs, {summary['seconds']:.0f} s"
    figures = summary["figures"]
    print_table(title, {tuned: figures["val"], "val, at 0.5 before scaling": figures["val_at_0.5"]})
    print(f"run directory: {run.dir}")
    if test:
        print_evaluation(evaluate(EvaluateConfig(run=str(run.dir), overwrite=True)))
    where = Path(os.path.relpath(run.dir)) if run.dir.is_relative_to(Path.cwd()) else run.dir
    named = quote(f"run={where}")
    print(f"look at the curves:  tensorboard --logdir {quote(str(where))}")
    if not test:
        print(f"score the test part: python -m seep_lightning.evaluate {named}")
    print(f"map scenes or chips: python -m seep_lightning.predict {named} input=PATH output=maps")


def task(cfg: DictConfig) -> float:
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
        config = resumed_config(stored, typed(cfg), list(hydra.overrides.task))
        # with nothing to change; what a search ended as hopeless may be brought to its end
        again = config == replace(stored.config, run=None, ckpt=None) and stored.summary().get("status") == "finished"
    else:
        config = with_absolute_paths(typed(cfg))
        if config.lr_find:
            if (out / "split.csv").exists():
                raise UserError(f"lr_find=true trains nothing, but {out} holds a run. Choose another directory.")
            from seep_lightning.lr_find import lr_find

            return lr_find(config, out)
        # given again, a sweep with its folder, a cluster's job that was requeued and `ckpt=last` do what is missing
        again = hydra.mode == RunMode.MULTIRUN or job_id() is not None or config.ckpt == "last"
        if there.config_path.exists() and is_first_process() and not again:
            resume = quote(f"run={out}")
            raise UserError(f"{out} holds a run already. Resume it with {resume}, or choose another directory.")
    if again and there.finished and there.covers(config):
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
    open_door("train", task)
