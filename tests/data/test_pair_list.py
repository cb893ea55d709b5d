"""`data.pairs`: chips that a CSV lists, with scene, tile and split where they are known."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from helpers.chips import IMAGES, MASKS
from seep_lightning.commands.composition import compose
from seep_lightning.config.data import DataConfig, SplitConfig
from seep_lightning.data.audit.auditing import audit
from seep_lightning.data.chips import Chips
from seep_lightning.data.datamodule import SeepDataModule
from seep_lightning.data.layouts import pair_chips
from seep_lightning.data.scene_names import scenes_are_known
from seep_lightning.data.split import split_chips
from seep_lightning.errors import UserError

HEADER = "image,mask,scene,tile,split"


def listed(path: Path, *lines: str, **settings) -> Chips:
    path.write_text("\n".join(lines) + "\n")
    return pair_chips(DataConfig(pairs=str(path), **settings))


def refusal(path: Path, *lines: str, **settings) -> str:
    with pytest.raises(UserError) as error:
        listed(path, *lines, **settings)
    text = str(error.value)
    assert "\n" not in text and text.endswith(".")
    return text


@pytest.fixture
def rows(chips_root: Path) -> list[str]:
    """A row for each chip, with a scene of its own choice and a part by the scene."""
    parts = {"S0": "test", "S1": "Validation"}
    rows = []
    for path in sorted((chips_root / IMAGES).iterdir()):
        scene, tile, _ = path.name.split(".")
        rows.append(f"{IMAGES}/{path.name},{MASKS}/{path.name},day-{scene},{int(tile)},{parts.get(scene, 'train')}")
    return rows


def test_rows_are_chips_with_scene_and_tile(chips_root, rows):
    chips = listed(chips_root / "pairs.csv", HEADER, *rows)
    assert len(chips) == 30 and chips.root == chips_root
    assert chips.names[7] == "S1.000001.tif" and (chips.scenes[7], chips.tiles[7]) == ("day-S1", 1)
    assert chips.mask_paths[7] == chips_root / MASKS / "S1.000001.tif"
    assert chips.found == f"listed in {chips_root / 'pairs.csv'}"


def test_scene_and_tile_come_from_the_name_where_the_list_does_not_tell(chips_root, rows):
    two_columns = [",".join(row.split(",")[:2]) for row in rows]
    chips = listed(chips_root / "pairs.csv", "image,mask", *two_columns)
    assert (chips.scenes[7], chips.tiles[7]) == ("S1", 1)
    assert not any(chips.listed_parts)


def test_files_are_found_below_the_list_or_the_root_and_by_whole_paths(chips_root, rows, tmp_path):
    lists = tmp_path / "lists"
    lists.mkdir()
    assert len(listed(lists / "pairs.csv", HEADER, *rows, root=str(chips_root))) == 30
    whole = [f"{chips_root}/{row.split(',')[0]},{chips_root}/{row.split(',')[1]}" for row in rows]
    assert len(listed(lists / "pairs.csv", "image,mask", *whole)) == 30


def test_names_without_folders_are_found_in_the_folders_of_images_and_masks(chips_root, rows):
    names = [Path(row.split(",")[0]).name for row in rows]
    lines = ["image,mask", *(f"{name},{name}" for name in names)]
    chips = listed(chips_root / "pairs.csv", *lines, images=IMAGES, masks=MASKS, root=str(chips_root))
    assert len(chips) == 30
    assert chips.mask_paths[7] == chips_root / MASKS / "S1.000001.tif"
    text = refusal(chips_root / "pairs.csv", *lines, root=str(chips_root), unpaired="skip")
    assert f"looked for images in {chips_root}, for masks in {chips_root}. Pass data.images=FOLDER" in text


def test_a_list_may_lie_in_the_root(chips_root, rows, tmp_path, monkeypatch):
    (chips_root / "some.csv").write_text("\n".join([HEADER, *rows]))
    monkeypatch.chdir(tmp_path)
    assert len(pair_chips(DataConfig(root=str(chips_root), pairs="some.csv"))) == 30


@pytest.mark.parametrize("delimiter", [";", "\t", ","])
def test_what_a_spreadsheet_writes_is_read(chips_root, rows, delimiter):
    path = chips_root / "pairs.csv"
    lines = [f" {HEADER.upper()} ", *rows, ",,,,", ""]
    path.write_text("\r\n".join(line.replace(",", delimiter) for line in lines), encoding="utf-8-sig")
    chips = pair_chips(DataConfig(pairs=str(path)))
    assert len(chips) == 30 and chips.scenes[0] == "day-S0"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a.tif,b.tif,,,", "pairs.csv line 3: there is no image a.tif. Looked in"),
        (",b.tif,,,", "pairs.csv line 3 has no image. Remove the line, add the image"),
        (f"{IMAGES}/S0.000001.tif,,,,", "pairs.csv line 3 has no mask. Remove the line"),
        (f"{IMAGES}/S0.000001.tif,{MASKS}/no.tif,,,", "line 3: there is no mask train_masks_256/no.tif. Looked in"),
        (f"{IMAGES}/S0.000000.tif,{MASKS}/S0.000000.tif,,,", "in line 2 and in line 3. Remove one"),
        (f"{IMAGES}/S0.000001.tif,{MASKS}/S0.000001.tif,A,x,", "line 3 has the tile 'x'; expected a whole number"),
        (f"{IMAGES}/S0.000001.tif,{IMAGES}/S0.000001.tif,,,", "image and mask of S0.000001.tif are the same file"),
        ("pairs.csv,pairs.csv,,,", "line 3: pairs.csv is not one of .tif"),
    ],
)
def test_a_row_that_is_wrong_is_told_with_its_line(chips_root, rows, line, said):
    assert said in refusal(chips_root / "pairs.csv", HEADER, rows[0], line)


def test_rows_without_files_are_skipped_where_that_is_asked_for_and_told(chips_root, rows):
    chips = listed(chips_root / "pairs.csv", HEADER, *rows, "a.tif,b.tif,,,", ",b.tif,,,", unpaired="skip")
    assert len(chips) == 30
    (left,) = chips.left_out
    assert (left.count, left.place) == (2, "pairs.csv") and "not there" in left.reason


def test_columns_that_are_missing_are_told(chips_root):
    text = refusal(chips_root / "pairs.csv", "picture,mask", "a,b")
    assert "line 1 needs the columns image and mask" in text and "found picture, mask" in text


@pytest.mark.parametrize("names", [None, {"image": "file", "mask": "label"}], ids=["usual", "named"])
def test_the_first_line_of_what_is_no_table_is_not_shown(chips_root, names):
    for line in ("me:hunter2-hunter2", '{"password": "hunter2", "b": 1}', "hunter2"):
        text = refusal(chips_root / "pairs.csv", line, "a", pair_columns=names)
        assert "hunter2" not in text and "none with a name" in text


def test_columns_may_have_other_names(chips_root, rows):
    names = {"image": "File", "mask": "label", "scene": "day"}
    chips = listed(chips_root / "pairs.csv", "file,label,day,tile,part", *rows, pair_columns=names)
    assert (chips.scenes[7], chips.tiles[7]) == ("day-S1", 1)
    assert not any(chips.listed_parts)
    names["split"] = "part"
    assert any(listed(chips_root / "pairs.csv", "file,label,day,tile,part", *rows, pair_columns=names).listed_parts)


def test_a_column_that_was_renamed_is_not_read_under_its_usual_name(chips_root, rows):
    names = {"scene": "day"}
    chips = listed(chips_root / "pairs.csv", "image,mask,day,scene,split", *rows, pair_columns=names)
    assert (chips.scenes[7], chips.tiles[7]) == ("day-S1", -1)


def test_a_column_that_is_not_there_is_answered_with_those_that_are(chips_root, rows):
    text = refusal(chips_root / "pairs.csv", "file,label,a,b,c", *rows, pair_columns={"image": "fil", "mask": "label"})
    assert "pairs.csv has no column 'fil' for image. Its columns are file, label, a, b, c" in text
    text = refusal(chips_root / "pairs.csv", "file,label,a,b,c", *rows)
    assert "'data.pair_columns={image: file, mask: label}'" in text


@pytest.mark.parametrize("value", ["{picture: file}", "{image: 3}", "file"])
def test_names_of_columns_are_checked(value):
    with pytest.raises(UserError, match=r"data\.pair_columns=.*: expected names of columns by image, mask, scene"):
        compose("train", ["data=chips", f"data.pair_columns={value}"])


def test_a_row_with_an_empty_mask_is_sea_where_that_is_asked_for(chips_root, rows):
    cells = rows[0].split(",")
    cells[1] = ""
    chips = listed(chips_root / "pairs.csv", HEADER, ",".join(cells), *rows[1:], unpaired="empty")
    assert chips.mask_paths[0] is None and None not in chips.mask_paths[1:]
    assert "data.unpaired=empty" in refusal(chips_root / "pairs.csv", HEADER, ",".join(cells), *rows[1:])
    # a mask that is named must be there
    cells[1] = "gone.tif"
    text = refusal(chips_root / "pairs.csv", HEADER, ",".join(cells), *rows[1:], unpaired="empty")
    assert "there is no mask gone.tif" in text


def test_a_name_that_begins_as_the_home_of_nobody_is_a_name(chips_root, rows):
    path = chips_root / "~nobody.csv"
    listed(path, HEADER, *rows)
    assert len(pair_chips(DataConfig(root=str(chips_root), pairs=path.name))) == 30
    assert "there is no image ~nobody" in refusal(path, "image,mask", "~nobody/a.tif,~nobody/b.tif")


def test_a_list_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UserError, match=r"data\.pairs: there is no file .*none\.csv, nor one in .* Expected a CSV"):
        pair_chips(DataConfig(root=str(tmp_path), pairs="none.csv"))


def test_files_of_one_name_in_several_folders_are_chips_of_their_own(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        for name in ("1.tif", "1m.tif"):
            (tmp_path / folder / name).touch()
    chips = listed(tmp_path / "pairs.csv", "image,mask,scene", "a/1.tif,a/1m.tif,A", "b/1.tif,b/1m.tif,B")
    assert chips.names == ["a__1.tif", "b__1.tif"]
    # nobody says that these two are of one scene
    chips = listed(tmp_path / "pairs.csv", "image,mask", "a/1.tif,a/1m.tif", "b/1.tif,b/1m.tif")
    assert chips.scenes == ["a__1", "b__1"] and not scenes_are_known(chips)


def test_check_tells_that_a_row_without_a_file_would_stop_a_training(chips_root, rows):
    (chips_root / "pairs.csv").write_text("\n".join([HEADER, *rows, "gone.tif,gone.tif,S9,1,train"]))
    data = DataConfig(pairs=str(chips_root / "pairs.csv"), classes=7)
    (problem,) = audit(data, SplitConfig()).problems
    assert "1 .tif in pairs.csv, such as gone.tif: the row names a file that is not there" in problem
    assert audit(replace(data, unpaired="skip"), SplitConfig()).problems == []


# --- the split ----------------------------------------------------------------------------------------------------


def test_the_listed_split_is_that_of_split_file(chips_root, rows):
    chips = listed(chips_root / "pairs.csv", HEADER, *rows)
    parts = split_chips(chips, SplitConfig(kind="file"))
    by_scene = dict(zip(chips.scenes, parts, strict=True))
    assert by_scene == {"day-S0": "test", "day-S1": "val", "day-S2": "train", "day-S3": "train", "day-S4": "train"}


def test_a_split_file_goes_before_the_list(chips_root, rows, tmp_path):
    chips = listed(chips_root / "pairs.csv", HEADER, *rows)
    order = ["train", "val", "test"] * 10
    lines = [f"{name},x,{part}" for name, part in zip(chips.names, order, strict=True)]
    (tmp_path / "split.csv").write_text("\n".join(["name,scene,part", *lines]))
    assert split_chips(chips, SplitConfig(kind="file", path=str(tmp_path / "split.csv"))) == order


def test_a_part_that_is_none_is_told_with_the_chip(chips_root, rows):
    chips = listed(chips_root / "pairs.csv", HEADER, *rows[1:], rows[0].replace("test", "holdout"))
    with pytest.raises(UserError, match=r"gives S0\.000000\.tif the split 'holdout'; expected train, val, test"):
        split_chips(chips, SplitConfig(kind="file"))


def test_a_listed_split_that_is_not_used_is_told(chips_root, rows, caplog):
    (chips_root / "pairs.csv").write_text("\n".join([HEADER, *rows]))
    data = DataConfig(pairs=str(chips_root / "pairs.csv"), classes=7)
    with caplog.at_level(logging.INFO):
        module = SeepDataModule(data, SplitConfig(), augment=[])
        assert len(module.chips) == 30
        assert "has a column split, but split=scene is chosen; pass split=file to use it" in caplog.text
        assert "data: 30 pairs in " in caplog.text
        caplog.clear()
        assert len(SeepDataModule(data, SplitConfig(kind="file"), augment=[]).chips) == 30
    assert "column split" not in caplog.text
    told = [finding.text for finding in audit(data, SplitConfig()).findings]
    assert sum("has a column split" in text for text in told) == 1
    told = [finding.text for finding in audit(data, SplitConfig(kind="file")).findings]
    assert not any("has a column split" in text for text in told)
