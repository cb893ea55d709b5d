"""The class of a seep from its place: what was outlined there in the scenes that a fold learned from.

    python benchmarks/accuracy/places.py outputs/folds/NAME     runs of task=classes; binary runs: from the place alone

The run's network finds seep chip by chip, at its own threshold. The class of a seep comes from the network, from the
place, or from both (the product of their probabilities). Macro Dice on each fold's validation chips chooses the width
of the smoothing and how far rare classes are raised; both are then used on the fold's test chips. Prints Markdown.
"""

import argparse
from itertools import permutations, product
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from seep_lightning.config.commands import EvaluateConfig
from seep_lightning.data.chips import Chips
from seep_lightning.data.grid import cell
from seep_lightning.data.mosaic import lay
from seep_lightning.data.split_table import read_split
from seep_lightning.evaluation.parts import part_of
from seep_lightning.metrics.classes import confusion_matrix
from seep_lightning.metrics.objects import confuse_objects
from seep_lightning.metrics.summaries import class_figures, class_summary
from seep_lightning.predictor.loading import load
from seep_lightning.runs.directory import Run

CELL = 8  # px a side of what the map of known outlines is made of
WIDTHS = (32, 64, 128)  # px of the Gaussian that smooths it
TAUS = (0.0, 0.5, 1.0)  # the place's probabilities are divided by share ** tau of each class
UNKNOWN = 0.03  # px a cell that every place has of all classes, by their shares
WAYS = ("network", "place", "both")


class Found(NamedTuple):
    """A chip's seep (H, W) bool, log P(class) (N, H, W) by the network, its true classes and its place in pixels."""

    index: int
    seep: np.ndarray
    network: np.ndarray
    truth: np.ndarray
    corner: tuple[int, int]


def corners_of(chips: Chips) -> np.ndarray:
    """Row and column of each chip's first pixel on the ground that all scenes share, (chips, 2)."""
    places = chips.places()
    assert None not in places, f"{chips.names[places.index(None)]}: data.grid does not tell its place"
    return (np.array(places) - np.min(places, axis=0)) * chips.size


def found_in(chips: Chips, indices: list[int], corners: np.ndarray, predictor: Any) -> list[Found]:
    """What the network finds in some chips."""
    scenes = chips.scene_quartiles if predictor.normalise.kind == "scene" else [None] * len(chips)
    rows = []
    for i in indices:
        pixels = chips.read(i)
        shares = predictor.class_probabilities(pixels.image, scenes[i])
        valid = pixels.valid
        network = np.log(np.maximum(shares[1:], 1e-6)).astype(np.float16)
        predicted = (shares[0] > predictor.threshold) & valid
        rows.append(Found(i, predicted, network, pixels.mask * valid, tuple(corners[i])))
    return rows


