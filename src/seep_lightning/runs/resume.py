"""What may change when a run is resumed, and whether a finished run covers what is asked for."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import asdict, replace
from pathlib import Path
from shlex import quote
from typing import Any

from seep_lightning.config.training import TrainConfig, TrainerConfig
from seep_lightning.errors import UserError
from seep_lightning.files import absolute
from seep_lightning.runs.directory import Run
from seep_lightning.runs.settings import flatten
from seep_lightning.runs.weights import SHIPPED_NETWORKS

BESIDE_THE_TRAINING = {
    "compile": "the same numbers, at another speed",
    "cuda_graphs": "the same numbers, at another speed",
    "channels_last": "the same numbers, at another speed",
    "logger": "only watches the training",
    "panels": "only watches the training",
    "progress": "only watches the training",
    "figures": "only watches the training",
    "metrics": "only watches the training",
    "test": "comes after the training",
}
"""Sections of the config that leave the weights what they are, each with the reason; taken from the command line."""

OTHER_CHANGES = {
    "run": "names the run that goes on",
    "ckpt": "says from what it goes on",
    "callbacks": "your own additions to the training, which may come and go",
    "hydra": "is about the command, not about the training",
    "trusted": "is about the command, not about the training",
    "trainer": "says for how long and on what hardware to train",
    "data.root": "the chips may lie elsewhere now",
    "data.images": "the chips may lie elsewhere now",
    "data.masks": "the chips may lie elsewhere now",
    "data.image_suffix": "the chips may be called otherwise now",
    "data.mask_suffix": "the masks may be called otherwise now",
    "data.pairs": "the chips may lie elsewhere now",
    "data.layout": "the chips may lie elsewhere now; that they are the same is checked by their fingerprint",
    "data.grid": "decides the split alone, which must be that of the run's split.csv",
    "data.num_workers": "the same chips, at another speed",
    "data.cache_gb": "the same chips, at another speed",
    "data.cache_folder": "the same chips, at another speed",
}
"""Beginnings of other keys that may change on resume, each with the reason."""

MAY_CHANGE = (*BESIDE_THE_TRAINING, *OTHER_CHANGES)

HARDWARE = ("accelerator", "devices", "num_nodes", "plugins", "strategy", "precision", "benchmark", "sync_batchnorm")
"""What a group such as `trainer=gpu` is about: taken from it even where it is the Trainer's default."""

ONE_PROCESS: dict[str, tuple[Any, ...]] = {
    "strategy": ("auto",),
    "devices": (1, "1"),
    "num_nodes": (1,),
    "plugins": (None,),
}
"""Settings of the Trainer that start other processes and open ports, with the values that do not."""

DECIDES_OUTCOME = {
    "min_epochs": "the length",
    "max_steps": "the length",
    "min_steps": "the length",
    "max_time": "the length",
    "limit_train_batches": "what an epoch is",
    "limit_val_batches": "what the best epoch is",
    "val_check_interval": "what the best epoch is",
    "check_val_every_n_epoch": "what the best epoch is",
    "accumulate_grad_batches": "each step",
    "gradient_clip_val": "each step",
    "gradient_clip_algorithm": "each step",
}
"""Settings of the Trainer on which a finished run depends beside `max_epochs`, and what they decide."""

PLACES_OF_CHIPS = ("root", "images", "masks", "pairs")
"""Keys of the data by which a finished run is of the same files."""

START_ANEW = (
    "Only trainer.*, callbacks, paths and the like may change on resume; start a new run from its weights with init"
)


def covers(run: Run, config: TrainConfig) -> bool:
    """Whether a finished run has all that is asked for.

    Args:
        run: The finished run.
        config: What is asked for.

    Returns:
        Whether it has all the epochs, on data at the same place.

    Raises:
        UserError: It is another run.
    """
    check_same_config(run, config)
    stored = run.config.trainer
    asked = config.trainer
    for key in DECIDES_OUTCOME:
        before = getattr(stored, key)
        now = getattr(asked, key)
        if before != now:
            raise UserError(f"{run.dir} is finished, with trainer.{key}={before}, not {now}. Choose another folder.")
    # -1 epochs are endless
    was_endless = stored.max_epochs < 0
    enough_epochs = was_endless or 0 <= asked.max_epochs <= stored.max_epochs
    lie_there_still = all(getattr(run.config.data, key) == getattr(config.data, key) for key in PLACES_OF_CHIPS)
    return enough_epochs and lie_there_still


def check_same_config(run: Run, config: TrainConfig) -> None:
    """Check that a config differs from a run's own in no more than may change on resume.

    Args:
        run: The run.
        config: The config that is to go on with it.

    Raises:
        UserError: It differs in more.
    """
    stored = flatten(asdict(run.config))
    asked = flatten(asdict(with_stored_choices(config, run.config)))
    for key in sorted(stored.keys() | asked.keys()):
        before = stored.get(key)
        now = asked.get(key)
        if before != now and not key.startswith(MAY_CHANGE):
            raise UserError(f"run={run.dir} was started with {key}={before}, not {now}. {START_ANEW}=DIR.")


