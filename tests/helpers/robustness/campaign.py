"""Runs inputs and counts what came of them.

An `Input` is one command on one working folder. A `Lane` has a folder and a fork server; several work side by side.
"""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from threading import Lock
from typing import Self

from helpers.robustness.commands import Command, command
from helpers.robustness.fork_server import ForkServer, Limits, Outcome, request_of
from helpers.robustness.judging import Fault, Snapshot, faults_of_logs, faults_of_process, snapshot, strays
from helpers.robustness.materials import MATERIALS
from helpers.robustness.results import Unreadable, digests

LANES = 2
NAMELESS = (".tif", ".pt", ".onnx")
"""Endings of results that do not say what their input was called."""
BASELINE_LIMITS = Limits(cpu_seconds=120, wall_seconds=500)


@dataclass(frozen=True)
class Input:
    """What is given to a verb.

    campaign: which campaign it is of. kind: what is wrong with it, for counts. name: unique. command: what is given.
    owner: whose part of the package it tries. spoil: changes the working folder before the command. same: whether a
    result must be that of the sound command. names_differ: whether the results may be called otherwise. refusable:
    whether the command may refuse it. times: how often it is started at once.
    """

    campaign: str
    kind: str
    name: str
    command: Command
    owner: str
    spoil: Callable[[Path, Random], None] | None = None
    same: bool = False
    names_differ: bool = False
    refusable: bool = True
    times: int = 1


@dataclass(frozen=True)
class Verdict:
    """What came of an input."""

    input: Input
    outcomes: tuple[Outcome, ...]
    faults: tuple[Fault, ...]
    message: str = ""


class SoundCommandFailed(Exception):
    """What all inputs of a command are held against did not come about."""


@dataclass(frozen=True)
class Sound:
    """What a command makes of sound input."""

    cpu_seconds: float
    digests: dict[str, str]


