"""A second input beside the chip, measured over the folds: what lies around it, or what was outlined there before.

    python benchmarks/accuracy/second_inputs.py write context outputs/folds/NAME DATA
    python benchmarks/accuracy/second_inputs.py train context DATA outputs/folds/context FOLD...
    python benchmarks/accuracy/second_inputs.py score outputs/folds/NAME outputs/folds/context

`write` makes chips of two bands from those of the folds in `outputs/folds/NAME` (experiment=seeps, 6 epochs,
split=kfold). The first band is as it was, the second is

- `context`: the 1,024 x 1,024 px around the chip in its scene, at a quarter of their scale, normalised by itself; or
- `history`: how often slicks were outlined there on other days that the fold trains on, as log odds over their mean,
  smoothed by 32 px. Such chips differ from fold to fold; a training chip's history leaves out the chip's own day.

`train` trains folds with the recipe of NAME on these chips, from the same weights. At first the network is that of
NAME, since all that reads the second band begins with zeros. In training the history is 0 for half of the chips.

`score` chooses threshold, smallest object and scaling on each fold's validation chips, for both recipes alike, and
compares the test scenes of the folds that both have. Chips are predicted one by one.
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from seep_lightning import api
from seep_lightning.config.commands import EvaluateConfig
from seep_lightning.data.chips import Chips
from seep_lightning.data.grid import Cell, cell
from seep_lightning.data.mosaic import chip_box, lay
from seep_lightning.data.normalise import IQR_OF_NORMAL, LEAST_SPREAD, LIMIT, QUARTILES, Normaliser
from seep_lightning.evaluation.parts import part_of
from seep_lightning.folds.fold_runs import Fold, find_folds
from seep_lightning.folds.part_maps import Way
from seep_lightning.folds.pooling import interval, score_folds
from seep_lightning.metrics.figures import DICE
from seep_lightning.metrics.paired import dice_difference
from seep_lightning.nets.unet import UNet
from seep_lightning.predictor.weights import start_from
from seep_lightning.runs.directory import Run
from seep_lightning.runs.weights import starting_weights
from seep_lightning.scene.datasets import write_geotiff
from seep_lightning.sources.history_odds import MeanRate, log_odds_over_mean

QUARTER = 4
"""The context is four chips wide, at a quarter of their scale: as many pixels as a chip."""
HISTORY_CELL = 8
"""Recurrence is counted in cells of so many pixels a side, as in days.py."""
SMOOTHING = 32
"""Standard deviation of the Gaussian over the recurrence, px."""
FULL = 65535
IMAGES, MASKS = "train_images_256", "train_masks_256"

# that of experiment=seeps, but for the noise, which would spoil the second band
AUGMENT = (
    "{_target_: albumentations.HorizontalFlip, p: 0.5}",
    "{_target_: albumentations.VerticalFlip, p: 0.5}",
    "{_target_: albumentations.RandomRotate90, p: 0.75}",
    "{_target_: albumentations.Rotate, limit: 45, border_mode: 4, p: 0.25}",
    "{_target_: second_inputs.NoiseOnFirstBand, p: 0.5}",
)

Floats = NDArray[np.float32]


# --- networks ---------------------------------------------------------------------------------------------------


class ContextEncoder(nn.Module):
    """Features of the context (B, 1, H, W) on the grid of H/4 x W/4, which see ever more of what lies around."""

    channels = 32 + 3 * 64

    def __init__(self) -> None:
        super().__init__()
        widths = (1, 16, 32, 64, 64, 64)
        self.stages = nn.ModuleList(_halving(*pair) for pair in pairwise(widths))

    def forward(self, context: Tensor) -> Tensor:
        features = []
        for stage in self.stages:
            context = stage(context)
            features.append(context)
        finest, *coarser = features[1:]
        enlarged = [F.interpolate(x, finest.shape[-2:], mode="bilinear") for x in coarser]
        return torch.cat([finest, *enlarged], dim=1)


class ContextUNet(UNet):
    """A U-Net whose bottleneck also knows the context in the second band: (B, 2, H, W) to (B, classes, H, W)."""

    def __init__(self, in_channels: int = 2, classes: int = 1, **settings: Any) -> None:
        super().__init__(in_channels - 1, classes, **settings)
        start_from(self, starting_weights("generated"))
        self.context = ContextEncoder()
        bottleneck = self.ups[0].in_channels
        self.join = _zeros(nn.Conv2d(ContextEncoder.channels, bottleneck, 1))
        # the coarsest stage of the context
        self.stride = 32

    def forward(self, image: Tensor) -> Tensor:
        encoded = self._encoded(image[:, :1])
        # a cell of both is 16 px of the chip
        encoded[-1] = encoded[-1] + self.join(_centre(self.context(image[:, 1:])))
        return F.pixel_shuffle(self.head(self._decoded(encoded)[-1]), self.patch)


class HistoryUNet(UNet):
    """A U-Net with the history as an input channel, and beside it straight to the logits."""

    def __init__(self, in_channels: int = 2, classes: int = 1, drop: float = 0.5, **settings: Any) -> None:
        super().__init__(in_channels, classes, **settings)
        alone = UNet(in_channels - 1, classes, **settings)
        start_from(alone, starting_weights("generated"))
        weights = alone.state_dict()
        first = "encoder.0.0.weight"
        without_history = torch.zeros_like(self.state_dict()[first])
        without_history[:, : weights[first].shape[1]] = weights[first]
        self.load_state_dict({**weights, first: without_history})
        self.drop = drop
        self.straight = _zeros(nn.Conv2d(1, classes, 1))

    def forward(self, image: Tensor) -> Tensor:
        history = image[:, 1:]
        if self.training:
            kept = torch.rand(len(image), 1, 1, 1, device=image.device) >= self.drop
            history = history * kept
        return super().forward(torch.cat([image[:, :1], history], dim=1)) + self.straight(history)


def _halving(inputs: int, outputs: int) -> nn.Sequential:
    """Half the resolution, by a 3x3 convolution with a norm and ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


