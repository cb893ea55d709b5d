"""What commands print and log holds no codes for a terminal, and needs nobody who reads it."""

import logging
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from seep_lightning.commands.console import PrintableRecord, for_terminal, tell

EVIL = "a\x1b]0;owned\x07\x1b[31m\nseep train: all is well"


@pytest.fixture
def printable_records() -> Iterator[None]:
    before = logging.getLogRecordFactory()
    logging.setLogRecordFactory(PrintableRecord)
    yield
    logging.setLogRecordFactory(before)


def test_a_line_holds_no_codes(capsys: pytest.CaptureFixture[str]) -> None:
    tell(f"written to {EVIL}")
    assert capsys.readouterr().out == "written to a\\x1b]0;owned\\x07\\x1b[31m\\nseep train: all is well\n"


def test_a_terminal_gets_lines_broken_between_words_and_commands_to_paste(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    command = "python -m seep_lightning.train run=out/pty/b trainer.max_epochs=90 'name=a b c d e f g h i j k l'"
    lines = for_terminal(f"stopped by Ctrl-C; 9 of 40 epochs are saved. Go on with: {command}").split("\n")
    assert lines[:2] == ["stopped by Ctrl-C; 9 of 40 epochs are", "saved. Go on with:"]
    pasted = "\n".join(lines[2:]).replace("\\\n", "")
    assert max(map(len, lines)) <= 40 and shlex.split(pasted) == shlex.split(command)
    assert for_terminal("  short") == "  short"
    assert for_terminal("  " + "word " * 9).split("\n")[1].startswith("  word")


@pytest.mark.parametrize(("logger", "lines"), [("seep_lightning.data", 1), ("lightning.pytorch", 2)])
def test_a_log_holds_no_codes(printable_records: Any, caplog: Any, logger: str, lines: int) -> None:
    logging.getLogger(logger).warning("%s is left out", EVIL)
    message = caplog.messages[0]
    assert "\x1b" not in message and "\x07" not in message
    assert "\\x1b[31m" in message
    # other libraries log tables
    assert len(message.splitlines()) == lines


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_command_goes_on_when_nobody_reads_what_it_says(unbuffered: str) -> None:
    code = (
        "import logging, sys; from seep_lightning.commands.console import prepare_console, tell; prepare_console();"
        "logging.basicConfig(stream=sys.stdout); sys.stdin.read();"
        "[(tell('x' * 1000), logging.warning('y')) for _ in range(200)]; tell('done', file=sys.stderr)"
    )
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment, **pipes)
    assert process.stdin and process.stdout and process.stderr
    process.stdout.close()
    process.stdin.close()
    assert process.stderr.read() == b"done\n"
    assert process.wait() == 0
    process.stderr.close()
