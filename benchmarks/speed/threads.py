"""What two threads cost beside one, by how they wait for each other: seconds of the clock and of the processor.

python benchmarks/speed/threads.py [--busy 2] [--rounds 3] [--work predict train epoch]

`--busy` starts processes that do nothing but work, as on a busy machine. `unet_small` predicts two windows of 512 px
three times, trains three steps of four chips of 256 px, and an epoch of 16 steps of one chip; each row is a process of
its own, in turn.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

WAYS = {
    "one thread": {"OMP_NUM_THREADS": "1"},
    "two, as torch waits": {"OMP_NUM_THREADS": "2"},
    "two, as we let them wait": {"OMP_NUM_THREADS": "2", "GOMP_SPINCOUNT": "1000"},
    "two, asleep at once": {"OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "passive"},
}
# steps that are timed
WORK = {"predict": 3, "train": 3, "epoch": 16}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--busy", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", nargs="+", choices=WORK, default=list(WORK))
    arguments = parser.parse_args()
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(arguments.busy)]
    try:
        for work in arguments.work:
            seconds: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
            for _ in range(arguments.rounds):
                for way, environment in WAYS.items():
                    seconds[way].append(measured(work, environment))
            for way, rows in seconds.items():
                wall = median(row[0] for row in rows)
                cpu = median(row[1] for row in rows)
                load = os.getloadavg()[0]
                print(f"{work:8s} {way:26s} {wall:.2f} s, {cpu:.2f} s of the processor; load {load:.0f}", flush=True)
    finally:
        for process in others:
            process.kill()


def measured(work: str, environment: dict[str, str]) -> tuple[float, float]:
    """Seconds of the clock and of the processor of a process that does one kind of work."""
    inherited = {key: value for key, value in os.environ.items() if key not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    code = f"import threads; threads.do({work!r})"
    folder = Path(__file__).resolve().parent
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env={**inherited, **environment}, cwd=folder, capture_output=True, check=True)
    wall, cpu = json.loads(done.stdout)
    return wall, cpu


def do(work: str) -> None:
    """Do one kind of work in this process, and print what it took."""
    import torch

    from seep_lightning.nets.unet import UNet

    torch.manual_seed(0)
    net: Any = UNet(width=16).to(memory_format=torch.channels_last)
    steps = {"predict": lambda: prediction(net), "train": lambda: training(net, 4), "epoch": lambda: training(net, 1)}
    step = steps[work]()
    step()
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(WORK[work]):
        step()
    print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu]))


def prediction(net: Any) -> Any:
    """Predicts two windows."""
    import torch

    image = torch.randn(2, 1, 512, 512).contiguous(memory_format=torch.channels_last)
    net.eval()

    def step() -> None:
        with torch.inference_mode():
            net(image)

    return step


def training(net: Any, chips: int) -> Any:
    """Trains one step of so many chips."""
    import torch

    image = torch.randn(chips, 1, 256, 256).contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(net.parameters())

    def step() -> None:
        loss = net(image).sigmoid().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


if __name__ == "__main__":
    main()
