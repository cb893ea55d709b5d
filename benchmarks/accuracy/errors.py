"""Where the errors of pooled folds lie: by class, contrast, size, scene, and distance to the true outline.

    python benchmarks/accuracy/errors.py outputs/folds/NAME     after pool.py on the same folder, in the same way

Uses the threshold and the smallest object that each run chooses on its validation chips. Prints Markdown.
"""

import argparse
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from seep_lightning.folds.out_of_fold import out_of_fold_scenes
from seep_lightning.folds.part_maps import VIEWS, Way
from seep_lightning.folds.pooling import read_row
from seep_lightning.metrics.summaries import pooled_figures

LEAST = 20  # px of an object
RING = 9  # px around an object that its contrast is taken against


def objects_of(image: np.ndarray, truth: np.ndarray, valid: np.ndarray, mask: np.ndarray) -> list[tuple[float, ...]]:
    """Area (px), width (px, area over length of the centre line as seen by the distance transform), contrast
    (mean inside over mean of a ring outside) and covered share of each true object."""
    rows = []
    _, labels, stats, _ = cv2.connectedComponentsWithStats(truth.astype(np.uint8), connectivity=8)
    for k, (x, y, w, h, area) in enumerate(stats[1:], start=1):
        if area < LEAST:
            continue
        box = np.s_[max(y - RING, 0) : y + h + RING, max(x - RING, 0) : x + w + RING]
        own = labels[box] == k
        near = cv2.dilate(own.astype(np.uint8), np.ones((2 * RING + 1, 2 * RING + 1), np.uint8)) > 0
        sea = near & ~truth[box] & valid[box]
        width = 2 * cv2.distanceTransform(np.pad(own, 1).astype(np.uint8), cv2.DIST_L2, 3).max()
        contrast = image[box][own].mean() / max(image[box][sea].mean(), 1) if sea.any() else np.nan
        rows.append((area, width, contrast, mask[box][own].mean()))
    return rows


def table(title: str, values: np.ndarray, covered: np.ndarray, edges: list[float]) -> None:
    """Recall of objects (covered by a tenth) and mean covered share, between edges of a value."""
    print(f"\n| {title} | true objects | found | covered share |\n| --- | --- | --- | --- |")
    for low, high in pairwise(edges):
        mine = covered[(values >= low) & (values < high)]
        if len(mine):
            print(f"| {low:g} to {high:g} | {len(mine)} | {(mine >= 0.1).mean():.2f} | {mine.mean():.2f} |")


def main(folder: Path, flips: str) -> None:
    row = read_row(folder, Way(flips=flips))
    objects: list[tuple[float, ...]] = []
    by_class, near = np.zeros((8, 2)), np.zeros((4, 2))  # px found, all; false and missed px by distance to the outline
    for scene, operating_point in out_of_fold_scenes([folder], way=Way(flips=flips)):
        image, mask = scene.image()[0].astype(float), operating_point.mask(scene)
        for c in range(1, 8):
            by_class[c] += (mask & (scene.truth == c)).sum(), (scene.truth == c).sum()
        inside, outside = (cv2.distanceTransform(m.astype(np.uint8), cv2.DIST_L2, 3) for m in (scene.seep, ~scene.seep))
        away = np.where(scene.seep, inside, outside)
        for k, wrong in enumerate((mask & ~scene.seep, scene.seep & ~mask)):
            near[:, k] += np.histogram(away[wrong & scene.valid], (0, 1.1, 2.1, 5, 1e9))[0]
        objects += objects_of(image, scene.seep, scene.valid, mask)
    area, width, contrast, covered = np.array(objects).T
    table("area, px", area, covered, [20, 50, 200, 1000, 1e6])
    table("widest, px", width, covered, [0, 4, 6, 10, 20, 1e3])
    table("contrast, slick / surroundings", contrast, covered, [0, 0.7, 0.8, 0.85, 0.9, 0.95, 2])
    print("\n| class | px | found |\n| --- | --- | --- |")
    for c in range(1, 8):
        print(f"| {c} | {by_class[c, 1]:.0f} | {by_class[c, 0] / max(by_class[c, 1], 1):.2f} |")
    print("\n| distance to the true outline | false px | missed px |\n| --- | --- | --- |")
    for name, (false, missed) in zip(("1 px", "2 px", "3 to 5 px", "farther"), near / near.sum(0), strict=True):
        print(f"| {name} | {false:.2f} | {missed:.2f} |")
    print("\n| scene | Dice |\n| --- | --- |")
    for name, counts in sorted(row["scenes"].items(), key=lambda item: item[0].partition(" ")[2]):
        print(f"| {name.partition(' ')[2]} | {pooled_figures([np.array(counts)])['dice']:.3f} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--flips", choices=VIEWS, default="")
    arguments = parser.parse_args()
    main(arguments.folder, arguments.flips)
