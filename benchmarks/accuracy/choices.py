"""What is chosen from the chips (`data.choices`) against the other way, on generated chips, three seeds each.

    OMP_NUM_THREADS=1 python benchmarks/accuracy/choices.py share     normalisation, by the share that slicks fill
    OMP_NUM_THREADS=1 python benchmarks/accuracy/choices.py few       batch and learning rate, for few chips

A slick is sea of 0.75 of its brightness, of the shape of clouds, on speckle of 30 looks. The brightness of chips
differs by a tenth. Dice is that of the validation part's 24 chips at 0.5, at the last epoch.
"""

import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

from seep_lightning.commands.composition import compose
from seep_lightning.data.images import write_image
from seep_lightning.training.session import train

SIDE = 64
SEEDS = (0, 1, 2)
# the mean share of a chip that slicks fill, and how alike the chips are in it, which the parameters of a beta
# distribution add up to: with 1 many chips are nearly all sea or all slick, with 20 all are near the mean
SETS = ((0.02, 20), (0.1, 20), (0.1, 1), (0.35, 20), (0.35, 1), (0.5, 1))
HELD_OUT = 24


def write_chips(root: Path, train_chips: int, share: float, alike: float = 20, seed: int = 0) -> Path:
    """Chips of which slicks fill `share` on average (see `SETS`), and split.csv: the last 48 validate and test."""
    rng = np.random.default_rng(seed)
    rows = ["name,part"]
    for k in range(train_chips + 2 * HELD_OUT):
        clouds = cv2.GaussianBlur(rng.normal(size=(SIDE, SIDE)), (0, 0), 6)
        own_share = np.clip(rng.beta(share * alike, (1 - share) * alike), 0.005, 0.995)
        mask = (clouds > np.quantile(clouds, 1 - own_share)).astype(np.uint8)
        brightness = 20000 * rng.normal(1, 0.1) * np.where(mask, 0.75, 1)
        values = brightness * rng.standard_gamma(30, mask.shape) / 30
        for folder, array in (("images", values.clip(1, 65535).astype(np.uint16)), ("masks", mask)):
            (root / folder).mkdir(parents=True, exist_ok=True)
            write_image(root / folder / f"S{k:03d}.png", array)
        part = "train" if k < train_chips else ("val", "test")[k % 2]
        rows.append(f"S{k:03d}.png,{part}")
    (root / "split.csv").write_text("\n".join(rows) + "\n")
    return root


def dice_of(root: Path, epochs: int, *overrides: str) -> str:
    """The Dice of each seed, and their mean."""
    values = []
    for seed in SEEDS:
        line = ["data=chips", f"data.root={root}", "split=file", f"split.path={root}/split.csv", "model.width=8",
                "trainer=cpu", "trainer.enable_progress_bar=false", "trainer.precision=32-true", "panels=1000",
                f"trainer.max_epochs={epochs}", "monitor=epoch", "logger.tensorboard=null", f"seed={seed}"]  # fmt: skip
        with tempfile.TemporaryDirectory() as run:
            values.append(train(compose("train", [*line, *overrides]), Path(run) / "run").score)
    return f"{np.mean(values):.3f} ({', '.join(f'{value:.3f}' for value in values)})"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        if sys.argv[1:] == ["share"]:
            for share, alike in SETS:
                root = write_chips(Path(folder) / f"{share}-{alike}", 96, share, alike)
                dice = {kind: dice_of(root, 8, f"data.normalise.kind={kind}") for kind in ("chip", "scale")}
                print(f"slicks fill {share:.0%}, alike {alike}:", dice, flush=True)
        else:
            for chips in (9, 18, 36):
                root = write_chips(Path(folder) / f"{chips}", chips, 0.05)
                batch = max(2, min(8, chips // 8))
                rate = 0.005 * (batch / 8) ** 0.5
                for size, lr in ((8, 0.005), (batch, 0.005), (batch, rate)):
                    dice = dice_of(root, 30, f"data.batch_size={size}", f"optimizer.lr={lr:.4f}")
                    print(f"{chips} training chips, batch {size}, rate {lr:.4f}: Dice {dice}", flush=True)


if __name__ == "__main__":
    main()
