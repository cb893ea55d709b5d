"""Training windows at any offset over the scenes."""

import numpy as np
import pytest

from seep_lightning.data.mosaic import lay, shifted


@pytest.mark.parametrize("by", [(0, 0), (3, -2), (-4, 4), (1, 0), (-1, -3)])
def test_a_shifted_window_is_cut_from_the_laid_scene(by: tuple[int, int]) -> None:
    scene = np.arange(1, 145).reshape(12, 12)
    chips = {(r, c): scene[4 * r : 4 * r + 4, 4 * c : 4 * c + 4] for r in range(3) for c in range(3)}
    assert (lay(chips) == scene).all()
    around = {(r - 1, c - 1): chip for (r, c), chip in chips.items()}
    assert (shifted(around, by) == scene[4 + by[0] : 8 + by[0], 4 + by[1] : 8 + by[1]]).all()


def test_what_no_training_chip_covers_is_nodata() -> None:
    window = shifted({(0, 0): np.ones((4, 4), int), (0, 1): np.full((4, 4), 2)}, (1, 3))
    assert window.tolist() == [[1, 2, 2, 2]] * 3 + [[0] * 4]
