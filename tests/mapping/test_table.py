"""The table of an output folder: what earlier versions wrote is read, kept and written back as it was."""

import os
from pathlib import Path

import pytest

from seep_lightning.config.commands import PredictConfig
from seep_lightning.errors import UserError, WouldReplace
from seep_lightning.mapping.finished_keys import row_key
from seep_lightning.mapping.table import YOUNGER_COLUMNS, SceneRow, SceneTable, read_rows

# as commit 60f2943 wrote them
HEAD = "name,status,size,seeps,area,unit,seconds,error,key\n"
MAPPED = "a,done,384 x 320,4,71057,m2,0.7,,9aef35679bf0f744\n"
WITHOUT_POLYGONS = "b,done,96 x 96,,,,0.3,,8c7ecaa776c0c597\n"
UNREADABLE = "c,failed,,,,,,c.tif is no raster,\n"


def write_old_table(folder: Path) -> Path:
    path = folder / "scenes.csv"
    path.write_text(HEAD + MAPPED + WITHOUT_POLYGONS + UNREADABLE)
    return path


def test_rows_of_an_earlier_version_are_typed(tmp_path: Path) -> None:
    rows = read_rows(write_old_table(tmp_path))
    expected = SceneRow("a", "done", "384 x 320", 4, 71057.0, "m2", 0.7, "", "9aef35679bf0f744")
    assert rows["a"] == expected
    assert (rows["b"].seeps, rows["b"].area, rows["c"].seconds) == (None, None, None)
    assert rows["c"].error == "c.tif is no raster"


def test_rows_of_an_earlier_version_are_written_as_they_were_with_the_younger_columns(tmp_path: Path) -> None:
    path = write_old_table(tmp_path)
    head, *rows = path.read_text().splitlines()
    SceneTable(tmp_path).write()
    younger = "," + ",".join(YOUNGER_COLUMNS)
    empty = "," * len(YOUNGER_COLUMNS)
    assert path.read_text().splitlines() == [head + younger, *(row + empty for row in rows)]


def test_a_table_from_before_some_columns_is_read(tmp_path: Path) -> None:
    path = tmp_path / "scenes.csv"
    path.write_text(HEAD.replace("key", "key,notes") + MAPPED.replace("\n", ",dark\n"))
    assert read_rows(path)["a"].notes == "dark"


def test_a_failure_keeps_what_is_known_of_the_map_that_is_there_still(tmp_path: Path) -> None:
    write_old_table(tmp_path)
    table = SceneTable(tmp_path)
    table.add_failed("a", UserError("a.tif is no raster"))
    assert read_rows(table.path)["a"] == SceneRow(
        "a", "failed", "384 x 320", 4, 71057.0, "m2", 0.7, "a.tif is no raster", "9aef35679bf0f744"
    )
    SceneTable(tmp_path).add_finished_before("a")
    expected = dict(zip(HEAD.strip().split(","), MAPPED.strip().split(","), strict=True)) | dict.fromkeys(
        YOUNGER_COLUMNS, ""
    )
    assert read_rows(table.path)["a"].cells() == expected


def test_the_row_of_a_finished_map_that_may_not_be_replaced_stays(tmp_path: Path) -> None:
    path = write_old_table(tmp_path)
    before = read_rows(path)
    table = SceneTable(tmp_path)
    for scene in ("a", "c"):
        table.add_failed(scene, WouldReplace("a.probability.tif is there already"))
    after = read_rows(path)
    assert (after["a"], after["c"].error) == (before["a"], "a.probability.tif is there already")


def test_the_row_of_a_finished_map_stays_where_another_call_fails_before_it_touches_the_map(tmp_path: Path) -> None:
    write_old_table(tmp_path)
    rasters = [tmp_path / f"a.{layer}.tif" for layer in ("probability", "mask")]
    for raster in rasters:
        raster.write_bytes(b"II*")
    table = SceneTable(tmp_path)
    table.begin(overwrite=False)
    error = UserError("a.tif has 1 band(s); wanted 2")
    table.add_failed("a", error)
    assert read_rows(table.path)["a"].status == "done"
    # a call that has begun to replace it
    later = table.path.stat().st_mtime_ns + 10**9
    os.utime(rasters[0], ns=(later, later))
    table.add_failed("a", error)
    assert read_rows(table.path)["a"].status == "failed"


def test_a_table_whose_numbers_are_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "scenes.csv").write_text(HEAD + MAPPED.replace("71057", "many"))
    with pytest.raises(UserError, match=r"scenes\.csv is not a table of this command .*many"):
        SceneTable(tmp_path)


def test_a_finished_map_is_known_by_the_key_of_commit_60f2943() -> None:
    config = PredictConfig(
        run=["a"], input="b", output="c", device="cpu", calibration="db", min_area=7, flips="mirror", bands=["VV"]
    )
    assert row_key("abc", config) == "2bce14454c98317e"
    elsewhere = PredictConfig(
        run=["x"], input="y", output="z", calibration="db", min_area=7, flips="mirror", bands=["VV"], workers=3
    )
    assert row_key("abc", elsewhere) == "2bce14454c98317e"