def _zeros(layer: nn.Conv2d) -> nn.Conv2d:
    """A layer that gives 0 until it has learned."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def _centre(features: Tensor) -> Tensor:
    """The quarter (a side) in the middle of features (B, C, H, W): the chip in its context."""
    height, width = (side // QUARTER for side in features.shape[-2:])
    top, left = ((side - side // QUARTER) // 2 for side in features.shape[-2:])
    return features[..., top : top + height, left : left + width]


class NoiseOnFirstBand:
    """MultiplicativeNoise of Albumentations (0.8 to 1.2, by pixel), on the first band alone."""

    def __init__(self, p: float) -> None:
        self.p = p

    def __call__(
        self, image: Floats, mask: NDArray[np.uint8], valid: NDArray[np.bool_], rng: np.random.Generator
    ) -> tuple[Floats, NDArray[np.uint8], NDArray[np.bool_]]:
        if rng.random() >= self.p:
            return image, mask, valid
        noisy = image.copy()
        noisy[0] *= rng.uniform(0.8, 1.2, mask.shape).astype(np.float32)
        return noisy.clip(0, 1), mask, valid


# --- the second band --------------------------------------------------------------------------------------------


def encode(values: Floats) -> NDArray[np.uint16]:
    """Values from -LIMIT to LIMIT as 1 to FULL - 1: 0 is no data."""
    levels = (values / LIMIT + 1) / 2 * FULL
    return np.rint(levels).clip(1, FULL - 1).astype(np.uint16)


def keep_second_band() -> None:
    """Make the package's normalisation of chips decode the second band, in place of normalising it by the chip."""
    normalise = Normaliser.__call__

    def with_second_band(self: Normaliser, image: Floats, valid: NDArray[np.bool_], quartiles: Floats) -> Floats:
        values = normalise(self, image, valid, quartiles)
        if len(values) > 1:
            values[1] = (2 * image[1] - 1) * LIMIT * valid
        return values

    Normaliser.__call__ = with_second_band  # type: ignore[method-assign]


def cells_by_scene(chips: Chips) -> dict[str, dict[Cell, int]]:
    """The position of each chip, by its scene and its cell in it."""
    scenes: dict[str, dict[Cell, int]] = {}
    for index, (scene, tile) in enumerate(zip(chips.scenes, chips.tiles, strict=True)):
        at = cell(chips.config, scene, tile)
        assert at is not None, f"{chips.names[index]} lies on no grid"
        scenes.setdefault(scene, {})[at] = index
    return scenes