def known_outlines(chips: Chips, indices: list[int], corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of each class a cell in some chips, (N, rows, columns), and the classes' shares (N,)."""
    last = corners.max(axis=0) + chips.size
    counts = np.zeros((chips.config.classes, *(last // CELL)), np.float32)
    for i in indices:
        y, x = corners[i] // CELL
        mask = chips.read(i).mask
        for k in np.unique(mask[mask > 0]):
            blocks = (mask == k).reshape(mask.shape[0] // CELL, CELL, -1, CELL).sum((1, 3))
            counts[k - 1, y : y + blocks.shape[0], x : x + blocks.shape[1]] += blocks
    return counts, counts.sum((1, 2)).clip(1) / counts.sum()


def told(chip: Found, way: str, place: np.ndarray) -> np.ndarray:
    """The class of each pixel that is seep, (H, W) uint8, 0 elsewhere. place: log P(class), (N, rows, columns)."""
    score = chip.network.astype(np.float32) if way != "place" else 0
    if way != "network":
        (y, x), (height, width) = chip.corner, chip.seep.shape
        here = place[:, y // CELL : (y + height) // CELL, x // CELL : (x + width) // CELL]
        score = score + here.repeat(CELL, 1).repeat(CELL, 2)
    return np.where(chip.seep, 1 + score.argmax(0), 0).astype(np.uint8)


def matrix(chips: list[Found], numbers: list[np.ndarray], size: int) -> np.ndarray:
    """The matrix of true and found classes of pixels, (size, size); nodata counts as sea that is right."""
    return sum(confusion_matrix(chip.truth, n, size) for chip, n in zip(chips, numbers, strict=True))


def objects(data: Chips, chips: list[Found], numbers: list[np.ndarray], size: int) -> np.ndarray:
    """The matrix of objects, on scenes (`object_scores.confuse_objects`)."""
    scenes: dict[str, dict[Any, np.ndarray]] = {}
    for chip, n in zip(chips, numbers, strict=True):
        at = cell(data.config, data.scenes[chip.index], data.tiles[chip.index])
        scenes.setdefault(data.scenes[chip.index], {})[at] = np.stack([n, chip.truth])
    return sum(confuse_objects(*lay(tiles, 0), size) for tiles in scenes.values())


def agreement(chips: Chips) -> np.ndarray:
    """Of pixels of each class that are outlined in another scene too, the share of each class there, (N, N)."""
    size = chips.config.classes + 1
    places: dict[Any, list[np.ndarray]] = {}
    for i, place in enumerate(chips.places()):
        places.setdefault(place, []).append(chips.read(i).mask)
    pairs = sum(confusion_matrix(a, b, size) for masks in places.values() for a, b in permutations(masks, 2))[1:, 1:]
    return pairs / pairs.sum(1, keepdims=True).clip(1)


def main(folder: Path) -> None:
    """Print Dice of each class, and what became of each class's objects, for each way over all folds."""
    pixels: dict[str, Any] = dict.fromkeys(WAYS, 0)
    things: dict[str, Any] = dict.fromkeys(WAYS, 0)
    for run in (Run(path.parent) for path in sorted(folder.glob("*/summary.json"))):
        predictor = load(run)
        learned = part_of(run, EvaluateConfig(run=str(run.dir), part="train"))
        chips, train = learned.chips, learned.indices
        parts = read_split(chips, str(run.split_path))
        corners = corners_of(chips)
        counts, shares = known_outlines(chips, train, corners)
        size, column = len(shares) + 1, shares[:, None, None]
        smooth = {width: np.stack([cv2.GaussianBlur(c, (0, 0), width / CELL) for c in counts]) for width in WIDTHS}
        places = {
            (width, tau): np.log(smooth[width] + UNKNOWN * column) - tau * np.log(column)
            for width, tau in product(WIDTHS, TAUS)
        }
        val, test = (
            found_in(chips, [i for i, p in enumerate(parts) if p == part], corners, predictor)
            for part in ("val", "test")
        )
        for way in WAYS if predictor.classes else ("place",):
            scored = {
                key: class_figures(matrix(val, [told(chip, way, place) for chip in val], size))["macro_dice"]
                for key, place in (places.items() if way != "network" else list(places.items())[:1])
            }
            best = max(scored, key=lambda key: scored[key])
            numbers = [told(chip, way, places[best]) for chip in test]
            pixels[way] = pixels[way] + matrix(test, numbers, size)
            things[way] = things[way] + objects(chips, test, numbers, size)
            print(f"{run.dir.name} {way}: validation {scored[best]:.3f}" + f", {best}" * (way != "network"))
    print(f"classes of one place in two scenes:\n{agreement(chips).round(2)}")
    for way in (way for way in WAYS if np.ndim(pixels[way])):
        figures = class_summary(pixels[way])
        dice = " | ".join(f"{row['dice']:.3f}" for row in figures["by_class"].values())
        print(f"| class by {way} | {dice} | **{figures['macro_dice']:.3f}** |")
        print(f"objects by {way}, true (rows) and found:\n{things[way]}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    main(parser.parse_args().folder)
