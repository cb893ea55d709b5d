"""From chips in memory to a batch: chips a second on one core, what each part takes, and the share of a training step.

    OMP_NUM_THREADS=1 SEEP_DATA_ROOT=DIR python benchmarks/speed/data.py [key=value ...]

Decoded chips lie in memory from the start. Each use of a chip finds its valid pixels, scales it to 0..1, fills nodata
with the median, augments, normalises and collates it. Each figure is the median of seven rounds over the same chips,
in processor seconds.
"""

import sys
from collections.abc import Callable, Iterable
from statistics import median

from pairs import PAIRS, recipe, say, step_of, timed
from torch.utils.data import default_collate

from seep_lightning.data.augment import chip_seed
from seep_lightning.data.datamodule import SeepDataModule
from seep_lightning.nets.hardware import keep_memory

CHIPS = 256


def cost(work: Callable[[int], object], items: Iterable[int]) -> float:
    """Microseconds an item."""
    items = list(items)
    return median(timed(lambda: [work(i) for i in items]).cpu for _ in range(PAIRS)) / len(items) * 1e6


def main() -> None:
    keep_memory()
    config = recipe(*sys.argv[1:])
    data = SeepDataModule(config.data, config.split, config.augment, seed=config.seed)
    seconds = timed(data.setup)
    say(chips=len(data.chips), batch=data.batch_size)
    print("augmentation:", config.augment)
    print(f"reading, checking and splitting, once a run: {seconds.wall:.2f} s ({seconds.cpu:.2f} cpu)")
    loader = data.train_dataloader()
    ways, indices, size = loader.dataset, data.indices("train")[:CHIPS], data.batch_size
    raw = {i: data.chips.read(i) for i in indices}
    valid = {i: raw[i].data for i in indices}
    image = {i: data.chips.value_range.in_unit_range(raw[i].image, raw[i].data) for i in indices}
    apart = [[ways[0, i] for i in indices[k : k + size]] for k in range(0, CHIPS, size)]
    parts = {
        "to 0..1": lambda i: data.chips.value_range.in_unit_range(raw[i].image, raw[i].data),
        "augmentation, seeding": lambda i: ways.augment.pipeline.set_random_seed(chip_seed(config.seed, 0, i)),
        "augmentation, all": lambda i: ways.augment(image[i], raw[i].mask, valid[i], epoch=0, index=i),
        "normalisation": lambda i: ways.normalise(image[i], valid[i], ways.quartiles[i]),
        "chip, all": lambda i: ways[0, i],
    }
    for name, work in parts.items():
        print(f"  {name:24s} {cost(work, indices):6.0f} us a chip")
    print(f"  {'collation':24s} {cost(lambda k: default_collate(apart[k]), range(len(apart))) / size:6.0f} us a chip")
    steps = len(data.indices("train")) // size
    whole = median(timed(lambda: list(loader)).cpu for _ in range(PAIRS)) / steps
    step = step_of("unet_small", size)
    step()
    bare = median(timed(step).cpu for _ in range(PAIRS))
    print(f"loader: {size / whole:.0f} chips a second and core; {whole * 1e3:.1f} ms a batch")
    print(f"step of unet_small in bf16: {bare * 1e3:.0f} ms a batch; its chips take {whole / bare:.3f} of that")


if __name__ == "__main__":
    main()
