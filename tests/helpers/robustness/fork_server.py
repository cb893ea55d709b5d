"""A process that has imported everything once and forks a child for each command, as importing costs seconds.

`python -m helpers.robustness.fork_server` is the process: it reads a `Request` a line as JSON and answers an `Outcome`.
"""

import gc
import importlib
import json
import os
import pkgutil
import resource
import runpy
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import seep_lightning
from helpers.paths import ROOT
from helpers.robustness import kills

POLL_SECONDS = 0.02
LARGEST_FILE = 2 << 30
NO_VERBS = ("__main__", "qgis_scripts")
LIBRARIES = (
    *("cv2", "rasterio", "pyogrio", "shapely", "pyproj", "scipy.ndimage", "skimage.morphology", "matplotlib.pyplot"),
    *("jinja2", "rich", "onnx", "onnxscript", "optuna", "tensorboard.backend.event_processing.event_accumulator"),
    *("albumentations", "lightning.pytorch", "torch.utils.tensorboard"),
)
"""What verbs import late; without onnxruntime, which starts a thread when it is imported."""


@dataclass(frozen=True)
class Limits:
    """What a command may take.

    cpu_seconds: after these it is killed. asleep_seconds: likewise, for what waits without any work, itself and its
    children. wall_seconds: generous, since other work may run beside it. rss: bytes above those of an idle process, of
    one process or of a child.
    """

    cpu_seconds: int = 20
    asleep_seconds: float = 40
    wall_seconds: float = 500
    rss: int = 3 << 29


@dataclass(frozen=True)
class Request:
    """A command: its arguments from the verb on, its working folder, and variables beside those of the server.

    env_is_whole: whether these variables are all that there are.
    """

    arguments: list[str]
    folder: str
    stdout: str
    stderr: str
    env: dict[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    env_is_whole: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of a command.

    exit_code: negative: the signal that ended it. killed_for: `time` or `memory`, where the server killed it.
    rss: bytes above an idle process at most.
    """

    exit_code: int
    cpu_seconds: float
    wall_seconds: float
    rss: int
    killed_for: str | None = None


class ForkServer:
    """The client's side: starts the process and asks it to run commands, one at a time."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        env = {k: v for k, v in os.environ.items() if not k.startswith(("HYDRA_", "SEEP_", "PYTEST_"))}
        env |= {
            "HOME": str(home),
            "MPLBACKEND": "Agg",
            "NO_ALBUMENTATIONS_UPDATE": "1",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "PYTHONPATH": f"{Path(seep_lightning.__file__).parents[1]}:{ROOT / 'tests'}",
        }
        for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
            env.pop(name, None)
        self._log = (home / "server.log").open("w")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "helpers.robustness.fork_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=env,
            # with `python -m`, the working folder is the first place of modules
            cwd=home,
        )
        self._wait_for("ready")

    def run(self, request: Request) -> Outcome:
        """Run a command to its end."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(request)) + "\n")
        self._process.stdin.flush()
        return Outcome(**json.loads(self._read_line()))

    def _read_line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the fork server ended: see {self._log.name}")
        return line

    def _wait_for(self, word: str) -> None:
        line = self._read_line()
        assert line.strip() == word, line

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(20)
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def import_everything() -> None:
    """Import libraries and the package, but not the verbs' modules, which run as `__main__`."""
    import torch

    torch.set_num_threads(1)
    for name in LIBRARIES:
        importlib.import_module(name)
    verbs = [f"seep_lightning.{path.stem}" for path in Path(seep_lightning.__file__).parent.glob("*.py")]
    kept = ("seep_lightning.api", "seep_lightning.errors", "seep_lightning.files", "seep_lightning.compat")
    for module in pkgutil.walk_packages(seep_lightning.__path__, "seep_lightning."):
        is_left_out = any(part in module.name for part in NO_VERBS) or (
            module.name in verbs and module.name not in kept
        )
        if not is_left_out:
            importlib.import_module(module.name)
    warm_up()
    threads = len(list(Path("/proc/self/task").iterdir()))
    assert threads == 1, f"{threads} threads: a fork would lose all but one of them"


