"""Which files a path of `predict` and `prepare` means, and what is said where it means none."""

import glob
from pathlib import Path

import pytest

from seep_lightning.data.inputs import find_scenes
from seep_lightning.errors import UserError


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.mark.parametrize(
    ("names", "held", "pattern"),
    [
        (("day1/a.tif", "day2/b.tif", "day2/c.png"), "day1/ (1 .tif), day2/ (1 .tif, 1 .png)", "*/*.tif"),
        (("2020/day1/a.tif", "2020/day2/b.tif"), "2020/ (no files of its own)", "*/*/*.tif"),
        (
            ("a/img/1.png", "a/masks/1.png", "b/img/1.png"),
            "a/ (no files of its own), b/ (no files of its own)",
            "*/img/*.png",
        ),
        (("scans/1.png", "labels/1.png"), "labels/ (1 .png), scans/ (1 .png)", "scans/*.png"),
        (("day1/a.jpg", "day2/b.jpg", "notes.txt"), "1 .txt, day1/ (1 .jpg), day2/ (1 .jpg)", "*/*.jpg"),
    ],
)
def test_a_folder_whose_sub_folders_hold_the_images_is_told_with_the_pattern_that_works(tmp_path, names, held, pattern):
    touch(tmp_path, *names)
    with pytest.raises(UserError) as error:
        find_scenes("input", str(tmp_path))
    text = str(error.value)
    assert f"It holds {held}." in text
    assert text.endswith(f"Pass 'input={tmp_path}/{pattern}'.")
    found = [scene.path for scene in find_scenes("input", f"{tmp_path}/{pattern}")]
    assert sorted(found) == sorted(map(Path, glob.glob(f"{tmp_path}/{pattern}")))  # noqa: PTH207


def test_a_folder_without_any_image_is_told_with_what_it_holds(tmp_path):
    touch(tmp_path, "a.csv", "b.csv", "old/x.probability.tif")
    with pytest.raises(UserError, match=r"It holds 2 \.csv, old/ \(1 \.tif\)\. Give rasters"):
        find_scenes("scenes", str(tmp_path))
