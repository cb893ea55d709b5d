"""What a network's constructor calls its input channels and its classes."""

from collections.abc import Callable, Mapping
from typing import Any

from seep_lightning.config.targets import mapped_values, parameters_of

# The commonest names first: where a constructor has two of them, the first one is set
INPUT_KEYWORDS = ("in_channels", "in_chans", "n_channels", "num_channels", "input_channels", "in_ch", "bands")
OUTPUT_KEYWORDS = ("classes", "num_classes", "n_classes", "out_channels", "out_chans", "num_labels", "out_ch")

# Strings that a `model` node may hold in the place of a number, wherever the constructor wants it
BANDS, CLASSES = "{bands}", "{classes}"


def with_channels(
    node: Mapping[str, Any], target: Callable[..., Any], bands: int, logit_channels: int
) -> dict[str, Any]:
    """A `model` node with the numbers of channels that the data ask for.

    Placeholders are replaced by their numbers. Where there is none of a kind, the first known keyword of the
    constructor is set, unless the node sets it itself. Nothing is forced on a constructor that has no such keyword.

    Args:
        node: `_target_` and keywords.
        target: The class.
        bands: Input channels, for `{bands}` or one of `INPUT_KEYWORDS`.
        logit_channels: Channels of the logits, for `{classes}` or one of `OUTPUT_KEYWORDS`.

    Returns:
        The node with all its numbers.
    """
    numbers = {BANDS: bands, CLASSES: logit_channels}
    used: set[str] = set()

    def number_of(value: Any) -> Any:
        if isinstance(value, str) and value in numbers:
            used.add(value)
            return numbers[value]
        return value

    filled: dict[str, Any] = mapped_values(node, number_of)
    for placeholder, keywords in ((BANDS, INPUT_KEYWORDS), (CLASSES, OUTPUT_KEYWORDS)):
        keyword = _first_keyword(target, keywords)
        if placeholder not in used and keyword is not None:
            filled = {keyword: numbers[placeholder], **filled}
    return filled


def _first_keyword(target: Callable[..., Any], keywords: tuple[str, ...]) -> str | None:
    """The first of some keywords that a constructor takes."""
    parameters = parameters_of(target)
    taken = [keyword for keyword in keywords if keyword in parameters]
    return taken[0] if taken else None
