"""Thresholds on the probability, as a user gives them."""

import pytest

from seep_lightning.errors import UserError
from seep_lightning.scene.options import Thresholds


@pytest.mark.parametrize("wrong", [(0.5, 0.4, 0.7), (0.3, 0.5, 0.4), (0.0, 0.5, 0.6), (0.3, 0.5, 1.1)])
def test_thresholds_that_do_not_ascend_are_refused(wrong: tuple[float, float, float]) -> None:
    with pytest.raises(UserError, match="ascend"):
        Thresholds(*wrong).around(0.5)