def warm_up() -> None:
    """Do what the first call of a library does for all later ones, such as Hydra's grammar and torch's kernels."""
    import torch
    from hydra.core.global_hydra import GlobalHydra

    from seep_lightning.commands.composition import compose_arguments
    from seep_lightning.config.schemas import SCHEMAS

    for verb in SCHEMAS:
        compose_arguments(verb, ["hydra.run.dir='a b'", "+extra={a: [1, 2.5, null]}"])
    GlobalHydra.instance().clear()
    convolution = torch.nn.Conv2d(1, 4, 3)
    convolution(torch.zeros(1, 1, 8, 8)).mean().backward()
    torch.optim.AdamW(convolution.parameters()).step()


def serve() -> None:
    """Answer requests until there are no more."""
    import_everything()
    gc.collect()
    gc.freeze()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        content = json.loads(line)
        request = Request(**{**content, "limits": Limits(**content["limits"])})
        pid = os.fork()
        if pid == 0:
            become(request)
            kills.arm()
            run_verb(request.arguments)
            return
        outcome = wait_for(pid, request.limits)
        sys.stdout.write(json.dumps(asdict(outcome)) + "\n")
        sys.stdout.flush()


def become(request: Request) -> None:
    """Turn a forked child into the process of a command."""
    os.setsid()
    resource.setrlimit(resource.RLIMIT_CPU, (request.limits.cpu_seconds, request.limits.cpu_seconds + 2))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.chdir(request.folder)
    if request.env_is_whole:
        os.environ.clear()
    os.environ.update(request.env)
    for number, path, mode in ((0, os.devnull, os.O_RDONLY), (1, request.stdout, 0), (2, request.stderr, 0)):
        flags = mode if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        opened = os.open(path, flags, 0o644)
        os.dup2(opened, number)
        os.close(opened)
    # a pipe that the server wrote to is no stream of the command
    sys.stdout = os.fdopen(os.dup(1), "w", encoding="utf-8")
    sys.stderr = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="backslashreplace", buffering=1)
    sys.stdin = os.fdopen(os.dup(0))


def run_verb(arguments: list[str]) -> None:
    """Run what `seep VERB ...` runs."""
    sys.argv = ["seep", *arguments]
    sys.path[0] = str(Path.cwd())
    runpy.run_module("seep_lightning", run_name="__main__", alter_sys=True)


def wait_for(pid: int, limits: Limits) -> Outcome:
    """Wait for a child's end; kill it where it takes too long or too much."""
    start = time.monotonic()
    idle = resident(os.getpid())
    killed_for = None
    largest = 0
    last_awake = start
    while True:
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        elapsed = time.monotonic() - start
        if ended:
            break
        largest = max(largest, resident(pid))
        if largest - idle > limits.rss:
            killed_for = "memory"
        if not is_asleep(pid):
            last_awake = time.monotonic()
        asleep = time.monotonic() - last_awake
        if asleep > limits.asleep_seconds or elapsed > limits.wall_seconds:
            killed_for = "time"
        if killed_for:
            kill_session(pid)
            _, status, usage = os.wait4(pid, 0)
            break
        time.sleep(POLL_SECONDS)
    kill_session(pid)
    # of the children that it waited for, the largest counts
    most = max(largest, usage.ru_maxrss * 1024) - idle
    cpu = usage.ru_utime + usage.ru_stime
    return Outcome(os.waitstatus_to_exitcode(status), round(cpu, 2), round(elapsed, 2), max(most, 0), killed_for)


def resident(pid: int) -> int:
    """The memory of a process, in bytes; 0 where it has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * resource.getpagesize()


def is_asleep(pid: int) -> bool:
    """Whether all threads of a process and of its children wait for something other than a processor."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        states = [(thread / "stat").read_text().rpartition(")")[2].split()[0] for thread in threads]
        children = [child for thread in threads for child in (thread / "children").read_text().split()]
    except OSError:
        return False
    return all(state in "SZ" for state in states) and all(is_asleep(int(child)) for child in children)


def kill_session(pid: int) -> None:
    """Kill what a command started and left."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def request_of(arguments: list[str], folder: Path, **more: Any) -> Request:
    """A command in a working folder, with a home and a folder for temporary files of its own beside it."""
    home, temporary, streams = (folder / name for name in ("home", "tmp", "streams"))
    for made in (home, temporary, streams):
        made.mkdir(exist_ok=True)
    number = more.pop("number", 0)
    env = {"HOME": str(home), "TMPDIR": str(temporary), "MPLCONFIGDIR": str(home.parent / "streams")}
    return Request(arguments, str(folder), str(streams / f"out{number}"), str(streams / f"err{number}"), env, **more)


if __name__ == "__main__":
    serve()
