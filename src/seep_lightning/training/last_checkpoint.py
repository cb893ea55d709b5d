"""The checkpoint that a run resumes from, checked against the settings and the data of now."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from seep_lightning.config.targets import TARGET
from seep_lightning.config.training import TrainConfig
from seep_lightning.errors import UserError
from seep_lightning.runs.directory import Run
from seep_lightning.runs.resume import check_same_config
from seep_lightning.training.callback_states import check_callback_states

if TYPE_CHECKING:
    from seep_lightning.data.datamodule import SeepDataModule


def read_last_checkpoint(run: Run, config: TrainConfig, data: "SeepDataModule") -> dict[str, Any] | None:
    """Read the run's last checkpoint, after checking that training may go on from it.

    Args:
        run: The run directory.
        config: The settings to go on with.
        data: The chips and their split as they are now.

    Returns:
        The content of `last.ckpt`; None where the run has none yet.

    Raises:
        UserError: Settings, data or split are those of another run, a state names files outside of the run, or the run
            is longer than `trainer.max_epochs` or `max_steps`.
    """
    from seep_lightning.runs.checkpoints import read_checkpoint

    if not run.last.is_file():
        return None
    check_same_config(run, config)
    content = read_checkpoint(run.last)
    if "optimizer_states" not in content:
        raise UserError(f"{run.last} is not a last checkpoint: it holds weights alone. Start anew with init={run.dir}.")
    for key in ("epoch", "global_step"):
        if content.get(key) is None:
            raise UserError(f"{run.last} is damaged: it does not say its {key}. Start anew with init={run.dir}.")
    check_optimizer_states(run, content["optimizer_states"])
    check_callback_states(run, config, content.get("callbacks", {}))
    _check_same_data(run, content["hyper_parameters"]["facts"].get("fingerprint"), data)
    _check_length(run, "epochs", content["epoch"] + 1, config.trainer.max_epochs)
    _check_length(run, "steps", content["global_step"], config.trainer.max_steps)
    return content


def check_last_is_not_lost(run: Run) -> None:
    """Check that a directory without a last checkpoint holds no training: that would start over, and be replaced.

    A training that was killed before its first checkpoint, or between the best and the last one of that epoch, has
    nothing to lose and starts over.

    Args:
        run: The run directory; `last.ckpt` is not there.

    Raises:
        UserError: It was trained further than to its first checkpoint.
    """
    evidence = _evidence_of_training(run)
    if evidence is not None:
        raise UserError(
            f"{run.dir} has {evidence}, but no checkpoints/last.ckpt, from which a training goes on. Put that back, or "
            f"start a new run elsewhere, from its weights with init={run.dir}."
        )


def _evidence_of_training(run: Run) -> str | None:
    """What tells that a run had a last checkpoint once; None where nothing does."""
    from seep_lightning.runs.checkpoints import read_checkpoint
    from seep_lightning.runs.records import read_history

    summary = run.summary()
    if "best" in summary or run.finished:
        return "final figures"
    if any(run.dir.glob("evaluate/*/summary.json")):
        return "evaluations"
    best = run.checkpoints / "best.ckpt"
    if best.is_file() and not run.config_path.is_file():
        return "checkpoints/best.ckpt"
    if not run.config_path.is_file():
        return None
    # the last checkpoint of these epochs was written, or the training was killed as it was about to be
    first_epochs = run.config.checkpoint_every
    if best.is_file() and read_checkpoint(best)["epoch"] >= first_epochs:
        return "checkpoints/best.ckpt"
    if any(row["epoch"] > first_epochs for row in read_history(run.metrics_path)):
        return "metrics.csv"
    return None


def check_optimizer_states(run: Run, states: Any) -> None:
    """Check the states of optimisers, since the first step would fail on damaged ones.

    Of each parameter an optimiser keeps the same: what is a tensor of one is a tensor of all. Those of torch also keep
    as much of each, or something else instead (Adafactor, of vectors and of matrices).

    Args:
        run: The run that is resumed.
        states: Of its last checkpoint.

    Raises:
        UserError: They are none.
    """
    damaged = UserError(f"{run.last} is damaged in the state of its optimiser. Start anew with init={run.dir}.")
    kinds: dict[tuple[int, str], type] = {}
    try:
        for number, optimizer in enumerate(states):
            for parameter in optimizer["state"].values():
                for name, value in parameter.items():
                    if kinds.setdefault((number, name), type(value)) is not type(value):
                        raise damaged
            if _keeps_the_same_of_each(run) and _lacks_something(optimizer["state"].values()):
                raise damaged
    except (TypeError, LookupError, AttributeError) as error:
        raise damaged from error


def _keeps_the_same_of_each(run: Run) -> bool:
    """Whether a run's optimiser is one of torch: those of others may keep more of a matrix than of a vector."""
    target: str = run.config.optimizer[TARGET]
    return target.startswith("torch.optim.")


def _lacks_something(parameters: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the state of some parameter has only a part of what that of another has."""
    names = {frozenset(parameter) for parameter in parameters}
    return any(fewer < more for fewer in names for more in names)


def _check_same_data(run: Run, trained_on: str | None, data: "SeepDataModule") -> None:
    from seep_lightning.data.split_table import read_split

    fingerprint = data.chips.fingerprint
    if fingerprint == trained_on and read_split(data.chips, str(run.split_path)) == data.parts:
        return
    raise UserError(
        f"run={run.dir} was trained on other data than {data.chips.root} holds now (fingerprint {trained_on}, now "
        f"{fingerprint}) or another split. Put the data back, or start a new run with init={run.dir}."
    )


def _check_length(run: Run, unit: str, done: int, limit: int) -> None:
    """Refuse a run that has more `epochs` or `steps` than its training may have."""
    is_endless = limit < 0
    if is_endless or done <= limit:
        return
    raise UserError(
        f"run={run.dir} has {done} {unit}, more than trainer.max_{unit}={limit}. "
        f"Leave the run as it is, or raise trainer.max_{unit}."
    )
