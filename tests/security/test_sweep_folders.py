"""The sweep folder of somebody else: nothing is written through its links.

The database of a search sets nothing that is not searched, and runs no queries of its own.
"""

import os
import shutil
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from omegaconf import OmegaConf
from optuna.trial import TrialState, create_trial

from helpers.command_line import seep
from seep_lightning.commands.entry import LeavingHydra
from seep_lightning.commands.output_folders import JudgeOutputFolders
from seep_lightning.commands.run_directories import run_directory
from seep_lightning.errors import UserError
from seep_lightning.reporting.comparison import find_runs
from seep_lightning.runs.links import check_folder
from seep_lightning.sweeps.settings import SearchConfig
from seep_lightning.sweeps.space import split_overrides
from seep_lightning.sweeps.study import Search, next_trial, open_study
from seep_lightning.sweeps.trial_jobs import overrides_of
from seep_lightning.training.trial_storage import open_storage

FIXED, SPACE = split_overrides(["optimizer.lr=interval(0.1,1)", "model=choice(unet,unet_small)"])


@pytest.fixture(scope="module")
def new_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a search that has just begun."""
    search = Search(tmp_path_factory.mktemp("new"), "dice/val", SearchConfig(), FIXED, SPACE)
    open_study(search)
    return search.database


@pytest.fixture
def search(new_study: Path, tmp_path: Path) -> Search:
    search = Search(tmp_path, "dice/val", SearchConfig(), FIXED, SPACE)
    shutil.copy(new_study, search.database)
    return search


def plant(search: Search, params: Mapping[str, Any], **attributes: Any) -> None:
    """A trial that a stranger queued, in both ways that Optuna knows."""
    choices = {key: optuna.distributions.CategoricalDistribution([value]) for key, value in params.items()}
    study = optuna.load_study(study_name="study", storage=open_storage(search.database))
    study.enqueue_trial(dict(params), user_attrs=attributes)
    study.add_trial(
        create_trial(state=TrialState.WAITING, params=dict(params), distributions=choices, user_attrs=attributes)
    )


def asking(search: Search, settings: SearchConfig) -> Search:
    """The same search with other settings of the sweeper."""
    return replace(search, settings=settings)


@pytest.mark.parametrize(
    "params",
    [
        {"model._target_": "evil.Net"},
        {"trusted": "[evil]"},
        {"hydra.job.env_set.PATH": "evil"},
        {"optimizer.lr": "${oc.env:SECRET}"},
        {"optimizer.lr": 5},
        {"model": "unet,trusted=[evil]"},
        {"optimizer.lr": True},
    ],
    ids=str,
)
def test_a_queued_trial_sets_only_what_is_searched(params: dict[str, Any], search: Search) -> None:
    plant(search, params)
    with pytest.raises(UserError, match=r"study\.db holds a trial of .*, which this search does not try"):
        open_study(search)


def test_nor_was_any_trial_drawn_from_other_values(search: Search) -> None:
    plant(search, {"model": "unet"})
    with pytest.raises(UserError, match=r"study\.db holds a trial drawn from model=Categ.*, which this search"):
        open_study(search)


@pytest.mark.parametrize(
    ("name", "value"),
    [("first", "../../evil"), ("first", -1), ("first", 10**30), ("first", True), ("times", "x"), ("mistake", [1])],
)
def test_nor_has_it_attributes_that_lead_elsewhere(name: str, value: Any, search: Search) -> None:
    plant(search, {}, **{name: value})
    with pytest.raises(UserError, match=rf"study\.db holds a trial with {name}=.*, which no search writes"):
        open_study(search)


@pytest.mark.parametrize("stored", ["evil", [1], {"evil": 1}], ids=str)
def test_settings_of_another_kind_are_refused(stored: Any, search: Search) -> None:
    optuna.load_study(study_name="study", storage=open_storage(search.database)).set_user_attr("fixed", stored)
    with pytest.raises(UserError, match="holds a search of another kind"):
        open_study(search)


ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c"


@pytest.mark.parametrize(
    "sql",
    [
        f"CREATE TRIGGER evil AFTER INSERT ON trials BEGIN INSERT INTO version_info (version_info_id) {ENDLESS}; END",
        f"CREATE VIEW evil AS {ENDLESS}",
        "CREATE TABLE evil (a INTEGER, b BLOB AS (zeroblob(1000000000)))",
        "CREATE TABLE evil (a INTEGER DEFAULT (randomblob(1000000000)))",
        "CREATE TABLE evil (a INTEGER, CHECK (a = zeroblob(1000000000)))",
        "CREATE INDEX evil ON trials (zeroblob(1))",
        "CREATE VIRTUAL TABLE evil USING fts5 (a)",
    ],
)
def test_queries_of_a_stranger_do_not_run(sql: str, search: Search) -> None:
    with closing(sqlite3.connect(search.database)) as database:
        database.execute(sql)
        database.commit()
    with pytest.raises(UserError, match=r"study\.db holds evil, which no search writes"):
        open_study(search)


def test_what_a_person_queued_is_tried(search: Search) -> None:
    mine = asking(search, SearchConfig(enqueue=[{"optimizer.lr": 5, "model": "unet_small"}]))
    open_study(mine)
    trial = next_trial(mine, open_study(mine))
    assert trial is not None
    assert overrides_of(trial, "trial-000", mine)[:2] == ["optimizer.lr=5", "model=unet_small"]
    # ... and named by somebody who does not ask for it
    with pytest.raises(UserError, match=r"holds a trial of optimizer\.lr=5.* hydra\.sweeper\.enqueue"):
        open_study(search)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"hello", "is damaged"), (b"", "cannot be used as a study|^$"), (None, "is a pipe"), ("studies", "study")],
)
def test_what_is_no_study_is_told_in_one_line(content: bytes | str | None, reason: str, tmp_path: Path) -> None:
    search = Search(tmp_path, "dice/val", SearchConfig(), [], {})
    match content:
        case bytes():
            search.database.write_bytes(content)
        case str():
            with closing(sqlite3.connect(search.database)) as database:
                database.execute(f"CREATE TABLE {content} (a INTEGER)")
        case None:
            os.mkfifo(search.database)
    if content == b"":
        # what a process that was killed at its start leaves
        assert open_study(search).trials == []
        return
    with pytest.raises(UserError, match=reason):
        open_study(search)


WRITER = """
import os, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA cache_size = 1")
database.execute("BEGIN")
database.execute("CREATE TABLE half (a TEXT)")
database.executemany("INSERT INTO half VALUES (?)", [("a" * 1000,)] * 500)
os._exit(9)
"""


@pytest.fixture
def journal(search: Search) -> Path:
    """What a process that was killed while it wrote leaves beside the database."""
    subprocess.run([sys.executable, "-c", WRITER, str(search.database)], check=False)
    journal = search.database.with_name("study.db-journal")
    assert journal.stat().st_size > 0
    return journal


def test_a_study_goes_on_after_its_process_was_killed_while_it_wrote(search: Search, journal: Path) -> None:
    open_study(search)
    assert not journal.exists()
    with closing(sqlite3.connect(search.database)) as database:
        assert database.execute("SELECT name FROM sqlite_master WHERE name = 'half'").fetchall() == []


def test_a_journal_that_has_another_file_deleted_is_not_followed(search: Search, journal: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    name = str(victim).encode()
    page_of_locks = (1 << 30) // 4096 + 1
    names_it = struct.pack(">I", page_of_locks) + name + struct.pack(">II", len(name), sum(name))
    with journal.open("ab") as file:
        file.write(names_it + bytes.fromhex("d9d505f920a163d7"))
    with pytest.raises(UserError, match="names another file, which SQLite would delete"):
        open_study(search)
    assert victim.read_text() == "precious"


def judged(folder: Path, verb: str = "multirun") -> None:
    """What the callback does before Hydra writes into a folder."""
    hydra = {"sweep": {"dir": str(folder)}, "run": {"dir": str(folder)}}
    callback = JudgeOutputFolders()
    with pytest.raises(LeavingHydra) as leaving:
        getattr(callback, f"on_{verb}_start")(OmegaConf.create({"run": None, "hydra": hydra}))
    raise leaving.value.error


@pytest.mark.parametrize(
    "name",
    ["study.db", "study.db-journal", "multirun.yaml", "failed_jobs.jsonl", "seed-0", "seed-1/train.log", "a/b/c"],
)
def test_a_link_out_of_a_sweep_folder_is_not_written_through(name: str, folder: Path, tmp_path: Path) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).symlink_to(tmp_path / "victim")
    with pytest.raises(UserError, match=rf"^hydra\.sweep\.dir={folder}: {name} is a link that leads out of the folder"):
        judged(folder)
    with pytest.raises(UserError, match=r"^hydra\.run\.dir=.* is a link that leads out of the folder"):
        judged(folder, verb="run")


def test_nor_is_a_pipe_in_it_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "multirun.yaml")
    with pytest.raises(UserError, match=r"multirun\.yaml is no file and no folder"):
        judged(folder)


def test_a_name_that_is_not_utf_8_is_refused_before_a_logger_writes_it(tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"a\xff")
    odd.mkdir()
    for verb in ("run", "multirun"):
        with pytest.raises(UserError, match=r"The name of a\\xff in .* is not UTF-8\. Rename it"):
            judged(odd, verb)
    with pytest.raises(UserError, match=r"The name of a\\xff in .* is not UTF-8\. Rename it"):
        run_directory(str(odd), None, "name")


def test_the_command_stops_before_it_writes(folder: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (folder / "multirun.yaml").symlink_to(victim)
    refused = seep("train", "-m", "seed=0,1", f"hydra.sweep.dir={folder}")
    assert refused.returncode == 2
    assert refused.stderr.startswith("seep train: hydra.sweep.dir=") and refused.stderr.count("\n") == 1
    assert victim.read_text() == "precious"
    assert [path.name for path in folder.iterdir()] == ["multirun.yaml"]


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of 1,200 folders, one in the other."""
    folder = tmp_path_factory.mktemp("deep")
    depth = 1200
    for count in range(1, depth + 1):
        (folder / "/".join(["d"] * count)).mkdir()
    yield folder
    # pytest's own cleaning calls itself for each of them
    for count in range(depth, 0, -1):
        (folder / "/".join(["d"] * count)).rmdir()


def test_a_deep_folder_is_walked_to_its_end(deep: Path) -> None:
    check_folder(deep, "run")
    with pytest.raises(UserError, match="no run in there"):
        find_runs([str(deep)])
