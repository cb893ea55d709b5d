"""One grouped splitter: chips to train, val and test, no group in two parts; a function of names and a seed only."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seep_lightning.data.chips import Chips


class Leakage(NamedTuple):
    """How far a part's chips are known from training: counts of chips."""

    part: str
    chips: int
    touching: int
    same_scene: int
    same_place: int
    placeless: int  # their scene's grid is not known
    identical: int

    def __str__(self) -> str:
        return (
            f"{self.part} {self.chips} chips: {self.touching} touch a training chip of their scene, "
            f"{self.same_scene} share a scene, {self.same_place} share a place with training"
            + (f", {self.placeless} HAVE NO KNOWN PLACE (see data.grid)" if self.placeless else "")
            + (f", {self.identical} ARE IDENTICAL to a training chip" if self.identical else "")
        )


def leakage(chips: Chips, parts: Sequence[str]) -> list[Leakage]:
    """For validation and test: chips that touch (8 neighbours), share scene or place with, or equal a training chip."""
    train = [i for i, part in enumerate(parts) if part == "train"]
    cells, places = chips.cells(), chips.places()
    pixels = [d.rpartition(":")[2] for d in chips.digests] or [""] * len(chips)
    train_cells = {(chips.scenes[i], *here) for i in train if (here := cells[i])}
    train_scenes = {chips.scenes[i] for i in train}
    train_places = {places[i] for i in train} - {None}
    train_pixels = {pixels[i] for i in train} - {""}

    def touches(i: int) -> bool:
        here = cells[i]
        around = [(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1)]
        return here is not None and any((chips.scenes[i], here[0] + r, here[1] + c) in train_cells for r, c in around)

    known = [
        (touches(i), scene in train_scenes, places[i] in train_places, places[i] is None, pixels[i] in train_pixels)
        for i, scene in enumerate(chips.scenes)
    ]
    rows = {part: np.array(known)[np.array(parts) == part] for part in ("val", "test")}
    return [Leakage(part, len(row), *row.sum(axis=0).tolist()) for part, row in rows.items()]
