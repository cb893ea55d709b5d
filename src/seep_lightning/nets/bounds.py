"""Limits to the size of a stored network while it is built, and to what its forward pass makes of a window."""

import logging
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_buffer_registration_hook,
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter
from torch.overrides import TorchFunctionMode

from seep_lightning.config.trust import is_vouched_for
from seep_lightning.errors import UserError

# Constructors may make parts that they throw away, such as an encoder's classifier
SLACK_FACTOR = 4
SLACK_VALUES = 1 << 24
# of any network
MOST_MODULES = 10_000
# Values that any tensor of a forward pass may have for each pixel of the network's input: a U-Net of width 64 has 64
MOST_VALUES_PER_PIXEL = 2048
# Functions by which constructors make buffers, filled at once; parameters are counted before they are filled
FACTORIES = (torch.zeros, torch.ones, torch.full, torch.arange, torch.linspace, torch.eye, torch.rand, torch.randn)
# What the names of our own networks begin with
OWN_NETWORKS = "seep_lightning.nets."
# Pixels of the sides of the input that is tried
TRIAL_SIDE = 256

log = logging.getLogger(__name__)


@contextmanager
def bounded_by(weights: Iterable[Tensor], source: str) -> Iterator[None]:
    """Stop whoever builds a network that is much larger than its weights, before its memory is used.

    Torch calls us for each parameter and buffer that a module gets: then a parameter is allocated, but not yet filled.

    Args:
        weights: That are to be loaded into the network.
        source: Where they come from, for messages.

    Raises:
        UserError: The network is larger.
    """
    stored = sum(weight.numel() for weight in weights)
    most = SLACK_FACTOR * stored + SLACK_VALUES
    values = 0
    modules = 0

    def count_values(module: nn.Module, name: str, parameter: Any) -> None:
        nonlocal values
        if parameter is None or isinstance(parameter, UninitializedParameter | UninitializedBuffer):
            return
        values += parameter.numel()
        if values > most:
            raise _larger(source, stored, most)

    def count_module(module: nn.Module, name: str, part: Any) -> None:
        nonlocal modules
        modules += 1
        if modules > MOST_MODULES:
            raise UserError(f"{source}: the model that it names has more than {MOST_MODULES} parts.")

    hooks = [
        register_module_parameter_registration_hook(count_values),
        register_module_buffer_registration_hook(count_values),
        register_module_module_registration_hook(count_module),
    ]
    try:
        with _BoundedFactories(most, source, stored):
            yield
    finally:
        for hook in hooks:
            hook.remove()


def _larger(source: str, stored: int, most: int) -> UserError:
    """The error for a network that is much larger than its weights."""
    return UserError(
        f"{source}: its network differs from model: it holds {stored} values, and the model that it names has "
        f"more than {most}. Use the model it was trained with."
    )


class _BoundedFactories(TorchFunctionMode):
    """Raises `UserError` before a function of torch that makes a tensor by itself makes one that is too large."""

    def __init__(self, most: int, source: str, stored: int) -> None:
        super().__init__()
        self.most = most
        self.source = source
        self.stored = stored

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the function, after asking how large a tensor it would make."""
        keywords = kwargs or {}
        if func in FACTORIES:
            planned = func(*args, **{**keywords, "device": "meta"})
            if math.prod(planned.shape) > self.most:
                raise _larger(self.source, self.stored, self.most)
        return func(*args, **keywords)


def check_activations(net: nn.Module, name: str, bands: int, stride: int, source: str) -> None:
    """Refuse a network whose forward pass takes memory without measure, such as one that enlarges 100 times.

    It is tried on tensors without values (torch's device `meta`), which take neither memory nor time. A network that
    does not work with such tensors is not judged. Our own networks enlarge nothing, and are not tried: the first such
    tensor has torch import sympy, for half a second.

    Args:
        net: The network; it stays as it is.
        name: Of its class, dotted.
        bands: Number of input channels.
        stride: What the sides of its input must be multiples of, in pixels.
        source: Where it comes from, for messages.

    Raises:
        UserError: A tensor of the forward pass is too large.
    """
    if name.startswith(OWN_NETWORKS) or is_vouched_for(name):
        return
    side = TRIAL_SIDE + -TRIAL_SIDE % stride
    most = MOST_VALUES_PER_PIXEL * side * side
    try:
        trial = _without_values(net).eval()
        with torch.no_grad(), _BoundedTensors(most, source):
            trial(torch.empty(1, bands, side, side, device="meta"))
    except UserError:
        raise
    # a network may need values, and its code may then raise anything
    except Exception as error:
        log.debug("%s was not tried without values: %s", source, error)


def _without_values(net: nn.Module) -> nn.Module:
    """A copy of a network whose weights have shapes alone."""
    shapes: dict[int, Any] = {}
    for parameter in net.parameters():
        shapes[id(parameter)] = nn.Parameter(parameter.detach().to("meta"), requires_grad=False)
    for buffer in net.buffers():
        shapes[id(buffer)] = buffer.to("meta")
    # what is noted as copied already is not copied
    return deepcopy(net, shapes)


class _BoundedTensors(TorchFunctionMode):
    """Raises `UserError` as soon as a function of torch gives a tensor of more than so many values."""

    def __init__(self, most: int, source: str) -> None:
        super().__init__()
        self.most = most
        self.source = source

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the function, and look at what it gives."""
        result = func(*args, **(kwargs or {}))
        tensors = result if isinstance(result, list | tuple) else [result]
        for tensor in tensors:
            # not by `numel()`, which would come here again
            if isinstance(tensor, Tensor) and math.prod(tensor.shape) > self.most:
                raise UserError(
                    f"{self.source}: the model that it names makes more than {MOST_VALUES_PER_PIXEL} values of each "
                    "pixel, for which no memory is enough. Use another network."
                )
        return result
