"""The rule that every input is held to.

A command ends with exit code 0 and a right result, or with 2 and one line of three sentences at most. It leaves no
traceback, takes at most 10 s of a processor and 1 GiB above what it takes undamaged, writes nowhere but where it may,
changes no input, loses no result.
"""

import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from helpers.robustness.fork_server import Outcome

CPU_SECONDS = 10.0
"""More than the same command takes when nothing is wrong."""
RSS = 1 << 30
LONGEST_MESSAGE = 2000
MOST_SENTENCES = 3
TRACEBACK = "Traceback (most recent call last)"
PLANTED = "planted_by_a_document"
FREE = ("streams", "home/.cache/matplotlib", "home/.cache/seep_lightning")
"""Where anybody may write: what the campaign itself writes, and caches."""
CACHE_BESIDE_CHIPS = ".seep_lightning"
"""A folder beside a data set for what was measured of it and for its pixels (`data.cache_gb`)."""
SENTENCE_END = re.compile(r"[.!?](?=\s+[A-Z(`'\"]|\s*$)")
IN_BRACKETS = re.compile(r"\(.*?\)")
"""A reason in another library's words is part of a sentence."""
OWN_FRAME = re.compile(r'File "[^"]*/src/(seep_lightning/[^"]+)", line (\d+), in (\S+)')


@dataclass(frozen=True)
class Fault:
    """A way in which a command broke the rule.

    kind: the rule that it broke. cause: equal for inputs that fail in one place of the code. detail: what was seen.
    """

    kind: str
    cause: str
    detail: str = ""


Snapshot = dict[str, tuple[int, int, int]]
"""Type, size and time of each file below a folder, by its path."""


def snapshot(folder: Path) -> Snapshot:
    """What lies below a working folder; links are not followed."""
    found: Snapshot = {}
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent) / name
            facts = path.lstat()
            is_folder = stat.S_ISDIR(facts.st_mode)
            size, time = (0, 0) if is_folder else (facts.st_size, facts.st_mtime_ns)
            found[str(path.relative_to(folder))] = (stat.S_IFMT(facts.st_mode), size, time)
    return found


def strays(before: Snapshot, after: Snapshot, writes: Sequence[str]) -> list[Fault]:
    """Files that came, changed or went where the command may not write."""
    faults = []
    for path in sorted({*before, *after}):
        is_free = any(path == place or path.startswith(f"{place}/") for place in (*writes, *FREE))
        is_free = is_free or CACHE_BESIDE_CHIPS in Path(path).parts
        is_above = any(place.startswith(f"{path}/") for place in (*writes, *FREE))
        if is_free or is_above or before.get(path) == after.get(path):
            continue
        if path not in before:
            kind = "code was run" if path.endswith(PLANTED) else "a file outside of the output"
        else:
            kind = "an input was changed" if path in after else "an input was removed"
        faults.append(Fault(kind, re.sub(r"\d+", "N", path), path))
    return faults


def faults_of_process(outcome: Outcome, verb: str, streams: tuple[str, str], sound_cpu: float) -> list[Fault]:
    """What is wrong with how a command ended."""
    stdout, stderr = streams
    faults = []
    if outcome.killed_for == "time":
        faults.append(Fault("hung", last_own_frame(stderr) or verb, f"{outcome.wall_seconds:.0f} s by the clock"))
    elif outcome.killed_for == "memory" or outcome.rss > RSS:
        faults.append(Fault("memory", verb, f"{outcome.rss / 2**30:.1f} GiB above idle"))
    elif outcome.exit_code < 0 and outcome.cpu_seconds < sound_cpu + CPU_SECONDS:
        faults.append(Fault("killed by a signal", f"signal {-outcome.exit_code}", ""))
    if outcome.cpu_seconds > sound_cpu + CPU_SECONDS:
        faults.append(Fault("slow", verb, f"{outcome.cpu_seconds:.0f} s of a processor"))
    if TRACEBACK in stderr or TRACEBACK in stdout:
        text = stderr if TRACEBACK in stderr else stdout
        faults.append(Fault("traceback", cause_of(text), last_line(text)))
    elif outcome.exit_code not in (0, 2) and not faults:
        faults.append(Fault(f"exit code {outcome.exit_code}", without_details(last_line(stderr)), last_line(stderr)))
    elif outcome.exit_code == 2:
        faults += faults_of_message(stderr)
    return faults


def faults_of_message(stderr: str) -> list[Fault]:
    """What is wrong with the one line with which a command refuses its input."""
    lines = [line for line in stderr.splitlines() if line.strip()]
    if len(lines) != 1:
        kind = "more than one line" if lines else "no message"
        return [Fault(kind, without_details(lines[0] if lines else ""), " | ".join(lines)[:600])]
    line = lines[0]
    faults = []
    if len(line) > LONGEST_MESSAGE:
        faults.append(Fault("a long message", without_details(line[:100]), f"{len(line):,} letters"))
    elif len(SENTENCE_END.findall(IN_BRACKETS.sub("", line))) > MOST_SENTENCES:
        faults.append(Fault("more than three sentences", without_details(line), line))
    if any(ord(letter) < 32 for letter in line):
        faults.append(Fault("control characters in the message", without_details(line), repr(line)[:300]))
    return faults


def faults_of_logs(before: Snapshot, folder: Path) -> list[Fault]:
    """Tracebacks in logs that are new or have grown."""
    faults = []
    for path in sorted(folder.rglob("*.log")):
        name = str(path.relative_to(folder))
        if not path.is_file() or path.is_symlink():
            continue
        start = before.get(name, (0, 0, 0))[1]
        text = path.read_bytes()[start:].decode(errors="replace")
        if TRACEBACK in text and "seep_lightning.errors." not in last_line(text):
            faults.append(Fault("traceback", cause_of(text), last_line(text)))
    return faults


def cause_of(text: str) -> str:
    """The innermost place of our own code in a traceback, with the kind of the error."""
    error = last_line(text).partition(":")[0]
    return f"{last_own_frame(text) or 'no frame of ours'}: {error}"


def last_own_frame(text: str) -> str:
    """The innermost frame of our own code: file and function."""
    frames = OWN_FRAME.findall(text)
    if not frames:
        return ""
    file, _, function = frames[-1]
    return f"{file}:{function}"


def last_line(text: str) -> str:
    """The last line that says anything, of a traceback the error."""
    lines = [line for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"[\w.]+(Error|Exception|Warning|Interrupt|Exit)\b", line)]
    chosen = errors or lines or [""]
    return chosen[-1][:300]


def without_details(line: str) -> str:
    """A message without names, paths and numbers, by which equal causes are known."""
    plain = re.sub(r"'[^']*'|\"[^\"]*\"|\S*/\S*|\S*=\S*|\d+", "_", line)
    return plain[:120]
