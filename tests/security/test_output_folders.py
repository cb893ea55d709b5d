"""An output folder that a stranger passed on: nothing is written through its links, and none of its files is run."""

import os
import sqlite3
import struct
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path
from shutil import copy, copytree

import numpy as np
import pytest

from helpers.map_days import write_map
from helpers.paths import ROOT
from helpers.rasters import UTM, write_raster
from helpers.small_maps import empty_sea, probability_raster
from seep_lightning import find_sources
from seep_lightning.config.commands import ExportConfig
from seep_lightning.errors import UserError
from seep_lightning.folds.fold_runs import find_folds
from seep_lightning.mapping.jobs import SceneJob
from seep_lightning.mapping.outputs import write_chip_maps
from seep_lightning.predictor.exporting import description_path, export
from seep_lightning.scene.journal import Journal
from seep_lightning.scene.polygons import SeepLayer, find_seeps
from seep_lightning.scene.scene_file import SceneFile
from seep_lightning.scene.scene_map import SceneMap
from seep_lightning.scene.vector_files import is_whole_layer, write_seeps

ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c"
WRITER = """
import os, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA cache_size = 1")
database.execute("BEGIN")
database.execute("CREATE TABLE half (a TEXT)")
database.executemany("INSERT INTO half VALUES (?)", [("a" * 1000,)] * 500)
os._exit(9)
"""


