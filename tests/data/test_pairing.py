"""Which files are images and masks: folders, one folder, globs; what names end with; what is left out, and told."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from helpers.documents import code_blocks
from helpers.paths import ROOT
from seep_lightning.commands.composition import compose
from seep_lightning.config.data import DataConfig
from seep_lightning.data.chips import Chips
from seep_lightning.data.layouts import pair_chips
from seep_lightning.errors import UserError
from seep_lightning.runs.directory import Run

NUMBERS = range(1, 13)


def touch(root: Path, names: Iterable[str]) -> Path:
    """Empty files: pairing reads no pixel."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def numbered(*patterns: str) -> list[str]:
    return [pattern.format(number) for pattern in patterns for number in NUMBERS]


def paired(root: Path, **settings) -> Chips:
    return pair_chips(DataConfig(root=str(root), **settings))


def refusal(root: Path, **settings) -> str:
    with pytest.raises(UserError) as error:
        paired(root, **settings)
    text = str(error.value)
    assert "\n" not in text and text.endswith((".", "?"))
    return text


def stems(chips: Chips) -> set[tuple[str, str]]:
    """The names of image and mask of each chip."""
    return {(image.name, mask.name) for image, mask in zip(chips.image_paths, chips.mask_paths, strict=True)}


# --- what names end with ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "mask", "told"),
    [
        (
            "images/{}.jpg",
            "masks/{}_mask.png",
            "images/NAME.jpg with masks/NAME_mask.png (data.mask_suffix=_mask, found)",
        ),
        (
            "images/{}_sat.jpg",
            "masks/{}_mask.png",
            "images/NAME_sat.jpg with masks/NAME_mask.png (data.image_suffix=_sat, data.mask_suffix=_mask, found)",
        ),
        ("images/a{}_vv.tif", "masks/a{}.tif", "images/NAME_vv.tif with masks/NAME.tif (data.image_suffix=_vv, found)"),
        ("images/{}.webp", "masks/{}.bmp", "images/NAME.webp with masks/NAME.bmp"),
    ],
)
def test_endings_that_names_differ_by_are_found_and_told(tmp_path, image, mask, told):
    chips = paired(touch(tmp_path, numbered(image, mask)))
    assert chips.found == told
    assert chips.told_files() == [f"data: 12 pairs in {tmp_path}: {told}"]
    assert stems(chips) == {(Path(image.format(n)).name, Path(mask.format(n)).name) for n in NUMBERS}


@pytest.mark.parametrize(
    ("image", "mask", "settings"),
    [
        ("{}.jpg", "{}_mask.png", {}),
        ("{}_sat.jpg", "{}_mask.png", {}),
        ("{}.jpg", "{}.png", {}),
        ("{}.tif", "{}_oil.tif", {"mask_suffix": "_oil"}),
        ("{}_hh.tif", "{}.tif", {"image_suffix": "_hh"}),
        ("{}_hh.tif", "{}_oil.tif", {"image_suffix": "_hh"}),
        ("{}_hh.tif", "{}_oil.tif", {"mask_suffix": "_oil"}),
        ("{}.tif", "{}_oil.tif", {"image_suffix": "", "mask_suffix": "_oil"}),
    ],
)
def test_images_and_masks_of_one_folder_are_told_apart(tmp_path, image, mask, settings):
    root = touch(tmp_path, numbered(image, mask))
    chips = paired(root, images=".", masks=".", **settings)
    assert stems(chips) == {(image.format(n), mask.format(n)) for n in NUMBERS}
    assert chips.left_out == []


def test_a_word_that_only_ends_like_one_for_masks_is_none(tmp_path):
    names = numbered("slab{}slab.tif", "slab{}slab_oil.tif")
    assert "data.mask_suffix=_oil" in refusal(touch(tmp_path, names), images=".", masks=".")


def test_masks_that_pair_in_two_ways_are_left_to_the_user(tmp_path):
    root = touch(tmp_path, numbered("images/{}.png", "masks/{}_oil.png", "masks/{}_ship.png"))
    text = refusal(root)
    assert "pair in 2 ways" in text and "data.mask_suffix=_oil" in text and "data.mask_suffix=_ship" in text
    chips = paired(root, mask_suffix="_ship")
    assert stems(chips) == {(f"{n}.png", f"{n}_ship.png") for n in NUMBERS}
    (left,) = chips.left_out
    assert (left.count, left.suffixes, left.place, left.readable) == (12, "12 .png", "masks", True)
    assert left.reason == "the name does not end with _ship (data.mask_suffix)"


