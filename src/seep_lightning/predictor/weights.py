"""Weights of a file, put into a network: all of them, or as many as fit."""

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from seep_lightning.documents.regular_files import check_regular
from seep_lightning.errors import UserError, as_user_error
from seep_lightning.runs.checkpoints import CHECKPOINT_KEY, check_archive, read_checkpoint

log = logging.getLogger(__name__)

OURS = "net."
"""What the names of a network's weights begin with in our checkpoints."""

# Where files of other programs keep the weights, and what they put before the names
STATE_DICT_KEYS = ("state_dict", "model_state_dict", "model", "net", "weights")
FOREIGN_PREFIXES = ("module.", "model.", "net.", "backbone.", "encoder.")

LEAST_SHARE = 0.1
"""Of a network's values, below which a file of weights is taken for that of another network."""

LISTED = 8
"""How many names a list in a message has at most."""


@dataclass(frozen=True)
class PartialFit:
    """Which weights of a file fit a network.

    Attributes:
        weights: Those that fit, by their names in the network.
        left: Names of the network's weights that the file lacks or has in another shape.
        unused: Names in the file that the network does not have.
    """

    weights: dict[str, Tensor]
    left: list[str]
    unused: list[str]

    @property
    def values(self) -> int:
        """How many numbers fit."""
        return sum(weight.numel() for weight in self.weights.values())


def load_weights(net: nn.Module, content: Mapping[str, Any], path: Path) -> None:
    """Put all weights of a checkpoint into its network.

    Args:
        net: The network that the checkpoint names.
        content: What `read_checkpoint` gave.
        path: Where it came from, for messages.

    Raises:
        UserError: The weights are those of another network.
    """
    try:
        net.load_state_dict(_own_weights(content))
    # of shapes, and of tensors that are of another kind than a network's
    except (RuntimeError, TypeError, ValueError, NotImplementedError) as error:
        reason = str(error).splitlines()[-1].strip().rstrip(".")
        message = f"{path}: its network differs from model ({reason}). Use the model it was trained with."
        raise UserError(message) from error


def fits(net: nn.Module, path: Path) -> bool:
    """Whether a network can start from a file's weights, see `start_from`."""
    return _is_of_network(_best_fit(net, read_weights(path)), net)


def start_from(net: nn.Module, path: Path) -> None:
    """Put as many weights of a file into a network as fit, and log which do not.

    Last layers of another task keep the weights that they have, as does all that the file lacks.

    Args:
        net: The network.
        path: One of our checkpoints or exported files, or a file that `torch.save` wrote of a state dict; names may
            begin with one of `FOREIGN_PREFIXES`, or lack the name of the part that they are for.

    Raises:
        UserError: The file holds no weights, more than weights, or those of another network.
    """
    fit = _best_fit(net, read_weights(path))
    if not _is_of_network(fit, net):
        raise UserError(
            f"{path}: its network differs from model ({_listed(fit.left)} do not fit). "
            "Use the model it was trained with, or init=null."
        )
    with as_user_error(f"{path}: its weights cannot be taken", RuntimeError, TypeError, NotImplementedError):
        net.load_state_dict(fit.weights, strict=False)
    if fit.left:
        log.info("init=%s: %s keep their own weights", path.name, _listed(fit.left))
    if fit.unused:
        log.info("init=%s: the network has no %s", path.name, _listed(fit.unused))


def read_weights(path: Path) -> dict[str, Tensor]:
    """The weights in a file, by name.

    Args:
        path: See `start_from`.

    Raises:
        UserError: The file cannot be trusted or read, or holds no weights.
    """
    content = _plain_content(path)
    if not isinstance(content, Mapping) or CHECKPOINT_KEY in content or not _holds_weights(content):
        return _own_weights(read_checkpoint(path))
    for key in STATE_DICT_KEYS:
        if isinstance(content.get(key), Mapping):
            content = content[key]
            break
    return {str(name): value for name, value in content.items() if isinstance(value, Tensor)}


def _plain_content(path: Path) -> Any:
    """What torch reads from a file without running anything in it; None where it cannot."""
    check_regular(path)
    check_archive(path)
    try:
        with warnings.catch_warnings(action="ignore"):
            return torch.load(path, map_location="cpu", weights_only=True)
    # a damaged file may raise anything; `read_checkpoint` says what is wrong with it
    except Exception:
        return None


def _holds_weights(content: Mapping[str, Any]) -> bool:
    """Whether a mapping is a state dict, or holds one."""
    inner = [content[key] for key in STATE_DICT_KEYS if isinstance(content.get(key), Mapping)]
    return any(isinstance(value, Tensor) for mapping in (content, *inner) for value in mapping.values())


def _own_weights(content: Mapping[str, Any]) -> dict[str, Tensor]:
    """The network's weights in one of our checkpoints, by their names in the network."""
    stored = content["state_dict"]
    return {name.removeprefix(OURS): weight for name, weight in stored.items() if name.startswith(OURS)}


def _is_of_network(fit: PartialFit, net: nn.Module) -> bool:
    """Whether a network has enough of its weights in a file to start from."""
    total = sum(weight.numel() for weight in net.state_dict().values())
    return bool(fit.values >= LEAST_SHARE * total)


def _best_fit(net: nn.Module, weights: Mapping[str, Tensor]) -> PartialFit:
    """The fit of a file's weights under the change of their names by which most of them fit."""
    attempts = [_fit(net, {rename(name): weight for name, weight in weights.items()}) for rename in _renamings(net)]
    return max(attempts, key=lambda fit: fit.values)


def _fit(net: nn.Module, weights: Mapping[str, Tensor]) -> PartialFit:
    """Which weights fit a network by name and shape."""
    own = net.state_dict()
    fitting = {name: weight for name, weight in weights.items() if name in own and weight.shape == own[name].shape}
    left = [name for name in own if name not in fitting]
    unused = [name for name in weights if name not in own]
    return PartialFit(fitting, left, unused)


def _renamings(net: nn.Module) -> Iterator[Callable[[str], str]]:
    """Changes of a weight's name: none, without a prefix of other programs, or into a part of the network."""
    yield str
    for prefix in FOREIGN_PREFIXES:
        yield _without_prefix(prefix)
    for part, _ in net.named_children():
        yield _with_prefix(f"{part}.")


def _without_prefix(prefix: str) -> Callable[[str], str]:
    """What takes a prefix from a name."""

    def rename(name: str) -> str:
        return name.removeprefix(prefix)

    return rename


def _with_prefix(prefix: str) -> Callable[[str], str]:
    """What puts a prefix before a name."""

    def rename(name: str) -> str:
        return prefix + name

    return rename


def _listed(names: list[str]) -> str:
    """Some names, and how many more there are."""
    text = ", ".join(names[:LISTED])
    hidden = len(names) - LISTED
    return text if hidden <= 0 else f"{text} and {hidden} more"
