"""A trained network on torch, as a callable on arrays."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from seep_lightning.config.targets import TARGET
from seep_lightning.config.trust import judge_stored
from seep_lightning.data.normalise import Floats
from seep_lightning.errors import as_user_error
from seep_lightning.nets.bounds import bounded_by, check_activations
from seep_lightning.nets.building import build_net
from seep_lightning.nets.forward import forward_padded, stride_of
from seep_lightning.nets.outputs import main_head, probabilities
from seep_lightning.predictor.base import Predictor, told_apart
from seep_lightning.predictor.weights import load_weights
from seep_lightning.runs.checkpoints import CHECKPOINT_KEY


@dataclass(frozen=True)
class StoredNetwork:
    """A network as a checkpoint or an exported file holds it, with all that its use needs.

    Attributes:
        net: The network with its trained weights.
        facts: What the checkpoint knows of its data (`SeepDataModule.facts`), and the task.
        threshold: Tuned on validation, on probabilities before `scaling`.
        min_area: Objects of fewer pixels are dropped; None where validation chose none.
        scaling: (a, b) of sigmoid(a x logit + b).
        known_stride: What the sides of the network's input must be multiples of, in pixels, as training found it; None
            where the network tells it itself, or needs the usual one.
    """

    net: nn.Module
    facts: dict[str, Any]
    threshold: float = 0.5
    min_area: int | None = None
    scaling: tuple[float, float] = (1.0, 0.0)
    known_stride: int | None = None

    @property
    def stride(self) -> int:
        """Sides of the network's input must be multiples of this, in pixels."""
        return self.known_stride or stride_of(self.net)

    @property
    def classes(self) -> int:
        """Number of classes that the network tells apart; 0 for seep or sea."""
        return told_apart(self.facts)


def stored_network(content: dict[str, Any], path: Path) -> StoredNetwork:
    """The network in the content of a checkpoint.

    Args:
        content: What `read_checkpoint` gave.
        path: Where it came from, for messages.

    Raises:
        UserError: The checkpoint holds settings that this version does not know, or weights of another network, or
            a network of a forward pass without measure.
    """
    stored = content["hyper_parameters"]
    # a format of another package may have read it by itself
    judge_stored(str(path), stored)
    chosen = content[CHECKPOINT_KEY]
    facts = stored["facts"]
    bands = facts.get("bands", 1)
    channels_last = stored.get("channels_last")
    problem = f"{path} holds settings that this version does not know"
    kinds = (TypeError, ValueError, LookupError, AttributeError)
    with as_user_error(problem, *kinds), bounded_by(content["state_dict"].values(), str(path)):
        net = build_net(stored["model"], bands, told_apart(facts), channels_last, trained=True)
    load_weights(net, content, path)
    slope, offset = chosen.get("scaling", (1.0, 0.0))
    network = StoredNetwork(
        net=net,
        facts=facts,
        threshold=chosen["threshold"],
        min_area=chosen.get("min_area"),
        scaling=(slope, offset),
        known_stride=chosen.get("stride"),
    )
    check_activations(net, str(stored["model"][TARGET]), bands, network.stride, str(path))
    return network


class TorchPredictor(Predictor):
    """A stored network on torch; see `Predictor`. Its probabilities are not scaled yet: see `scaled_predictor`.

    Args:
        network: With what its use needs.
        device: `auto` (a GPU first), `cpu`, `cuda` or another one of torch's.

    Raises:
        UserError: The device cannot be used.
    """

    def __init__(self, network: StoredNetwork, device: str = "auto") -> None:
        super().__init__(network.facts, network.threshold, network.min_area)
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        problem = f"device={device} cannot be used here"
        with as_user_error(problem, RuntimeError, AssertionError, advice="Try device=cpu."):
            # fails on `meta`, which holds no values, too
            torch.empty(0, device=device).cpu()
        self.device = torch.device(device)
        self.stride = network.stride
        self.net = network.net.eval().to(self.device)

    @torch.inference_mode()
    def probability(self, batch: Floats) -> Floats:
        """See `Predictor`.

        Args:
            batch: Network input (B, C, H, W).
        """
        inputs = torch.from_numpy(batch).to(self.device)
        half_precision = self.precision == "bf16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half_precision):
            output = forward_padded(self.net, inputs, self.stride)
            logits = main_head(output)
        on_host = probabilities(logits, self.scaling).cpu()
        return np.asarray(on_host.numpy())


def scaled_predictor(network: StoredNetwork, device: str = "auto") -> TorchPredictor:
    """A stored network as a predictor that gives scaled probabilities.

    Args:
        network: With its scaling.
        device: See `TorchPredictor`.

    Raises:
        UserError: The device cannot be used.
    """
    predictor = TorchPredictor(network, device)
    predictor.apply_scaling(network.scaling)
    return predictor
