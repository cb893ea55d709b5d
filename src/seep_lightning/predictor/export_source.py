"""What an export writes of a run: its network, its content as plain values, and its model card."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seep_lightning.runs.directory import Run

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
class ExportSource:
    """A trained network, as a writer of an export format gets it.

    Attributes:
        content: Of its checkpoint, see `runs.checkpoints.read_run_checkpoint`.
        path: The checkpoint, for messages.
        card: The model card, JSON.
    """

    content: dict[str, Any]
    path: Path
    card: str

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
            "hyper_parameters": {key: settings[key] for key in NETWORK_SETTINGS},
            CHECKPOINT_KEY: {**self.content[CHECKPOINT_KEY], "model_card": self.card},
        }


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
