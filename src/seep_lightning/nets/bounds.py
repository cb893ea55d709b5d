"""A limit to the size of a network while it is built: a stored config may ask for more than its weights have."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from seep_lightning.errors import UserError

# Constructors may make parts that they throw away, such as an encoder's classifier
SLACK_FACTOR = 4
SLACK_VALUES = 1 << 24
# of any network
MOST_MODULES = 10_000


@contextmanager
def bounded_by(weights: Iterable[Tensor], source: str) -> Iterator[None]:
    """Stop whoever builds a network that is much larger than its weights, before its memory is used.

    Torch calls us for each parameter that a module gets: then it is allocated, but not yet filled.

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

    def count_parameter(module: nn.Module, name: str, parameter: Any) -> None:
        nonlocal values
        if parameter is None or isinstance(parameter, UninitializedParameter | UninitializedBuffer):
            return
        values += parameter.numel()
        if values > most:
            raise UserError(
                f"{source}: its network differs from model: it holds {stored} values, and the model that it names has "
                f"more than {most}. Use the model it was trained with."
            )

    def count_module(module: nn.Module, name: str, part: Any) -> None:
        nonlocal modules
        modules += 1
        if modules > MOST_MODULES:
            raise UserError(f"{source}: the model that it names has more than {MOST_MODULES} parts.")

    hooks = [
        register_module_parameter_registration_hook(count_parameter),
        register_module_module_registration_hook(count_module),
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
