"""What of a data set's folders is not used, and why."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# suffixes that a line names; of more, the most frequent
LISTED_SUFFIXES = 4


@dataclass(frozen=True)
class LeftOut:
    """Files that are not used, of one folder and for one reason.

    Attributes:
        count: How many there are.
        suffixes: How many there are of each suffix, as text such as `36 .jpg`.
        place: Where they lie, such as `images`.
        reason: Why they are left out, in words.
        example: The name of one of them.
        readable: True if their suffix is that of a chip: somebody may have meant to use them.
        alone: True if they are images or masks that lack their partner.
    """

    count: int
    suffixes: str
    place: str
    reason: str
    example: str
    readable: bool
    alone: bool = False

    def __str__(self) -> str:
        return f"{self.suffixes} in {self.place}, such as {self.example}: {self.reason}"


def left_out(names: Iterable[str], place: str, reason: str, *, readable: bool, alone: bool = False) -> list[LeftOut]:
    """Sum up files that are left out for one reason.

    Args:
        names: Their names.
        place: Where they lie.
        reason: Why they are left out.
        readable: True if their suffix is that of a chip.
        alone: True if they are images or masks that lack their partner.

    Returns:
        One entry; none where there are no names.
    """
    found = sorted(names)
    if not found:
        return []
    return [LeftOut(len(found), counted_suffixes(found), place, reason, found[0], readable, alone)]


def counted_suffixes(names: Iterable[str]) -> str:
    """Count files by suffix, in words: `839 .jpg, 2 .txt`."""
    counts = Counter(Path(name).suffix.lower() or "without suffix" for name in names)
    parts = [f"{count} {suffix}" for suffix, count in counts.most_common(LISTED_SUFFIXES)]
    others = counts.total() - sum(count for _, count in counts.most_common(LISTED_SUFFIXES))
    if others:
        parts.append(f"{others} others")
    return ", ".join(parts)
