"""One process at a time writes a run, a folder or a file; a dead one blocks nobody, and leaves nothing."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seep_lightning import files, locks
from seep_lightning.errors import DiskError, InUse, UserError
from seep_lightning.files import draft_of, is_empty, real_path, remove_leftovers, write_text
from seep_lightning.locks import lock_path, locked, remove_left_lock

HOLD = """
import sys, time
from pathlib import Path
from seep_lightning.locks import lock_path, locked
with locked(lock_path(Path(sys.argv[1])), "maps", "predict"):
    print("held", flush=True)
    time.sleep(60)
"""


def holder_of(path: Path) -> "subprocess.Popen[str]":
    """Another process that holds the lock of a file."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_the_second_says_who_is_at_work_and_a_killed_one_blocks_nobody(tmp_path: Path) -> None:
    path = tmp_path / "maps"
    process = holder_of(path)
    who = f"^output=maps is in use .seep predict, process {process.pid} on .*, since 2"
    with pytest.raises(InUse, match=who), locked(lock_path(path), "output=maps", "predict"):
        raise AssertionError("two at once")
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert lock_path(path).is_file()
    with locked(lock_path(path), "output=maps", "predict"):
        note = json.loads(lock_path(path).read_text())
        assert (note["work"], note["pid"]) == ("predict", os.getpid())
    assert list(tmp_path.iterdir()) == []


def test_a_lock_of_a_killed_process_is_removed_and_that_of_a_living_one_stays(tmp_path: Path) -> None:
    lock = lock_path(tmp_path / "maps")
    process = holder_of(tmp_path / "maps")
    remove_left_lock(lock)
    assert lock.is_file()
    process.kill()
    process.wait()
    remove_left_lock(lock)
    remove_left_lock(lock)
    assert not lock.exists()


def test_a_lock_is_waited_for_and_who_holds_it_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "maps"
    process = holder_of(path)
    subprocess.Popen(["sh", "-c", f"sleep 1; kill {process.pid}"])
    with locked(lock_path(path), "output=maps", "predict", patience=30):
        assert process.wait() == -signal.SIGTERM
    assert f"output=maps: waiting for seep predict, process {process.pid}" in caplog.text


def test_a_thread_may_take_its_lock_again(tmp_path: Path) -> None:
    lock = lock_path(tmp_path / "run")
    with locked(lock, "run", "train"):
        with locked(lock, "run", "train"):
            pass
        assert lock.is_file()
    assert not lock.exists()


def test_what_was_made_for_a_lock_alone_is_gone_afterwards(tmp_path: Path) -> None:
    with locked(tmp_path / "outputs" / "run" / ".train.lock", "run", "train"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_child_that_outlives_the_process_does_not_hold_its_lock(tmp_path: Path) -> None:
    """Loader workers are forked, and may live on for seconds."""
    script = HOLD.replace('print("held"', 'import os\n    if not os.fork():\n        time.sleep(8)\n    print("held"')
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "x")], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    process.kill()
    process.wait()
    with locked(lock_path(tmp_path / "x"), "x", "train"):
        pass
    os.killpg(process.pid, signal.SIGKILL)


def test_a_file_system_without_locks_is_told_and_the_work_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks.FileLock, "acquire", refuse)
    with locked(lock_path(tmp_path / "x"), "output=x", "export"):
        pass
    assert "output=x: this file system has no locks (No locks available)" in caplog.text


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    lock = tmp_path / "file" / ".x.lock"
    with pytest.raises(DiskError, match="file cannot be written"), locked(lock, "x", "export"):
        raise AssertionError("there is no such folder")


def test_drafts_of_dead_processes_are_removed_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    process = subprocess.Popen(["sleep", "0"])
    process.wait()
    here = files._machine_digest()
    dead = [f".a.csv.{here}-{process.pid}-0a1b2c.part", f".b.gpkg.{here}-{process.pid}-0a1b2c.part.gpkg-journal"]
    reused = f".c.{here}-{os.getpid()}-0a1b2c.part"
    alive = f".d.{here}-{os.getppid()}-0a1b2c.part"
    foreign, foreign_old = ".e.abcdef-1-0a1b2c.part", ".f.abcdef-1-0a1b2c.part"
    for name in (*dead, reused, alive, foreign, foreign_old, "a.part", ".hidden"):
        (tmp_path / name).touch()
    os.utime(tmp_path / foreign_old, (time.time() - 2 * 24 * 3600,) * 2)
    (tmp_path / f".g.{here}-{process.pid}-0a1b2c.part").mkdir()
    (tmp_path / f".g.{here}-{process.pid}-0a1b2c.part" / "chip.tif").touch()
    with draft_of(tmp_path / "own") as own:
        own.touch()
        remove_leftovers(tmp_path)
        assert {path.name for path in tmp_path.iterdir()} == {alive, foreign, "a.part", ".hidden", own.name}
    assert not own.exists()
    remove_leftovers(tmp_path / "nowhere")


def test_a_draft_of_the_longest_name_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("ö" * 125 + ".csv")
    write_text(path, "x\n")
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_folder_with_nothing_but_leftovers_is_empty(tmp_path: Path) -> None:
    (tmp_path / ".scenes.csv.lock").touch()
    (tmp_path / ".scenes.csv.abcdef-1-0a1b2c.part").touch()
    assert is_empty(tmp_path)
    (tmp_path / "scenes.csv").touch()
    assert not is_empty(tmp_path)


def test_a_circle_of_links_is_a_path_as_others(tmp_path: Path) -> None:
    (tmp_path / "a.tif").symlink_to("a.tif")
    assert real_path(tmp_path / "a.tif") == tmp_path / "a.tif"


def test_a_second_name_of_a_file_is_no_lock(tmp_path: Path) -> None:
    own = tmp_path / "own.txt"
    own.write_text("precious")
    (tmp_path / ".a.lock").hardlink_to(own)
    with (
        pytest.raises(UserError, match="is a second name of another file"),
        locked(tmp_path / ".a.lock", "a", "predict"),
    ):
        pass
    assert own.read_text() == "precious"
