"""Numbers in stored metrics and transforms that would take hours or all memory: a resumed run may be a stranger's.

What is built from a stored config is bounded by these limits; what a person types is not.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from seep_lightning.config.targets import TARGET, is_node

# Sizes in pixels, bins, classes and whatever else has no limit of its own
MOST = 4_096
MOST_COPIES = 1_000
# Settings by which a metric holds so many others; those of metrics within metrics multiply
COPIES = frozenset({"num_bootstraps", "num_outputs"})
MOST_BY_NAME = {"iterations": 100, "max_factor": 8, "percent": 8, "scale": 8, "scale_limit": 8}
# Values of pixels, temperatures and seeds: as large as one likes, they take neither time nor memory
FREE = frozenset({"fill", "fill_mask", "max_pixel_value", "max_value", "mean", "seed", "std", "temperature_limit"})


@dataclass(frozen=True)
class LargeNumber:
    """A number above what a stored config may ask for.

    Attributes:
        key: Where it stands, such as `metrics.boot.num_bootstraps`.
        value: As it is written.
        most: The limit.
        owner: The class that takes it, by its dotted name.
    """

    key: str
    value: Any
    most: int
    owner: str


@dataclass(frozen=True)
class _Place:
    """Where a value stands: its key, the setting's name, the class that takes it, and how many of these there are."""

    key: str
    name: str = ""
    owner: str = ""
    copies: float = 1

    def within(self, name: str) -> "_Place":
        """The place of a setting of a node, or of a value in a mapping."""
        return _Place(f"{self.key}.{name}", name, self.owner, self.copies)


def large_numbers(key: str, value: Any) -> Iterator[LargeNumber]:
    """The numbers of a node, and of nodes in it, that are above the limits.

    Args:
        key: Where the node stands in the config.
        value: A `_target_` node, or lists and mappings of such.
    """
    yield from _large(_Place(key), value)


def _large(place: _Place, value: Any) -> Iterator[LargeNumber]:
    if isinstance(value, Mapping):
        inner = _place_in_node(place, value) if is_node(value) else place
        for name, item in value.items():
            yield from _large(inner.within(str(name)), item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _large(place, item)
    elif place.name not in FREE:
        yield from _judged(place, value)


def _place_in_node(place: _Place, node: Mapping[str, Any]) -> _Place:
    """The place of a node's settings, with the copies that the node asks for."""
    asked = [_number(node[name]) for name in COPIES if name in node]
    copies = place.copies
    for number in asked:
        copies *= max(number, 1)
    return _Place(place.key, place.name, str(node[TARGET]), copies)


def _judged(place: _Place, value: Any) -> Iterator[LargeNumber]:
    """The number itself if it is too large."""
    is_copies = place.name in COPIES
    most = MOST_COPIES if is_copies else MOST_BY_NAME.get(place.name, MOST)
    number = place.copies if is_copies else abs(_number(value))
    if number > most:
        yield LargeNumber(place.key, value, most, place.owner)


def _number(value: Any) -> float:
    """A number, also one that is written as text, which transforms take, too; 0 for anything else."""
    if not isinstance(value, int | float | str):
        return 0
    try:
        return float(value)
    except ValueError:
        return 0
    except OverflowError:
        return float("inf")
