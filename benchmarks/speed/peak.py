"""Where the time of a training step goes, and how near its convolutions are to the machine's peak.

    OMP_NUM_THREADS=1 python benchmarks/speed/peak.py [--model unet_small] [--batch 16]

The peak is a product of two matrices of 4096 x 4096, in 32 bit and in bf16. Multiplications and additions of the
convolutions, forward and backward, are counted by torch's own counter, their seconds by its profiler.
"""

import argparse

import torch
from pairs import recipe, say, timed
from torch import nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from seep_lightning.hardware import keep_memory
from seep_lightning.targets import build

SIDE, STEPS = 4096, 3
CONVOLUTIONS = ("aten::mkldnn_convolution", "aten::convolution_backward", "aten::_slow_conv2d_forward")


def matrix_peak(kind: torch.dtype) -> float:
    """GFLOP a second, the best of three."""
    a, b = torch.randn(SIDE, SIDE).to(kind), torch.randn(SIDE, SIDE).to(kind)
    return max(2e-9 * SIDE**3 / timed(lambda: a @ b).cpu * torch.get_num_threads() for _ in range(3))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="unet_small")
    parser.add_argument("--batch", type=int, default=16)
    args = parser.parse_args()
    keep_memory()
    config = recipe(f"model={args.model}")
    net = build("model", config.model, nn.Module).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    loss = build("loss", config.loss, nn.Module)
    optimizer = build("optimizer", config.optimizer, torch.optim.Optimizer, net.parameters())
    image, valid = torch.randn(args.batch, 1, 256, 256), torch.ones(args.batch, 1, 256, 256, dtype=torch.bool)
    target = (torch.rand_like(image) > 0.95).float()
    say(model=args.model, batch=args.batch)

    def step(bf16: bool) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            value = loss(net(image), target, valid)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()

    with FlopCounterMode(display=False) as counter:
        step(False)
    flops = counter.get_total_flops()
    for bf16 in (False, True):
        peak = matrix_peak(torch.bfloat16 if bf16 else torch.float32)
        step(bf16)
        with profile(activities=[ProfilerActivity.CPU]) as profiler:
            for _ in range(STEPS):
                step(bf16)
        table = profiler.key_averages()
        total = sum(row.self_cpu_time_total for row in table) / STEPS / 1e6
        spent = sum(row.cpu_time_total for row in table if row.key in CONVOLUTIONS) / STEPS / 1e6
        name, reached = "bf16" if bf16 else "32 bit", flops / spent / 1e9
        print(
            f"{name}: matrix product {peak:.0f} GFLOP/s; step {total:.3f} s, convolutions {spent:.3f} s of it, "
            f"{flops / 1e9:.0f} GFLOP: {reached:.0f} GFLOP/s, {reached / peak:.2f} of the peak"
        )
        for row in sorted(table, key=lambda row: -row.self_cpu_time_total)[:12]:
            print(
                f"  {row.key:45s} {row.self_cpu_time_total / STEPS / 1e3:8.1f} ms {row.count // STEPS:5d} calls a step"
            )


if __name__ == "__main__":
    main()
