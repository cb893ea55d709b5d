"""Objects by strips of rows: those of the whole array, whatever the height of a strip."""

import cv2
import numpy as np
import pytest
from scipy import ndimage

from helpers.rasters import ArraySource
from seep_lightning.scene import objects
from seep_lightning.scene.objects import find_objects


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 40])
@pytest.mark.parametrize("density", [0.05, 0.3, 0.42, 0.6, 1.0])
def test_objects_found_by_strips_are_those_of_the_whole_array(
    rows: int, density: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "STRIP_PIXELS", rows * 33)
    for seed in range(6):
        rng = np.random.default_rng(seed)
        stored = np.where(rng.random((40, 33)) < density, rng.integers(1, 256, (40, 33)), 0).astype(np.uint8)
        source = ArraySource(stored[None], stored > 0)
        found = list(find_objects(source, group=80, trim=120, keep=200, smallest=2))
        labels, _ = ndimage.label(stored >= 80, structure=np.ones((3, 3)))
        expected = []
        for number, box in enumerate(ndimage.find_objects(labels), 1):
            inside = labels == number
            core = int((inside & (stored >= 120)).sum())
            if stored[inside].max() >= 200 and core >= 2:
                sides = (box[0].start, box[1].start, box[0].stop, box[1].stop)
                expected.append((int(np.flatnonzero(inside)[0]), *sides, int(stored[inside].max()), core))
        assert sorted(found) == sorted(expected)


def test_a_spiral_through_many_strips_is_one_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "STRIP_PIXELS", 4 * 61)
    stored = np.zeros((61, 61), np.uint8)
    for k in range(0, 30, 4):  # rings, each open on one side and joined to the next
        cv2.rectangle(stored, (k, k), (60 - k, 60 - k), 200, 1)
    stored[30, :31] = 200
    (one,) = find_objects(ArraySource(stored[None], stored > 0), 100, 100, 100)
    assert one.core == (stored > 0).sum()