class Lane:
    """A working folder and a process that runs commands in it, one input after the other."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.folder = home / "work"
        self.servers = [ForkServer(home / "server")]
        self._sound: dict[str, Sound] = {}

    def server(self, number: int) -> ForkServer:
        """One of the processes; a second one is started when it is needed."""
        while len(self.servers) <= number:
            self.servers.append(ForkServer(self.home / f"server{len(self.servers)}"))
        return self.servers[number]

    def lay_out(self, material: str) -> None:
        """Make the working folder, with a material in it."""
        # not below a folder that `..` leads to: a report writes into the runs that it finds there
        kept = self.home.with_name(f"{self.home.name}-materials") / material
        if not kept.exists():
            self._make(material, kept)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        shutil.copytree(kept, self.folder / "in", symlinks=True)
        (self.folder / "out").mkdir()

    def _make(self, material: str, kept: Path) -> None:
        # where it is used, since runs know where their chips lie
        made = MATERIALS[material]
        if made.base is None:
            shutil.rmtree(self.folder, ignore_errors=True)
            (self.folder / "in").mkdir(parents=True)
        else:
            self.lay_out(made.base)
        made.make(self.folder / "in", self._must_run)
        kept.parent.mkdir(exist_ok=True)
        (self.folder / "in").rename(kept)

    def _must_run(self, *line: str) -> Outcome:
        outcome = self.servers[0].run(request_of(list(line), self.folder, limits=BASELINE_LIMITS))
        if outcome.exit_code != 0:
            raise SoundCommandFailed(f"{line}: {outcome} {self.streams(0)[1][-500:]}")
        return outcome

    def streams(self, number: int) -> tuple[str, str]:
        """What a command printed, on both streams."""
        texts = [(self.folder / "streams" / f"{name}{number}").read_bytes() for name in ("out", "err")]
        return texts[0].decode(errors="replace"), texts[1].decode(errors="replace")

    def sound(self, command: Command) -> Sound:
        """What a command makes of sound input; it must succeed."""
        if command.name not in self._sound:
            self.lay_out(command.material)
            outcome = self._must_run(*command.line)
            self._sound[command.name] = Sound(outcome.cpu_seconds, digests(self.folder, command.writes))
        return self._sound[command.name]

    def judge(self, tried: Input, seed: int) -> Verdict:
        """Run an input and hold what came of it to the rule."""
        try:
            sound = self.sound(command(tried.command.name))
        except SoundCommandFailed as error:
            fault = Fault("the sound command failed", tried.command.name, str(error))
            return Verdict(tried, (), (fault,))
        self.lay_out(tried.command.material)
        if tried.spoil is not None:
            try:
                tried.spoil(self.folder, Random(f"{seed} {tried.name}"))
            except (LookupError, StopIteration) as error:
                return Verdict(tried, (), (Fault("the damage failed", tried.kind, repr(error)),))
        for name in ("home", "tmp", "streams"):
            (self.folder / name).mkdir(exist_ok=True)
        before = snapshot(self.folder)
        outcomes = self._run(tried, sound)
        faults: list[Fault] = []
        for number, outcome in enumerate(outcomes):
            verb = tried.command.verb
            faults += faults_of_process(outcome, verb, self.streams(number), sound.cpu_seconds)
        faults += strays(before, snapshot(self.folder), tried.command.writes)
        faults += faults_of_logs(before, self.folder)
        faults += self._faults_of_result(tried, outcomes, sound, before)
        stdout, stderr = self.streams(0)
        return Verdict(tried, tuple(outcomes), tuple(dict.fromkeys(faults)), (stderr or stdout)[-500:])

    def _run(self, tried: Input, sound: Sound) -> list[Outcome]:
        # of several, all but one wait
        asleep = Limits.asleep_seconds if tried.times == 1 else Limits.wall_seconds
        limits = Limits(cpu_seconds=int(sound.cpu_seconds) + 15, asleep_seconds=asleep)
        line = tried.command.line
        requests = [request_of(line, self.folder, number=n, limits=limits) for n in range(tried.times)]
        if len(requests) == 1:
            return [self.servers[0].run(requests[0])]
        *at_once, last = requests
        # processes first, so that all start together
        servers = [self.server(number) for number in range(len(at_once))]
        with ThreadPoolExecutor(len(at_once)) as executor:
            started = [executor.submit(server.run, request) for server, request in zip(servers, at_once, strict=True)]
            outcomes = [future.result() for future in started]
        return [*outcomes, self.servers[0].run(last)]

    def _faults_of_result(
        self, tried: Input, outcomes: Sequence[Outcome], sound: Sound, before: Snapshot
    ) -> list[Fault]:
        codes = [outcome.exit_code for outcome in outcomes]
        if 0 not in codes:
            refused = codes[0] == 2 and (not tried.refusable or tried.times > 1)
            message = self.streams(0)[1][-300:]
            return [Fault("refused", tried.kind, message)] if refused else []
        try:
            found = digests(self.folder, tried.command.writes)
        except Unreadable as error:
            return [Fault("an unreadable result", tried.command.verb, str(error)[:300])]
        faults = [
            Fault("left over", Path(path).suffix, path)
            for path in snapshot(self.folder)
            if path not in before and is_left_over(path)
        ]
        if tried.same and not self._is_told(tried.command):
            faults += differences(sound.digests, found, names_differ=tried.names_differ)
        return faults

    def _is_told(self, given: Command) -> bool:
        """Whether a command said that its result lacks something."""
        return bool(given.says_what_lacks) and given.says_what_lacks in "".join(self.streams(0))

    def close(self) -> None:
        for server in self.servers:
            server.close()


def is_left_over(path: str) -> bool:
    """Whether a file is one that was to get its final name."""
    name = Path(path).name
    is_draft = ".part" in name or ".tmp" in name or name.endswith("~")
    return is_draft or (path.startswith("tmp/"))


def differences(expected: dict[str, str], found: dict[str, str], *, names_differ: bool) -> list[Fault]:
    """Results that are not those of the sound command."""
    if names_differ:
        # tables and layers name the scene
        counted = [Counter(d for name, d in held.items() if name.endswith(NAMELESS)) for held in (expected, found)]
        is_same = counted[0] == counted[1]
        return [] if is_same else [Fault("another result", "names", f"{len(expected)} files, found {len(found)}")]
    changed = sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))
    if not changed:
        return []
    suffixes = sorted({Path(name).suffix for name in changed})
    return [Fault("another result", " ".join(suffixes), ", ".join(changed[:5]))]


class Campaign:
    """Lanes that share inputs, and what came of these."""

    def __init__(self, home: Path, lanes: int = LANES) -> None:
        self.lanes = [Lane(home / f"lane{number}") for number in range(lanes)]
        self._lock = Lock()

    def run(self, inputs: Sequence[Input], seed: int, tell: Callable[[Verdict], None] | None = None) -> list[Verdict]:
        """Judge inputs; tell: told each verdict as it comes."""
        groups: dict[str, list[Input]] = {}
        for tried in inputs:
            groups.setdefault(tried.command.material, []).append(tried)
        # a material is made by one lane alone; the longest work first
        waiting = sorted(groups.values(), key=len)
        verdicts: list[Verdict] = []

        def work(lane: Lane) -> None:
            while True:
                with self._lock:
                    if not waiting:
                        return
                    group = waiting.pop()
                for tried in group:
                    verdict = lane.judge(tried, seed)
                    with self._lock:
                        verdicts.append(verdict)
                        if tell is not None:
                            tell(verdict)

        with ThreadPoolExecutor(len(self.lanes)) as executor:
            for future in [executor.submit(work, lane) for lane in self.lanes]:
                future.result()
        return verdicts

    def close(self) -> None:
        for lane in self.lanes:
            lane.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def sampled(inputs: Sequence[Input], count: int, seed: int) -> list[Input]:
    """So many inputs by chance, in their order; each kind of each command before a second one of it."""
    chance = Random(seed)
    shuffled = chance.sample(inputs, len(inputs))
    seen: Counter[tuple[str, str]] = Counter()
    ranked = []
    for tried in shuffled:
        group = (tried.command.name, tried.kind)
        ranked.append((seen[group], tried))
        seen[group] += 1
    ranked.sort(key=lambda entry: entry[0])
    chosen = {tried.name for _, tried in ranked[:count]}
    return [tried for tried in inputs if tried.name in chosen]


@dataclass
class Counts:
    """Inputs by kind and verb, with how many ended in 0, in 2, and how many broke the rule."""

    rows: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)

    def add(self, verdict: Verdict) -> None:
        tried = verdict.input
        if verdict.faults:
            what = "fault"
        else:
            what = "right" if any(outcome.exit_code == 0 for outcome in verdict.outcomes) else "refused"
        self.rows[tried.campaign, tried.kind, tried.command.verb, what] += 1

    def lines(self) -> list[str]:
        """A table as lines: campaign, kind, verb, inputs, right, refused, faults; then the sums."""
        groups = sorted({key[:3] for key in self.rows})
        lines = [f"{'campaign':10} {'kind':34} {'verb':9} inputs  right refused faults"]
        for group in groups:
            lines.append(self._line(group, lambda key, group=group: key[:3] == group))
        for verb in sorted({group[2] for group in groups}):
            lines.append(self._line(("all", "all", verb), lambda key, verb=verb: key[2] == verb))
        lines.append(self._line(("all", "all", "all"), lambda key: True))
        return lines

    def _line(self, names: tuple[str, str, str], holds: Callable[[tuple[str, str, str, str]], bool]) -> str:
        sums: Counter[str] = Counter()
        for key, count in self.rows.items():
            if holds(key):
                sums[key[3]] += count
        campaign, kind, verb = names
        return (
            f"{campaign:10} {kind:34} {verb:9} {sums.total():6} {sums['right']:6} {sums['refused']:7} {sums['fault']:6}"
        )


def grouped(verdicts: Iterable[Verdict]) -> dict[tuple[str, str, str], list[tuple[Input, Fault]]]:
    """Faults by owner, kind and cause, the most frequent first."""
    groups: dict[tuple[str, str, str], list[tuple[Input, Fault]]] = {}
    for verdict in verdicts:
        for fault in verdict.faults:
            groups.setdefault((verdict.input.owner, fault.kind, fault.cause), []).append((verdict.input, fault))
    return dict(sorted(groups.items(), key=lambda entry: -len(entry[1])))


def fault_lines(verdicts: Iterable[Verdict], seed: int) -> list[str]:
    """What broke the rule, a paragraph for each cause."""
    lines = []
    for (owner, kind, cause), entries in grouped(verdicts).items():
        lines.append(f"[{owner}] {kind} x {len(entries)}: {cause}")
        for tried, fault in entries[:3]:
            lines.append(f"    {fault.detail}")
            lines.append(f"    python -m helpers.robustness --seed {seed} --only {tried.name!r}")
    return lines


def scratch_home() -> Path:
    """Where campaigns work outside of pytest."""
    return Path(os.environ.get("TMPDIR", "/tmp")) / f"robustness-{os.getpid()}"