def block_means(values: Floats, valid: NDArray[np.bool_], side: int) -> Floats:
    """Means of the valid pixels of blocks (H / side, W / side); NaN where none is valid."""
    rows, columns = (length // side for length in values.shape)
    pixels = np.where(valid, values, np.float32(np.nan)).reshape(rows, side, columns, side)
    count = np.isfinite(pixels).sum(axis=(1, 3))
    return np.where(count > 0, np.nansum(pixels, axis=(1, 3)) / count.clip(1), np.nan).astype(np.float32)


def robust_scores(values: Floats) -> Floats:
    """Logarithms less their median, over their spread; the median (0) where a value is missing."""
    known = np.isfinite(values)
    if not known.any():
        return np.zeros_like(values)
    logs = np.log(values.clip(1 / FULL))
    low, median, high = np.quantile(logs[known], QUARTILES)
    spread = max((high - low) / IQR_OF_NORMAL, LEAST_SPREAD)
    return np.where(known, (logs - median) / spread, 0).astype(np.float32)


def contexts(chips: Chips) -> dict[int, Floats]:
    """The context of each chip."""
    side = chips.size[0] // QUARTER
    around = (chips.size[0] - side) // 2
    bands: dict[int, Floats] = {}
    known = []
    for cells in cells_by_scene(chips).values():
        coarse = np.pad(quarter_scene(chips, cells), around, constant_values=np.nan)
        for (row, column), index in cells.items():
            window = coarse[row * side :, column * side :][: chips.size[0], : chips.size[1]]
            known.append(np.isfinite(window).mean())
            bands[index] = robust_scores(window)
    print(f"of the context of a chip, {np.mean(known):.0%} is known on the mean")
    return bands


def quarter_scene(chips: Chips, cells: Mapping[Cell, int]) -> Floats:
    """A scene at a quarter of its scale; NaN where there are no data."""
    pixels = {at: chips.read(index) for at, index in cells.items()}
    image = lay({at: chip.image[0].astype(np.float32) / FULL for at, chip in pixels.items()})
    data = lay({at: np.asarray(chip.data, np.uint8) for at, chip in pixels.items()}) > 0
    return block_means(image, data, QUARTER)


@dataclass
class DayCounts:
    """What was outlined (1) and looked at (1) on each day, in cells of the ground grid that all scenes share."""

    corners: NDArray[np.int64]
    seen: dict[str, Floats]
    looked: dict[str, Floats]

    @classmethod
    def of(cls, chips: Chips) -> "DayCounts":
        """Count all chips."""
        places = np.array(chips.places())
        corners = places - places.min(axis=0)
        side = chips.size[0] // HISTORY_CELL
        size = tuple((corners.max(axis=0) + 1) * side)
        counts = cls(corners, *({scene: np.zeros(size, np.float32) for scene in set(chips.scenes)} for _ in range(2)))
        for index, scene in enumerate(chips.scenes):
            top, bottom, left, right = chip_box(tuple(corners[index]), (side, side))
            pixels = chips.read(index)
            # a cell that an outline touches has a slick, as `seep sources` counts it
            counts.seen[scene][top:bottom, left:right] = shares_of_cells(pixels.mask > 0) > 0
            counts.looked[scene][top:bottom, left:right] = shares_of_cells(pixels.valid) >= 0.5
        return counts

    def log_odds(self, scenes: Sequence[str]) -> Floats:
        """Log odds over the mean of the history of some scenes, by pixel of the ground grid."""
        seen, looked = (np.sum([counts[scene] for scene in scenes], axis=0) for counts in (self.seen, self.looked))
        cells = log_odds_over_mean(seen, looked, SMOOTHING / HISTORY_CELL, MeanRate.of(seen, looked))
        pixels = cv2.resize(cells, None, fx=HISTORY_CELL, fy=HISTORY_CELL, interpolation=cv2.INTER_LINEAR)
        return np.asarray(pixels, np.float32)


def shares_of_cells(pixels: NDArray[np.bool_]) -> Floats:
    """The share of each cell that some pixels (H, W) cover."""
    return block_means(pixels.astype(np.float32), np.ones(pixels.shape, bool), HISTORY_CELL)


def histories(chips: Chips, fold: Fold) -> dict[int, Floats]:
    """The history of each chip's place: days that the fold trains on, other than the chip's own."""
    counts = DayCounts.of(chips)
    taught = {scene for name, scene in zip(chips.names, chips.scenes, strict=True) if fold.parts[name] == "train"}
    bands: dict[int, Floats] = {}
    for scene in sorted(set(chips.scenes)):
        odds = counts.log_odds(sorted(taught - {scene}))
        for index in (index for index, own in enumerate(chips.scenes) if own == scene):
            top, bottom, left, right = chip_box(tuple(counts.corners[index]), chips.size)
            bands[index] = odds[top:bottom, left:right]
    return bands


def write_chips(chips: Chips, bands: Mapping[int, Floats], folder: Path) -> None:
    """Write chips of two bands beside the masks that they have."""
    (folder / IMAGES).mkdir(parents=True)
    (folder / MASKS).symlink_to(chips.mask_of(0).parent.resolve())
    for index, band in bands.items():
        first = chips.read(index).image[0]
        assert first.dtype == np.uint16
        write_geotiff(folder / IMAGES / chips.names[index], np.stack([first, encode(band)]), 0)


def write(kind: str, base: Path, data: Path) -> None:
    """Write the chips of a kind; the history has a folder for each fold."""
    folds = find_folds([base])
    config = EvaluateConfig(run=str(folds[0].run.dir), part="test")
    chips = part_of(folds[0].run, config).chips
    if kind == "context":
        write_chips(chips, contexts(chips), data)
        return
    for fold in folds:
        write_chips(chips, histories(chips, fold), data / str(fold.number))


# --- training and scoring ---------------------------------------------------------------------------------------

NETWORKS = {"context": "ContextUNet", "history": "HistoryUNet"}


def train(kind: str, data: Path, folder: Path, folds: Sequence[int], more: Sequence[str] = ()) -> None:
    """Train folds on the chips of a kind."""
    for fold in folds:
        root = data / str(fold) if kind == "history" else data
        api.train(
            "experiment=seeps",
            "split=kfold",
            f"split.fold={fold}",
            "test=false",
            "trainer.max_epochs=6",
            "seed=0",
            "init=null",
            f"model._target_=second_inputs.{NETWORKS[kind]}",
            f"data.root={root}",
            "data.bands=[1,2]",
            "data.nodata_bands=any",
            f"augment=[{', '.join(AUGMENT)}]",
            *more,
            output=folder / f"fold-{fold}",
        )


def trained_folds(folder: Path) -> list[int]:
    """The numbers of the folds in a folder whose training has come to its end."""
    runs = [Run(path) for path in sorted(folder.glob("fold-*"))]
    return [run.config.split.fold for run in runs if run.summary().get("status") == "finished"]


def pooled(folder: Path, folds: Sequence[int], way: Way) -> dict[int, dict[str, Any]]:
    """The row of each fold by its number: each by itself, since the history's folds learned from other chips each."""
    return {fold: score_folds([folder / f"fold-{fold}"], way) for fold in folds}


def score(base: Path, folder: Path, way: Way) -> None:
    """Print pooled Dice of both, and the paired difference, over the folds that the second has."""
    folds = trained_folds(folder)
    print(f"folds {folds}, {way.name()}")
    scenes = []
    for recipe in (base, folder):
        rows = pooled(recipe, folds, way)
        scenes.append({name: counts for row in rows.values() for name, counts in row["scenes"].items()})
        table = np.array(list(scenes[-1].values()))
        low, high = interval(table)
        by_fold = " ".join(f"{row['dice']:.4f}" for row in rows.values())
        print(f"{recipe.name}: {DICE.function(table.sum(axis=0)):.4f} ({low:.4f} to {high:.4f}); by fold {by_fold}")
    before, after = scenes
    pairs = np.array([(after[name], counts) for name, counts in before.items()])
    gain, (low, high) = dice_difference(pairs.sum(axis=0)), interval(pairs)
    better = int((dice_difference(pairs) > 0).sum())
    print(f"difference: {gain:+.4f} ({low:+.4f} to {high:+.4f}), better in {better} of {len(pairs)} scenes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    writing, training, scoring = (verbs.add_parser(verb) for verb in ("write", "train", "score"))
    for command in (writing, training):
        command.add_argument("kind", choices=NETWORKS)
    writing.add_argument("base", type=Path)
    writing.add_argument("data", type=Path)
    training.add_argument("data", type=Path)
    training.add_argument("folder", type=Path)
    training.add_argument("folds", type=int, nargs="+")
    training.add_argument("--set", nargs="*", default=[], help="further settings, such as trainer.max_epochs=1")
    scoring.add_argument("base", type=Path)
    scoring.add_argument("folder", type=Path)
    scoring.add_argument("--mosaic", action="store_true", help="predict scenes whole; for the history only")
    arguments = parser.parse_args()
    # stored runs name our networks
    os.environ["SEEP_TRUSTED"] = "second_inputs"
    keep_second_band()
    match arguments.verb:
        case "write":
            write(arguments.kind, arguments.base, arguments.data)
        case "train":
            train(arguments.kind, arguments.data, arguments.folder, arguments.folds, arguments.set)
        case "score":
            score(arguments.base, arguments.folder, Way(by_chip=not arguments.mosaic))


if __name__ == "__main__":
    main()
