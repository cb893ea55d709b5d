"""What the command `prepare` made, as Python gets it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class PreparedChips:
    """A data set that was cut from scenes.

    Attributes:
        root: The folder of the data set, for `data.root`.
        chips: How many chips there are.
        with_seep: How many of them have a pixel of seep.
        classes: The largest class of seep.
        outlines: What became of the polygons: how many `in_file`, how many `used`, and why the others are not.
        masks: What became of the masks, where these were the labels.
        notes: What was assumed of scenes, and what is doubtful about them, by the names of those where anything is.
    """

    root: Path
    chips: int
    with_seep: int
    classes: int
    outlines: Mapping[str, Any]
    masks: Mapping[str, Any]
    notes: Mapping[str, str]

    @classmethod
    def of_facts(cls, root: str | Path, facts: Mapping[str, Any]) -> "PreparedChips":
        """Take the counts from what stands in dataset.json."""
        return cls(
            root=Path(root),
            chips=facts["chips"],
            with_seep=facts["with_seep"],
            classes=facts["classes"],
            outlines=facts.get("outlines", {}),
            masks=facts.get("masks", {}),
            notes=facts.get("notes", {}),
        )
