"""Where the chips of a data set lie: neutral folders by default, those of the exercise by `data=seeps`."""

import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import pytest

from helpers.chips import IMAGES, make_chips, seeps_config
from helpers.command_line import seep
from seep_lightning.commands.composition import compose
from seep_lightning.config.data import DataConfig, OtherDataConfig
from seep_lightning.data.inputs import find_scenes
from seep_lightning.data.layouts import KNOWN_FOLDERS, LAYOUTS, ChipFiles, FolderNames, pair_chips
from seep_lightning.data.layouts.files import list_files
from seep_lightning.data.loading import load_chips
from seep_lightning.data.roots import other_data, with_root
from seep_lightning.errors import UserError


@pytest.fixture
def neutral_root(tmp_path: Path) -> Path:
    """Chips of one class in `images/` and `masks/`."""
    root = make_chips(tmp_path / "neutral", classes=1)
    (root / "train_images_256").rename(root / "images")
    (root / "train_masks_256").rename(root / "masks")
    return root


def test_the_defaults_know_nothing_of_the_exercise():
    data = DataConfig()
    assert (data.images, data.masks, data.classes, data.grid) == ("images", "masks", 1, {})
    chips = compose("train", ["data=chips", "data.root=x"]).data
    assert replace(chips, root=None, source=data.source) == data


def test_the_group_of_the_exercise_builds_on_that_for_ones_own_chips():
    data = compose("train", ["data=seeps", "data.root=x"]).data
    assert (data.source, data.root, data.classes) == ("chips", "x", 7)
    assert {key: (grid.columns, grid.offset) for key, grid in data.grid.items()} == {"0418": (19, 0), "0455": (20, 1)}


@pytest.mark.parametrize("group", KNOWN_FOLDERS)
def test_hints_name_the_folders_that_the_groups_name(group):
    data = compose("train", [f"data={group}", "data.root=x"]).data
    assert KNOWN_FOLDERS[group] == FolderNames(data.images, data.masks)


def test_neutral_folders_are_read_without_any_setting(neutral_root):
    assert len(load_chips(DataConfig(root=str(neutral_root)))) == 30


def test_a_folder_of_the_other_layout_is_named_with_its_group(chips_root, neutral_root):
    with pytest.raises(UserError, match=r"holds train_images_256/: pass data=seeps to read it"):
        load_chips(DataConfig(root=str(chips_root)))
    with pytest.raises(UserError, match=r"holds images/: pass data=chips to read it"):
        load_chips(seeps_config(neutral_root))


def test_check_reads_ones_own_chips_and_says_how_to_read_others(neutral_root, chips_root, tmp_path):
    assert seep("check", f"data.root={neutral_root}", cwd=tmp_path).returncode == 0
    done = seep("check", f"data.root={chips_root}", cwd=tmp_path)
    assert done.returncode == 2 and "pass data=seeps" in done.stderr


def test_images_are_found_in_a_data_sets_folder_of_either_layout(chips_root, neutral_root):
    for root, folder in ((chips_root, "train_images_256"), (neutral_root, "images")):
        found = [scene.path for scene in find_scenes("input", str(root))]
        assert found == sorted((root / folder).iterdir())


def test_a_run_is_scored_on_other_chips_in_either_layout(chips_root, neutral_root):
    trained_on = DataConfig(root=str(neutral_root), classes=7)
    other = other_data(trained_on, OtherDataConfig(root=str(chips_root)))
    assert len(load_chips(other)) == 30
    assert other_data(trained_on, OtherDataConfig(root=str(neutral_root))) == trained_on


