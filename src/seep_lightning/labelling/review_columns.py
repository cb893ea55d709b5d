"""The columns of a review, declared once: review.csv and review.gpkg have them all, in this order."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seep_lightning.labelling.review_file import ListedLabel
from seep_lightning.labelling.suspect_kinds import Answer
from seep_lightning.scene.field_texts import FieldText, field_text

# what `prepare review=` needs of a table of answers
NUMBER, ANSWER, REVIEW, FOLDER = "number", "answer", "review", "folder"


@dataclass(frozen=True)
class ReviewOf:
    """A candidate, and the review that it is of.

    Attributes:
        candidate: The candidate.
        id: Of the review.
        folder: Of the review.
    """

    candidate: ListedLabel
    id: str
    folder: Path


@dataclass(frozen=True)
class ReviewColumn:
    """One column.

    Attributes:
        name: Its name.
        description: What it is.
        value: Its value for one candidate.
        kind: float or str.
        choices: The values that a person may choose from; empty: it is not to be filled in.
    """

    name: str
    description: str
    value: Callable[[ReviewOf], Any]
    kind: type[float] | type[str] = float
    choices: tuple[str, ...] = ()

    def text(self, unit: str) -> FieldText:
        """What people read about it.

        Args:
            unit: Of sizes; all are in pixels here.
        """
        return field_text(self.name, self.description, unit)._replace(choices=self.choices)


def _choices_in_words(row: ReviewOf) -> str:
    """What each answer does."""
    return "; ".join(f"{answer}: {words}" for answer, words in row.candidate.choices.items())


COLUMNS = (
    ReviewColumn(NUMBER, "place in the list; the first would change the loss most", lambda row: row.candidate.number),
    ReviewColumn("kind", "what is probably wrong", lambda row: row.candidate.kind, str),
    ReviewColumn(
        ANSWER,
        "what shall become of the label: keep, drop, redraw or unsure; empty: not answered yet",
        lambda row: "",
        str,
        choices=tuple(Answer),
    ),
    ReviewColumn("choices", "what each answer does", _choices_in_words, str),
    ReviewColumn("reason", "why it is listed", lambda row: row.candidate.reason, str),
    ReviewColumn("scene", "the scene", lambda row: row.candidate.scene, str),
    ReviewColumn("chips", "the chips that it lies on", lambda row: " ".join(row.candidate.chips), str),
    ReviewColumn(
        "loss_change", "by how much a correction would lower the log loss, nats", lambda row: row.candidate.loss_change
    ),
    ReviewColumn("p_mean", "mean probability of seep, out of fold", lambda row: row.candidate.p_mean),
    ReviewColumn("area_px", "pixels of the label, or of the alarm", lambda row: row.candidate.area),
    ReviewColumn("label", "the class that it is labelled as, 0 for sea", lambda row: row.candidate.label),
    ReviewColumn("suggested", "the class that the network suggests, 0 for sea", lambda row: row.candidate.suggested),
    ReviewColumn("top", "first row in the scene", lambda row: row.candidate.top),
    ReviewColumn("left", "first column in the scene", lambda row: row.candidate.left),
    ReviewColumn("bottom", "row after the last", lambda row: row.candidate.bottom),
    ReviewColumn("right", "column after the last", lambda row: row.candidate.right),
    ReviewColumn("x", "of its middle: longitude, or the column in the scene", lambda row: row.candidate.x),
    ReviewColumn("y", "of its middle: latitude, or minus the row in the scene", lambda row: row.candidate.y),
    ReviewColumn("judged_by", "the run that judged it", lambda row: row.candidate.judged_by, str),
    ReviewColumn(REVIEW, "tells this review from others", lambda row: row.id, str),
    ReviewColumn(FOLDER, "where the review lies", lambda row: str(row.folder.absolute()), str),
)  # fmt: skip


def row_of(row: ReviewOf) -> dict[str, Any]:
    """The values of a candidate by column."""
    return {column.name: column.value(row) for column in COLUMNS}
