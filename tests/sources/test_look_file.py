"""What `sources` stored of a map, damaged or from a stranger: one line that names the file, whatever it holds."""

import json
from pathlib import Path
from random import Random

import numpy as np
import pytest

from helpers.map_days import write_map
from helpers.robustness.damaged_stores import DAMAGES
from seep_lightning import find_sources
from seep_lightning.errors import UserError
from seep_lightning.sources.day_list import DayList
from seep_lightning.sources.recurrence import recurrence_tiles
from seep_lightning.sources.store import LookStore


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of one day with two slicks."""
    home = tmp_path_factory.mktemp("day")
    (home / "maps").mkdir()
    write_map(home / "maps", "S1_20180101T054412", [np.s_[40:44, 20:60], np.s_[70:74, 20:40]])
    find_sources(maps=home / "maps", output=home / "sources", permutations=199)
    return home / "sources" / "days"


def read_all(folder: Path) -> None:
    """All that is read of a store."""
    store = LookStore(folder)
    store.open()
    days = DayList(store)
    assert [len(day.slicks) for day in days]
    assert [key for key, _ in recurrence_tiles(days)]


QUICK = [damage for damage in DAMAGES if damage.name != "a gigabyte of zeros"]
"""That one takes seconds to make: the campaign has it."""


@pytest.mark.parametrize("damage", QUICK, ids=lambda damage: damage.name)
def test_a_damaged_file_of_a_look_is_named(
    damage, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (path,) = store.glob("*.npz")
    copy = tmp_path / path.name
    told = 0
    for variant in damage.variants(path):
        copy.write_bytes(path.read_bytes())
        damage.apply(copy, variant, Random(0))
        try:
            read_all(tmp_path)
        except UserError as error:
            told += 1
            assert str(copy) in str(error) and "Remove it" in str(error)
    assert told > 0
    assert not (tmp_path / "planted_by_a_document").exists()


def test_a_look_under_another_name_is_damaged(store: Path, tmp_path: Path) -> None:
    (path,) = store.glob("*.npz")
    (tmp_path / f"{20 * '0'}.npz").write_bytes(path.read_bytes())
    with pytest.raises(UserError, match="whose file has another name"):
        read_all(tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("size", 0.0),
        ("size", float("nan")),
        ("left", float("inf")),
        ("wkt", "http://127.0.0.1:9/crs"),
        ("wkt", "/etc/passwd"),
        ("wkt", "EPSG:4326"),
    ],
)
def test_a_stranger_says_no_cells_that_are_none(key: str, value: object, store: Path, tmp_path: Path) -> None:
    content = json.loads((store / "grid.json").read_text())
    (tmp_path / "grid.json").write_text(json.dumps({**content, key: value}))
    with pytest.raises(UserError, match=f"grid.json.*{key}"):
        LookStore(tmp_path).grid()


def test_a_map_called_like_a_formula_is_a_text_in_the_table_of_days(tmp_path: Path) -> None:
    (tmp_path / "maps").mkdir()
    # of a call that was killed at its beginning
    (tmp_path / "out" / "days").mkdir(parents=True)
    write_map(tmp_path / "maps", "=1+1", [np.s_[40:44, 20:30]])
    find_sources(maps=tmp_path / "maps", output=tmp_path / "out", permutations=199)
    (row,) = (tmp_path / "out" / "days.csv").read_text().splitlines()[1:]
    assert row.startswith("0,'=1+1,") and ",=" not in row