def test_numbers_of_other_chips_are_no_endings(tmp_path):
    root = touch(
        tmp_path, [f"images/S1_{n:04d}.tif" for n in range(9)] + [f"masks/S1_{n:04d}.tif" for n in range(50, 59)]
    )
    text = refusal(root)
    assert "no image in" in text and "has a mask of the same name" in text
    assert "9 .tif such as S1_0000.tif" in text and "9 .tif such as S1_0050.tif" in text
    assert "data.image_suffix" in text and "data.pairs=FILE" in text


def test_names_that_differ_at_their_beginning_get_the_globs_that_pair_them(tmp_path):
    root = touch(tmp_path, numbered("images/img_{}.png", "masks/mask_{}.png"))
    text = refusal(root)
    assert "Pass 'data.images=images/img_*' 'data.masks=masks/mask_*'." in text
    (root / "list.csv").write_text("image,mask\n")
    assert "Pass data.pairs=list.csv, if that table lists them." in refusal(root)
    (root / "list.csv").unlink()
    chips = paired(root, images="images/img_*", masks="masks/mask_*")
    assert stems(chips) == {(f"img_{n}.png", f"mask_{n}.png") for n in NUMBERS}


def test_names_that_are_equal_by_chance_do_not_hide_the_rule(tmp_path):
    root = touch(tmp_path, [*numbered("images/{}.png", "masks/{}_mask.png"), "images/x.png", "masks/x.png"])
    text = refusal(root)
    assert "1 other chips are paired. More are paired with data.image_suffix= data.mask_suffix=_mask." in text
    assert len(paired(root, image_suffix="", mask_suffix="_mask", unpaired="skip")) == 12


def test_an_ending_that_no_name_has_is_told_with_its_key(tmp_path):
    root = touch(tmp_path, numbered("images/{}.png", "masks/{}.png"))
    assert "data.mask_suffix=_gt: no name in" in refusal(root, mask_suffix="_gt")


def test_the_suffix_of_a_file_is_no_ending():
    with pytest.raises(UserError, match=r"data.mask_suffix=_mask.png: leave out .png.* data.mask_suffix=_mask\."):
        compose("train", ["data=chips", "data.root=x", "data.mask_suffix=_mask.png"])


# --- sub-folders and globs ----------------------------------------------------------------------------------------


def test_sub_folders_are_read_where_the_folder_holds_no_chips_and_each_is_a_scene(tmp_path):
    root = touch(tmp_path, numbered("images/A/{}.png", "masks/A/{}.png", "images/B/C/{}.png", "masks/B/C/{}.png"))
    chips = paired(root)
    assert chips.found == "images/FOLDER/NAME.png with masks/FOLDER/NAME.png"
    assert {"A__1.png", "B__C__12.png"} <= set(chips.names) and len(set(chips.names)) == 24
    assert set(chips.scenes) == {"A", "B__C"}
    index = chips.names.index("B__C__12.png")
    assert chips.tiles[index] == 12
    assert chips.mask_paths[index] == root / "masks/B/C/12.png"


def test_names_of_scene_and_tile_count_in_sub_folders_too(tmp_path):
    root = touch(
        tmp_path, numbered("images/1/S1.{}.tif", "masks/1/S1.{}.tif", "images/2/S2.{}.tif", "masks/2/S2.{}.tif")
    )
    assert set(paired(root).scenes) == {"S1", "S2"}


def test_folders_of_parts_are_no_scenes(tmp_path):
    root = touch(
        tmp_path, numbered("images/train/a{}.tif", "masks/train/a{}.tif", "images/val/b{}.tif", "masks/val/b{}.tif")
    )
    assert "train" not in paired(root).scenes


def test_a_pattern_with_a_slash_is_matched_against_folder_and_name(tmp_path):
    root = touch(tmp_path, numbered("images/A/x{}.png", "masks/A/x{}.png", "images/B/x{}.png", "masks/B/x{}.png"))
    chips = paired(root, pattern=r"(?P<scene>\w+)/x(?P<tile>\d+)")
    index = chips.names.index("B__x7.png")
    assert (chips.scenes[index], chips.tiles[index]) == ("B", 7)


