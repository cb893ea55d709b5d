"""The panel of one chip: four views under their names, errors in three colours."""

import numpy as np

from seep_lightning.data.images import ChipPixels
from seep_lightning.reporting.pictures import (
    FALSE,
    GAP,
    IGNORED_COLOUR,
    LINE,
    MISSED,
    RIGHT,
    SIDE,
    SMALL_SIDE,
    batch_panel,
    four_views,
    panel,
)


def chip_of(truth: np.ndarray, labelled: np.ndarray | None = None) -> ChipPixels:
    """A grey chip with data everywhere."""
    image = np.full((1, *truth.shape), 7, np.uint16)
    everywhere = np.ones(truth.shape, bool)
    return ChipPixels(image, truth.astype(np.uint8), everywhere, everywhere if labelled is None else labelled)


def test_right_missed_and_false_pixels_have_their_colours_and_a_small_chip_is_enlarged() -> None:
    truth = np.zeros((64, 64), bool)
    truth[:, :20] = True
    probability = np.zeros((64, 64), np.float32)
    probability[:, 10:30] = 0.9
    picture = panel(chip_of(truth), probability, 0.5, "title")
    assert picture.shape == (2 * LINE + SIDE, 4 * SIDE + 3 * GAP, 3)
    errors = picture[2 * LINE :, 3 * (SIDE + GAP) :: SIDE // 64][0]
    assert {tuple(c) for c in errors[:10]} == {MISSED}
    assert {tuple(c) for c in errors[10:20]} == {RIGHT}
    assert {tuple(c) for c in errors[20:30]} == {FALSE}
    assert not {tuple(c) for c in errors[30:]} & {MISSED, RIGHT, FALSE}


def test_training_chips_are_drawn_two_in_a_row_each_as_image_target_and_valid() -> None:
    image = np.random.default_rng(0).normal(size=(3, 64, 64)).astype(np.float32)
    target = np.zeros((3, 64, 64), np.uint8)
    target[1, :32] = 3
    valid = np.ones((3, 64, 64), bool)
    valid[0, :, 32:] = False
    drawn = batch_panel(image, target, valid, "title")
    side = SMALL_SIDE
    step = side + GAP
    assert drawn.shape == (2 * LINE + 2 * side + GAP, 6 * step - GAP, 3)
    first, second = drawn[2 * LINE :][:side, : 3 * step, 0], drawn[2 * LINE :][:side, 3 * step :, 0]
    picture, truth, pixels = (first[:, k * step : k * step + side] for k in range(3))
    assert picture[:, : side // 2].std() > 30 and picture[:, side // 2 :].max() == 0
    assert truth.max() == 0 and (second[: side // 2, step : step + side] == 255).all()
    assert (pixels[:, : side // 2] == 255).all() and pixels[:, side // 2 :].max() == 0
    assert (drawn[-side:, 3 * step :] == drawn[-1, -1]).all()  # no fourth chip


def test_ignored_pixels_are_hatched_in_the_truth_and_among_the_errors_and_nowhere_else() -> None:
    labelled = np.ones((32, 32), bool)
    labelled[:, 16:] = False
    nothing = np.zeros((32, 32), bool)
    picture, truth, levels, errors = four_views(chip_of(nothing, labelled), nothing.astype(np.uint8), nothing)
    for view in (truth, errors):
        hatched = (view == IGNORED_COLOUR).all(axis=-1)
        assert not hatched[:, :16].any() and 0.2 < hatched[:, 16:].mean() < 0.5
    assert not (picture == IGNORED_COLOUR).all(-1).any() and not (levels == IGNORED_COLOUR).all(-1).any()
