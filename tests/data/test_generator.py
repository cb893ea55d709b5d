"""Generated chips hold the real set's statistics, repeat from their seed, and are never left half written."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
import rasterio
from skimage.morphology import skeletonize

from seep_lightning.data.generator import dataset
from seep_lightning.data.generator.dataset import IMAGES, MASKS, write_dataset
from seep_lightning.data.generator.scene import SyntheticSpec, count_cells, generate_scene
from seep_lightning.errors import UserError

SMALL = SyntheticSpec(chips=6, scenes=1, columns=4, scene_px=0)

# Measured on all 790 chips of the real set with the formulae below.
REAL = {
    "seep share": 0.0189,
    "nodata share": 0.044,
    "share of chips with nodata": 0.124,
    "looks": 37.6,
    "lag-1 correlation": 0.061,
    "contrast, 10 %": 0.733,
    "contrast, 50 %": 0.836,
    "contrast, 90 %": 0.912,
    "area": 198.0,
    "width": 4.3,
    "widest": 6.0,
    "length": 48.0,
    "aspect": 5.2,
}


class Pair(NamedTuple):
    scene: str
    tile: int
    image: np.ndarray
    classes: np.ndarray


def read(root: Path) -> list[Pair]:
    pairs = []
    for path in sorted((root / IMAGES).iterdir()):
        scene, tile = re.fullmatch(r"(\d{6})\.(\d{6})\.tif", path.name).groups()
        image, classes = (cv2.imread(str(root / d / path.name), cv2.IMREAD_UNCHANGED) for d in (IMAGES, MASKS))
        pairs.append(Pair(scene, int(tile), image, classes))
    return pairs


def calm_sea(image: np.ndarray, clean: np.ndarray, size: int = 32) -> Iterator[tuple[float, float]]:
    """Equivalent looks and lag-1 correlation along rows of each clean square, less its best-fitting plane."""
    y, x = np.indices((size, size))
    basis, _ = np.linalg.qr(np.stack([np.ones(size**2), x.ravel(), y.ravel()], 1))
    for top in range(0, len(image) - size + 1, size):
        for left in range(0, len(image) - size + 1, size):
            here = np.s_[top : top + size, left : left + size]
            if clean[here].all():
                values = image[here].ravel().astype(float)
                speckle = (values - basis @ (basis.T @ values)).reshape(size, size)
                lag = np.corrcoef(speckle[:, 1:].ravel(), speckle[:, :-1].ravel())[0, 1]
                yield values.mean() ** 2 / speckle.var(), lag


def aspect_of(slick: np.ndarray) -> float:
    """Axis ratio of the ellipse with the same second moments; a pixel counts as a square, not as a point."""
    axes = 4 * np.sqrt(np.linalg.eigvalsh(np.cov(np.argwhere(slick).T, bias=True) + np.eye(2) / 12))
    return axes[1] / max(axes[0], 1.0)


def slicks(image: np.ndarray, seep: np.ndarray) -> Iterator[tuple[float, ...]]:
    """Contrast (nan where no sea is near), area, width, widest, length, aspect of each slick of 20 px or more."""
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(seep.astype(np.uint8), connectivity=8)
    for i in range(1, count):
        left, top, width, height, area = boxes[i]
        if area < 20:
            continue
        near = np.s_[max(top - 10, 0) : top + height + 10, max(left - 10, 0) : left + width + 10]
        slick, values = labels[near] == i, image[near]
        away = cv2.distanceTransform((~slick).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        ring = (away >= 3) & (away <= 8) & (values > 0) & ~seep[near]
        contrast = values[slick].mean() / values[ring].mean() if ring.sum() >= 20 else np.nan
        padded = np.pad(slick, 1)
        depth = cv2.distanceTransform(padded.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE).max()
        length = max(skeletonize(padded).sum(), 1)
        yield contrast, area, area / length, 2 * depth, length, aspect_of(slick)


def statistics(pairs: list[Pair]) -> dict[str, float]:
    seep, valid = np.stack([p.classes > 0 for p in pairs]), np.stack([p.image > 0 for p in pairs])
    squares, shapes = [], []
    for pair in pairs:
        near_seep = cv2.dilate((pair.classes > 0).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
        squares += calm_sea(pair.image, (pair.image > 0) & ~near_seep)
        shapes += slicks(pair.image, pair.classes > 0)
    looks, lag = np.array(squares).T
    calmest = looks >= np.quantile(looks, 0.75)
    contrast, *shape = np.array(shapes).T
    figures = [(seep & valid).sum() / valid.sum(), (~valid).mean(), (~valid).any(axis=(1, 2)).mean()]
    figures += [np.median(looks[calmest]), np.median(lag[calmest])]
    figures += [*np.nanquantile(contrast, [0.1, 0.5, 0.9]), *(np.median(values) for values in shape)]
    return dict(zip(REAL, figures, strict=True))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data") / "synthetic", SyntheticSpec())


@pytest.fixture(scope="module")
def pairs(root: Path) -> list[Pair]:
    return read(root)


@pytest.fixture(scope="module")
def figures(pairs: list[Pair]) -> dict[str, float]:
    return statistics(pairs)


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_a_statistic_is_that_of_the_real_chips(figures: dict[str, float], name: str) -> None:
    assert figures[name] == pytest.approx(REAL[name], rel=0.25)


@pytest.mark.slow
def test_the_layout_is_that_of_the_real_chips(root: Path, pairs: list[Pair]) -> None:
    facts = json.loads((root / "dataset.json").read_text())
    assert len(pairs) == SyntheticSpec().chips == len(list((root / MASKS).iterdir()))
    assert {p.scene for p in pairs} == facts["columns"].keys()
    for pair in pairs:
        assert (pair.image.dtype, pair.image.shape) == (np.uint16, (256, 256))
        assert (pair.classes.dtype, pair.classes.shape) == (np.uint8, (256, 256))
        assert pair.tile < facts["columns"][pair.scene] ** 2
        assert not pair.classes[pair.image == 0].any()
    assert sum(not p.classes.any() for p in pairs) == 1


@pytest.mark.slow
def test_classes_are_as_unequal_as_the_real_ones(pairs: list[Pair]) -> None:
    counts = np.bincount(np.concatenate([p.classes.ravel() for p in pairs]), minlength=8)
    assert len(counts) == 8
    assert (counts[1:] > 0).all()
    assert counts[1] == counts[1:].max() > 20 * counts[1:].min()


@pytest.mark.slow
def test_values_are_few_levels_and_a_few_saturate(pairs: list[Pair]) -> None:
    levels = np.median([len(np.unique(p.image)) for p in pairs])
    assert 90 < levels < 160
    sea = np.concatenate([p.image[p.image > 0] for p in pairs])
    assert 27000 < sea.mean() < 34000
    assert 0.0003 < (sea == 65535).mean() < 0.01


@pytest.mark.slow
def test_slicks_run_on_across_chip_edges(root: Path, pairs: list[Pair]) -> None:
    columns = json.loads((root / "dataset.json").read_text())["columns"]
    by_cell = {(p.scene, *divmod(p.tile, columns[p.scene])): p.classes > 0 for p in pairs}
    edges = [
        (seep[-1] if down else seep[:, -1], by_cell[beyond][0] if down else by_cell[beyond][:, 0])
        for (scene, row, column), seep in by_cell.items()
        for down in (True, False)
        if (beyond := (scene, row + down, column + (not down))) in by_cell
    ]
    touched = [(one, other) for one, other in edges if one.any() or other.any()]
    assert len(touched) > 40
    met = [(np.convolve(one, np.ones(7), mode="same") > 0) & other for one, other in touched]
    assert np.mean([m.any() for m in met]) > 0.9  # 0.96 in the real set


@pytest.mark.slow
def test_a_whole_scene_lies_beside_the_chips(root: Path, pairs: list[Pair]) -> None:
    image_path, mask_path = sorted((root / "scenes").iterdir())
    assert mask_path.stem == f"{image_path.stem}_mask"
    assert image_path.stem not in {p.scene for p in pairs}
    with rasterio.open(image_path) as scene, rasterio.open(mask_path) as truth:
        assert min(scene.shape) > 2000
        assert scene.crs.is_projected
        assert scene.res == (10, 10)
        assert (scene.transform, scene.crs, scene.shape) == (truth.transform, truth.crs, truth.shape)
        assert (scene.nodata, scene.dtypes, truth.dtypes) == (0, ("uint16",), ("uint8",))
        assert scene.block_shapes == [(256, 256)]
        image, classes = scene.read(1), truth.read(1)
    assert 0.5 < (image > 0).mean() < 1
    sea, seep = count_cells(image, 256), count_cells(classes, 256)
    assert 0 < seep < 0.25 * sea


def test_a_scene_is_a_function_of_its_seed() -> None:
    image, classes = generate_scene(3, 600, 700)
    again, same = generate_scene(3, 600, 700)
    other, _ = generate_scene(4, 600, 700)
    assert (image.dtype, image.shape) == (np.uint16, (600, 700))
    assert (classes.dtype, classes.shape) == (np.uint8, (600, 700))
    assert classes.any()
    np.testing.assert_array_equal(image, again)
    np.testing.assert_array_equal(classes, same)
    assert (image != other).any()


@pytest.mark.parametrize("seed", range(4))
def test_zero_stands_only_behind_the_straight_swath_edges(seed: int) -> None:
    image, _ = generate_scene(seed, 700, 600)
    hull = cv2.convexHull(cv2.findNonZero((image > 0).astype(np.uint8)))
    sea = cv2.fillConvexPoly(np.zeros(image.shape, np.uint8), hull, 1)
    assert 0.5 < sea.mean() < 1
    behind = (image == 0) & (sea > 0)
    assert behind.sum() < 0.002 * image.size  # the hull's outline may touch a zero
    within = cv2.erode(sea, np.ones((5, 5), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
    assert not behind[within].any()


def test_equal_specs_give_equal_files(tmp_path: Path) -> None:
    one, other = (write_dataset(tmp_path / name, SMALL) for name in ("one", "other"))
    files = sorted(p.relative_to(one) for p in one.rglob("*") if p.is_file())
    assert len(files) == 2 * SMALL.chips + 1
    assert all((one / f).read_bytes() == (other / f).read_bytes() for f in files)


def test_what_is_there_already_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_dataset(tmp_path / "set", SMALL)
    monkeypatch.setattr(dataset, "write_files", lambda *_: pytest.fail("written again"))
    assert write_dataset(root, SMALL) == root
    with pytest.raises(UserError, match="something other"):
        write_dataset(root, SyntheticSpec(seed=1))
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("keep")
    with pytest.raises(UserError, match="something other"):
        write_dataset(tmp_path / "notes", SMALL)


def test_an_interrupted_writing_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []

    def interrupt(path: Path, array: np.ndarray) -> None:
        written.append(path)
        if len(written) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(dataset, "write_image", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_dataset(tmp_path / "set", SMALL)
    assert len(written) == 3
    assert list(tmp_path.iterdir()) == []


def test_two_writers_at_once_both_end_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, write_files = tmp_path / "set", dataset.write_files

    def overtaken(scratch: Path, spec: SyntheticSpec) -> None:
        monkeypatch.setattr(dataset, "write_files", write_files)
        write_dataset(root, spec)  # the other process is done first
        write_files(scratch, spec)

    monkeypatch.setattr(dataset, "write_files", overtaken)
    assert write_dataset(root, SMALL) == root
    assert len(read(root)) == SMALL.chips
    assert list(tmp_path.iterdir()) == [root]


def test_too_many_chips_are_refused_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"Raise data\.synthetic\.scenes"):
        write_dataset(tmp_path / "set", SyntheticSpec(chips=40, scenes=1, columns=4, scene_px=0))
    assert list(tmp_path.iterdir()) == []
