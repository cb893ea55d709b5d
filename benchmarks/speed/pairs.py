"""What the speed benchmarks share: the clock, seven pairs in turn, the recipe, and one of our trainings, timed.

Each pair reports seconds of the wall clock and of the processor. If the machine does other work at the same time,
trust the second ratio (with one thread nothing else differs).
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, Self

import lightning.pytorch as pl
import torch
from torch import nn

from seep_lightning.commands.composition import compose
from seep_lightning.config.targets import build
from seep_lightning.config.training import TrainConfig
from seep_lightning.errors import Interrupted
from seep_lightning.nets.building import build_net
from seep_lightning.training.session import train

PAIRS = 7


class Seconds(NamedTuple):
    """Of the wall clock, and of the processor over all threads of this process."""

    wall: float
    cpu: float

    @classmethod
    def now(cls) -> Self:
        if torch.cuda.is_initialized():
            torch.cuda.synchronize()
        return cls(time.perf_counter(), time.process_time())

    def since(self, start: "Seconds") -> "Seconds":
        return Seconds(self.wall - start.wall, self.cpu - start.cpu)


def timed(work: Callable[[], object]) -> Seconds:
    start = Seconds.now()
    work()
    return Seconds.now().since(start)


def compare(a: str, first: Callable[[], Seconds], b: str, second: Callable[[], Seconds], pairs: int = PAIRS) -> float:
    """Print `pairs` pairs, the order changing from one to the next, and the median of the ratios a / b."""
    found = []
    for pair in range(pairs):
        one, other = (first(), second()) if pair % 2 == 0 else reversed((second(), first()))
        found.append((one, other))
        print(f"  {a} {one.wall:.3f} s ({one.cpu:.3f} cpu), {b} {other.wall:.3f} s ({other.cpu:.3f} cpu)", flush=True)
    return told(a, b, found)


def told(a: str, b: str, found: list[tuple[Seconds, Seconds]]) -> float:
    """Print median and range of the ratios of pairs; the median of the wall clock's."""
    for k, clock in enumerate(Seconds._fields):
        ratios = [one[k] / other[k] for one, other in found]
        print(
            f"{a} / {b}, {clock}: median {median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f} of {len(ratios)}"
        )
    return median(one.wall / other.wall for one, other in found)


def say(**facts: Any) -> None:
    """One line: the machine and what is measured on it."""
    cpu = next(
        (line.split(": ")[1] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), "CPU"
    )
    if torch.cuda.is_available():
        cpu += f" and {torch.cuda.get_device_name()}"
    load = Path("/proc/loadavg").read_text().split()[0]
    where = f"{date.today()}, {cpu}, {torch.get_num_threads()} thread(s), torch {torch.__version__}, load {load}"
    print("; ".join([where, *(f"{k} {v}" for k, v in facts.items())]), flush=True)


def recipe(*overrides: str) -> TrainConfig:
    """A training on the chips at SEEP_DATA_ROOT, on the CPU unless told otherwise (trainer=gpu)."""
    where = [] if any(each.startswith("trainer=") for each in overrides) else ["trainer=cpu"]
    config: Any = compose("train", ["data=seeps", *where, "trainer.enable_progress_bar=false", *overrides])
    return config


def device_of(config: TrainConfig) -> torch.device:
    """Where the Trainer puts the net."""
    gpu = config.trainer.accelerator != "cpu" and torch.cuda.is_available()
    return torch.device("cuda" if gpu else "cpu")


class EpochClock(pl.Callback):
    """The second epoch: its training part, first batch asked for to last step done; and all of it, to the third."""

    training: Seconds
    whole: Seconds

    def on_train_epoch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.current_epoch == 2:
            EpochClock.whole = Seconds.now().since(self.start)
            raise KeyboardInterrupt
        self.start = Seconds.now()

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.current_epoch == 1 and trainer.is_last_batch:  # to look at the clock waits for a GPU
            EpochClock.training = Seconds.now().since(self.start)


def ours(config: TrainConfig) -> tuple[Seconds, Seconds]:
    """`train` with all that it does by default: its second epoch's training part, and that whole epoch."""
    config.callbacks = {"clock": {"_target_": "pairs.EpochClock"}}
    sys.modules.setdefault("pairs", sys.modules[__name__])
    with tempfile.TemporaryDirectory() as out, suppress(Interrupted):
        train(config, Path(out) / "run")
    return EpochClock.training, EpochClock.whole


def step_of(
    model: str,
    batch: int,
    *,
    channels_last: bool | None = None,
    bf16: bool = True,
    fused: bool = False,
    compiled: bool = False,
) -> Callable[[], None]:
    """A bare training step on random chips that lie in memory."""
    config = recipe(f"model={model}")
    torch.manual_seed(0)
    net, loss = build_net(config.model, 1, 0, channels_last), build("loss", config.loss, nn.Module)
    if compiled:
        net.compile()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, fused=fused)
    image, valid = torch.randn(batch, 1, 256, 256), torch.ones(batch, 1, 256, 256, dtype=torch.bool)
    target = (torch.rand_like(image) > 0.95).float()

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            value = loss(net(image), target, valid)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()

    return step


def child(script: str, *arguments: str) -> Seconds:
    """Seconds that a script prints as its last line, run in a process of its own."""
    done = subprocess.run([sys.executable, script, *arguments], capture_output=True, text=True, check=True)
    return Seconds(*json.loads(done.stdout.splitlines()[-1]))
