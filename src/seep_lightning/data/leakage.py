"""How far the chips of validation and test are known from training."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from seep_lightning.data.chips import Chips
from seep_lightning.data.grid import Cell
from seep_lightning.data.parts import HELD_OUT_PARTS
from seep_lightning.data.scene_names import scenes_are_known

# steps (row, column) to a chip itself and its eight neighbours
NEIGHBOURS = tuple(product((-1, 0, 1), repeat=2))


class Leakage(NamedTuple):
    """How many chips of a part are known from training, and in which way.

    Attributes:
        part: `val` or `test`.
        chips: How many chips the part has.
        touching: How many touch a training chip of their scene, also at a corner.
        same_scene: How many share their scene with a training chip.
        same_place: How many share their place on the ground with a training chip.
        placeless: How many lie at a place that is not known, because their scene's grid is not.
        identical: How many have the picture of a training chip.
        scenes_known: Whether it is known which chips are of one scene.
    """

    part: str
    chips: int
    touching: int
    same_scene: int
    same_place: int
    placeless: int
    identical: int
    scenes_known: bool = True

    def __str__(self) -> str:
        text = f"{self.part} {self.chips} chips: {', '.join(self._shared_texts())}"
        if self.identical:
            text += f", {self.identical} ARE IDENTICAL to a training chip"
        return text

    def verdict(self) -> str:
        """The part, and the closest way in which it is known from training, in a few words."""
        return f"{self.part} {self.chips}{self._closest()}"

    def _closest(self) -> str:
        """The closest way as words that follow; empty where nothing is known from training."""
        if self.identical:
            return f", {self.identical} IDENTICAL to a training chip"
        if not self.scenes_known:
            return " (scene unknown, see data.pattern)"
        if self.touching:
            return f", {self.touching} beside a training chip"
        if self.same_scene:
            return f", {self.same_scene} of scenes seen in training"
        if self.placeless:
            return f" ({self.placeless} at an unknown place, see data.grid)"
        if self.same_place:
            return f", {self.same_place} at places seen in training, on other days"
        return ", no scene or place seen in training"

    def _shared_texts(self) -> list[str]:
        """What the part shares with training; what is not known is no 0."""
        if not self.scenes_known:
            return ["scene unknown (see data.pattern)", "place unknown (see data.grid)"]
        if self.placeless == self.chips:
            return [f"{self.same_scene} share a scene with training", "neighbours and place unknown (see data.grid)"]
        texts = [
            f"{self.touching} touch a training chip of their scene",
            f"{self.same_scene} share a scene",
            f"{self.same_place} share a place with training",
        ]
        if self.placeless:
            texts.append(f"{self.placeless} HAVE NO KNOWN PLACE (see data.grid)")
        return texts


@dataclass(frozen=True)
class _Position:
    """Where a chip comes from; cell and place are None where its scene's grid is not known."""

    scene: str
    cell: Cell | None
    place: Cell | None
    picture: str


class _Seen:
    """What a network has seen after it was trained on some chips."""

    def __init__(self, positions: Sequence[_Position]) -> None:
        self.scenes = {position.scene for position in positions}
        self.cells = {(position.scene, position.cell) for position in positions}
        self.places = {position.place for position in positions}
        self.pictures = {position.picture for position in positions}

    def touches(self, position: _Position) -> bool:
        """Whether a training chip of the same scene lies at the cell or beside it."""
        if position.cell is None:
            return False
        row, column = position.cell
        around = [(position.scene, (row + down, column + right)) for down, right in NEIGHBOURS]
        return not self.cells.isdisjoint(around)

    def knows_place(self, position: _Position) -> bool:
        return position.place is not None and position.place in self.places

    def knows_picture(self, position: _Position) -> bool:
        return position.picture != "" and position.picture in self.pictures


def leakage(chips: Chips, parts: Sequence[str]) -> list[Leakage]:
    """Count the chips of validation and test that are known from training.

    Args:
        chips: The data set; identical pictures are found only if its chips were read.
        parts: The part of each chip.

    Returns:
        One count for validation and one for test.
    """
    columns = zip(chips.scenes, chips.cells(), chips.places(), chips.picture_digests(), strict=True)
    positions = [_Position(*values) for values in columns]
    by_part: dict[str, list[_Position]] = {}
    for part, position in zip(parts, positions, strict=True):
        by_part.setdefault(part, []).append(position)
    seen = _Seen(by_part.get("train", []))
    rows = [_count(part, by_part.get(part, []), seen) for part in HELD_OUT_PARTS]
    scenes_known = scenes_are_known(chips)
    return [row._replace(scenes_known=scenes_known) for row in rows]


def _count(part: str, positions: Sequence[_Position], seen: _Seen) -> Leakage:
    return Leakage(
        part=part,
        chips=len(positions),
        touching=sum(seen.touches(position) for position in positions),
        same_scene=sum(position.scene in seen.scenes for position in positions),
        same_place=sum(seen.knows_place(position) for position in positions),
        placeless=sum(position.place is None for position in positions),
        identical=sum(seen.knows_picture(position) for position in positions),
    )
