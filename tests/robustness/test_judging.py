"""The rule itself: what breaks it is found."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.robustness.campaign import Input, sampled
from helpers.robustness.commands import COMMANDS
from helpers.robustness.fork_server import Limits, Outcome, wait_for
from helpers.robustness.judging import (
    RSS,
    Fault,
    faults_of_logs,
    faults_of_message,
    faults_of_process,
    snapshot,
    strays,
)
from helpers.robustness.results import digest_of

TRACEBACK = """Traceback (most recent call last):
  File "/x/src/seep_lightning/data/chips.py", line 3, in read
  File "/x/lib/numpy/core.py", line 9, in array
ValueError: no number
"""


def kinds(faults: list[Fault]) -> list[str]:
    return [fault.kind for fault in faults]


def ended(exit_code: int, **more: object) -> Outcome:
    return Outcome(**{"exit_code": exit_code, "cpu_seconds": 1, "wall_seconds": 2, "rss": 0, **more})


@pytest.mark.parametrize(
    ("outcome", "stderr", "expected"),
    [
        (ended(0), "", []),
        (ended(2), "seep check: data: a.tif is empty. Remove it.\n", []),
        (ended(2), "", ["no message"]),
        (ended(1), "seep check: something\n", ["exit code 1"]),
        (ended(1), TRACEBACK, ["traceback"]),
        (ended(-11), "", ["killed by a signal"]),
        (ended(0, cpu_seconds=14), "", ["slow"]),
        (ended(-9, killed_for="time"), "", ["hung"]),
        (ended(0, rss=RSS + 1), "", ["memory"]),
    ],
)
def test_how_a_command_may_end(outcome: Outcome, stderr: str, expected: list[str]) -> None:
    assert kinds(faults_of_process(outcome, "check", ("", stderr), sound_cpu=2)) == expected


def test_a_cause_is_the_innermost_place_of_our_own_code() -> None:
    (fault,) = faults_of_process(ended(1), "check", ("", TRACEBACK), sound_cpu=2)
    assert fault.cause == "seep_lightning/data/chips.py:read: ValueError"
    assert fault.detail == "ValueError: no number"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("a: one. Two. Three.", []),
        ("a: one. Two. Three. Four.", ["more than three sentences"]),
        ("a: 0.5 of x.tif, found 1.25.", []),
        ("a\nb", ["more than one line"]),
        ("a" * 3000, ["a long message"]),
        ("a\x1b[31m", ["control characters in the message"]),
    ],
)
def test_a_message_is_one_line_of_three_sentences(message: str, expected: list[str]) -> None:
    assert kinds(faults_of_message(message)) == expected


def test_what_is_written_elsewhere_is_found(tmp_path: Path) -> None:
    for name in ("in/kept", "in/changed", "in/gone", "out/old"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1")
    os.mkfifo(tmp_path / "in" / "pipe")
    before = snapshot(tmp_path)
    (tmp_path / "in/changed").write_text("22")
    (tmp_path / "in/gone").unlink()
    (tmp_path / "in/new").write_text("3")
    (tmp_path / "out/new").write_text("3")
    (tmp_path / "in/.seep_lightning").mkdir()
    (tmp_path / "planted_by_a_document").touch()
    found = {fault.detail: fault.kind for fault in strays(before, snapshot(tmp_path), ("out",))}
    assert found == {
        "in/changed": "an input was changed",
        "in/gone": "an input was removed",
        "in/new": "a file outside of the output",
        "planted_by_a_document": "code was run",
    }


def test_a_config_with_the_line_ends_of_windows_is_the_same_result(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    found = []
    for content in (b"seed: 3\nname: a\n", b"\xef\xbb\xbfseed: 3\r\nname: a\r\n", b"seed: 4\nname: a\n"):
        config.write_bytes(content)
        found.append(digest_of(config))
    assert found[0] == found[1] != found[2]


def test_a_traceback_that_a_log_got_is_found(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_text(TRACEBACK)
    before = snapshot(tmp_path)
    assert not faults_of_logs(before, tmp_path)
    log.write_text(TRACEBACK * 2)
    assert kinds(faults_of_logs(before, tmp_path)) == ["traceback"]


def test_a_sample_is_that_of_its_seed_and_takes_each_kind_first() -> None:
    inputs = [Input("c", kind, f"{kind} {n}", COMMANDS[0], "owner") for kind in "abcd" for n in range(20)]
    chosen = sampled(inputs, 8, seed=1)
    assert chosen == sampled(inputs, 8, seed=1) != sampled(inputs, 8, seed=2)
    assert sorted(tried.kind for tried in chosen) == list("aabbccdd")


def forked(work: Callable[[], object]) -> int:
    """A child with a session of its own that does some work."""
    pid = os.fork()
    if pid == 0:
        os.setsid()
        work()
        os._exit(0)
    return pid


def test_what_waits_for_ever_is_killed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    outcome = wait_for(forked((tmp_path / "pipe").read_bytes), Limits(asleep_seconds=0.3))
    assert outcome.killed_for == "time"


def test_what_works_is_not_killed_for_its_time_by_the_clock() -> None:
    outcome = wait_for(forked(lambda: sum(range(10_000_000))), Limits(asleep_seconds=0.1))
    assert outcome.killed_for is None
    assert outcome.exit_code == 0