def with_stored_choices(config: TrainConfig, stored: TrainConfig) -> TrainConfig:
    """Fill in what a config leaves open with what was chosen when the run began.

    Args:
        config: The config that is to go on with the run.
        stored: The run's own.
    """
    # with OpenCV, which a command that resumes nothing does without
    from seep_lightning.data.choices import choices_of, with_choices

    return replace(config, data=with_choices(config.data, choices_of(config.data, stored.data)))


def with_absolute_paths(config: TrainConfig) -> TrainConfig:
    """The config with paths that hold from any folder, since later commands read it from elsewhere.

    Args:
        config: As composed.
    """
    init = config.init
    if init not in SHIPPED_NETWORKS:
        init = absolute(init)
    return replace(
        config,
        data=replace(config.data, root=absolute(config.data.root), pairs=_absolute_list(config.data.pairs)),
        split=replace(config.split, path=absolute(config.split.path)),
        init=init,
    )


def _absolute_list(path: str | None) -> str | None:
    """The path of `data.pairs` from any folder; one that is relative to `data.root` stays."""
    if path is None or not Path(path).is_file():
        return path
    return absolute(path)


def resumed_config(run: Run, new: TrainConfig, overrides: Sequence[str]) -> TrainConfig:
    """The stored config of a run, with what may change on resume put on top.

    Args:
        run: The run.
        new: The config that the command line composed.
        overrides: The command line, which says what of it was asked for.

    Raises:
        UserError: Something else was asked for, or several processes were not.
    """
    keys = [override.lstrip("+~").partition("=")[0] for override in overrides]
    for key in keys:
        if not key.startswith(MAY_CHANGE):
            raise UserError(f"{key} cannot change on resume: the run keeps its own config. {START_ANEW}={run.dir}.")
    config = deepcopy(run.config)
    _check_processes(run, keys)
    _take_trainer(config, new, keys)
    _take_data(config, new, keys)
    _take_callbacks(config, new, keys)
    for key in keys:
        section = key.partition(".")[0]
        if section in BESIDE_THE_TRAINING:
            setattr(config, section, getattr(new, section))
    config.run = None
    config.ckpt = None
    return config


def arguments_for_processes(config: TrainConfig) -> str:
    """What a command needs beside `run=DIR` to go on with several processes: ` trainer.devices=2`, after a blank.

    Args:
        config: The run's own.

    Returns:
        Arguments for a shell; empty where one process trains.
    """
    stored = vars(config.trainer)
    settings = [f"trainer.{name}={stored[name]}" for name, single in ONE_PROCESS.items() if stored[name] not in single]
    return "".join(f" {quote(setting.replace(' ', ''))}" for setting in settings)


def _check_processes(run: Run, keys: Sequence[str]) -> None:
    """Refuse to start other processes because a stored config says so: they listen on a port of all networks."""
    asked = arguments_for_processes(run.config)
    if not asked or "trainer" in keys:
        return
    names = [argument.strip("'").partition("=")[0] for argument in asked.split()]
    if any(name not in keys for name in names):
        raise UserError(
            f"run={run.dir} was trained by several processes, which open a port to other computers: this is not taken "
            f"from a stored config. Add{asked}, or trainer=auto for one process."
        )


def _take_data(config: TrainConfig, new: TrainConfig, keys: Sequence[str]) -> None:
    """Take the settings of the data that were asked for (`data.NAME` or `data.NAME.KEY`)."""
    # a run of somebody else does not choose where anything is written
    config.data.cache_folder = new.data.cache_folder
    for key in keys:
        section, _, setting = key.partition(".")
        if section == "data":
            name = setting.partition(".")[0]
            setattr(config.data, name, getattr(new.data, name))


def _take_callbacks(config: TrainConfig, new: TrainConfig, keys: Sequence[str]) -> None:
    """Take the callbacks that were asked for, one by one (`callbacks.NAME`) or all (`callbacks`); the others stay."""
    for key in keys:
        section, _, setting = key.partition(".")
        if section != "callbacks":
            continue
        asked = new.callbacks or {}
        name = setting.partition(".")[0]
        if name:
            config.callbacks = {**(config.callbacks or {}), name: asked.get(name)}
        else:
            config.callbacks = asked


def _take_trainer(config: TrainConfig, new: TrainConfig, keys: Sequence[str]) -> None:
    """Take the settings of the Trainer that were asked for, one by one (`trainer.NAME`) or as a group (`trainer`)."""
    default = TrainerConfig()
    names_group = "trainer" in keys
    for name, value in vars(new.trainer).items():
        set_by_group = name in HARDWARE or value != getattr(default, name)
        by_name = f"trainer.{name}" in keys
        if by_name or (names_group and set_by_group):
            setattr(config.trainer, name, value)
