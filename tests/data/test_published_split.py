"""Chips in folders called train, val, test: the published split is told, and used by split=file."""

import logging
from collections import Counter
from pathlib import Path

import pytest

from helpers.own_data import planted_chip, write_grey, write_levels
from seep_lightning.config.data import DataConfig, SplitConfig
from seep_lightning.data.audit.auditing import Audit, audit
from seep_lightning.data.chips import Chips
from seep_lightning.data.datamodule import SeepDataModule
from seep_lightning.data.layouts import pair_chips
from seep_lightning.data.leakage import leakage
from seep_lightning.data.split import split_chips
from seep_lightning.errors import UserError

GLOBS = {"images": "*/images", "masks": "*/masks"}
BY_LIST = SplitConfig(kind="file")


def write_parts(root: Path, counts: dict[str, int], path: str = "{part}/{kind}/{number:04d}.png") -> Path:
    """So many chips in the folder of each part; the numbers begin anew in each."""
    for part_number, (part, count) in enumerate(counts.items()):
        for number in range(count):
            chip = planted_chip(part_number, 2 * number)
            for kind in ("images", "masks"):
                file = root / path.format(part=part, kind=kind, number=number)
                file.parent.mkdir(parents=True, exist_ok=True)
                if kind == "images":
                    write_grey(file, chip.image)
                else:
                    write_levels(file, chip.mask, 0, 1)
    return root


def config_of(root: Path, **settings: str) -> DataConfig:
    return DataConfig(root=str(root), **{**GLOBS, **settings})


def parts_by_folder(chips: Chips, parts: list[str]) -> Counter[tuple[str, str]]:
    return Counter(zip((name.partition("__")[0] for name in chips.names), parts, strict=True))


def told(result: Audit) -> list[str]:
    return [finding.text for finding in result.findings if "published split" in finding.text]


@pytest.mark.parametrize(
    ("names", "path", "settings"),
    [
        (("train", "val", "test"), "{part}/{kind}/{number}.png", GLOBS),
        (("Training", "Validation", "TEST"), "{part}/{kind}/{number}.png", GLOBS),
        (("train", "valid", "test"), "{kind}/{part}/{number}.png", {"images": "images", "masks": "masks"}),
        (("train", "dev", "testing"), "{part}_{kind}/{number}.png", {"images": "*_images", "masks": "*_masks"}),
    ],
)
def test_folders_of_parts_are_used_exactly_by_split_file(tmp_path, names, path, settings):
    counts = dict(zip(names, (5, 2, 3), strict=True))
    chips = pair_chips(config_of(write_parts(tmp_path, counts, path), **settings))
    by_folder = parts_by_folder(chips, split_chips(chips, BY_LIST))
    assert by_folder == {(name, part): counts[name] for name, part in zip(names, ("train", "val", "test"), strict=True)}


def test_a_published_split_that_is_shuffled_is_told_by_check_and_train(tmp_path, caplog):
    data = config_of(write_parts(tmp_path, {"train": 8, "val": 3, "test": 3}))
    line = (
        "folders are called test (3 chips), train (8 chips), val (3 chips), as the parts of a published split, but "
        "split=scene is chosen; pass split=file to use it"
    )
    result = audit(data, SplitConfig())
    assert told(result) == [line]
    assert result.leaks["file"].startswith("val 3 chips: scene unknown")
    with caplog.at_level(logging.INFO):
        assert len(SeepDataModule(data, SplitConfig(), augment=[]).chips) == 14
    assert f"data: {line}" in caplog.messages


def test_a_published_split_that_is_used_is_not_told(tmp_path):
    data = config_of(write_parts(tmp_path, {"train": 8, "val": 3, "test": 3}))
    assert told(audit(data, BY_LIST)) == []


@pytest.mark.parametrize("names", [("S1", "S2"), ("train",)])
def test_other_folders_and_one_part_alone_are_no_split(tmp_path, names):
    data = config_of(write_parts(tmp_path, dict.fromkeys(names, 6)))
    assert not any(pair_chips(data).listed_parts)
    assert "file" not in audit(data, SplitConfig()).leaks


def test_validation_is_drawn_from_training_where_only_train_and_test_were_published(tmp_path):
    data = config_of(write_parts(tmp_path, {"train": 10, "test": 4}))
    chips = pair_chips(data)
    by_folder = parts_by_folder(chips, split_chips(chips, BY_LIST))
    assert by_folder == {("train", "train"): 8, ("train", "val"): 2, ("test", "test"): 4}
    assert told(audit(data, BY_LIST)) == [
        "folders are called test (4 chips), train (10 chips), as the parts of a published split: val is 20% of its "
        "training chips, by scene (split.val)"
    ]


def test_a_drawn_validation_divides_no_scene(tmp_path):
    root = write_parts(tmp_path, {"train": 12, "test": 2}, "{part}/{kind}/S{number}.png")
    for path in list(root.glob("train/*/*.png")):
        number = int(path.stem[1:])
        path.rename(path.with_name(f"S{number // 3}.{number % 3:06d}.png"))
    chips = pair_chips(config_of(root))
    parts_of_scene: dict[str, set[str]] = {}
    for scene, part in zip(chips.scenes, split_chips(chips, BY_LIST), strict=True):
        parts_of_scene.setdefault(scene, set()).add(part)
    assert not any({"train", "val"} <= parts for parts in parts_of_scene.values())


def test_a_chip_beside_the_folders_of_parts_is_named(tmp_path):
    root = write_parts(tmp_path, {"train": 4, "test": 2, "more": 1})
    with pytest.raises(UserError, match=r"more__0000\.png lies in no folder that is called train, val, test"):
        split_chips(pair_chips(config_of(root)), BY_LIST)
    # what is wrong is told, not only the first of it
    assert any("lies in no folder" in text for text in audit(config_of(root), BY_LIST).problems)


def test_numbers_that_begin_anew_in_each_part_are_no_scenes(tmp_path):
    chips = pair_chips(config_of(write_parts(tmp_path, {"train": 4, "val": 4, "test": 4})))
    row = str(leakage(chips, split_chips(chips, BY_LIST))[0])
    assert row == "val 4 chips: scene unknown (see data.pattern), place unknown (see data.grid)"


@pytest.mark.parametrize(
    ("kind", "cure"),
    [("scene", "Pass another split.seed"), ("kfold", "Pass another split.fold"), ("file", "Move chips between")],
)
def test_the_advice_about_a_part_without_seep_is_that_of_its_split(tmp_path, kind, cure):
    root = write_parts(tmp_path, {"train": 12, "val": 2, "test": 2})
    chips = pair_chips(config_of(root))
    split = SplitConfig(kind=kind)
    for path, part in zip(chips.mask_paths, split_chips(chips, split), strict=True):
        if part == "val":
            write_levels(path, planted_chip(0, 3).mask, 0, 1)
    lines = [finding.text for finding in audit(config_of(root), split).findings if "has no seep pixel" in finding.text]
    assert len(lines) == 1 and lines[0].startswith("the validation part")
    assert f"says nothing. {cure}" in lines[0]
