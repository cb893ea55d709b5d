"""Kill storms: verbs are killed at any moment, also while a file is being written, and the same command goes on.

The result is that of an undisturbed command, and nothing is left over. One kill again:
`KILLS="predict@change:17" python -m pytest -m robustness tests/robustness/test_kill_storms.py -k storm`.
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from helpers.chips import TINY
from helpers.robustness import kills
from helpers.robustness.campaign import BASELINE_LIMITS, Lane
from helpers.robustness.commands import MAPS, Command
from helpers.robustness.fork_server import Outcome, request_of
from helpers.robustness.judging import snapshot
from helpers.robustness.materials import CHIPS, MAP_ONCE, SEARCH
from helpers.robustness.results import digests

SEED = 7
CACHE = ".seep_lightning"
TRAIN = (*CHIPS, *TINY, "data.num_workers=0", "trainer.max_epochs=3", "monitor=dice/val")
# a trial whose process is gone is taken up after two of these, s
SEARCH_HERE = (*SEARCH, "hydra.sweeper.n_trials=2", "hydra.sweeper.heartbeat=1", "trainer.max_epochs=1")


@dataclass(frozen=True)
class Storm:
    """A command that is killed so often, half of the times at a change of a file.

    ignored: endings of results of which each call has its own.
    """

    command: Command
    kills: int = 20
    ignored: tuple[str, ...] = ()


def storm(name: str, verb: str, material: str, *arguments: str, writes: tuple[str, ...] = ("out",)) -> Storm:
    return Storm(Command(name, verb, material, arguments, writes))


STORMS = (
    Storm(Command("train", "train", "chips", (*TRAIN, "ckpt=last", "hydra.run.dir=out/run"), ("out",)), kills=60),
    storm("predict", "predict", "GeoTIFF", *MAP_ONCE, "picture=true", "output=out/maps"),
    storm("prepare", "prepare", "layers", "scenes=in/scenes", "labels=in/labels.gpkg", "output=out/chips", "size=32"),
    storm("evaluate", "evaluate", "trained", "run=in/run", writes=("in/run/evaluate",)),
    storm("report", "report", "trained", "run=in/run", "output=out/page.html"),
    storm("export", "export", "trained", "run=in/run", "output=out/net.onnx", "size=32"),
    storm("export qgis", "export", "trained", "run=in/run", "output=out/net.onnx", "format=qgis"),
    storm("check", "check", "chips", *CHIPS),
    storm("compare", "compare", "evaluated", "runs=in/runs", "csv=out/ranking.csv"),
    storm("qgis", "qgis", "chips", "scripts=out/scripts"),
    storm("predict Sentinel-1", "predict", "SAFE", *MAP_ONCE, "output=out/maps"),
    storm("sources", "sources", "days", *MAPS, "output=out/sources"),
    storm("sources again", "sources", "store", *MAPS, "output=in/sources", writes=("in/sources",)),
    storm("review", "review", "folds", "runs=in/folds", "output=out/review"),
    storm("next", "next", "GeoTIFF", "run=in/run", "scenes=in/scenes", "output=out/next", "window=32"),
    storm("judge", "judge", "folds", "runs=in/folds", "output=out/judge.json"),
    storm("judge recurrence", "judge", "folds", "runs=in/folds", "recurrence=true", "output=out/judge.json"),
    storm("report sources", "report", "written sources", "maps=in/sources", "output=out/page.html"),
    storm("prepare review", "prepare", "reviewed", "review=in/review/review.csv", "output=out/corrected"),
    storm("predict history", "predict", "history", *MAP_ONCE, "history=in/recurrence.tif", "output=out/maps"),
    storm("predict folds", "predict", "mapped by folds", "run=in/folds", *MAP_ONCE[1:], "output=out/maps"),
    storm("predict second look", "predict", "judged", *MAP_ONCE, "second_look=in/judge.json", "output=out/maps"),
    Storm(Command("search", "train", "chips", (*CHIPS, *TINY, *SEARCH_HERE), ("in/search",)), ignored=(".db", ".log")),
)


@pytest.fixture(scope="module")
def lane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lane]:
    opened = Lane(tmp_path_factory.mktemp("storms"))
    yield opened
    opened.close()


def run(lane: Lane, command: Command, order: str = "") -> Outcome:
    request = request_of(command.line, lane.folder, limits=BASELINE_LIMITS)
    request.env[kills.VARIABLE] = order
    return lane.servers[0].run(request)


def compared(found: dict[str, str], stormed: Storm) -> dict[str, str]:
    """Digests of results but for those of which each call has its own."""
    return {name: digest for name, digest in found.items() if not name.endswith(stormed.ignored)}


def left_over(lane: Lane) -> list[str]:
    """Drafts, and hidden files but for what is known of a data set beside it."""
    names = [path for path in snapshot(lane.folder) if not path.startswith(("home/", "streams/"))]
    hidden = [name for name in names if Path(name).name.startswith(".") and Path(name).name != CACHE]
    return [*hidden, *(name for name in names if ".part" in name or name.startswith("tmp/"))]


def orders(stormed: Storm, lane: Lane, cpu_seconds: float) -> list[str]:
    """When to kill: half of the times at a change, evenly over all of them and shuffled; else after some work."""
    asked = os.environ.get("KILLS", "")
    if asked:
        name, _, order = asked.partition("@")
        return [order] if name == stormed.command.name else []
    lane.lay_out(stormed.command.material)
    counted = lane.home / "changes"
    assert run(lane, stormed.command, f"count:{counted}").exit_code == 0, lane.streams(0)
    changes = int(counted.read_text())
    random = Random(f"{SEED} {stormed.command.name}")
    of_changes = stormed.kills // 2
    places = random.sample(range(1, changes + 1), min(of_changes, changes))
    of_work = stormed.kills - len(places)
    moments = [random.uniform(0.02, cpu_seconds) for _ in range(of_work)]
    return [f"change:{place}" for place in places] + [f"seconds:{moment:.4f}" for moment in moments]


def fault_of_kill(lane: Lane, stormed: Storm, order: str, expected: dict[str, str], counts: Counter[str]) -> str | None:
    """Kill a command, give it again, and say what is wrong then; None where nothing is."""
    command = stormed.command
    lane.lay_out(command.material)
    killed = run(lane, command, order)
    at = order.partition(":")[0]
    counts["killed at a change" if at == "change" else "killed at work"] += killed.exit_code < 0
    again = run(lane, command)
    message = lane.streams(0)[1][-300:]
    # the result was whole before the kill, and is not replaced
    is_whole_already = again.exit_code == 2 and ("exists" in message or "is there already" in message)
    if again.exit_code != 0 and not is_whole_already:
        return f"exit code {again.exit_code}: {message}"
    found = compared(digests(lane.folder, command.writes), stormed)
    if found != expected:
        names = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
        return f"other results: {names[:4]}"
    leftovers = left_over(lane)
    return f"left over: {leftovers[:4]}" if leftovers else None


@pytest.mark.robustness
@pytest.mark.parametrize("stormed", STORMS, ids=lambda stormed: stormed.command.name)
def test_a_storm_of_kills_changes_no_result(stormed: Storm, lane: Lane, capsys: pytest.CaptureFixture[str]) -> None:
    sound = lane.sound(stormed.command)
    expected = compared(sound.digests, stormed)
    counts: Counter[str] = Counter()
    faults = []
    for order in orders(stormed, lane, sound.cpu_seconds):
        fault = fault_of_kill(lane, stormed, order, expected, counts)
        if fault is not None:
            faults.append(f"KILLS={stormed.command.name}@{order}: {fault}")
    with capsys.disabled():
        print(f"\n{stormed.command.name}: {dict(counts)}, {len(faults)} faults", flush=True)
    assert not faults, "\n".join(faults)
    assert os.environ.get("KILLS") or counts.total() >= 0.7 * stormed.kills


@pytest.mark.slow
@pytest.mark.parametrize(("name", "order"), [("prepare", "change:9"), ("check", "seconds:0.2")])
def test_one_kill_changes_no_result(name: str, order: str, lane: Lane) -> None:
    """A few of the storm, for each change of the package."""
    stormed = next(known for known in STORMS if known.command.name == name)
    expected = compared(lane.sound(stormed.command).digests, stormed)
    counts: Counter[str] = Counter()
    assert fault_of_kill(lane, stormed, order, expected, counts) is None
    assert counts.total() == 1
