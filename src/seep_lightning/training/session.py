"""One training in one run directory, from the settings to the final figures."""

import logging
import math
import os
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seep_lightning.config.rules import check_config
from seep_lightning.config.training import TrainConfig
from seep_lightning.config.trust import names_in, trusting
from seep_lightning.errors import UserError
from seep_lightning.files import real_path
from seep_lightning.runs.directory import Run, is_first_process
from seep_lightning.runs.resume import with_absolute_paths, with_stored_choices
from seep_lightning.runs.settings import settings_of
from seep_lightning.runs.status import RunStatus
from seep_lightning.runs.weights import starting_weights
from seep_lightning.training.building import build_module
from seep_lightning.training.failures import failures_recorded
from seep_lightning.training.fit import fit
from seep_lightning.training.last_checkpoint import check_last_is_not_lost, read_last_checkpoint
from seep_lightning.training.machine_precision import with_machine_precision
from seep_lightning.training.monitors import check_modes, check_monitors, with_modes
from seep_lightning.training.open_settings import settle
from seep_lightning.training.outcome import TrainingOutcome, measure_outcome
from seep_lightning.training.process import prepare_process
from seep_lightning.training.record import RunRecord, facts_of_run
from seep_lightning.training.run_lock import run_locked
from seep_lightning.training.start_lines import tell_start
from seep_lightning.training.trainer import build_trainer

if TYPE_CHECKING:
    from collections.abc import Sequence

    import lightning.pytorch as pl

    from seep_lightning.data.audit.finding import Finding
    from seep_lightning.data.datamodule import SeepDataModule
    from seep_lightning.training.module import SeepModule


log = logging.getLogger(__name__)

# so many findings of the audit are told before a training
MOST_FINDINGS = 4


@dataclass(frozen=True)
class TrainingResult:
    """What a training returns.

    Attributes:
        run: Its run directory.
        score: The monitor at the best epoch (tuned Dice for `monitor=epoch`); NaN after `trainer.fast_dev_run`.
        status: `FINISHED`, `PRUNED` by a search, or `TRIED` by `trainer.fast_dev_run`.
    """

    run: Run
    score: float
    status: RunStatus


def train(config: TrainConfig, directory: str | Path) -> TrainingResult:
    """Train one network and leave a complete run directory.

    Resumes from `checkpoints/last.ckpt` in the directory where there is one; the result is then the same, bit for bit
    on a CPU, as if the training had never stopped.

    Args:
        config: The settings, as `compose("train", overrides)` gives them.
        directory: The run directory; made where there is none.

    Returns:
        The run, its score and its status.

    Raises:
        InUse: Another training is at work in the directory.
        UserError: Anything else that the person at the keyboard can put right.
        Exception: Whatever else ends the training, such as an error in a network of one's own. `summary.json` says
            that the run failed and why, and `train.log` holds the traceback.
    """
    run = Run(real_path(directory))
    # what its own checkpoints name is what the config names
    with run_locked(run), trusting(config.trusted, named=names_in(asdict(config))):
        with failures_recorded(run):
            session = TrainingSession(config, directory)
        return session.execute()


@dataclass(frozen=True)
class Parts:
    """What a session trains with.

    Attributes:
        data: Chips, split, loaders.
        module: The network with its loss.
        trainer: Lightning's Trainer with our callbacks and loggers.
        last_checkpoint: What the run resumes from; None for a new run.
    """

    data: "SeepDataModule"
    module: "SeepModule"
    trainer: "pl.Trainer"
    last_checkpoint: dict[str, Any] | None


