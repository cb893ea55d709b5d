"""What several answers about one chip do together."""

import json
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from helpers.rasters import UTM, write_raster
from seep_lightning.config.commands import PrepareConfig
from seep_lightning.data.decoding import decode
from seep_lightning.errors import UserError
from seep_lightning.labelling.answers import DrawnOutline
from seep_lightning.labelling.corrections import MOST_ON_A_CHIP, correct_labels
from seep_lightning.labelling.redrawn import redrawn_patches
from seep_lightning.labelling.review_file import ListedLabel, Patch, ReviewedChip, ReviewFile, read_review, run_lengths
from seep_lightning.labelling.review_places import ScenePlace
from seep_lightning.scene.datasets import write_geotiff
from seep_lightning.scene.ground import Ground
from seep_lightning.scene.projections import WGS84
from seep_lightning.scene.raster import Raster

SIZE = 32
EMPTY = np.zeros((SIZE, SIZE), bool)


def columns(first: int, last: int) -> NDArray[np.bool_]:
    mask = EMPTY.copy()
    mask[8:24, first:last] = True
    return mask


def listed(kind: str, label: NDArray, suggestion: NDArray, classes: tuple[int, int], loss_change: float) -> ListedLabel:
    patch = Patch("a.tif", 0, 0, SIZE, SIZE, run_lengths(label), run_lengths(suggestion))
    place = {"top": 0, "left": 0, "bottom": SIZE, "right": SIZE, "x": 0, "y": 0, "area": 9, "p_mean": 0.9}
    names = {"scene": "s", "reason": "", "judged_by": "run", "choices": {}}
    return ListedLabel(
        1, kind, **place, **names, loss_change=loss_change, label=classes[0], suggested=classes[1], patches=[patch]
    )  # fmt: skip


def corrected(folder: Path, truth: NDArray, candidates: list[ListedLabel], answers: list[str]) -> NDArray[np.uint8]:
    """The mask after all answers, with candidates numbered in their order."""
    folder.mkdir()
    write_geotiff(folder / "image.tif", np.ones((1, SIZE, SIZE), np.uint8), None)
    write_geotiff(folder / "mask.tif", truth[None].astype(np.uint8), None)
    chip = ReviewedChip("a.tif", "s", 0, str(folder / "image.tif"), str(folder / "mask.tif"))
    numbered = [ListedLabel(**{**vars(each), "number": number}) for number, each in enumerate(candidates, 1)]
    data = {"images": "images", "masks": "masks", "classes": 7}
    review = ReviewFile(["run"], "all", str(folder), data, [chip], {}, {}, numbered, id="1")
    (folder / "review.json").write_text(review.text())
    rows = [f"{number},{answer},1" for number, answer in enumerate(answers, 1)]
    table = folder / "review.csv"
    table.write_text("\n".join(["number,answer,review", *rows]) + "\n")
    correct_labels(PrepareConfig(review=str(table), output=str(folder / "new")))
    return decode(folder / "new" / "masks" / "a.tif").values[0]


def test_any_order_of_a_list_gives_the_same_mask_and_no_moved_outline_loses_pixels(tmp_path: Path) -> None:
    truth = 1 * columns(2, 6) + 2 * columns(8, 12) + 1 * columns(24, 28)
    # each moves onto the place of the next, and an alarm of another class reaches into one of them
    answered = [
        (listed("shifted", columns(2, 6), columns(7, 11), (1, 1), 30), "redraw"),
        (listed("shifted", columns(8, 12), columns(13, 17), (2, 2), 20), "redraw"),
        (listed("missing", EMPTY, columns(16, 20), (0, 3), 10), "redraw"),
        (listed("false", columns(24, 28), EMPTY, (1, 0), 5), "drop"),
        (listed("missing", EMPTY, columns(19, 22), (0, 1), 1), "unsure"),
    ]
    expected = 1 * columns(7, 11) + 2 * columns(13, 17) + 3 * columns(17, 19) + 255 * columns(19, 22)
    for number, order in enumerate([*permutations(answered)][::30]):
        candidates, answers = zip(*order, strict=True)
        mask = corrected(tmp_path / str(number), truth, list(candidates), list(answers))
        np.testing.assert_array_equal(mask, expected, str(answers))


@pytest.mark.parametrize(("answers", "agree"), [
    (["redraw", "redraw"], False), (["redraw", "drop"], False), (["drop", "keep"], False),
    (["keep", "redraw"], True), (["drop", "drop"], True), (["unsure", "redraw"], True),
])  # fmt: skip
def test_answers_about_one_outline_that_contradict_each_other_are_refused(
    answers: list[str], agree: bool, tmp_path: Path
) -> None:
    truth = 1 * columns(2, 8) + 2 * columns(20, 24)
    candidates = [
        listed("shifted", columns(2, 8), columns(6, 12), (1, 1), 30),
        listed("class", columns(2, 8), columns(2, 8), (1, 2), 20),
    ]
    if agree:
        corrected(tmp_path / "review", truth, candidates, answers)
        return
    with pytest.raises(UserError, match="numbers 1 and 2 are about one outline, and their answers contradict"):
        corrected(tmp_path / "review", truth, candidates, answers)
    assert not (tmp_path / "review" / "new").exists()