@pytest.mark.parametrize(
    ("images", "masks"), [("*/img/*.jpg", "*/lab/*.png"), ("*/img", "*/lab"), ("**/img/*", "**/lab/*")]
)
def test_globs_pair_by_what_their_wildcards_stand_for(tmp_path, images, masks):
    root = touch(tmp_path, numbered("A/img/{}.jpg", "A/lab/{}.png", "B/img/{}.jpg", "B/lab/{}.png"))
    for place in ((images, masks), (f"{root}/{images}", f"{root}/{masks}")):
        chips = paired(root, images=place[0], masks=place[1])
        assert set(chips.scenes) == {"A", "B"} and len(set(chips.names)) == 24
        pairs = zip(chips.image_paths, chips.mask_paths, strict=True)
        assert all((image.parts[-3], image.stem) == (mask.parts[-3], mask.stem) for image, mask in pairs)


def test_globs_tell_images_from_masks_in_one_folder(tmp_path):
    root = touch(tmp_path, numbered("{}.tif", "{}_oil.tif"))
    chips = paired(root, images="*.tif", masks="*_oil.tif")
    assert stems(chips) == {(f"{n}.tif", f"{n}_oil.tif") for n in NUMBERS}


def test_absolute_folders_need_no_root(tmp_path):
    touch(tmp_path, numbered("a/{}.tif", "b/{}.tif"))
    chips = pair_chips(DataConfig(images=str(tmp_path / "a"), masks=str(tmp_path / "b")))
    assert len(chips) == 12 and chips.root == tmp_path


def test_a_folder_whose_name_holds_brackets_is_no_glob(tmp_path):
    assert len(paired(touch(tmp_path, numbered("im[1]/{}.tif", "masks/{}.tif")), images="im[1]")) == 12


# --- what is left out ---------------------------------------------------------------------------------------------


def test_files_that_are_not_used_are_told_with_the_reason(tmp_path):
    used = numbered("images/{}.png", "masks/{}.png", "images/b{}.jpg", "masks/b{}.png")
    unused = ["images/._1.png", "images/.ipynb_checkpoints/1.png", "images/read.txt", "images/1.jpg"]
    root = touch(tmp_path, [*used, *numbered("images/sub/c{}.png"), *unused])
    chips = paired(root)
    assert len(chips) == 24
    lines = [str(entry) for entry in chips.left_out]
    known = ".tif .tiff .png .jp2 .jpg .jpeg .bmp .webp"
    assert lines == [
        "1 .png, 1 without suffix in images, such as ._1.png: hidden",
        f"1 .txt in images, such as read.txt: not one of {known}",
        "12 .png in images, such as sub/c1.png: in sub-folders, while images itself holds chips "
        "(data.images='images/**/*' takes both)",
        "1 .jpg in images, such as 1.jpg: beside a raster of the same name",
    ]
    assert [entry.readable for entry in chips.left_out] == [False, False, True, True]
    assert chips.told_files()[1:] == [f"data: left out {line}" for line in lines]


def test_masks_in_a_sub_folder_of_the_images_are_no_images_left_out(tmp_path):
    chips = paired(touch(tmp_path, numbered("{}.jpg", "masks/{}.png")), images=".", masks="masks")
    assert len(chips) == 12 and chips.left_out == []


def test_the_glob_that_the_line_on_sub_folders_names_takes_both(tmp_path):
    root = touch(tmp_path, numbered("images/{}.png", "masks/{}.png", "images/sub/c{}.png", "masks/sub/c{}.png"))
    assert len(paired(root)) == 12
    chips = paired(root, images="images/**/*", masks="masks/**/*")
    assert len(chips) == 24 and {"1.png", "sub__c1.png"} <= set(chips.names)


def test_chips_that_are_skipped_are_told(tmp_path):
    root = touch(tmp_path, [*numbered("images/{}.png", "masks/{}.png"), "images/x.png", "masks/y.png"])
    assert "x.png has no mask. Looked for" in refusal(root)
    lines = [str(entry) for entry in paired(root, unpaired="skip").left_out]
    assert lines == [
        "1 .png in images, such as x.png: no mask of their names",
        "1 .png in masks, such as y.png: no image of their names",
    ]


