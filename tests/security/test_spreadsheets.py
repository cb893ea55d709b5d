"""What a spreadsheet would compute is a text in our tables, and our own readers give it back."""

import csv
from pathlib import Path

import pytest

from seep_lightning.config.data import DataConfig
from seep_lightning.data.layouts.pair_list import PairList
from seep_lightning.documents.tables import read_csv
from seep_lightning.files import plain_cell, quoted_cell, write_table

FORMULAS = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", '=HYPERLINK("http://evil.example")', "-name.tif", "'=1"]
HARMLESS = ["", "S1.000001.tif", "it's", "'quoted'", "a=b", -0.5, "-0.5", "+3", "-1e-9", "-inf", 7, None]


@pytest.mark.parametrize("value", FORMULAS)
def test_a_cell_that_would_be_computed_is_quoted_and_read_back(value: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    write_table(path, [{"name": value, "dice": -0.25}])
    with path.open(newline="") as file:
        [row] = csv.DictReader(file)
    assert row["name"].startswith("'") and row["dice"] == "-0.25"
    assert plain_cell(row["name"]) == value
    [read] = read_csv(path, ["name"]).rows
    assert read.cells["name"] == value


@pytest.mark.parametrize("value", HARMLESS)
def test_numbers_and_other_texts_stay_as_they_are(value: object) -> None:
    assert quoted_cell(value) == value
    if isinstance(value, str):
        assert plain_cell(value) == value


def test_a_carriage_return_does_not_hide_a_formula() -> None:
    assert quoted_cell("\r=1") == "'\r=1" and plain_cell("'\r=1") == "\r=1"


def test_a_list_of_pairs_names_the_file_itself(tmp_path: Path) -> None:
    for name in ("=1+1.tif", "-mask.tif"):
        (tmp_path / name).touch()
    path = tmp_path / "pairs.csv"
    write_table(path, [{"image": "=1+1.tif", "mask": "-mask.tif", "scene": "@S1"}])
    assert path.read_text().count("'") == 3
    [pair] = PairList(DataConfig(root=str(tmp_path), pairs=str(path))).pairs(tmp_path)
    assert pair.mask is not None
    assert (pair.image.name, pair.mask.name, pair.scene) == ("=1+1.tif", "-mask.tif", "@S1")
