"""The typed schema of `conf/`: every field that is ours, its type, its default and what it may be, in one place.

`model`, `loss`, `optimizer`, `scheduler`, `augment`, `callbacks` and `logger` are `_target_` nodes (see `targets.py`).
A class says in `check_together` what must hold across its fields: Hydra does not run `__post_init__`.
"""

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from seep_lightning.config.rules import at_least, one_of, random_seed
from seep_lightning.errors import UserError


@dataclass
class GridConfig:
    """How tiles lie in a scene: tile = row * columns + column; column - offset is the column on the common ground."""

    columns: int = at_least(1, MISSING)
    offset: int = 0


@dataclass
class NormaliseConfig:
    """See `normalise.Normaliser`."""

    kind: str = "chip"
    log: bool = True


@dataclass
class SyntheticConfig:
    """The generated data set; the rest of `data.generator.scene.SyntheticSpec` is not for the command line."""

    seed: int = 0
    chips: int = 160  # in all scenes together
    scenes: int = 7  # scenes that are cut into chips


@dataclass
class DataConfig:
    """A folder of chips."""

    source: str = one_of("chips", "synthetic")  # synthetic: made into the cache folder at first use
    root: str | None = None
    layout: Any = "folders"  # a name of `data.layouts.LAYOUTS`, or a `_target_` node (docs/extending.md)
    images: str = "images"
    masks: str = "masks"
    pattern: str = r"(?P<scene>[^.]+)(\.(?P<tile>\d+))?\.\w+$"
    unpaired: str = one_of("error", "skip")
    bands: list[Any] | None = None  # numbers from 1, or names; None: the one band
    nodata: int | None = 0
    classes: int = 1  # largest value that a mask may hold
    grid: dict[str, GridConfig] = field(default_factory=dict)  # by prefix of the scene's name
    normalise: NormaliseConfig = field(default_factory=NormaliseConfig)
    batch_size: int = at_least(1, 8)
    num_workers: int | None = at_least(0, None)  # None: 0 on CPU, else up to 8
    cache_gb: float = 4.0  # keep decoded chips in memory up to this size, else read them at each use
    synthetic: SyntheticConfig = field(default_factory=SyntheticConfig)

    def check_together(self) -> None:
        """Check the bands, and that no folder is given for generated chips."""
        if self.bands == []:
            raise UserError("data.bands=[]: expected numbers from 1, names, or null for the one band.")
        if self.source == "synthetic" and self.root is not None:
            raise UserError(f"data.root={self.root} has no effect on data=synthetic. Pass data=chips to train on it.")


@dataclass
class SplitConfig:
    """Which chip is in which part."""

    kind: str = one_of("random", "scene", "place", "kfold", "file", default="scene")
    seed: int = random_seed()
    val: float = 0.2
    test: float = 0.1
    by: str = one_of("scene", "place", "chip")  # kfold
    folds: int = 5
    fold: int = 0
    block: int = at_least(1, 3)  # place: cells a side of a block
    path: str | None = None  # file: a split.csv

    def check_together(self) -> None:
        """Check the shares, and that no key is set that another kind of split needs."""
        if not (self.val > 0 and self.test > 0 and self.val + self.test < 1):
            raise UserError(
                f"split.val={self.val} and split.test={self.test}: both must be above 0 and leave a share to train."
            )
        for key, value, kind in (("path", self.path, "file"), ("fold", self.fold, "kfold")):
            if value and self.kind != kind:
                raise UserError(f"split.{key}={value} has no effect on split={self.kind}. Pass split={kind} too.")
        if self.kind == "kfold" and not 0 <= self.fold < self.folds >= 3:
            raise UserError(f"split.fold={self.fold} of {self.folds} folds: needs 0 <= fold < folds, folds >= 3.")


@dataclass
class OtherDataConfig:
    """Another data set than the run's own: only where it lies; how it is read comes from the run."""

    root: str | None = None