def test_pictures_without_a_mask_may_be_sea_but_no_mask_is_left_alone(tmp_path):
    root = touch(tmp_path, [*numbered("images/{}.png", "masks/{}.png"), "images/x.png"])
    assert "data.unpaired=empty to read it as sea everywhere" in refusal(root)
    chips = paired(root, unpaired="empty")
    assert chips.mask_paths[chips.names.index("x.png")] is None
    assert chips.told_files() == [
        f"data: 12 pairs and 1 pictures without a mask in {root}: images/NAME.png with masks/NAME.png",
    ]
    (root / "masks" / "y.png").touch()
    assert "y.png has no image" in refusal(root, unpaired="empty")


def test_a_clean_set_leaves_nothing_out(chips_root):
    assert paired(chips_root, images="train_images_256", masks="train_masks_256").left_out == []


# --- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("masks", ["images", "./images", "link"])
def test_images_that_are_their_own_masks_are_refused(tmp_path, masks):
    root = touch(tmp_path, numbered("images/{}.png"))
    (root / "link").symlink_to(root / "images")
    assert "images and masks are the same files, 12 .png in" in refusal(root, masks=masks)


def test_links_to_one_file_are_refused(tmp_path):
    root = touch(tmp_path, numbered("images/{}.png"))
    (root / "masks").mkdir()
    for path in (root / "images").iterdir():
        (root / "masks" / path.name).symlink_to(path)
    assert "image and mask of 1.png are the same file" in refusal(root)


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG"])
def test_lossy_masks_are_refused_with_what_to_do(tmp_path, suffix):
    text = refusal(touch(tmp_path, numbered("images/{}.png", f"masks/{{}}{suffix}")))
    assert f"masks are 12 {suffix.lower()}" in text and "data.mask_values" in text


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["{}.jpg"], "holds 12 .jpg. Pass data.images=. data.masks=."),
        (["img/{}.jpg", "lab/{}.png"], "holds img/ (12 .jpg), lab/ (12 .png). Pass data.images=img data.masks=lab."),
        (["sar/{}.jpg", "oil_mask/{}.png"], "Pass data.images=sar data.masks=oil_mask."),
        (["sar/{}.jpg", "oil/{}.png"], "Pass data.images=sar data.masks=oil."),
        (["one/{}.jpg", "gt/{}.png"], "Pass data.images=one data.masks=gt."),
        (
            ["all/{}_sat.jpg", "all/{}_mask.png"],
            "Pass data.images=all data.masks=all (images and masks in one folder).",
        ),
        (["test/images/{}.jpg", "train/images/{}.jpg"], "NAME is the folder of masks (train holds no other)"),
        (["train/images/{}.jpg"], "train. Expected images/"),
        (["A/img/{}.jpg", "A/lab/{}.png"], "Pass 'data.images=*/img/*' 'data.masks=*/lab/*'."),
        (["A/SAR-img/{}.jpg", "A/lab 2/{}.png"], "Pass 'data.images=*/SAR-img/*' 'data.masks=*/lab 2/*'."),
        (["SAR images/{}.jpg", "oil mask/{}.png"], "Pass 'data.images=SAR images' 'data.masks=oil mask'."),
        (["images/{}.gif", "masks/{}.gif"], "It holds 12 .gif. Set data.images"),
    ],
)
def test_a_folder_that_is_not_as_expected_is_told_with_what_it_holds(tmp_path, names, said):
    text = refusal(touch(tmp_path, numbered(*names)))
    assert said in text and "Is data.root the right folder" not in text


def test_a_table_of_pairs_beside_the_folders_is_named(tmp_path):
    root = touch(tmp_path, numbered("scans/{}.png", "drawn/{}.png"))
    (root / "notes.csv").write_text("day,weather\n")
    assert "data.pairs" not in refusal(root)
    (root / "mine.csv").write_text("Image; mask; scene\n")
    assert "Pass data.pairs=mine.csv." in refusal(root)


def test_a_glob_that_matches_nothing_is_told_with_what_is_there(tmp_path):
    root = touch(tmp_path, numbered("images/{}.tif", "masks/{}.tif"))
    assert "data.images=*/img/*.tif: no .tif" in refusal(root, images="*/img/*.tif")