def test_a_run_on_generated_chips_from_before_the_neutral_names_finds_them(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    config = compose("train", ["data.synthetic.chips=12", "data.synthetic.scenes=3"]).data
    stored = replace(config, images="train_images_256", masks="train_masks_256")
    assert len(pair_chips(with_root(stored))) == 12


class ByScene:
    """A layout of folders, one a scene."""

    def pairs(self, root: Path) -> list[ChipFiles]:
        chips = []
        for image in root.glob("*/radar/*.tif"):
            scene = image.parts[-3]
            mask = image.parents[1] / "truth" / image.name
            chips.append(ChipFiles(image, mask, scene, int(image.stem), f"{scene}-{image.name}"))
        return chips


class Nameless(ByScene):
    def pairs(self, root: Path) -> list[ChipFiles]:
        return [chip._replace(name="") for chip in super().pairs(root)]


class Tuples(ByScene):
    def pairs(self, root: Path) -> list[tuple]:
        return [tuple(chip) for chip in super().pairs(root)]


@pytest.fixture
def by_scene(chips_root: Path, tmp_path: Path) -> Path:
    """The same chips as SCENE/radar/TILE.tif and SCENE/truth/TILE.tif."""
    root = tmp_path / "by_scene"
    for folder, kind in (("train_images_256", "radar"), ("train_masks_256", "truth")):
        for path in (chips_root / folder).iterdir():
            scene, tile, _ = path.name.split(".")
            target = root / scene / kind / f"{int(tile)}.tif"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    return root


def custom(root: Path, layout: type) -> DataConfig:
    target = f"{layout.__module__}.{layout.__qualname__}"
    return DataConfig(root=str(root), classes=7, layout={"_target_": target})


def test_a_class_of_ones_own_lists_the_chips(by_scene, chips_root):
    chips = load_chips(custom(by_scene, ByScene))
    usual = load_chips(seeps_config(chips_root))
    assert chips.names[:2] == ["S0-0.tif", "S0-1.tif"]
    assert (chips.scenes, chips.tiles) == (usual.scenes, usual.tiles)
    assert (chips.read(7)[0] == usual.read(7)[0]).all()


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        (Nameless, r"data\.layout: 5 chips are called 0\.tif\. Give each ChipFiles a name"),
        (Tuples, r"data\.layout: Tuples\.pairs lists \(.*expected ChipFiles"),
        (Path, r"data\.layout\._target_=pathlib\.\S* is not a"),
    ],
)
def test_a_class_that_does_not_fit_is_one_sentence(by_scene, layout, message):
    with pytest.raises(UserError, match=message):
        load_chips(custom(by_scene, layout))


def test_a_layout_that_finds_nothing_and_an_unknown_name_are_told(tmp_path):
    with pytest.raises(UserError, match="ByScene finds no chips in"):
        load_chips(custom(tmp_path, ByScene))
    with pytest.raises(UserError, match=r"data\.layout=folder: expected one of folders"):
        load_chips(DataConfig(root=str(tmp_path), layout="folder"))


class WithoutMasks:
    """A layout of pictures alone."""

    def pairs(self, root: Path) -> list[ChipFiles]:
        images = sorted((root / "train_images_256").iterdir())
        return [ChipFiles(image, None, f"S{number}") for number, image in enumerate(images)]


def test_a_layout_may_give_a_chip_without_a_mask(chips_root, monkeypatch):
    monkeypatch.setitem(LAYOUTS, "alone", lambda config: WithoutMasks())
    chips = pair_chips(seeps_config(chips_root, layout="alone"))
    assert chips.counted_files() == "0 pairs and 30 pictures without a mask"
    assert not chips.read(0).mask.any()


def test_a_link_that_leads_back_to_itself_is_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for name in ("a.tif", "folder"):
        (tmp_path / name).symlink_to(tmp_path / name)
    found = list_files(tmp_path, ".")
    assert [file.key for file in found.files] == ["a"]
    assert [left.example for left in found.left_out] == ["folder"]


@pytest.mark.parametrize("masks", ["[[[1]]]", "[z-a].tif", "masks/[a&&b]*.tif", r"[\d].tif"])
def test_a_glob_means_what_it_means_to_the_shell_and_nothing_to_others(chips_root: Path, masks: str) -> None:
    with warnings.catch_warnings(), pytest.raises(UserError, match=r"data\.masks=.* matches it"):
        warnings.simplefilter("error")
        pair_chips(DataConfig(root=str(chips_root), images=IMAGES, masks=masks))
