"""The panel of one chip: four views under their names, errors in three colours."""

import numpy as np

from seep_lightning.reporting.pictures import FALSE, GAP, LINE, MISSED, RIGHT, SIDE, panel


def test_right_missed_and_false_pixels_have_their_colours_and_a_small_chip_is_enlarged() -> None:
    truth = np.zeros((64, 64), bool)
    truth[:, :20] = True
    probability = np.zeros((64, 64), np.float32)
    probability[:, 10:30] = 0.9
    picture = panel(np.full((64, 64), 7, np.uint16), truth, probability, np.ones((64, 64), bool), 0.5, "title")
    assert picture.shape == (2 * LINE + SIDE, 4 * SIDE + 3 * GAP, 3)
    errors = picture[2 * LINE :, 3 * (SIDE + GAP) :: SIDE // 64][0]
    assert {tuple(c) for c in errors[:10]} == {MISSED}
    assert {tuple(c) for c in errors[10:20]} == {RIGHT}
    assert {tuple(c) for c in errors[20:30]} == {FALSE}
    assert not {tuple(c) for c in errors[30:]} & {MISSED, RIGHT, FALSE}