def test_an_outline_in_degrees_that_nobody_changed_is_known_and_one_that_moved_comes_back(tmp_path: Path) -> None:
    write_raster(tmp_path / "s.000001.tif", np.ones((SIZE, SIZE), np.uint16), **UTM)
    chip = ReviewedChip("s.000001.tif", "s", 1, str(tmp_path / "s.000001.tif"), None)
    patch = Patch(chip.name, 0, 0, SIZE, SIZE, run_lengths(columns(8, 12)), run_lengths(EMPTY))
    candidate = replace(listed("false", EMPTY, EMPTY, (3, 0), 1), patches=[patch])
    review = ReviewFile(["run"], "all", "", {}, [chip], {"s": 2}, {}, [candidate], in_degrees=True)
    with Raster(Path(chip.image)) as raster:
        # the second chip of its row
        place = ScenePlace(Ground.of(raster), 0, SIZE)
    for shift in (0, 3):
        outline = shapely.MultiPolygon([shapely.box(SIZE + 8 + shift, 8, SIZE + 12 + shift, 24)])
        drawn = DrawnOutline(place.outline(outline, in_degrees=True), WGS84, "feature 1")
        patches = redrawn_patches(review, candidate, drawn)
        if not shift:
            assert patches is None
            continue
        assert patches is not None
        (moved,) = patches
        assert (moved.top, moved.left, moved.height, moved.width) == (8, 8 + shift, 16, 4)
        assert moved.mask(moved.suggestion).all() and not moved.mask(moved.label).any()
    for shape, crs, message in (
        (drawn.shape, None, "without a coordinate system"),
        (shapely.transform(drawn.shape, lambda points: points + 1), WGS84, "lies on no chip of s"),
    ):
        with pytest.raises(UserError, match=message):
            redrawn_patches(review, candidate, DrawnOutline(shape, crs, "feature 1"))


def test_answers_that_contradict_each_other_are_found_among_many(tmp_path: Path) -> None:
    # each keeps a pixel of its own, but for the last one, which drops that of the first
    own = [EMPTY.copy() for _ in range(SIZE * SIZE)]
    for place, label in enumerate(own):
        label.ravel()[place] = True
    candidates = [listed("false", label, EMPTY, (1, 0), 5) for label in [*own, own[0]]]
    answers = ["keep"] * len(own)
    truth = np.ones((SIZE, SIZE))
    corrected(tmp_path / "agree", truth, candidates, [*answers, "keep"])
    with pytest.raises(UserError, match="numbers 1 and 1025 are about one outline"):
        corrected(tmp_path / "contradict", truth, candidates, [*answers, "drop"])


def test_objects_that_no_chip_holds_are_refused_before_they_are_unpacked() -> None:
    chip = ReviewedChip("a.tif", "s", 0, "a.tif", None)
    candidate = listed("false", EMPTY, EMPTY, (1, 0), 5)

    def check(patch: Patch, count: int = 1) -> None:
        candidates = [replace(candidate, patches=[patch] * count)]
        ReviewFile(["run"], "all", "", {}, [chip], {}, {}, candidates).check()

    usual = Patch("a.tif", 0, 0, 8192, 8192, [8192 * 8192], [8192 * 8192])
    check(usual)
    for patch, count, message in (
        # three thousand runs of a million pixels
        (replace(usual, height=1_000_000, width=3_000), 1, "reaches to row 1,000,000 and column 3,000"),
        (replace(usual, top=999_999, left=999_999, height=1, width=1), 1, "reaches to row 1,000,000"),
        (usual, 17, r"its objects have 1,140,850,688 px"),
    ):
        with pytest.raises(ValueError, match=message):
            check(patch, count)


@pytest.mark.parametrize("changes", [{"columns": {"s": 0}}, {"chips": [{"tile": -2}]}, {"chips": [{"tile": 10**30}]}])
def test_a_review_whose_scenes_have_no_columns_is_refused(changes: dict[str, Any], tmp_path: Path) -> None:
    chip = {"name": "a.tif", "scene": "s", "tile": 0, "image": "a.tif", "mask": None}
    stored = {"runs": [], "judged": "", "root": "", "data": {}, "columns": {}, "offsets": {}, "candidates": []}
    stored["chips"] = [chip]
    (tmp_path / "review.json").write_text(json.dumps(stored))
    read_review(tmp_path)
    changed = {key: [chip | each for each in value] if key == "chips" else value for key, value in changes.items()}
    (tmp_path / "review.json").write_text(json.dumps(stored | changed))
    with pytest.raises(UserError, match="review.json"):
        read_review(tmp_path)


def test_a_strangers_review_with_thousands_of_answers_about_one_chip_is_refused(tmp_path: Path) -> None:
    many = MOST_ON_A_CHIP + 1
    candidates = [listed("false", columns(2, 6), EMPTY, (1, 0), 5)] * many
    with pytest.raises(
        UserError, match=r"2,001 answers are about a\.tif; expected 2,000 at most\. .* list: most=1000\."
    ):
        corrected(tmp_path / "review", 1 * columns(2, 6), candidates, ["drop"] * many)