def test_a_description_beside_an_export_that_is_none_stays(tmp_path: Path, trained: Path) -> None:
    config = ExportConfig(str(trained), str(tmp_path / "net.pt"), format="torch")
    description = description_path(tmp_path / "net.pt")
    for text in ("[" * 100_000, '{"stac_version": ' * 5_000, "[1]", '{"other": 1}'):
        description.write_text(text)
        with pytest.raises(UserError, match="exists. Choose another output, or pass overwrite=true"):
            export(config)
        assert description.read_text() == text
    description.unlink()
    os.mkfifo(description)
    with pytest.raises(UserError, match="exists. Choose another output"):
        export(config)


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A folder with a file of somebody else."""
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "own.txt").write_text("precious")
    return tmp_path / "victim"


@pytest.fixture
def layer(tmp_path: Path) -> SeepLayer:
    p = empty_sea()
    p[100:110, 100:200] = 0.9
    return find_seeps(probability_raster(tmp_path / "p.tif", p, **UTM))


def plant(path: Path, *statements: str) -> None:
    """Change a GeoPackage as a stranger may have done."""
    with closing(sqlite3.connect(path)) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f'DROP TRIGGER "{name}"')
        for statement in statements:
            database.execute(statement)
        database.commit()


def plant_journal(path: Path, victim: Path) -> None:
    """A journal beside a database by which SQLite would delete a file."""
    subprocess.run([sys.executable, "-c", WRITER, str(path)], check=False)
    name = str(victim).encode()
    page_of_locks = (1 << 30) // 4096 + 1
    names_it = struct.pack(">I", page_of_locks) + name + struct.pack(">II", len(name), sum(name))
    with path.with_name(f"{path.name}-journal").open("ab") as file:
        file.write(names_it + bytes.fromhex("d9d505f920a163d7"))


def untouched(victim: Path) -> bool:
    return [(path.name, path.read_text()) for path in victim.iterdir()] == [("own.txt", "precious")]


@pytest.mark.parametrize("name", ["masks", "probabilities"])
def test_maps_of_chips_stay_in_the_output(name: str, tmp_path: Path, victim: Path) -> None:
    raster = write_raster(tmp_path / "own.tif", np.ones((8, 8), np.uint8), **UTM)
    job = SceneJob("own", {SceneFile.of_raster(raster): (0, 0)})
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).symlink_to(victim)
    with pytest.raises(UserError, match=f"{name} is a link that leads out of its folder"):
        write_chip_maps(job, SceneMap(raster, raster, 0, ""), tmp_path / "out")
    assert untouched(victim)


def test_rows_of_a_map_stay_in_the_output(tmp_path: Path, victim: Path) -> None:
    (victim / "own.txt").rename(victim / "own.rows")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".a.part").symlink_to(victim)
    with pytest.raises(UserError, match=r"\.a\.part is a link that leads out of its folder"):
        Journal(tmp_path / "out" / ".a.part", "key", (4, 1, 4))
    assert [path.name for path in victim.iterdir()] == ["own.rows"]


@pytest.mark.parametrize("name", ["folds", "folds/val-mosaic", "folds/.val-mosaic.lock"])
def test_maps_of_folds_stay_in_the_run(name: str, tmp_path: Path, victim: Path) -> None:
    run = Path(copytree(ROOT / "tests" / "fixtures" / "run_60f2943", tmp_path / "folds-of-a-stranger" / "fold-0"))
    (run / name).parent.mkdir(exist_ok=True)
    (run / name).symlink_to(victim)
    with pytest.raises(UserError, match="is a link that leads out of the folder"):
        find_folds([run.parent])
    assert untouched(victim)


def test_days_stay_in_the_output_of_sources(tmp_path: Path, victim: Path) -> None:
    (tmp_path / "maps").mkdir()
    write_map(tmp_path / "maps", "S1_20180101T054412", [np.s_[40:44, 20:60]])
    find_sources(maps=tmp_path / "maps", output=tmp_path / "sources", permutations=199)
    (tmp_path / "sources" / "days" / "grid.json").replace(victim / "grid.json")
    for path in (tmp_path / "sources" / "days").iterdir():
        path.unlink()
    (tmp_path / "sources" / "days").rmdir()
    (tmp_path / "sources" / "days").symlink_to(victim)
    with pytest.raises(UserError, match="days is a link that leads out of its folder"):
        find_sources(maps=tmp_path / "maps", output=tmp_path / "sources", permutations=199)
    assert sorted(path.name for path in victim.iterdir()) == ["grid.json", "own.txt"]


@pytest.mark.parametrize("style", [f"(SELECT count(*) FROM ({ENDLESS}))", "zeroblob(900000000)"])
def test_a_style_that_is_a_query_is_not_asked_for(style: str, tmp_path: Path, layer: SeepLayer) -> None:
    path = tmp_path / "s.gpkg"
    write_seeps(layer, path)
    columns = "'seeps' AS f_table_name, 1 AS useAsDefault, 1 AS update_time"
    plant(path, "DROP TABLE layer_styles", f"CREATE VIEW layer_styles AS SELECT {style} AS styleQML, {columns}")
    write_seeps(layer, path, overwrite=True)
    assert is_whole_layer(path)


def test_a_layer_that_is_a_query_is_not_whole(tmp_path: Path, layer: SeepLayer) -> None:
    path = tmp_path / "s.gpkg"
    write_seeps(layer, path)
    plant(
        path, "DROP TABLE gpkg_contents", f"CREATE VIEW gpkg_contents AS SELECT 'features' data_type FROM ({ENDLESS})"
    )
    assert not is_whole_layer(path)


def test_a_journal_has_no_file_deleted(tmp_path: Path, victim: Path, layer: SeepLayer) -> None:
    path = tmp_path / "s.gpkg"
    write_seeps(layer, path)
    plant_journal(path, victim / "own.txt")
    is_whole_layer(path)
    write_seeps(layer, path, overwrite=True)
    assert untouched(victim)


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_journal_is_not_written_into_the_layer_that_replaces_its_own(
    mode: str, tmp_path: Path, layer: SeepLayer
) -> None:
    (tmp_path / "sent").mkdir()
    (tmp_path / "out").mkdir()
    write_seeps(layer, tmp_path / "sent" / "s.gpkg")
    with closing(sqlite3.connect(tmp_path / "sent" / "s.gpkg", isolation_level=None)) as database:
        database.execute(f"PRAGMA journal_mode = {mode}")
        database.execute("PRAGMA cache_size = 1")
        database.execute("BEGIN")
        database.execute("CREATE TABLE planted AS SELECT hex(zeroblob(400000)) AS text")
        database.execute("UPDATE gpkg_contents SET description = 'planted'")
        if mode == "wal":
            database.execute("COMMIT")
        for path in (tmp_path / "sent").glob("s.gpkg*"):
            copy(path, tmp_path / "out")
    path = tmp_path / "out" / "s.gpkg"
    write_seeps(layer, path, overwrite=True)
    with closing(sqlite3.connect(path)) as database:
        assert not database.execute("SELECT name FROM sqlite_master WHERE name = 'planted'").fetchall()
        assert database.execute("SELECT count(*) FROM seeps").fetchone() == (1,)
        assert database.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)


@pytest.mark.parametrize("suffix", ["-journal", "-wal"])
def test_a_pipe_in_the_place_of_a_journal_is_not_waited_for(suffix: str, tmp_path: Path, layer: SeepLayer) -> None:
    path = tmp_path / "s.gpkg"
    write_seeps(layer, path)
    os.mkfifo(tmp_path / f"s.gpkg{suffix}")
    for read in (is_whole_layer, partial(write_seeps, layer, overwrite=True)):
        with pytest.raises(UserError, match=rf"s\.gpkg{suffix} is a pipe; expected a regular file"):
            read(path)


def test_a_style_elsewhere_does_not_get_into_the_layer(tmp_path: Path, victim: Path, layer: SeepLayer) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "s.qml").symlink_to(victim / "own.txt")
    with pytest.raises(UserError, match=r"s\.qml is a link that leads out of its folder"):
        write_seeps(layer, tmp_path / "out" / "s.gpkg")
    assert not (tmp_path / "out" / "s.gpkg").exists() and untouched(victim)
