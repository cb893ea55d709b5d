"""`check` beside reading all chips once, and a training's load with and without its audit (docs/results.md).

    python benchmarks/check.py                10,000 generated chips of 256 px, 16 bit: about 2 GB in a temporary folder
    python benchmarks/check.py --chips 1000 --pairs 3

Each measurement is a process of its own, in turn; it reports the processor seconds of its work and its peak memory.
All import the same modules before the clock starts. It passes if `check` takes at most 1.5 times as long as reading,
and 1.5 times its memory, and prints fewer than 40 lines.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from seep_lightning.check import print_audit
from seep_lightning.config.data import DataConfig, SplitConfig
from seep_lightning.data.audit.auditing import Auditor, audit
from seep_lightning.data.audit.traps import TRAINING_TRAPS
from seep_lightning.data.generator.scene import generate_scene
from seep_lightning.data.layouts import pair_chips
from seep_lightning.data.loading import load_chips

SCENE_SIDE, CHIP_SIDE, SCENES = 1536, 256, 20
# of a window, so that the swath's edge does not leave it empty
LEAST_MEAN = 4000
UNCOMPRESSED = [cv2.IMWRITE_TIFF_COMPRESSION, 1]
LARGEST_RATIO, MOST_LINES = 1.5, 40


def write_chips(root: Path, chips: int, side: int = CHIP_SIDE) -> None:
    """Windows at random places of generated scenes, written without compression as the public chips are."""
    rng = np.random.default_rng(0)
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for scene in range(SCENES):
        image, classes = generate_scene((scene, 0), SCENE_SIDE, SCENE_SIDE, seep_cells=20)
        for tile in range(scene, chips, SCENES):
            window = draw_window(rng, image, side)
            name = f"S{scene:03d}.{tile:06d}.tif"
            for folder, array in (("images", image[window]), ("masks", classes[window])):
                cv2.imwrite(str(root / folder / name), array, UNCOMPRESSED)


def draw_window(rng: np.random.Generator, image: NDArray[np.uint16], side: int) -> tuple[slice, slice]:
    """A place where the scene has data."""
    while True:
        top, left = rng.integers(0, SCENE_SIDE - side, 2)
        window = np.s_[top : top + side, left : left + side]
        if image[window].mean() > LEAST_MEAN:
            return window


def read_once(data: DataConfig) -> None:
    """What any use of the chips must do."""
    chips = pair_chips(data)
    for index in range(len(chips)):
        chips.read(index)


def check(data: DataConfig) -> None:
    """What the command does."""
    print_audit(audit(data, SplitConfig()))


def load(data: DataConfig) -> None:
    """What a training reads, without its audit."""
    load_chips(data)


def load_audited(data: DataConfig) -> None:
    """What a training reads."""
    auditors: list[Auditor] = []

    def open_audit(chips: Any) -> Auditor:
        auditors.append(Auditor(chips, TRAINING_TRAPS))
        return auditors[0]

    chips = load_chips(data, open_audit)
    parts = [("train", "train", "val", "test")[index % 4] for index in range(len(chips))]
    auditors[0].findings(parts, "scene")


WAYS = {"read": read_once, "check": check, "load": load, "load audited": load_audited}


def measure(way: str, root: str) -> None:
    """Run one way in this process; the last line of its output is the measurement."""
    data = DataConfig(root=root, classes=7, cache_gb=0)
    before = time.process_time()
    WAYS[way](data)
    seconds = time.process_time() - before
    # of this process alone: `getrusage` would count what its parent took
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    print(json.dumps({"seconds": seconds, "MiB": peak}))


def in_a_process(way: str, root: Path) -> dict[str, float]:
    """Measure one way in a process of its own."""
    command = [sys.executable, __file__, "--measure", way, "--root", str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    *printed, measured = done.stdout.splitlines()
    return json.loads(measured) | {"lines": len(printed)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chips", type=int, default=10_000)
    parser.add_argument("--pairs", type=int, default=1, help="how often everything is measured, in turn")
    parser.add_argument("--measure", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--root", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure, arguments.root)
        return 0
    rows: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "chips"
        write_chips(root, arguments.chips)
        # once for the file cache
        in_a_process("read", root)
        for _ in range(arguments.pairs):
            for way, measured in rows.items():
                measured.append(in_a_process(way, root))
    figures = {way: {key: median(row[key] for row in own) for key in own[0]} for way, own in rows.items()}
    for way, row in figures.items():
        print(f"{way:14} {row['seconds']:8.2f} s {row['MiB']:8.0f} MiB {row['lines']:4.0f} lines")
    seconds = figures["check"]["seconds"] / figures["read"]["seconds"]
    memory = figures["check"]["MiB"] / figures["read"]["MiB"]
    audit_share = (figures["load audited"]["seconds"] - figures["load"]["seconds"]) / figures["read"]["seconds"]
    print(f"check / read: {seconds:.2f} in time, {memory:.2f} in memory; a training's audit / read: {audit_share:.2f}")
    passed = max(seconds, memory) <= LARGEST_RATIO and figures["check"]["lines"] < MOST_LINES
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
