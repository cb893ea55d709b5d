"""Splits: the reference's, groups that stay together, folds, files, and what leaks."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from seep_lightning.config.data import DataConfig, GridConfig, SplitConfig
from seep_lightning.data.chips import Chips
from seep_lightning.data.layouts import split_name
from seep_lightning.data.leakage import leakage
from seep_lightning.data.split import split_chips
from seep_lightning.data.split_table import read_split, write_split
from seep_lightning.errors import UserError

GRIDS = {"0418": GridConfig(columns=19), "0455": GridConfig(columns=20, offset=1)}
PARTS = ("train", "val", "test")


def chips_of(names: list[str], grid: dict[str, GridConfig] | None = None, digests: list[str] | None = None) -> Chips:
    """A data set that exists by name only; splits read no pixel."""
    config = DataConfig(grid=GRIDS if grid is None else grid)
    names = sorted(names)
    keys = [split_name(name, config.pattern) for name in names]
    paths = [Path(name) for name in names]
    return Chips(config, Path(), names, [s for s, _ in keys], [t for _, t in keys], paths, paths, digests or [])


def ground(scenes: int = 10, rows: int = 9, columns: int = 9) -> Chips:
    """Scenes of both grids over the same rows x columns cells."""
    names = []
    for k in range(scenes):
        scene, width, offset = (f"04187{k}", 19, 0) if k % 2 else (f"04550{k}", 20, 1)
        tiles = [r * width + c + offset for r in range(rows) for c in range(columns)]
        names += [f"{scene}.{tile:06d}.tif" for tile in tiles]
    return chips_of(names)


def parts_of(keys: list, parts: list[str]) -> dict:
    """Which parts each key is in."""
    table: dict = {}
    for key, part in zip(keys, parts, strict=True):
        table.setdefault(key, set()).add(part)
    return table


@pytest.mark.parametrize(("count", "sizes"), [(790, (554, 157, 79)), (634, (444, 126, 64))])
def test_the_random_split_is_the_references_chain_of_train_test_split(count, sizes):
    chips = chips_of([f"0418{k % 17}.{k:06d}.tif" for k in range(count)])
    rest, test = train_test_split(chips.names, test_size=0.1, random_state=41)
    train, val = train_test_split(rest, test_size=0.22, random_state=41)
    parts = split_chips(chips, SplitConfig(kind="random", seed=41, val=0.198, test=0.1))
    mine = {part: {n for n, p in zip(chips.names, parts, strict=True) if p == part} for part in PARTS}
    assert mine == {"train": set(train), "val": set(val), "test": set(test)}
    assert tuple(len(mine[part]) for part in PARTS) == sizes


def test_the_scene_split_never_divides_a_scene_and_comes_near_to_its_shares():
    rng = np.random.default_rng(1)
    sizes = rng.integers(20, 90, 17)
    chips = chips_of([f"0418{k:02d}.{t:06d}.tif" for k, n in enumerate(sizes) for t in range(n)])
    for seed in range(5):
        parts = split_chips(chips, SplitConfig(kind="scene", seed=seed))
        assert all(len(found) == 1 for found in parts_of(chips.scenes, parts).values())
        counts = Counter(parts)
        shares = [counts[part] / len(chips) for part in PARTS]
        np.testing.assert_allclose(shares, [0.7, 0.2, 0.1], atol=0.02)


def test_the_place_split_never_divides_a_block_though_two_kinds_of_grid_lie_on_the_ground():
    chips = ground()
    parts = split_chips(chips, SplitConfig(kind="place", block=3))
    blocks = [(row // 3, column // 3) for row, column in chips.places()]
    table = parts_of(blocks, parts)
    assert len(table) == 9 and all(len(found) == 1 for found in table.values())
    assert {s[:4] for s, p in zip(chips.scenes, parts, strict=True) if p == "test"} == {"0418", "0455"}
    assert all(row.same_place == 0 for row in leakage(chips, parts))
    raw = [(row // 3, column // 3) for row, column in chips.cells()]  # without the offset it would go wrong
    assert any(len(found) > 1 for found in parts_of(raw, parts).values())


@pytest.mark.parametrize("by", ["scene", "place", "chip"])
def test_folds_partition_all_chips_and_fold_k_tests_while_the_next_validates(by):
    chips = ground()
    keys = {"scene": chips.scenes, "place": [(r // 3, c // 3) for r, c in chips.places()], "chip": chips.names}[by]
    tests, vals = [], []
    for fold in range(5):
        parts = split_chips(chips, SplitConfig(kind="kfold", by=by, fold=fold))
        assert all(len(found) == 1 for found in parts_of(keys, parts).values())
        tests.append({i for i, p in enumerate(parts) if p == "test"})
        vals.append({i for i, p in enumerate(parts) if p == "val"})
    assert sorted(i for fold in tests for i in fold) == list(range(len(chips)))
    assert vals == tests[1:] + tests[:1]


@pytest.mark.parametrize("kind", ["random", "scene", "place", "kfold"])
def test_a_split_depends_on_names_and_seed_only(kind):
    first, again, other = (split_chips(ground(), SplitConfig(kind=kind, seed=seed)) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_a_split_file_gives_the_same_parts_back(tmp_path):
    chips = ground(scenes=4)
    parts = split_chips(chips, SplitConfig(kind="scene"))
    write_split(tmp_path / "split.csv", chips, parts)
    lines = (tmp_path / "split.csv").read_text().splitlines()
    assert lines[0] == "name,scene,part" and len(lines) == len(chips) + 1
    (tmp_path / "shuffled.csv").write_text("\ufeff" + "\n".join([lines[0], *reversed(lines[1:])]), encoding="utf-8")
    for file in ("split.csv", "shuffled.csv"):
        config = SplitConfig(kind="file", path=str(tmp_path / file))
        assert split_chips(chips, config) == parts


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name,part\nS.1.tif,train\nS.2.tif,val\n", "has no row for chip S.3.tif"),
        ("name,part\nS.1.tif,train\nS.2.tif,val\nS.3.tif,test\nS.4.tif,test\nS.5.tif,test\n", "S.4.tif and 1 more"),
        ("name,part\nS.1.tif,training\nS.2.tif,val\nS.3.tif,test\n", "gives S.1.tif the part 'training'"),
        ("name,part\nS.1.tif,train\nS.2.tif,val\nS.3.tif,test\nS.1.tif,val\n", "more than one row for S.1.tif"),
        ("name,scene\nS.1.tif,S\n", r"lacks the column part; found 'name', 'scene'"),
        ("name;part\nS.1.tif;train\n", "has no row for chip S.2.tif"),
        ("", "lacks the column name, part; found no header"),
        (b"\xff\xfe\x00\x01,", "is UTF-16; expected UTF-8"),
        (b"name,part\nS.1.tif,train\nS.2\xe9.tif,val\n", "line 3 is not UTF-8"),
    ],
)
def test_a_split_file_that_does_not_fit_the_data_is_refused_by_name(tmp_path, content, message):
    path = tmp_path / "mine.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=message) as error:
        read_split(chips_of(["S.1.tif", "S.2.tif", "S.3.tif"]), str(path))
    assert str(error.value).startswith(f"split.path: {path}")


def test_a_split_file_that_is_not_there_or_not_named_is_said_so():
    chips = chips_of(["S.1.tif"])
    with pytest.raises(UserError, match=r"split.path: there is no file nowhere.csv"):
        read_split(chips, "nowhere.csv")
    with pytest.raises(UserError, match=r"split.path: it is not set"):
        read_split(chips, None)


def test_leakage_counts_chips_that_touch_share_or_equal_a_training_chip():
    layout = {  # on a grid 4 columns wide: tile = 4 * row + column
        "A.0.tif": ("train", "p"),
        "A.5.tif": ("val", "q"),  # touches A.0 by its corner
        "A.2.tif": ("val", "r"),  # same scene, one tile between them
        "B.0.tif": ("val", "s"),  # another day at the place of A.0
        "B.11.tif": ("test", "p"),  # the very picture of A.0, elsewhere
        "C.15.tif": ("test", "t"),  # unknown to training
    }
    names = sorted(layout)
    grid = {prefix: GridConfig(columns=4) for prefix in "ABC"}
    chips = chips_of(names, grid, [f"{name}:{layout[name][1]}" for name in names])
    val, test = leakage(chips, [layout[name][0] for name in names])
    assert (val.part, val.chips, val.touching, val.same_scene, val.same_place, val.identical) == ("val", 3, 1, 2, 1, 0)
    assert (test.part, test.chips, test.touching, test.same_scene, test.same_place) == ("test", 2, 0, 0, 0)
    assert test.identical == 1 and "1 ARE IDENTICAL" in str(test) and "IDENTICAL" not in str(val)


def test_chips_whose_place_is_not_known_share_none():
    chips = chips_of(["Y.0.tif", "Y.1.tif", "Z.0.tif"])
    val, _ = leakage(chips, ["train", "val", "val"])
    assert (val.chips, val.touching, val.same_scene, val.same_place) == (2, 0, 1, 0)


def test_leakage_of_random_is_high_and_of_scene_none():
    chips = ground()
    random, scene = (leakage(chips, split_chips(chips, SplitConfig(kind=kind))) for kind in ("random", "scene"))
    assert all(row.touching > 0.95 * row.chips for row in random)
    assert all(row.touching == row.same_scene == 0 and row.same_place == row.chips for row in scene)


@pytest.mark.parametrize(
    ("names", "config", "message"),
    [
        (
            ["A.0.tif", "A.1.tif", "B.0.tif"],
            SplitConfig(kind="scene"),
            "the test part of split=scene is empty .3 chips, 2 scenes.. Add scenes, .* split=place",
        ),
        (["A.0.tif", "A.1.tif"], SplitConfig(kind="random"), "the train part of split=random is empty"),
        (["A.0.tif", "B.1.tif"], SplitConfig(kind="kfold"), "5 folds need at least 5 groups, found 2"),
        (["Z.0.tif", "Z.1.tif"], SplitConfig(kind="place"), "Z.0.tif has no place on a grid"),
    ],
)
def test_a_split_that_cannot_be_made_is_refused_with_its_reason(names, config, message):
    with pytest.raises(UserError, match=message):
        split_chips(chips_of(names), config)


def test_a_split_file_with_an_empty_part_is_refused(tmp_path):
    path = tmp_path / "split.csv"
    path.write_text("name,part\nA.0.tif,train\nA.1.tif,val\n")
    with pytest.raises(UserError, match="the test part of split=file is empty"):
        split_chips(chips_of(["A.0.tif", "A.1.tif"]), SplitConfig(kind="file", path=str(path)))
