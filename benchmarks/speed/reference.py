"""`experiment=reference` against a plain rewrite of the notebook's own loop: at least 2 times as fast on a CPU.

    OMP_NUM_THREADS=1 SEEP_DATA_ROOT=DIR python benchmarks/speed/reference.py [--batch 4] [--pairs 7]
    python benchmarks/speed/reference.py --batch 16 --steps 34 trainer=gpu      # a whole epoch on one GPU

In the notebook's loop, cv2 reads each sample in the main process at each use; tensors are contiguous NCHW, 32 bit,
eager, and no memory settings are made. Net (14.8 M parameters), loss, Adam, batch and augmentation are the same. Each
timing is one epoch of `--steps` steps after a first one that warms up; on a CPU it has a process of its own. Start,
validation and checkpoints do not count. The net is heavy: the notebook's batch of 16 takes 25 s a step on one core, so
the default here is 4. On a GPU the notebook's net and batches lie on the GPU, and nothing else of it changes.
"""

import argparse
import json
import random
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from pairs import PAIRS, Seconds, child, compare, device_of, ours, recipe, say, timed
from torch import nn

from seep_lightning.config.targets import build
from seep_lightning.config.training import TrainConfig
from seep_lightning.data.augment import Augment
from seep_lightning.nets.building import build_net
from seep_lightning.training.optimisation import build_optimizer


def notebook(config: TrainConfig) -> Seconds:
    """The notebook's loop, with its augmentation on the right axes."""
    torch.use_deterministic_algorithms(False)  # this and the next as torch comes: ours may have been here before
    torch.backends.cudnn.benchmark = torch.backends.cudnn.deterministic = False
    root = Path(str(config.data.root))
    files = sorted((root / config.data.images).iterdir())
    random.Random(config.seed).shuffle(files)
    device = device_of(config)
    net, loss = build_net(config.model, bands=1, classes=0).to(device), build("loss", config.loss, nn.Module)
    optimizer = build_optimizer(net, config.optimizer)
    augment = Augment(config.augment, config.seed).pipeline

    def sample(path: Path) -> tuple[torch.Tensor, torch.Tensor]:
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        mask = cv2.imread(str(root / config.data.masks / path.name), cv2.IMREAD_UNCHANGED)
        out = augment(image=image[..., None].astype(np.float32) / 255, mask=mask)
        return torch.from_numpy(out["image"].transpose(2, 0, 1).copy()), torch.from_numpy(out["mask"].copy())[None]

    def epoch() -> None:
        for step in range(config.trainer.limit_train_batches):
            batch = files[step * config.data.batch_size : (step + 1) * config.data.batch_size]
            image, mask = (torch.stack(parts).to(device) for parts in zip(*map(sample, batch), strict=True))
            optimizer.zero_grad()
            loss(net(image), (mask > 0).float(), torch.ones_like(mask, dtype=torch.bool)).backward()
            optimizer.step()

    epoch()
    return timed(epoch)


def training_of(config: TrainConfig) -> Seconds:
    """Ours, as `notebook`."""
    return ours(config)[0]


WAYS = {"notebook": notebook, "ours": training_of}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("overrides", nargs="*", help="key=value, for our side")
    args = parser.parse_args()
    few = [f"trainer.limit_train_batches={args.steps}", "trainer.max_epochs=3", "split.val=0.01", "split.test=0.01"]
    config = recipe("experiment=reference", f"data.batch_size={args.batch}", *few, *args.overrides)
    if args.way:
        print(json.dumps(WAYS[args.way](config)))
        return
    say(
        model="unet_reference",
        batch=args.batch,
        steps=args.steps,
        ours=config.trainer.precision,
        overrides=args.overrides,
    )
    print("augmentation:", config.augment)
    given = [__file__, "--batch", str(args.batch), "--steps", str(args.steps), *args.overrides, "--way"]
    on_gpu = device_of(config).type == "cuda"
    timings = [partial(way, config) if on_gpu else partial(child, *given, name) for name, way in WAYS.items()]
    compare("notebook", timings[0], "ours", timings[1], args.pairs)


if __name__ == "__main__":
    main()
