"""How many planted label errors `seep review` lists first: a table of docs/results.md.

    python benchmarks/accuracy/label_errors.py [--kinds removed added shifted class] [--share 0.2] [--seed 0]
    python benchmarks/accuracy/label_errors.py --kinds removed,added,shifted,class --share 0.05

Scenes are generated, cut into chips, and some of their outlines are removed, added, shifted by 4 px, or given the other
of two classes (patches and plumes, or lines). For each word of --kinds (between commas: all together) the folds are
trained on the labels with errors, and the review judges each chip by the network that did not learn from it. Precision
at N: of the first N suspects of the kind, N being the number of planted errors, those that are planted. Rows go to
label_errors.jsonl in --folder.
"""

import argparse
import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from seep_lightning import train
from seep_lightning.data.generator.scene import SyntheticSpec, generate_scene
from seep_lightning.data.images import write_image
from seep_lightning.labelling.review_candidates import Sighting, find_in_all_scenes

Classes = NDArray[np.uint8]
Mask = NDArray[np.bool_]

CHIP = 128
CHIPS_A_SIDE = 4
SIDE = CHIP * CHIPS_A_SIDE
SCENES = 8
FOLDS = 4
# speckle of so many looks, and backscatter that is damped once more, leave slicks clear: a small net learns them
LOOKS = 150.0
DAMPING = 0.65
SEEP_CELLS = 12
# px: smaller outlines are left as they are
SMALLEST = 40
# px: scenes with larger ones are drawn anew, since a chip that is dark throughout has no contrast
LARGEST = 4000
SHIFT = 4
DIRECTIONS = ((SHIFT, 0), (-SHIFT, 0), (0, SHIFT), (0, -SHIFT), (3, 3), (-3, 3), (3, -3), (-3, -3))
# classes of the generator that are patches and plumes; the others are lines
BROAD = (4, 5)
# added outlines keep so far from others, px
DISTANCE = 12
# the kind of suspects that each planted error should come back as
SUSPECTED = {"removed": "missing", "added": "false", "shifted": "shifted", "class": "class"}
# of a suspect, this share must lie on what was planted
COVERED = 0.25


@dataclass
class Scene:
    """A generated scene: image, labels with errors, and where these are by kind."""

    name: str
    image: NDArray[np.uint16]
    labels: Classes
    planted: dict[str, list[Mask]]


def scenes(seed: int) -> Iterator[Scene]:
    """Scenes without errors, with two classes."""
    spec = SyntheticSpec(chip_size=CHIP, looks=LOOKS)
    found = 0
    for number in count():
        image, classes = generate_scene((seed, number), SIDE, SIDE, seep_cells=SEEP_CELLS, spec=spec)
        # hair lines are as wide as a person would draw them
        kernel = np.ones((3, 3), np.uint8)
        is_broad = cv2.dilate(np.isin(classes, BROAD).astype(np.uint8), kernel)
        is_seep = cv2.dilate((classes > 0).astype(np.uint8), kernel) * (image > 0)
        labels = np.where(is_broad, 2, 1).astype(np.uint8) * is_seep
        if max(outline.sum() for outline in outlines(labels)) > LARGEST:
            continue
        damping = DAMPING * cv2.GaussianBlur(is_seep.astype(np.float32), (5, 5), 1)
        yield Scene(f"scene{number}", (image * (1 - damping)).astype(np.uint16), labels, {})
        found += 1
        if found == SCENES:
            return


def outlines(labels: Classes) -> list[Mask]:
    """The outlines of a scene that are large enough, each as a mask."""
    count, numbers, stats, _ = cv2.connectedComponentsWithStats((labels > 0).astype(np.uint8), connectivity=8)
    return [numbers == k for k in range(1, count) if stats[k, cv2.CC_STAT_AREA] >= SMALLEST]


def moved(mask: Mask, down: int, right: int) -> Mask:
    """A mask somewhere else; what leaves the scene is cut off."""
    shift = np.array([[1, 0, right], [0, 1, down]], np.float32)
    return cv2.warpAffine(mask.astype(np.uint8), shift, mask.shape[::-1], flags=cv2.INTER_NEAREST) > 0


def plant(kind: str, scene: Scene, outline: Mask, rng: np.random.Generator) -> None:
    """Plant one error in a scene."""
    label = int(np.bincount(scene.labels[outline]).argmax())
    planted = scene.planted.setdefault(kind, [])
    match kind:
        case "removed":
            scene.labels[outline] = 0
            planted.append(outline)
        case "added":
            place = free_place(scene, outline, rng)
            scene.labels[place] = label
            planted.append(place)
        case "shifted":
            down, right = DIRECTIONS[rng.integers(len(DIRECTIONS))]
            scene.labels[outline] = 0
            place = moved(outline, down, right) & (scene.image > 0)
            scene.labels[place] = label
            planted.append(place)
        case "class":
            scene.labels[outline] = 3 - label
            planted.append(outline)


