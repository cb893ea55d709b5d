"""What a command costs that runs in a process of its own: processor seconds, clock and memory."""

import os
import subprocess
import sys
import time
from typing import NamedTuple


class Cost(NamedTuple):
    """Processor seconds of all threads and children, seconds of the clock, and the most memory of a process, GB."""

    cpu: float
    wall: float
    memory: float

    def __str__(self) -> str:
        return f"{self.cpu:.2f} s of the processor, {self.wall:.2f} s, {self.memory:.2f} GB"


def measured(verb: str, *arguments: str, environment: dict[str, str] | None = None) -> Cost:
    """Run a verb, and give what it cost."""
    command = [sys.executable, "-m", f"seep_lightning.{verb}", *arguments]
    start = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{' '.join(command)}\n{output}")
    return Cost(used.ru_utime + used.ru_stime, time.perf_counter() - start, used.ru_maxrss / 1e6)
