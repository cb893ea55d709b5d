"""What an epoch of a long training of a tiny net costs at its beginning and at its end, and what it writes.

python benchmarks/speed/long_run.py [--epochs 1000] [key=value ...]

Prints processor seconds of the first 50 epochs and of the last 50, their ratio, and the bytes that the process wrote in
an epoch, those of checkpoints counted by themselves. TMPDIR says where the run lies.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any, ClassVar

import lightning.pytorch as pl
import torch
from pairs import say

from seep_lightning.commands.composition import compose
from seep_lightning.training import checkpointing
from seep_lightning.training.session import train

SPAN = 50
TINY = (
    "data=synthetic",
    "data.synthetic.chips=40",
    "data.synthetic.scenes=5",
    "data.num_workers=0",
    "data.batch_size=16",
    "augment=[]",
    "model.width=4",
    "model.depth=2",
    "model.patch=4",
    "trainer=cpu",
    "trainer.enable_progress_bar=false",
)
CHECKPOINT_BYTES = 0


class EpochMeter(pl.Callback):
    """Processor seconds and bytes at the end of each epoch."""

    seconds: ClassVar[list[float]] = []
    written: ClassVar[list[int]] = []

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        EpochMeter.seconds.append(time.process_time())
        EpochMeter.written.append(bytes_written() - CHECKPOINT_BYTES)


def bytes_written() -> int:
    """Bytes that this process has handed to the system."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("wchar")).split()[1])


def count_checkpoints() -> None:
    """Count the bytes of checkpoints by themselves."""
    original = checkpointing.write_checkpoint

    def counted(path: Path, content: dict[str, Any]) -> None:
        global CHECKPOINT_BYTES
        original(path, content)
        CHECKPOINT_BYTES += path.stat().st_size

    checkpointing.write_checkpoint = counted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--epochs", type=int, default=1000)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    count_checkpoints()
    epochs = [f"trainer.max_epochs={arguments.epochs}"]
    config = compose("train", [*TINY, *epochs, *arguments.overrides])
    config.callbacks = {"meter": {"_target_": "long_run.EpochMeter"}}
    say(epochs=arguments.epochs)
    with tempfile.TemporaryDirectory() as out:
        train(config, Path(out) / "run")
    seconds, written = EpochMeter.seconds, EpochMeter.written
    # the very first epoch also warms up
    first = seconds[SPAN + 1] - seconds[1]
    last = seconds[-1] - seconds[-1 - SPAN]
    print(f"epochs 1 to {SPAN}: {first:.2f} s, the last {SPAN}: {last:.2f} s, {last / first:.3f} times")
    each = (written[-1] - written[1]) / (len(written) - 2)
    early = (written[SPAN + 1] - written[1]) / SPAN
    late = (written[-1] - written[-1 - SPAN]) / SPAN
    print(f"written an epoch beside checkpoints: {each / 1e6:.4f} MB ({early / 1e6:.4f} early, {late / 1e6:.4f} late)")
    print(f"checkpoints: {CHECKPOINT_BYTES / 1e6:.0f} MB in all")


if __name__ == "__main__":
    import long_run

    long_run.main()