def free_place(scene: Scene, outline: Mask, rng: np.random.Generator) -> Mask:
    """An outline's shape where the sea is free."""
    taken = cv2.dilate((scene.labels > 0).astype(np.uint8), np.ones((2 * DISTANCE + 1,) * 2)) > 0
    while True:
        place = moved(outline, *rng.integers(-SIDE, SIDE, 2).tolist())
        if place.sum() == outline.sum() and not (place & (taken | (scene.image == 0))).any():
            return place


def write(root: Path, all_scenes: list[Scene]) -> None:
    """Cut scenes into chips."""
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for scene in all_scenes:
        for tile in range(CHIPS_A_SIDE**2):
            row, column = divmod(tile, CHIPS_A_SIDE)
            part = np.s_[row * CHIP : (row + 1) * CHIP, column * CHIP : (column + 1) * CHIP]
            name = f"{scene.name}.{tile:06d}.tif"
            if (scene.image[part] > 0).mean() < 0.05:
                continue
            write_image(root / "images" / name, scene.image[part])
            write_image(root / "masks" / name, scene.labels[part])
    columns = {scene.name: CHIPS_A_SIDE for scene in all_scenes}
    (root / "dataset.json").write_text(json.dumps({"columns": columns}))


def planted_scenes(kinds: list[str], share: float, seed: int) -> tuple[list[Scene], int]:
    """Scenes with errors of some kinds, each in a share of the outlines, and the number of outlines."""
    rng = np.random.default_rng((seed, *(list(SUSPECTED).index(kind) for kind in kinds), round(100 * share)))
    all_scenes = list(scenes(seed))
    candidates = [(scene, outline) for scene in all_scenes for outline in outlines(scene.labels)]
    each = round(share * len(candidates))
    order = rng.permutation(len(candidates))
    for position, kind in enumerate(kinds):
        for index in order[position * each : (position + 1) * each]:
            plant(kind, *candidates[index], rng)
    return all_scenes, len(candidates)


def experiment(kinds: list[str], share: float, seed: int, epochs: int, folder: Path) -> Iterator[dict[str, Any]]:
    """Plant errors, train, review, and count: a row for each kind."""
    all_scenes, outline_count = planted_scenes(kinds, share, seed)
    home = folder / f"{'-'.join(kinds)}-{share:g}-{seed}"
    shutil.rmtree(home, ignore_errors=True)
    write(home / "chips", all_scenes)
    started = time.perf_counter()
    for fold in range(FOLDS):
        train(
            "data=chips",
            f"task={'classes' if 'class' in kinds else 'binary'}",
            "split=kfold",
            output=home / "folds" / f"fold-{fold}",
            seed=seed,
            init=None,
            data={"root": str(home / "chips"), "classes": 2, "batch_size": 4},
            split={"folds": FOLDS, "fold": fold},
            model={"width": 8, "depth": 3},
            trainer={"max_epochs": epochs, "accelerator": "cpu"},
        )
    seconds = round(time.perf_counter() - started)
    listed = find_in_all_scenes([str(home / "folds")], most=10_000, device="cpu")
    for kind in kinds:
        planted = {scene.name: scene.planted.get(kind, []) for scene in all_scenes}
        number = sum(len(masks) for masks in planted.values())
        suspects = [each for each in listed.sightings if each.suspect.kind == SUSPECTED[kind]]
        yield {
            "kind": kind, "together": len(kinds), "share": share, "seed": seed, "epochs": epochs,
            "outlines": outline_count, "planted": number, "suspects": len(suspects),
            "right": hits_of(suspects[:number], planted), "right_in_all": hits_of(suspects, planted),
            "as_any_kind": hits_of(listed.sightings, planted), "train_seconds": seconds,
        }  # fmt: skip


def hits_of(suspects: list[Sighting], planted: dict[str, list[Mask]]) -> int:
    """How many planted errors some suspects lie on."""
    found: set[tuple[str, int]] = set()
    for sighting in suspects:
        suspect = sighting.suspect
        own = suspect.suggestion if suspect.kind == "missing" else suspect.label
        for number, mask in enumerate(planted[sighting.scene]):
            height, width = mask.shape
            box = suspect.box
            rows, columns = np.nonzero(own)
            rows, columns = rows + box.top, columns + box.left
            inside = (rows < height) & (columns < width)
            if mask[rows[inside], columns[inside]].sum() >= COVERED * own.sum():
                found.add((sighting.scene, number))
    return len(found)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="+", default=list(SUSPECTED))
    parser.add_argument("--share", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--folder", type=Path, default=Path("outputs/label_errors"))
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for word in arguments.kinds:
        for row in experiment(word.split(","), arguments.share, arguments.seed, arguments.epochs, arguments.folder):
            row["precision"] = round(row["right"] / row["planted"], 3)
            print(json.dumps(row), flush=True)
            with (arguments.folder / "label_errors.jsonl").open("a") as file:
                file.write(json.dumps(row) + "\n")
