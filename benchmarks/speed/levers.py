"""What each lever brings to a training step, each on top of the last; then `compile`, a fused optimiser and batch 32.

    OMP_NUM_THREADS=1 python benchmarks/speed/levers.py [--model unet_small] [--batch 16] [--pairs 7] [--only NAME ...]

Chips are random and lie in memory. Each timing is a process of its own: two steps to warm up, which do not count, then
STEPS steps. Ratios are by chip; above 1 is faster.
"""

import argparse
import json
from functools import partial

from pairs import PAIRS, Seconds, child, compare, say, step_of, timed

from seep_lightning.nets.hardware import keep_memory

STEPS = 4
# name: what is on, and against which it is timed
LEVERS = {
    "channels-last": ("channels", "plain", ""),
    "kept memory": ("channels memory", "channels-last", "channels"),
    "bf16": ("channels memory bf16", "kept memory", "channels memory"),
    "fused": ("channels memory bf16 fused", "bf16", "channels memory bf16"),
    "batch 32": ("channels memory bf16 double", "bf16", "channels memory bf16"),
    "compile": ("channels memory bf16 compile", "bf16", "channels memory bf16"),
    "all": ("channels memory bf16", "plain", ""),
}


def run(on: set[str], model: str, batch: int) -> Seconds:
    """STEPS steps with what is `on`; half the seconds where the batch is double."""
    if "memory" in on:
        keep_memory()
    step = step_of(
        model, batch * (2 if "double" in on else 1), channels_last="channels" in on, bf16="bf16" in on,
        fused="fused" in on, compiled="compile" in on,
    )  # fmt: skip
    for _ in range(2):
        step()
    spent = timed(lambda: [step() for _ in range(STEPS)])
    return Seconds(*(s / 2 for s in spent)) if "double" in on else spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="unet_small")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--only", nargs="*", default=list(LEVERS))
    parser.add_argument("--way")
    args = parser.parse_args()
    if args.way is not None:
        print(json.dumps(run(set(args.way.split()), args.model, args.batch)))
        return
    say(model=args.model, batch=args.batch, steps=STEPS, optimiser="AdamW")
    given = [__file__, "--model", args.model, "--batch", str(args.batch), "--way"]
    for name in args.only:
        on, before, off = LEVERS[name]
        compare(before, partial(child, *given, off), name, partial(child, *given, on), args.pairs)


if __name__ == "__main__":
    main()
