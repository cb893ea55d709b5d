"""How soon a command answers: `--help`, `--cfg job`, a config error, and the import (medians of seven, in turn).

python benchmarks/speed/start.py
"""

import resource
import subprocess
import sys
import time
from statistics import median

TRAIN = ["-m", "seep_lightning.train"]
COMMANDS = {
    "--help": [*TRAIN, "--help"],
    "--cfg job": [*TRAIN, "--cfg", "job"],
    "config error": [*TRAIN, "trainer.max_epoch=3"],
    "import, without torch": ["-c", "import sys, seep_lightning; assert 'torch' not in sys.modules"],
    "python alone": ["-c", "pass"],
}


def processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
    for _ in range(7):
        for name, arguments in COMMANDS.items():
            start, before = time.perf_counter(), processor()
            done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
            found[name].append((time.perf_counter() - start, processor() - before))
            assert done.returncode == (2 if name == "config error" else 0), done.stderr
    for name, row in found.items():
        wall, cpu = zip(*row, strict=True)
        print(f"{name:24s} median {median(wall):.2f} s, {min(wall):.2f} to {max(wall):.2f}; {median(cpu):.2f} s cpu")


if __name__ == "__main__":
    main()
