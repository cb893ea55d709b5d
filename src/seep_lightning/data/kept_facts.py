"""What `prepare` wrote about a data set and holds for a corrected one, too: read from a `dataset.json` of anybody."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NotRequired, TypedDict

from msgspec import Meta

from seep_lightning.data.description import ADVICE, NAME, read_description
from seep_lightning.data.label_sources import MASKS, OUTLINES
from seep_lightning.data.outline_account import FATES, MOST_EXAMPLES, NOTES
from seep_lightning.data.preparation import KEPT_SETTINGS
from seep_lightning.documents.shapes import Count, Finite, as_shape

Name = Annotated[str, Meta(max_length=1_000)]
"""Of a scene, a mask or a network."""
Note = Annotated[str, Meta(max_length=10_000)]
PathText = Annotated[str, Meta(max_length=4_096)]
Word = Annotated[str, Meta(max_length=40)]
Names = Annotated[list[Name], Meta(max_length=100_000)]
Side = Annotated[int, Meta(ge=0, le=1_000_000)]


class Group(TypedDict):
    """Outlines of which one thing is told, see `outline_account.OutlineGroup`."""

    count: Count
    examples: Annotated[list[Count], Meta(max_length=MOST_EXAMPLES)]


class MaskFacts(TypedDict):
    """See `label_sources.MaskSource.facts`."""

    used: Count
    pixels: dict[Word, Count]
    ignored: NotRequired[Count]
    on_another_grid: NotRequired[Count]
    of_no_scene: NotRequired[Names]
    scenes_without: NotRequired[Names]


class OutlineFacts(TypedDict):
    """See `outline_account.OutlineAccount.facts`; the groups have their keys beside these."""

    in_file: NotRequired[Count]
    used: Count
    models: dict[Name, Count]


_SHAPES: Mapping[str, Any] = {
    "labels": PathText | None,
    "scale": Word | None,
    "factor": Finite | None,
    "nodata": Finite | Word | None,
    "remove_noise": bool,
    "size": Side,
    "overlap": Side,
    "notes": dict[Name, Note],
    OUTLINES: OutlineFacts,
    MASKS: MaskFacts,
}
_GROUPS: Mapping[str, Any] = {group.key: Group for group in (*FATES, *NOTES)}
assert _SHAPES.keys() == {*KEPT_SETTINGS, "notes", OUTLINES, MASKS}


def kept_facts(root: Path) -> dict[str, Any]:
    """Read what holds for a corrected data set, and nothing else: the folder may be any, with secrets of others.

    Args:
        root: The folder of the data set.

    Returns:
        The content of its `dataset.json` by the keys that `prepare` writes; keys of others are left out.

    Raises:
        UserError: It is not JSON, or `prepare` writes no such value.
    """
    told = read_description(root)
    facts = _checked(told, _SHAPES, str(root / NAME))
    if OUTLINES in facts:
        facts[OUTLINES] |= _checked(told[OUTLINES], _GROUPS, f"{root / NAME}, {OUTLINES}")
    return facts


def _checked(told: Mapping[str, Any], shapes: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The values of those keys that have a shape, each checked against it."""
    return {
        key: as_shape(told[key], shape, f"{source}, {key}", advice=ADVICE)
        for key, shape in shapes.items()
        if key in told
    }
