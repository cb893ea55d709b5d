"""Chips of a stranger, in fourteen layouts on disk: read, trained, scored, reported and mapped by config alone."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

import seep_lightning
from helpers.chips import TINY
from helpers.own_data import (
    OWN_LAYOUTS,
    PUBLIC_LAYOUTS,
    SEA,
    SEEP,
    SIZE,
    TILES,
    OwnLayout,
    PlantedChip,
    Truth,
    planted_chips,
)
from helpers.rasters import pixels
from seep_lightning.data.chip_sequence import ChipSequence
from seep_lightning.evaluation.result import Evaluation

LAYOUTS = (*OWN_LAYOUTS, *PUBLIC_LAYOUTS)
# these differ most from what `data=chips` has read all along
QUICK = ("csv of pairs", "mixed sizes")
# some seeds of a narrower net learn nothing in the few steps that there are
RECIPE = [*TINY, "model.width=8", "data.batch_size=1", "trainer.max_epochs=2", "optimizer.lr=0.01"]


def whole_way(layout: OwnLayout) -> object:
    """The layout as a parameter of a test that trains: marked slow but for a few."""
    marks = [] if layout.name in QUICK else [pytest.mark.slow]
    return pytest.param(layout, id=layout.name, marks=marks)


def written(layout: OwnLayout, tmp_path: Path) -> tuple[Path, Truth]:
    """The layout's files in a folder `mine`, and the truth of each image."""
    root = tmp_path / "mine"
    return root, layout.make(root, planted_chips())


def planted_of(chips: ChipSequence, truth: Truth) -> dict[str, PlantedChip]:
    """The planted chip of each name."""
    paths = {path.resolve(): chip for path, chip in truth.items()}
    listed = zip(chips.chips.names, chips.chips.image_paths, strict=True)
    return {name: paths[path.resolve()] for name, path in listed}


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_masks_and_images_are_read_as_they_were_planted(layout: OwnLayout, tmp_path: Path) -> None:
    root, truth = written(layout, tmp_path)
    chips = seep_lightning.read_chips(*layout.overrides, root=root)
    planted = planted_of(chips, truth)
    assert len({chip.scene for chip in chips}) == layout.scenes
    assert len(planted) == len(chips) == layout.chips
    for chip in chips:
        assert chip.mask.shape == chip.image.shape[1:] == (SIZE, SIZE)
        expected = planted[chip.name].seep_in(SIZE, SIZE)
        assert np.array_equal(chip.mask[chip.valid] > 0, expected[chip.valid])
        height, width = planted[chip.name].image.shape
        assert chip.valid.sum() > 0.9 * min(height, SIZE) * min(width, SIZE)
        if expected.any():
            scale = chip.image[0][chip.valid & ~expected].mean() / SEA
            assert chip.image[0][chip.valid & expected].mean() == pytest.approx(scale * SEEP, rel=0.15)


def pooled_dice(evaluation: Evaluation, chips: ChipSequence, planted: dict[str, PlantedChip]) -> tuple[float, float]:
    """Dice of the masks that an evaluation wrote against the planted truth, and of a mask that is seep everywhere."""
    valid = {chip.name: chip.valid for chip in chips}
    hits = predicted_pixels = true_pixels = all_pixels = 0
    for name in (evaluation.directory / "names.txt").read_text().splitlines():
        # a JPG would not keep what is written
        file = evaluation.directory / "masks" / (f"{name}.tif" if name.endswith(".jpg") else name)
        mask = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
        predicted, expected = mask > 0, planted[name].seep_in(SIZE, SIZE) & valid[name]
        assert predicted.shape == expected.shape
        hits += int((predicted & expected).sum())
        predicted_pixels += int(predicted.sum())
        true_pixels += int(expected.sum())
        all_pixels += int(valid[name].sum())
    return 2 * hits / (predicted_pixels + true_pixels), 2 * true_pixels / (all_pixels + true_pixels)


@pytest.mark.parametrize("layout", [whole_way(layout) for layout in LAYOUTS])
def test_a_layout_goes_the_whole_way_by_config_alone(layout: OwnLayout, tmp_path: Path) -> None:
    root, truth = written(layout, tmp_path)
    chips = seep_lightning.read_chips(*layout.overrides, root=root)
    planted = planted_of(chips, truth)
    assert seep_lightning.check(*layout.overrides, root=root).problems == []

    data = ["data=chips", f"data.root={root}", *layout.overrides]
    result = seep_lightning.train(*data, *RECIPE, output=tmp_path / "run")
    assert result.status == "finished"

    # all chips: the test part of so few may have no seep
    evaluation = seep_lightning.evaluate(result.run, part="all", device="cpu")
    assert evaluation.chips == layout.chips
    dice, dice_of_all_seep = pooled_dice(evaluation, chips, planted)
    assert evaluation.figures["dice"] == pytest.approx(dice, abs=1e-6)
    assert dice > 1.5 * dice_of_all_seep

    page = seep_lightning.report(result.run, device="cpu")
    scored = json.loads((result.run.dir / "evaluate" / "val" / "summary.json").read_text())
    assert f"{scored['figures']['dice']:.3f}" in page.read_text()

    scenes = seep_lightning.predict(
        input=root / layout.pictures, output=tmp_path / "maps", run=result.run, device="cpu", mosaic=False
    )
    sizes = sorted(chip.image.shape for chip in planted.values())
    maps = [pixels(scene.probability) for scene in scenes]
    assert sorted(levels.shape[1:] for levels in maps) == sizes
    assert len({scene.probability for scene in scenes}) == len(scenes)


@pytest.mark.slow
def test_a_test_folder_of_its_own_is_scored_by_config(tmp_path: Path) -> None:
    [layout] = [layout for layout in PUBLIC_LAYOUTS if layout.name == "SOS"]
    root, truth = written(layout, tmp_path)
    result = seep_lightning.train(
        "data=chips", f"data.root={root}", *layout.overrides, *RECIPE, output=tmp_path / "run"
    )
    test_folders = ["data.images=test/images", "data.masks=test/masks"]
    evaluation = seep_lightning.evaluate(result.run, *test_folders, device="cpu")
    assert (evaluation.part, evaluation.chips) == ("all", TILES)
    chips = seep_lightning.read_chips(*layout.overrides, *test_folders, root=root)
    dice, dice_of_all_seep = pooled_dice(evaluation, chips, planted_of(chips, truth))
    assert evaluation.figures["dice"] == pytest.approx(dice, abs=1e-6)
    assert dice > 1.5 * dice_of_all_seep
