"""How candidates are chosen: each kind is declared once, and one greedy search serves all of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seep_lightning.errors import UserError
from seep_lightning.labelling.diversity import Spread

Numbers = NDArray[np.float64]
# windows between two of one scene at which they count half as neighbours
NEIGHBOUR_DISTANCE = 2.0


@dataclass(frozen=True)
class Standing:
    """How all candidates stand after some were chosen, (N,) each.

    Attributes:
        uncertainty: How unsure the networks are, 0 to 1.
        diversity: How unlike they are to all that is labelled or chosen, 0 to 1.
        place: 1 where nothing was chosen of the candidate's scene, less the more and the nearer.
        draw: Random numbers between 0 and 1.
    """

    uncertainty: Numbers
    diversity: Numbers
    place: Numbers
    draw: Numbers


@dataclass(frozen=True)
class Acquisition:
    """A way to choose candidates.

    Attributes:
        name: The value of `strategy`.
        description: What it chooses, in words.
        score: Scores (N,) of a standing; the highest is chosen.
        uses_labelled: Whether it asks what labelled chips are like.
    """

    name: str
    description: str
    score: Callable[[Standing], Numbers]
    uses_labelled: bool


ACQUISITION_KINDS = (
    Acquisition(
        name="both",
        description="unsure, unlike what is labelled or chosen, and not all in one place",
        score=lambda standing: standing.uncertainty * standing.diversity * standing.place,
        uses_labelled=True,
    ),
    Acquisition(
        name="uncertainty",
        description="the most unsure first, however alike and near to each other",
        score=lambda standing: standing.uncertainty,
        uses_labelled=False,
    ),
    Acquisition(
        name="diversity",
        description="unlike what is labelled or chosen, and not all in one place, however sure",
        score=lambda standing: standing.diversity * standing.place,
        uses_labelled=True,
    ),
    Acquisition(
        name="random",
        description="drawn by chance, to compare with",
        score=lambda standing: standing.draw,
        uses_labelled=False,
    ),
)
ACQUISITIONS = {kind.name: kind for kind in ACQUISITION_KINDS}


def acquisition_called(name: str) -> Acquisition:
    """The way to choose that has a name.

    Args:
        name: As `strategy` has it.

    Raises:
        UserError: There is none.
    """
    kind = ACQUISITIONS.get(name)
    if kind is None:
        raise UserError(f"strategy={name}: expected one of {', '.join(ACQUISITIONS)}.")
    return kind


@dataclass(frozen=True)
class CandidateTable:
    """Candidates as numbers.

    Attributes:
        uncertainty: 0 to 1, (N,).
        features: What they are like, (N, D).
        labelled: What is labelled already is like, (M, D).
        scenes: Of each candidate.
        cells: Row and column of each in its scene, (N, 2), in windows; NaN where they are not known.
    """

    uncertainty: Numbers
    features: NDArray[np.float32]
    labelled: NDArray[np.float32]
    scenes: Sequence[str]
    cells: Numbers


@dataclass(frozen=True)
class Pick:
    """A chosen candidate.

    Attributes:
        index: Its position in the table.
        score: By which it was chosen.
        uncertainty: See `Standing`.
        diversity: See `Standing`; when it was chosen.
        place: See `Standing`; when it was chosen.
        earlier: How many were chosen of its scene before it.
    """

    index: int
    score: float
    uncertainty: float
    diversity: float
    place: float
    earlier: int


def pick_candidates(table: CandidateTable, acquisition: Acquisition, count: int, seed: int) -> list[Pick]:
    """Pick candidates one after the other: the best one, given all that were chosen before.

    Args:
        table: The candidates.
        acquisition: The way to choose.
        count: How many, at most.
        seed: Of the draws, and of the order among equals.

    Returns:
        The picks, the first one first.
    """
    size = len(table.uncertainty)
    # of equal scores the first one counts: not always that of the first file
    draw = np.random.default_rng(seed).random(size)
    order = np.argsort(draw)
    spread = Spread(table.features, table.labelled, seed)
    crowds = _Crowds(table.scenes, table.cells)
    is_open = np.ones(size, bool)
    picks: list[Pick] = []
    for _ in range(min(count, size)):
        standing = Standing(table.uncertainty, spread.diversity, crowds.place, draw)
        scores = np.where(is_open, acquisition.score(standing), -np.inf)
        index = int(order[np.argmax(scores[order])])
        picks.append(_pick(index, float(scores[index]), standing, crowds))
        is_open[index] = False
        spread.add(index)
        crowds.add(index)
    return picks


def _pick(index: int, score: float, standing: Standing, crowds: "_Crowds") -> Pick:
    """A candidate as it stood when it was chosen."""
    return Pick(
        index=index,
        score=score,
        uncertainty=float(standing.uncertainty[index]),
        diversity=float(standing.diversity[index]),
        place=float(standing.place[index]),
        earlier=crowds.chosen.count(crowds.scenes[index]),
    )


class _Crowds:
    """How crowded the scene of each candidate is with chosen ones; near ones count more.

    Args:
        scenes: Of each candidate.
        cells: Row and column of each, (N, 2); NaN where they are not known.
    """

    def __init__(self, scenes: Sequence[str], cells: Numbers) -> None:
        self.scenes = list(scenes)
        self.chosen: list[str] = []
        self._scenes = np.array(self.scenes, dtype=object)
        self._cells = cells
        self._crowd = np.zeros(len(self.scenes))

    @property
    def place(self) -> Numbers:
        """1 where nothing was chosen of the scene, (N,)."""
        return 1 / (1 + self._crowd)

    def add(self, index: int) -> None:
        """Count a candidate as chosen.

        Args:
            index: Its position.
        """
        steps = np.abs(self._cells - self._cells[index]).max(axis=1)
        distance = np.where(np.isfinite(steps), steps, NEIGHBOUR_DISTANCE)
        nearness = NEIGHBOUR_DISTANCE / (NEIGHBOUR_DISTANCE + distance)
        self._crowd += np.where(self._scenes == self.scenes[index], nearness, 0)
        self.chosen.append(self.scenes[index])
