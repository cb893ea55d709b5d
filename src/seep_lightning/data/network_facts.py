"""The shape of what a checkpoint or an exported file says of the data that its network was trained on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import numpy as np
from msgspec import Meta

from seep_lightning.documents.shapes import as_shape
from seep_lightning.errors import UserError

MOST_BANDS = 4096
"""Of an image: more than any sensor has."""

LARGEST_CHIP = 2**16
"""Of the side of a chip, px."""

Side = Annotated[int, Meta(ge=1, le=LARGEST_CHIP)]

# far beyond the power of any scene, and so small that 32 bit hold their differences: with 1e308 no pixel was a number
End = Annotated[float, Meta(ge=-1e30, le=1e30)]


@dataclass(frozen=True)
class StoredNormaliser:
    """See `data.normalise.Normaliser`."""

    kind: Literal["scale", "chip", "scene"]
    log: bool = True


@dataclass(frozen=True)
class StoredRange:
    """See `data.normalise.ValueRange`; a number for each band, or one for all."""

    low: Annotated[list[End], Meta(min_length=1)]
    high: Annotated[list[End], Meta(min_length=1)]
    scale: Literal["linear", "db"] | None


@dataclass(frozen=True)
class StoredGrid:
    """See `config.data.GridConfig`."""

    columns: Annotated[int, Meta(ge=1)]
    offset: int = 0


# some keys are two words, which fields of a dataclass cannot be
NetworkFacts = TypedDict(
    "NetworkFacts",
    {
        "normalise": StoredNormaliser,
        "nodata": int | float | None,
        "bands": Annotated[int, Meta(ge=1, le=MOST_BANDS)],
        # checkpoints of older versions lack what follows
        "nodata bands": NotRequired[Literal["all", "any"]],
        "task": NotRequired[Literal["binary", "classes"]],
        "classes": NotRequired[Annotated[int, Meta(ge=0, le=255)]],
        "band names": NotRequired[list[int | str]],
        "band meanings": NotRequired[list[str] | None],
        "factor": NotRequired[Annotated[float, Meta(gt=0, le=1e30)] | None],
        "values": NotRequired[StoredRange | None],
        "pattern": NotRequired[str],
        "grid": NotRequired[dict[str, StoredGrid]],
        "chip_size": NotRequired[tuple[Side, Side]],
        "fingerprint": NotRequired[str | None],
    },
)
"""What `SeepDataModule.facts` gives, and the task."""


def check_facts(facts: Any, source: str, *, advice: str = "") -> None:
    """Check what a file says of its network's data.

    Args:
        facts: As read.
        source: The file, for messages.
        advice: What to do about a damaged one, a sentence.

    Raises:
        UserError: A key is missing, of another type or out of its range, or keys do not belong together.
    """
    known = as_shape(facts, NetworkFacts, source, advice=advice)
    problem = _contradiction(known)
    if problem:
        raise UserError(f"{source}: {problem}. {advice}".rstrip())


def _contradiction(facts: Mapping[str, Any]) -> str:
    """What does not hold across the keys; empty for nothing."""
    bands = facts["bands"]
    for key in ("band names", "band meanings"):
        names = facts.get(key)
        if names and len(names) != bands:
            return f"it has {len(names)} {key} for bands={bands}"
    if facts.get("task") == "classes" and not facts.get("classes"):
        return "its task is classes, of which it says no number"
    values = facts.get("values")
    return "" if values is None else _contradiction_of_range(values, bands)


def _contradiction_of_range(values: StoredRange, bands: int) -> str:
    """What is wrong with the values that become 0 and 1; empty for nothing."""
    for ends in (values.low, values.high):
        if len(ends) not in (1, bands):
            return f"its values have {len(ends)} ends for bands={bands}"
    # pixels are scaled in 32 bit, where two ends may be one number
    lows, highs = (np.array(ends, np.float32) for ends in (values.low, values.high))
    if not (highs - lows >= np.finfo(np.float32).tiny).all():
        return "its values end below their beginning"
    return ""
