"""A review of tiny chips with an error of each kind, by a network that is played."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from helpers.chips import MASKS, make_chips
from helpers.reviews import labels_of_scene, scene_of
from seep_lightning.config.commands import ReviewConfig
from seep_lightning.folds.operating_points import OperatingPoint
from seep_lightning.labelling import review_candidates
from seep_lightning.labelling.review import WrittenReview, review


@pytest.fixture(scope="session")
def reviewed_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Chips whose scene S0 has one error of each kind."""
    root = make_chips(tmp_path_factory.mktemp("reviewed") / "chips", scenes=2)
    labels = labels_of_scene()
    for tile in range(6):
        row, column = divmod(tile, 3)
        part = labels[32 * row : 32 * row + 32, 32 * column : 32 * column + 32]
        assert cv2.imwrite(str(root / MASKS / f"S0.{tile:06d}.tif"), part)
    return root


@pytest.fixture(scope="session")
def written(reviewed_root: Path) -> Iterator[WrittenReview]:
    """The review; tests must not change it."""
    scene = scene_of(reviewed_root)
    operating_point = OperatingPoint(128, 0, (1.0, 0.0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(review_candidates, "find_folds", lambda folders: [scene.fold, scene.fold])
        patch.setattr(review_candidates, "out_of_fold_scenes", lambda folders, part, way: [(scene, operating_point)])
        yield review(ReviewConfig(runs="folds", output=str(reviewed_root.parent / "review")))