class TrainingSession:
    """One session of training in one run directory: the whole of a new run, or what a stopped one still lacks.

    The run's status is kept by its `RunRecord`.
    """

    def __init__(self, config: TrainConfig, directory: str | Path) -> None:
        """Check the settings; nothing is read or written yet.

        Args:
            config: The settings.
            directory: The run directory.

        Raises:
            UserError: A setting is wrong by itself or with others.
        """
        config = with_modes(with_absolute_paths(config))
        check_config(config)
        self.run = Run(real_path(directory))
        self.resumes = self.run.last.is_file()
        judge_places(config, resumes=self.resumes)
        self.config = with_machine_precision(config)
        if not self.resumes:
            check_last_is_not_lost(self.run)
        else:
            self.config = with_stored_choices(self.config, self.run.config)
        self.is_dry_run = bool(config.trainer.fast_dev_run)
        if self.resumes and self.is_dry_run:
            raise UserError(
                f"trainer.fast_dev_run=true tries a new run and keeps nothing; {self.run.dir} has checkpoints."
            )

    def execute(self) -> TrainingResult:
        """Train to the end, and record how it ended.

        Returns:
            The run, its score and its status.

        Raises:
            UserError: Anything that the person at the keyboard can put right.
        """
        started = time.perf_counter()
        with failures_recorded(self.run):
            parts = self._build_parts()
            record = self._open_record(parts, started)
            self._tell_start(parts)
            record.running()
        with record.of_errors():
            fit(parts.trainer, parts.module, parts.data, self.run, self.config)
            if self.is_dry_run:
                record.tried()
                return TrainingResult(self.run, math.nan, RunStatus.TRIED)
            status = self._status_at_the_end(parts.trainer)
            monitored = self._best_monitored_value(parts.trainer)
            if not is_first_process():
                return TrainingResult(self.run, monitored, status)
            outcome = measure_outcome(parts.trainer, self.run, self.config, parts.data, monitored)
        with failures_recorded(self.run):
            record.ended(status, outcome)
            self._write_hparams(parts.trainer, outcome)
        return TrainingResult(self.run, outcome.best.score, status)

    def _build_parts(self) -> Parts:
        """Read the data and build network and trainer; nothing is written into the run directory yet."""
        # with Lightning and torch's schedulers; a command that trains nothing answers without them
        from seep_lightning.training.criterion import check_criterion
        from seep_lightning.training.precision import check_optimizer_in_half, convert_weights
        from seep_lightning.training.schedule_course import check_course, with_interval_of_before

        prepare_process(self.config.seed)
        data = self._read_data()
        self.config = settle(self.config, data)
        # it is about this machine, and not about the run
        self.config = replace(self.config, data=replace(self.config.data, cache_folder=None))
        # a resumed run has its weights in its checkpoint, and no longer needs what it started from
        init = None if self.resumes else self.config.init
        last_checkpoint = read_last_checkpoint(self.run, self.config, data)
        config = with_interval_of_before(self.config, last_checkpoint)
        with self._bounded_by(last_checkpoint):
            module = build_module(config, data, init=init, resumes=self.resumes)
        if last_checkpoint is not None:
            data.first_epoch = last_checkpoint["epoch"] + 1
        trainer = build_trainer(self.config, self.run, data.first_epoch)
        check_course(trainer, module.net, data, config, last_checkpoint)
        check_optimizer_in_half(trainer, module.net, self.config.optimizer)
        convert_weights(trainer, module)
        if not self.resumes:
            check_monitors(self.config, module.figure_names())
            # the Trainer does not declare the attribute
            check_modes(self.config, vars(trainer)["callbacks"])
            check_criterion(trainer, data, self.config)
        return Parts(data, module, trainer, last_checkpoint)

    def _bounded_by(self, last_checkpoint: dict[str, Any] | None) -> AbstractContextManager[None]:
        """A limit to the network's size: a resumed run, which may be a stranger's, builds what its weights fit."""
        from seep_lightning.nets.bounds import bounded_by

        if last_checkpoint is None:
            return nullcontext()
        return bounded_by(last_checkpoint["state_dict"].values(), str(self.run.last))

    def _read_data(self) -> "SeepDataModule":
        from seep_lightning.data.datamodule import SeepDataModule

        config = self.config
        if config.data.source == "synthetic" and os.environ.get("SEEP_DATA_ROOT"):
            log.info("SEEP_DATA_ROOT is set, but data=synthetic does not use it; pass data=chips to train on it")
        split = config.split
        if self.resumes and split.kind == "file":
            # the run's own copy: the file that it started from may be gone
            split = replace(split, path=str(self.run.split_path))
        is_audited = not self.resumes or not self.run.summary()
        data = SeepDataModule(config.data, split, config.augment, seed=config.seed, audited=is_audited)
        data.prepare_data()
        data.setup()
        return data

    def _open_record(self, parts: Parts, started: float) -> RunRecord:
        """Write config and split, now that the Trainer took the config: a resume must not start from a refused one."""
        from seep_lightning.data.split_table import write_split
        from seep_lightning.runs.lineage import learned_before, own_outlines

        data = parts.data
        is_new = parts.last_checkpoint is None
        earlier = {} if is_new else self.run.summary()
        shared = data.leakage_line()
        leakage = earlier.get("leakage")
        if not leakage:
            leakage = shared + learned_before(self.config.init, data.chips, data.parts)
            leakage += own_outlines(self.run, self.config.init, data.chips)
        findings = data.findings()
        self.run.write_config(self.config)
        if is_first_process():
            if is_new:
                write_split(self.run.split_path, data.chips, data.parts)
            log.info("%s%s", data.split_line(), leakage.removeprefix(shared))
            tell_findings(findings)
        facts = facts_of_run(self.config, data, leakage)
        # a resumed run is not audited again
        found = [finding.text for finding in findings]
        facts["findings"] = found if data.audited else earlier.get("findings", [])
        chosen = {choice.key: choice._asdict() for choice in data.choices}
        facts["chosen"] = {**earlier.get("chosen", {}), **chosen}
        return RunRecord(self.run, facts, earlier, started)

    def _tell_start(self, parts: Parts) -> None:
        if is_first_process():
            tell_start(self.config, self.run, parts.data, parts.module, parts.trainer, parts.last_checkpoint)

    def _best_monitored_value(self, trainer: "pl.Trainer") -> float:
        value = getattr(trainer.checkpoint_callback, "best_model_score", None)
        if value is None:
            raise UserError(
                f"no checkpoint was written: monitor={self.config.monitor} was never measured before the end. "
                "Let at least one epoch and its validation end: see trainer.max_steps, max_time."
            )
        return float(value)

    def _status_at_the_end(self, trainer: "pl.Trainer") -> RunStatus:
        # the Trainer does not declare the attribute
        callbacks = vars(trainer)["callbacks"]
        was_pruned = any(getattr(callback, "pruned", False) for callback in callbacks)
        return RunStatus.PRUNED if was_pruned else RunStatus.FINISHED

    def _write_hparams(self, trainer: "pl.Trainer", outcome: TrainingOutcome) -> None:
        """Write the run's row of TensorBoard's HPARAMS tab, where TensorBoard is one of its loggers."""
        from seep_lightning.reporting.panels import StageWriters, write_hparams

        if any(isinstance(logger, StageWriters) for logger in trainer.loggers):
            write_hparams(self.run, settings_of(self.config), outcome.figures["val"], outcome.best.epoch + 1)


def judge_places(config: TrainConfig, *, resumes: bool) -> None:
    """Judge where data and first weights lie, before torch is imported, which takes seconds.

    Args:
        config: The settings.
        resumes: Whether a run is resumed, whose weights are its own.

    Raises:
        UserError: Something is not there.
    """
    from seep_lightning.data.layouts import check_place

    check_place(config.data)
    if config.init is not None and not resumes:
        starting_weights(config.init)


def tell_findings(findings: "Sequence[Finding]") -> None:
    """Warn of what would make the figures of this training meaningless, a line each, the worst first.

    Args:
        findings: What the audit of its chips found.
    """
    for finding in findings[:MOST_FINDINGS]:
        log.warning("%s", finding)
    if findings:
        hidden = len(findings) - MOST_FINDINGS
        what = f"{hidden} more such findings" if hidden > 0 else "what else is worth knowing"
        log.warning("%s: see python -m seep_lightning.check with the same data and split settings", what)
