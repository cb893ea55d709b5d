"""Train, or resume, one network: `python -m seep_lightning.train`."""

import logging
import math
import os
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from seep_lightning.config.rules import check_config
from seep_lightning.config.training import TrainConfig, ranked_by
from seep_lightning.errors import DiskError, Interrupted, RunTakenOver, UserError
from seep_lightning.runs.directory import Run, is_first_process
from seep_lightning.runs.resume import check_same_config, with_absolute_paths
from seep_lightning.runs.settings import settings_of
from seep_lightning.training.building import build_module, build_trainer
from seep_lightning.training.fit import fit
from seep_lightning.training.hardware import precision_of
from seep_lightning.training.os_signals import Stopped
from seep_lightning.training.process import prepare_process

if TYPE_CHECKING:
    import lightning.pytorch as pl

    from seep_lightning.data.datamodule import SeepDataModule


log = logging.getLogger(__name__)


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
    from seep_lightning.reporting.panels import write_hparams
    from seep_lightning.runs.lineage import learned_before

    cfg = with_absolute_paths(cfg)
    check_config(cfg)
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
    except RunTakenOver:  # the directory is another process's by now
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


def read_last(run: Run, cfg: TrainConfig, data: "SeepDataModule") -> dict[str, Any] | None:
    """The run's last checkpoint, None where there is none yet; `UserError` where this is not the same run."""
    from seep_lightning.data.split import read_split
    from seep_lightning.runs.checkpoints import read_checkpoint

    if not run.last.is_file():
        return None
    check_same_config(run, cfg)
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


def finish(trainer: "pl.Trainer", run: Run, cfg: TrainConfig, data: "SeepDataModule", score: float) -> dict[str, Any]:
    """Figures of the best checkpoint on validation, of which the monitor was `score`; and what it was trained on."""
    import torch

    from seep_lightning.evaluation.scoring import ScoredChip, score_chips
    from seep_lightning.metrics.objects import best_min_area
    from seep_lightning.predictor.torch_predictor import TorchPredictor, stored_network
    from seep_lightning.runs.checkpoints import read_checkpoint

    path, masks = run.checkpoint("best"), list[Any]()
    content = read_checkpoint(path)
    predictor = TorchPredictor(stored_network(content, path))

    def sink(chip: ScoredChip) -> None:
        masks.append((chip.predicted(predictor.threshold), chip.truth))

    scored = score_chips(predictor, data.chips, data.indices("val"), batch_size=cfg.data.batch_size, sink=sink)
    figures = {"val": scored.figures_at(predictor.threshold), "val_at_0.5": scored.figures_at(0.5)}
    predictor.apply_scaling(scored.reliability.scaling())
    score = score if ranked_by(cfg.monitor) == cfg.monitor else figures["val_at_0.5"]["dice"]
    best = {"monitor": cfg.monitor, "score": score, "epoch": content["epoch"]}
    best |= {"threshold": predictor.threshold, "min_area": best_min_area(masks), "scaling": predictor.scaling}
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
