"""What `prepare` or the generator wrote about a data set into its `dataset.json`."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seep_lightning.documents.json_files import parsed_json
from seep_lightning.documents.regular_files import is_there
from seep_lightning.documents.shapes import Count, as_shape
from seep_lightning.documents.text import read_text

NAME = "dataset.json"
ADVICE = "Write it again, or remove it."
# between the names of networks that map together
ENSEMBLE_SEPARATOR = " + "


def read_description(root: Path) -> dict[str, Any]:
    """Read the `dataset.json` of a data set.

    Args:
        root: The data set's folder.

    Returns:
        Its content; empty where there is none, or one of another program.

    Raises:
        UserError: It is not JSON.
    """
    path = root / NAME
    if not is_there(path):
        return {}
    content = parsed_json(read_text(path), str(path), advice=ADVICE)
    return content if isinstance(content, dict) else {}


@dataclass(frozen=True)
class ReviewedLabels:
    """What people answered to a review of a data set's labels, and what became of these; see `prepare review=`.

    Attributes:
        answered: How many labels were looked at.
        changed: How many were corrected.
        ignored: How many are ignored, since nobody is sure of them.
        changed_pixels: Pixels of another class than before.
        ignored_pixels: Pixels that are ignored.
    """

    answered: Count = 0
    changed: Count = 0
    ignored: Count = 0
    changed_pixels: Count = 0
    ignored_pixels: Count = 0

    @classmethod
    def of(cls, root: Path) -> "ReviewedLabels":
        """Read what `prepare` wrote; nothing was answered where it wrote none.

        Args:
            root: The data set's folder.

        Raises:
            UserError: What is written of it is none.
        """
        review = read_description(root).get("review")
        if not isinstance(review, dict):
            return cls()
        return as_shape(review, cls, f"{root / NAME}, review", advice=ADVICE)

    def __str__(self) -> str:
        """What a person is told; empty where nothing was answered."""
        if not self.answered:
            return ""
        return (
            f"{self.answered} labels were reviewed: {self.changed} corrected ({self.changed_pixels:,} px), "
            f"{self.ignored} ignored ({self.ignored_pixels:,} px)"
        )


@dataclass(frozen=True)
class LabelOrigin:
    """Who drew the outlines that a data set's masks were made of.

    A network that is scored on such masks is scored on its own outlines as far as it drew them, or one like it.

    Attributes:
        used: How many outlines the masks were made of.
        models: How many of them each network drew, by the name that `predict` gave it; an ensemble's joined by " + ".
    """

    used: Count
    models: dict[str, Count]

    @classmethod
    def of(cls, root: Path) -> "LabelOrigin":
        """Read the origin that `prepare` wrote; nobody drew anything where it wrote none.

        Args:
            root: The data set's folder.

        Raises:
            UserError: What is written of it is none.
        """
        outlines = read_description(root).get("outlines")
        # a dataset.json of another program, or of an older version
        if not isinstance(outlines, dict):
            return cls(0, {})
        models = outlines.get("models")
        if not isinstance(models, dict):
            return cls(0, {})
        return as_shape(
            {"used": outlines.get("used", 0), "models": models}, cls, f"{root / NAME}, outlines", advice=ADVICE
        )

    @property
    def drawn(self) -> int:
        """How many outlines were drawn by a network."""
        return sum(self.models.values())

    def drawn_by(self, networks: Iterable[str]) -> int:
        """Count the outlines that one of some networks drew, also as one of an ensemble.

        Args:
            networks: Their names.
        """
        names = set(networks)
        counts = [count for model, count in self.models.items() if names.intersection(model.split(ENSEMBLE_SEPARATOR))]
        return sum(counts)

    def __str__(self) -> str:
        """`37 of 40 outlines WERE DRAWN BY THE NETWORK seeps`; empty where no network drew any."""
        if not self.models:
            return ""
        names = [f"{model} ({count})" for model, count in self.models.items()]
        noun = "NETWORKS" if len(names) > 1 else "NETWORK"
        by = ", ".join(names) if len(names) > 1 else next(iter(self.models))
        return f"{self.drawn} of {self.used} outlines WERE DRAWN BY THE {noun} {by}"
