"""Where the time of a training step goes, and how near its convolutions come to the machine's peak.

    OMP_NUM_THREADS=1 python benchmarks/speed/peak.py [--model unet_small] [--batch 16]

The peak is the better of a product of two 2048 x 2048 matrices and a 3 x 3 convolution of 256 channels. (In 32 bit MKL
does the first, and is slower on processors that are not Intel's; oneDNN does the second.) Torch's own counter counts
additions and multiplications of the net's convolutions, forward and backward; its profiler measures the seconds.
"""

import argparse

import torch
from pairs import say, step_of, timed
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from seep_lightning.nets.hardware import keep_memory
from seep_lightning.nets.memory_format import memory_format

STEPS = 3
CONVOLUTIONS = ("aten::mkldnn_convolution", "aten::convolution_backward", "aten::_slow_conv2d_forward")


def peaks(kind: torch.dtype) -> list[float]:
    """GFLOP a second of the product and the convolution, each the best of ten."""
    matrix, weight = torch.randn(2048, 2048).to(kind), torch.randn(256, 256, 3, 3).to(kind)
    image = torch.randn(4, 256, 32, 32).to(kind, memory_format=memory_format(torch.nn.Conv2d(256, 256, 3)))
    works = {
        2 * 2048**3: lambda: matrix @ matrix,
        2 * image.numel() * 9 * 256: lambda: torch.conv2d(image, weight, None, 1, 1),
    }
    return [max(count / timed(work).wall / 1e9 for _ in range(10)) for count, work in works.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="unet_small")
    parser.add_argument("--batch", type=int, default=16)
    args = parser.parse_args()
    keep_memory()
    say(model=args.model, batch=args.batch)
    steps = [step_of(args.model, args.batch, bf16=bf16) for bf16 in (False, True)]
    with FlopCounterMode(display=False) as counter:
        steps[0]()
    flops = counter.get_total_flops()
    for step, kind in zip(steps, (torch.float32, torch.bfloat16), strict=True):
        matmul, convolution = peaks(kind)
        step()
        with profile(activities=[ProfilerActivity.CPU]) as profiler:
            for _ in range(STEPS):
                step()
        table = profiler.key_averages()
        total = sum(row.self_cpu_time_total for row in table) / STEPS / 1e6
        spent = sum(row.cpu_time_total for row in table if row.key in CONVOLUTIONS) / STEPS / 1e6
        reached = flops / spent / 1e9
        print(f"{kind}: matmul {matmul:.0f}, convolution {convolution:.0f} GFLOP/s; step {total:.3f} s")
        share = reached / max(matmul, convolution)
        print(f"  convolutions {spent:.3f} s, {flops / 1e9:.0f} GFLOP: {reached:.0f} GFLOP/s, {share:.2f} of the peak")
        for row in sorted(table, key=lambda row: -row.self_cpu_time_total)[:12]:
            spent = row.self_cpu_time_total / STEPS / 1e3
            print(f"  {row.key:45s} {spent:8.1f} ms {row.count // STEPS:5d} calls a step")


if __name__ == "__main__":
    main()
