"""The answers to a review: read from its layer, its table, or the CSV that its page saves."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import shapely

from seep_lightning.documents.tables import read_csv
from seep_lightning.errors import UserError
from seep_lightning.labelling.review_columns import ANSWER, FOLDER, NUMBER, REVIEW
from seep_lightning.labelling.review_file import NAME, ListedLabel, ReviewFile, read_review
from seep_lightning.labelling.suspect_kinds import KINDS, Answer
from seep_lightning.scene.outline_file import read_outline_file

NEEDED = (NUMBER, ANSWER, REVIEW)
LAYER_SUFFIX = ".gpkg"


@dataclass(frozen=True)
class AnsweredReview:
    """A review with the answers to it.

    Attributes:
        review: What was found.
        answers: By the numbers of the candidates; the others are not answered.
        drawn: What the layer draws for those that are to be redrawn, by their numbers; a table draws nothing.
    """

    review: ReviewFile
    answers: Mapping[int, Answer]
    drawn: Mapping[int, "DrawnOutline"] = field(default_factory=dict)

    def answered(self) -> Iterator[tuple[ListedLabel, Answer]]:
        """The candidates that are answered, in the order of the list."""
        for candidate in self.review.candidates:
            if candidate.number in self.answers:
                yield candidate, self.answers[candidate.number]


@dataclass(frozen=True)
class DrawnOutline:
    """An outline in a layer of answers.

    Attributes:
        shape: The polygon, in the coordinates of the layer.
        crs: Their system; None for pixels.
        source: Where it stands, for messages.
    """

    shape: shapely.Geometry
    crs: str | None
    source: str


@dataclass(frozen=True)
class _Row:
    """A row of a table of answers, and where it stands, for messages."""

    number: str
    answer: str
    review: str
    folder: str
    source: str
    drawn: DrawnOutline | None = None


def read_answers(path: Path) -> AnsweredReview:
    """Read answers, and the review that they are of.

    Args:
        path: A review's layer or table, a CSV that its page saved, or the review's folder, whose layer is read.

    Returns:
        Both.

    Raises:
        UserError: The file is none of these, its review is not found, or an answer is none that its kind has.
    """
    if path.is_dir():
        path = path / "review.gpkg"
    if not path.is_file():
        raise UserError(f"review={path} is not there. Give review.gpkg, review.csv, or the CSV that the page saved.")
    rows = list(_rows_of_layer(path) if path.suffix == LAYER_SUFFIX else _rows_of_table(path))
    if not rows:
        raise UserError(f"review={path} holds no row. Give review.gpkg, review.csv, or the CSV that the page saved.")
    review = _review_of(path, rows[0])
    candidates = {candidate.number: candidate for candidate in review.candidates}
    answers: dict[int, Answer] = {}
    drawn: dict[int, DrawnOutline] = {}
    for row in rows:
        candidate = _candidate_of(row, review, candidates)
        if not row.answer:
            continue
        answers[candidate.number] = _answer_of(row, candidate)
        if row.drawn is not None and answers[candidate.number] == Answer.REDRAW:
            drawn[candidate.number] = row.drawn
    return AnsweredReview(review, answers, drawn)


def _rows_of_table(path: Path) -> Iterator[_Row]:
    """The rows of a CSV file."""
    for row in read_csv(path, NEEDED).rows:
        cells = {name: cell.strip() for name, cell in row.cells.items()}
        yield _Row(
            cells[NUMBER], cells[ANSWER].lower(), cells[REVIEW], cells.get(FOLDER, ""), f"{path}: line {row.line}"
        )


def _rows_of_layer(path: Path) -> Iterator[_Row]:
    """The rows of a layer."""
    file = read_outline_file(path, NEEDED, (FOLDER,))
    folders = file.columns.get(FOLDER, np.full(len(file.numbers), ""))
    for index, number in enumerate(file.columns[NUMBER].tolist()):
        answer, review, folder = file.columns[ANSWER][index], file.columns[REVIEW][index], folders[index]
        source = f"{path}: feature {file.numbers[index]}"
        # QGIS writes null for an answer that is taken back
        answer = str(answer or "").strip().lower()
        has_area = not (file.is_empty[index] or file.is_flat[index])
        drawn = DrawnOutline(file.shapes[index], file.crs, source) if has_area else None
        yield _Row(f"{number:g}", answer, str(review or ""), str(folder or ""), source, drawn)


def _review_of(path: Path, first: _Row) -> ReviewFile:
    """The review that a table of answers is of: beside it, or where it says."""
    places = [path.absolute().parent]
    if first.folder:
        places.append(Path(first.folder))
    for folder in places:
        if (folder / NAME).is_file():
            review = read_review(folder)
            if review.id == first.review:
                return review
    where = " nor in ".join(str(place) for place in places)
    raise UserError(
        f"review={path}: its review ({first.review or 'no number'}) is not in {where}. Put the file into the folder "
        f"that seep review wrote, with {NAME}; another review there needs answers of its own."
    )


def _candidate_of(row: _Row, review: ReviewFile, candidates: Mapping[int, ListedLabel]) -> ListedLabel:
    """The candidate that a row is about; `UserError` for none, or one of another review."""
    if row.review != review.id:
        raise UserError(f"{row.source} is of review {row.review}, the others of {review.id}. Give the answers to one.")
    candidate = candidates.get(_whole_number(row))
    if candidate is None:
        raise UserError(f"{row.source}: {NUMBER} is {row.number}, but the review lists 1 to {len(candidates)}.")
    return candidate


def _whole_number(row: _Row) -> int:
    """The number of a row's candidate; -1 for what is none."""
    try:
        number = float(row.number)
    except ValueError:
        return -1
    return int(number) if number.is_integer() else -1


def _answer_of(row: _Row, candidate: ListedLabel) -> Answer:
    """The answer of a row; `UserError` for one that the kind does not have."""
    choices = KINDS[candidate.kind].choices
    for answer in choices:
        if row.answer == answer:
            return answer
    allowed = ", ".join(choices)
    raise UserError(
        f"{row.source}: {ANSWER} is {row.answer[:40]!r}; expected one of {allowed}, or nothing: number "
        f"{candidate.number} is {KINDS[candidate.kind].title.lower()}."
    )
