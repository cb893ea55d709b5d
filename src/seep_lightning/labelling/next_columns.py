"""What the list of what to outline next tells of each candidate: each column declared once, for CSV and GeoPackage."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seep_lightning.labelling.acquisition import Pick
from seep_lightning.labelling.candidates import Candidate
from seep_lightning.scene.field_texts import FieldText, field_text
from seep_lightning.scene.qgis_style import LayerLook
from seep_lightning.scene.seep_colours import ColourScale, ColourStep

# of all candidates, more are less uncertain
MIDDLE = 0.5
# of diversity: half is the usual distance of two candidates
FAR, NEAR = 0.5, 0.25
DIGITS = 4


@dataclass(frozen=True)
class RankedCandidate:
    """A candidate with its rank.

    Attributes:
        rank: 1 for what to outline first.
        candidate: What it is.
        pick: The numbers by which it was chosen.
        above: The share of all candidates that are less uncertain, 0 to 1.
        networks: How many judged it.
        strategy: The way to choose.
    """

    rank: int
    candidate: Candidate
    pick: Pick
    above: float
    networks: int
    strategy: str

    @property
    def reason(self) -> str:
        """Why it was chosen, in words."""
        texts = {
            "both": (self._uncertainty_text(), self._diversity_text(), self._place_text()),
            "uncertainty": (self._uncertainty_text(),),
            "diversity": (self._diversity_text(), self._place_text()),
        }
        return "; ".join(filter(None, texts.get(self.strategy, ("drawn by chance",))))

    def _uncertainty_text(self) -> str:
        """How unsure the networks are."""
        subject = "the networks disagree" if self.networks > 1 else "the network is unsure"
        degree = "more" if self.above >= MIDDLE else "less"
        return f"{subject} here {degree} than usual"

    def _diversity_text(self) -> str:
        """How unlike it is."""
        match self.pick.diversity:
            case diversity if diversity >= FAR:
                return "unlike what is outlined or ranked before"
            case diversity if diversity >= NEAR:
                return "somewhat like what is outlined or ranked before"
        return "like what is outlined or ranked before"

    def _place_text(self) -> str:
        """How many of its scene are ranked before; empty for none."""
        return f"{self.pick.earlier} of its scene ranked before" if self.pick.earlier else ""


@dataclass(frozen=True)
class NextColumn:
    """A column of the list.

    Attributes:
        name: Of the column.
        value: Gives its value.
        description: What it is.
        kind: float, int or str.
        unit: Of numbers; empty for none.
    """

    name: str
    value: Callable[[RankedCandidate], float | str]
    description: str
    kind: type = float
    unit: str = ""

    def text(self, unit: str) -> FieldText:
        """What people read about it.

        Args:
            unit: Of sizes on the ground, which no column has.
        """
        return field_text(self.name, self.description, unit, unit=self.unit)


NEXT_COLUMNS = (
    NextColumn("rank", lambda row: row.rank, "1 is to be outlined first", int),
    NextColumn("name", lambda row: row.candidate.name, "the chip, or the window of a scene by row and column", str),
    NextColumn("scene", lambda row: row.candidate.scene, "its scene", str),
    NextColumn("score", lambda row: row.pick.score, "uncertainty x diversity x place, as the strategy takes them"),
    NextColumn("uncertainty", lambda row: row.pick.uncertainty, "how unsure the networks are, 0 to 1"),
    NextColumn("diversity", lambda row: row.pick.diversity, "how unlike what is outlined or ranked before, 0 to 1"),
    NextColumn("place", lambda row: row.pick.place, "1, less for each of its scene that is ranked before"),
    NextColumn("slick_share", lambda row: row.candidate.slick_share, "share that the networks take for slick, 0 to 1"),
    NextColumn("reason", lambda row: row.reason, "why it was chosen", str),
    NextColumn("top", lambda row: row.candidate.box.top, "first row in the file", int, unit="px"),
    NextColumn("left", lambda row: row.candidate.box.left, "first column in the file", int, unit="px"),
    NextColumn("height", lambda row: row.candidate.box.height, "rows; 0 for a scene of several files", int, unit="px"),
    NextColumn("width", lambda row: row.candidate.box.width, "columns; 0 for a scene of several files", int, unit="px"),
    NextColumn("windows", lambda row: row.candidate.windows, "how many chips or windows it consists of", int),
    NextColumn("path", lambda row: str(row.candidate.path), "its file", str),
)


def row_of(ranked: RankedCandidate) -> dict[str, Any]:
    """The values of a candidate by column, shares with as many digits as mean something."""
    values = {column.name: column.value(ranked) for column in NEXT_COLUMNS}
    return {name: round(value, DIGITS) if isinstance(value, float) else value for name, value in values.items()}


def shares_below(values: Sequence[float]) -> list[float]:
    """The share of all values that are below each."""
    ordered = np.sort(values)
    counts = np.searchsorted(ordered, values)
    return [float(count) / len(ordered) for count in counts]


def look_of(count: int) -> LayerLook:
    """The colours of a list of so many, by rank: the first tenth stands out most."""
    edges = np.unique(np.rint(np.array([0.0, 0.1, 0.25, 0.5, 1.0]) * count)) + 0.5
    colours = ((241, 244, 38), (251, 161, 57), (222, 97, 100), (126, 3, 168))
    steps = [
        ColourStep(float(low), float(high), colour)
        for low, high, colour in zip(edges[:-1], edges[1:], colours, strict=False)
    ]
    return LayerLook("next", ColourScale("rank", "rank", tuple(steps)), "what to outline next")
