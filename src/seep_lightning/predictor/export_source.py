"""What an export writes of a run: its network, its content as plain values, and its model card."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seep_lightning.errors import UserError
from seep_lightning.runs.directory import Run, open_run
from seep_lightning.runs.newest import run_or_newest_below
from seep_lightning.runs.weights import named_network, network_name

if TYPE_CHECKING:
    from seep_lightning.predictor.torch_predictor import StoredNetwork

USE = (
    "Outlines dark slicks (natural oil seeps) on detected SAR images of the sea. Look-alikes (calm water, algae, rain) "
    "are found as well: every outline is for a person to judge. Other sensors, pixel sizes and seas than those of the "
    "training data have not been tried."
)
# What the model card takes from the run's summary.
CARD_KEYS = ("name", "data", "split", "leakage", "best", "epochs", "figures", "packages", "git")
# What the use of a network needs of the settings in a checkpoint.
NETWORK_SETTINGS = ("model", "facts", "channels_last")


@dataclass(frozen=True)
class ExportOptions:
    """Keys of `export` that only some formats take; None where the user does not say.

    Attributes:
        size: See `ExportConfig`.
        values: See `ExportConfig`.
        pixel_size: See `ExportConfig`.
    """

    size: int | None = None
    values: str | None = None
    pixel_size: float | None = None

    def said(self) -> dict[str, Any]:
        """Those that the user gave, by their keys."""
        values = {option.name: getattr(self, option.name) for option in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


def channels_of_seep(classes: int) -> list[str]:
    """The channels that a predictor gives: seep, then each class that the network tells apart."""
    return ["seep", *(f"class {number}" for number in range(1, classes + 1))]


@dataclass(frozen=True)
class Interface:
    """What a file takes and gives, in words.

    Attributes:
        takes: The numbers that go in.
        channels: The names of the channels that come out, of so many classes that the network tells apart.
    """

    takes: str = "Numbers as the raster stores them."
    channels: Callable[[int], list[str]] = channels_of_seep


@dataclass(frozen=True)
class ExportSource:
    """A trained network, as a writer of an export format gets it.

    Attributes:
        content: Of its checkpoint, see `runs.checkpoints.read_run_checkpoint`.
        path: The checkpoint, for messages.
        card: The model card, JSON.
        name: Of the network.
        options: What the user said of the file.
    """

    content: dict[str, Any]
    path: Path
    card: str
    name: str = ""
    options: ExportOptions = field(default_factory=ExportOptions)

    @cached_property
    def network(self) -> "StoredNetwork":
        """The network on torch, with all that its use needs.

        Raises:
            UserError: The checkpoint holds settings that this version does not know, or weights of another network.
        """
        from seep_lightning.predictor.torch_predictor import stored_network

        return stored_network(self.content, self.path)

    def without_training_state(self) -> dict[str, Any]:
        """The checkpoint's content without what only training needs: tensors and plain values.

        Returns:
            What `stored_network` takes: `state_dict`, `hyper_parameters`, and what we know under `CHECKPOINT_KEY`.
        """
        from seep_lightning.runs.checkpoints import CHECKPOINT_KEY

        settings = self.content["hyper_parameters"]
        state = self.content["state_dict"]
        return {
            "state_dict": {name: tensor for name, tensor in state.items() if name.startswith("net.")},
            "hyper_parameters": {key: settings.get(key) for key in NETWORK_SETTINGS},
            CHECKPOINT_KEY: {**self.content[CHECKPOINT_KEY], "model_card": self.card},
        }


def source_of(run: str, checkpoint: str, options: ExportOptions) -> ExportSource:
    """What there is to export.

    Args:
        run: A run directory, a network in the package (`seeps`, `generated`), or a file of `export format=torch`.
        checkpoint: Of a run directory: `best` or `last`.
        options: What the user said of the file.

    Raises:
        UserError: There is no such run, network or file, or it cannot be read.
    """
    path = run_or_newest_below(named_network(run), checkpoint)
    directory = None if path.is_file() else open_run(path)
    if directory is not None:
        checkpoint_path = directory.checkpoint(checkpoint)
    # with torch; that there is no such run is told without it
    from seep_lightning.runs.checkpoints import CHECKPOINT_KEY, read_checkpoint, read_run_checkpoint

    if directory is None:
        if checkpoint != "best":
            raise UserError(f"checkpoint={checkpoint}: {path} is no run but one network. Leave the key out.")
        content = read_checkpoint(path)
        card = content[CHECKPOINT_KEY].get("model_card", "{}")
        return ExportSource(content, path, card, network_name(path), options)
    content = read_run_checkpoint(directory, checkpoint)
    card = model_card(directory, content["epoch"])
    return ExportSource(content, checkpoint_path, card, network_name(path), options)


def model_card(run: Run, epoch: int) -> str:
    """What a network is for, what it was trained on and how well its best epoch does.

    Args:
        run: Its run.
        epoch: Of the weights.

    Returns:
        JSON.
    """
    summary = run.summary()
    facts = {key: summary.get(key) for key in CARD_KEYS}
    data = dict(facts["data"] or {})
    # where the data lay says nothing to anybody else
    data.pop("root", None)
    facts["data"] = data
    card = {"use": USE, "model": run.config.model, "epoch": epoch, **facts}
    return json.dumps(card, indent=2)