# --- data.pattern -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["041869_000003.tif", "S1-tile-7.tif", "S1_0007.tif", "S1.x.000007.tif", "a.b.tif"])
def test_the_example_of_a_pattern_survives_a_shell_and_hydra(tmp_path, name):
    root = touch(tmp_path, [f"images/{name}", f"masks/{name}"])
    text = refusal(root, pattern="Z(?P<scene>.)")
    example = text.split("for example: ")[1].removesuffix(".")
    assert example.startswith("'data.pattern=(?P<scene>")
    echo = f"{sys.executable} -m seep_lightning.train data=chips data.root={root} {example} --cfg job -p data"
    done = subprocess.run(["bash", "-c", echo], capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    expression = example.split("=", 1)[1].strip("'")
    assert f"pattern: {expression}\n" in done.stdout
    chips = paired(root, pattern=expression)
    assert chips.scenes[0] and chips.scenes[0] != name


@pytest.mark.parametrize(
    "pattern", [r"(?P<scene>[^_]+)_(?P<tile>\d{1,3})\.tif$", r"[A-Z]+(?P<scene>\w)", r"(?P<scene>a\\b')"]
)
def test_a_pattern_needs_no_quotes_for_hydra(pattern):
    assert compose("train", ["data=chips", "data.root=x", f"data.pattern={pattern}"]).data.pattern == pattern


def test_what_an_image_ends_with_is_no_part_of_scene_and_tile(tmp_path):
    root = touch(tmp_path, numbered("images/S1.{}_sat.tif", "masks/S1.{}_gt.tif"))
    chips = paired(root)
    assert set(chips.scenes) == {"S1"} and set(chips.tiles) == set(NUMBERS)
    whole = paired(root, pattern=r"(?P<scene>\w+)\.(?P<tile>\d+)_sat\.tif")
    assert (whole.scenes, whole.tiles) == (chips.scenes, chips.tiles)


# --- older runs ---------------------------------------------------------------------------------------------------


def test_the_config_of_an_older_run_pairs_the_same_chips_in_the_same_order(tmp_path):
    run = Run(ROOT / "tests" / "fixtures" / "run_60f2943")
    stored = run.config.data
    assert (stored.image_suffix, stored.mask_suffix, stored.pairs) == (None, None, None)
    root = tmp_path / "chips"
    for folder in (stored.images, stored.masks):
        touch(root, [f"{folder}/{name}" for name in run.parts()])
    first = next(iter(run.parts()))
    # what older versions did not see
    touch(root, [f"{stored.images}/{Path(first).stem}.jpg", f"{stored.images}/more/S8.1.tif"])
    chips = paired(root, images=stored.images, masks=stored.masks, pattern=stored.pattern, unpaired=stored.unpaired)
    assert chips.names == sorted(run.parts(), key=lambda name: Path(name).stem)


# --- docs/data.md -------------------------------------------------------------------------------------------------


def test_the_commands_of_the_page_compose(monkeypatch):
    monkeypatch.delenv("SEEP_DATA_ROOT", raising=False)
    lines = [
        line
        for language, text in code_blocks("data.md", "Which files")
        if language == "bash"
        for line in text.splitlines()
    ]
    assert len(lines) == 7
    for line in lines:
        _, _, module, *overrides = shlex.split(line)
        command = module.removeprefix("seep_lightning.")
        config = compose(command, overrides)
        assert config.data.root in (None, "DIR", "OTHER")


def test_the_table_of_the_page_is_true(tmp_path):
    """Each row: the first code names an image and a mask, what follows is passed."""
    page = (ROOT / "docs" / "data.md").read_text()
    rows = re.findall(r"^\| (`[^|]+a[^|]*|`img_1[^|]*) \| ([^|]+) \|$", page, flags=re.MULTILINE)
    assert len(rows) == 7
    for number, (files, settings) in enumerate(rows):
        root = tmp_path / str(number)
        for name in re.findall("`([^`]+)`", files):
            touch(root, [name.replace("DAY", day) for day in ("d1", "d2")])
        passed = "" if settings.startswith("nothing") else settings.split("`")[1]
        config = compose("check", [f"data.root={root}", *shlex.split(passed)]).data
        assert len(pair_chips(config)) == (2 if "DAY" in files else 1), files
