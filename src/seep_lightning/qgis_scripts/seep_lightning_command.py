"""Run a verb of seep_lightning from QGIS, whose own Python is another one: progress, log, cancelling, and one error.

QGIS finds no algorithm in this file, which is shared by those beside it. It runs in the Python of QGIS (3.9 or later).
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import threading
from pathlib import Path
from typing import Any

# written by `seep qgis`: the Python of the environment in which seep_lightning is installed
SETTINGS_FILE = Path(__file__).with_name("seep_lightning.json")
# what QGIS sets for its own libraries, and misleads those of another Python
QGIS_VARIABLES = (
    "GDAL_DATA",
    "GDAL_DRIVER_PATH",
    "OSGEO4W_ROOT",
    "PROJ_DATA",
    "PROJ_LIB",
    "PYTHONHOME",
    "PYTHONPATH",
    "QT_PLUGIN_PATH",
)
# asks the verbs for a line of progress and of each file, see `seep_lightning.commands.progress`
LINES_VARIABLE = "SEEP_LIGHTNING_LINES"
PROGRESS_MARK = "seep_lightning:progress="
FILE_MARK = "seep_lightning:file="
# seconds between two looks at the button that cancels, and those that a child gets to end
PATIENCE = 0.2
GRACE = 10.0
# lines of the log in which the reason of a failure is looked for
LAST_LINES = 20


class SeepError(Exception):
    """What a person is told, in one line."""


def usual_python() -> str:
    """The Python that `seep qgis` wrote down; empty where it did not."""
    try:
        settings = json.loads(SETTINGS_FILE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(settings.get("python", ""))


def setting(key: str, value: Any) -> list[str]:
    """A setting as a verb takes it, in a list; an empty list where there is nothing to say.

    Args:
        key: Of the verb's config.
        value: A text, a number, a truth value, a list of them; None or an empty text for nothing.
    """
    if value is None or value in ("", []):
        return []
    return [f"{key}={_written(value)}"]


def _written(value: Any) -> str:
    """A value in the grammar of the command line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        items = [_written(item) for item in value]
        return "[" + ",".join(items) + "]"
    if isinstance(value, str):
        return _quoted(value)
    return str(value)


def _quoted(text: str) -> str:
    """A text in quotes; backslashes are doubled only before a quote and at the end, where they would hide it."""
    written = ""
    backslashes = ""
    for letter in text:
        if letter == "\\":
            backslashes += letter
            continue
        written += 2 * backslashes + "\\'" if letter == "'" else backslashes + letter
        backslashes = ""
    return f"'{written}{2 * backslashes}'"


def bands_of(text: str) -> list[Any]:
    """The bands that a person typed: numbers or names, separated by commas.

    Args:
        text: Such as `VV`, or `1, 2`.
    """
    names = [name.strip() for name in text.split(",")]
    return [int(name) if name.isdigit() else name for name in names if name]


def run_verb(python: str, verb: str, settings: list[str], feedback: Any) -> list[str]:
    """Run a verb to its end.

    Args:
        python: The Python in which seep_lightning is installed.
        verb: Such as `predict`.
        settings: As `setting` gives them.
        feedback: QGIS's: takes progress and lines, and says whether the person cancelled.

    Returns:
        The files of outlines that it tells of; nothing where the person cancelled.

    Raises:
        SeepError: There is no such Python, or the verb failed: its own line about it.
    """
    process = _started(python, verb, settings)
    output = VerbOutput(feedback)
    try:
        _follow(process, output)
    finally:
        _stop(process)
    if feedback.isCanceled():
        feedback.pushInfo(f"cancelled: what seep {verb} has finished stays")
        return []
    if process.returncode != 0:
        raise SeepError(_reason(verb, process.returncode, output.last_lines))
    return output.files


class VerbOutput:
    """What a verb prints, passed on to QGIS.

    Args:
        feedback: QGIS's.

    Attributes:
        files: The files of outlines that the verb tells of.
        last_lines: The end of what it printed for people.
    """

    def __init__(self, feedback: Any) -> None:
        self.feedback = feedback
        self.files: list[str] = []
        self.last_lines: list[str] = []

    def take(self, line: str) -> None:
        """Pass on a line."""
        if line.startswith(PROGRESS_MARK):
            self.feedback.setProgress(float(line[len(PROGRESS_MARK) :]))
        elif line.startswith(FILE_MARK):
            self.files.append(line[len(FILE_MARK) :])
        elif line:
            self.feedback.pushInfo(line)
            self.last_lines = [*self.last_lines, line][-LAST_LINES:]


def _follow(process: subprocess.Popen[str], output: VerbOutput) -> None:
    """Pass on the lines of a process until it ends, or until the person cancels."""
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_read_lines, args=(process, lines), daemon=True).start()
    while not output.feedback.isCanceled():
        try:
            line = lines.get(timeout=PATIENCE)
        except queue.Empty:
            continue
        if line is None:
            process.wait()
            return
        output.take(line)


def _started(python: str, verb: str, settings: list[str]) -> subprocess.Popen[str]:
    """The process of a verb."""
    if not python or not Path(python).is_file():
        raise SeepError(
            f"There is no Python at {python or '(nothing given)'}. Give the one of the environment in which "
            "seep_lightning is installed (.venv/bin/python), or run `seep qgis overwrite=true` in that environment."
        )
    environment = {name: value for name, value in os.environ.items() if name not in QGIS_VARIABLES}
    environment |= {LINES_VARIABLE: "1", "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
    return subprocess.Popen(
        [python, "-m", f"seep_lightning.{verb}", *settings],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        text=True,
        encoding="utf-8",
        errors="replace",
        # on Windows: no black window
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )


def _read_lines(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    """Pass on each line of a process, and None at its end."""
    assert process.stdout is not None
    # the pipe is closed where the process is stopped
    with contextlib.suppress(ValueError, OSError), process.stdout as printed:
        for line in printed:
            lines.put(line.rstrip())
    lines.put(None)


def _stop(process: subprocess.Popen[str]) -> None:
    """End a process that still runs; what it has finished stays."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _reason(verb: str, code: int, last_lines: list[str]) -> str:
    """Why a verb failed: its own line, or else the last one that it printed."""
    mark = f"seep {verb}: "
    for line in reversed(last_lines):
        if line.startswith(mark):
            return line
    last_line = last_lines[-1] if last_lines else "it printed nothing"
    return f"{mark}it ended with code {code} ({last_line}). The log above says more."
