"""Processor seconds and memory until a training's first step: first start, second start, and jobs of one process.

    OMP_NUM_THREADS=1 python benchmarks/speed/first_step.py [--chips 640 6400] [--jobs 1 10] [--repeat 2]
    python benchmarks/speed/first_step.py --simulated 1000000 --side 32

Generated chips of 256 px (16 bit), or of `--side`, lie in a temporary folder; each start is a process of its own, and
`imports` is what such a process takes that reads none. Processes that read chips count as well. A simulation reads no
file: one decoded chip stands for all, under names and scenes of their own, so that only what each chip costs beside
decoding is measured; with a small side this is what there is beside its pixels.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from seep_lightning.config.data import DataConfig, SplitConfig
from seep_lightning.data import chips as chips_module
from seep_lightning.data import loading
from seep_lightning.data.cache import last_set
from seep_lightning.data.chips import Chips
from seep_lightning.data.datamodule import SeepDataModule
from seep_lightning.data.layouts import pair_chips

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from check import write_chips

CHIPS_OF_SCENE = 500
LONG_AGO = 1.7e9


def first_batch(data: DataConfig) -> SeepDataModule:
    """All that comes before the first step, but the network."""
    module = SeepDataModule(data, SplitConfig(), [], audited=True)
    module.setup()
    module.findings()
    next(iter(module.train_dataloader()))
    return module


def simulate(count: int, data: DataConfig) -> DataConfig:
    """Let one chip stand for many, decoded once and never looked for on the disk."""
    one = pair_chips(data)
    decoded = one.read_noted(0)
    chips_module.read_noted_pair = lambda *_: decoded
    chips_module.read_pair = lambda *_: decoded[0]

    def paired(config: DataConfig) -> Chips:
        names = [f"S{index // CHIPS_OF_SCENE:05d}.{index % CHIPS_OF_SCENE:06d}.tif" for index in range(count)]
        scenes = [name.partition(".")[0] for name in names]
        images = [one.image_paths[0].with_name(name) for name in names]
        masks = [one.mask_of(0).with_name(name) for name in names]
        tiles = [index % CHIPS_OF_SCENE for index in range(count)]
        return replace(
            one, config=config, names=names, scenes=scenes, tiles=tiles, image_paths=images, mask_paths=masks
        )

    loading.pair_chips = paired
    return replace(data, cache_folder="none", cache_gb=0)


def measure(arguments: argparse.Namespace) -> None:
    """Do the work in this process; the last line of its output is the measurement."""
    data = DataConfig(root=arguments.root, classes=7, num_workers=0)
    started = time.perf_counter()
    if arguments.simulated:
        data = simulate(arguments.simulated, data)
    for _ in range(arguments.measure):
        first_batch(data)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    processor = sum(usage.ru_utime + usage.ru_stime for usage in used)
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    last_set.forget()
    print(json.dumps({"cpu": processor, "wall": time.perf_counter() - started, "MiB": peak}))


def in_a_process(root: Path, jobs: int, simulated: int = 0) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", str(jobs), "--root", str(root), "--simulated", str(simulated)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def told(what: str, measured: dict[str, float]) -> None:
    numbers = f"{measured['cpu']:8.2f} s cpu {measured['wall']:8.2f} s clock {measured['MiB']:7.0f} MiB"
    print(f"{what:40s} {numbers}", flush=True)


def forget_cache(root: Path) -> None:
    for path in (root / ".seep_lightning").glob("*"):
        path.unlink()


def age(root: Path) -> None:
    """Files that changed a moment ago are not kept."""
    for path in root.rglob("*"):
        os.utime(path, (LONG_AGO, LONG_AGO))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chips", type=int, nargs="*", default=[640])
    parser.add_argument("--jobs", type=int, nargs="*", default=[1, 10])
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--simulated", type=int, default=0)
    parser.add_argument("--side", type=int, default=256, help="of each chip, px")
    parser.add_argument("--measure", type=int, default=None, help=argparse.SUPPRESS)
    parser.add_argument("--root", help=argparse.SUPPRESS)
    arguments: Any = parser.parse_args()
    if arguments.measure is not None:
        measure(arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        if arguments.simulated:
            root = Path(folder) / "one"
            write_chips(root, 20, arguments.side)
            told(f"{arguments.simulated} simulated chips", in_a_process(root, 1, arguments.simulated))
            return
        for count in arguments.chips:
            root = Path(folder) / str(count)
            write_chips(root, count, arguments.side)
            age(root)
            for _ in range(arguments.repeat):
                forget_cache(root)
                told("imports", in_a_process(root, 0))
                told(f"{count} chips, first start", in_a_process(root, 1))
                for jobs in arguments.jobs:
                    told(f"{count} chips, second start, {jobs} job(s)", in_a_process(root, jobs))


if __name__ == "__main__":
    main()
