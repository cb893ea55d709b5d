"""Parts of a network by their names, such as `encoder` or `decoder.0`, for what treats them differently."""

from collections.abc import Collection, Iterable

from torch import nn

from seep_lightning.errors import UserError


def check_parts(key: str, net: nn.Module, names: Iterable[str]) -> None:
    """Refuse names that no part of a network has.

    Args:
        key: Where the names stand in the config, for messages.
        net: The network.
        names: Names of sub-modules; dots lead to those further in.

    Raises:
        UserError: One of them is no part that has weights.
    """
    parameters = [parameter for parameter, _ in net.named_parameters()]
    for name in names:
        inside = [parameter for parameter in parameters if parameter.startswith(f"{name}.")]
        if inside:
            continue
        first_names = dict.fromkeys(parameter.partition(".")[0] for parameter in parameters)
        known = ", ".join(first_names)
        raise UserError(f"{key}: {type(net).__name__} has no part {name!r} with weights. Its parts: {known}.")


def part_of(parameter: str, parts: Collection[str]) -> str | None:
    """The part that a parameter belongs to by its name; of parts within each other the innermost; None for none."""
    around = [part for part in parts if parameter.startswith(f"{part}.")]
    return max(around, key=len, default=None)
