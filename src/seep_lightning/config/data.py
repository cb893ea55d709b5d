"""The schema of `data` and `split`: every key with its type, its default and its rule."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import MISSING

from seep_lightning.config.class_words import LARGEST_CLASS
from seep_lightning.config.mask_values import check_mask_values
from seep_lightning.config.pair_columns import COLUMNS_OF_PAIRS
from seep_lightning.config.pixels import CHOICE_OF_BANDS, LARGEST_VALUE, NUMBER_ABOVE_0, SIZE_OF_CHIPS
from seep_lightning.errors import UserError
from seep_lightning.ranges import (
    COUNT,
    NOT_NEGATIVE,
    PROCESSES,
    Span,
    anything,
    at_least,
    is_number,
    one_of,
    path,
    random_seed,
    restricted,
    text,
    within,
)
from seep_lightning.scene.raster_formats import chip_suffixes

# what leaves a setting open: it is chosen from the chips of the training part (`data.choices`)
AUTO = "auto"
# the least number of folds: one tests, one validates, one trains
LEAST_FOLDS = 3
# the value of keys of other data that are as in the run
AS_IN_THE_RUN = "as in the run"
# keys of `DataConfig` that other data cannot have: they make the network, or are about the process of a training
OF_THE_RUN = (
    "source",
    "classes",
    "scale",
    "full_scale",
    "normalise",
    "batch_size",
    "num_workers",
    "cache_gb",
    "cache_folder",
    "synthetic",
)


# what endings of stems are, in words
END_OF_STEMS = "the end of names before their suffix, such as _mask"


def _is_ending(value: Any) -> bool:
    """Whether names may end so: an empty text is no ending."""
    return isinstance(value, str) and "/" not in value and "\0" not in value


def of_the_run() -> Any:
    """Declare a key of other data, by default as in the run; what it may be is what `DataConfig` says of it."""
    return anything(AS_IN_THE_RUN, "`DataConfig`, which these keys are put into")


# of tiles of any size: no place on the earth is farther
OFFSETS = Span(at_least=-1_000_000, at_most=1_000_000, whole=True)


@dataclass
class GridConfig:
    """How tiles lie in a scene: tile = row * columns + column.

    Attributes:
        columns: Tiles in a row.
        offset: The column less the offset is the column on the ground that scenes share.
    """

    columns: int = at_least(1, MISSING)
    offset: int = within(OFFSETS, 0)


@dataclass
class NormaliseConfig:
    """From pixel values to network input; see `data.normalise.Normaliser`.

    Attributes:
        kind: `scale` (value / full scale), `chip` or `scene` (robust z-score of the chip or of its whole scene);
            `auto`: `chip`, or `scale` where slicks fill much of the chips.
        log: Whether to take the logarithm first.
    """

    kind: str = anything(AUTO, "`data.normalise.Normaliser`")
    log: bool = True


@dataclass
class SyntheticConfig:
    """The generated data set; the rest of `data.generator.scene.SyntheticSpec` is not for the command line.

    Attributes:
        seed: Of all that is drawn.
        chips: How many chips there are, in all scenes together.
        scenes: How many scenes are cut into chips.
    """

    seed: int = random_seed()
    chips: int = within(COUNT, 160)
    scenes: int = within(COUNT, 7)


@dataclass
class DataConfig:
    """A folder of chips.

    Attributes:
        source: `chips`: those in `root`; `synthetic`: generated ones, made into the cache folder at their first use.
        root: The data set's folder.
        layout: Which of its files are the chips: `folders`, or a node with `_target_` (docs/extending.md).
        images: The images: a folder below `root` or an absolute one, or a glob such as `*/img/*.jpg`.
        masks: The masks, likewise; they may lie in the folder of the images.
        image_suffix: What the stems of images end with, such as `_sat`; None: nothing, or what is found out.
        mask_suffix: What the stems of masks end with, such as `_mask`; None: nothing, or what is found out.
        pairs: A CSV that lists the chips instead: image, mask, and scene, tile, split where they are known.
        pair_columns: What its columns are called, such as `{image: file, mask: label}`; None: as above.
        pattern: A regular expression that takes scene and tile from an image's file name.
        unpaired: `error`; `skip` to leave out images without a mask and masks without an image; `empty` to read images
            without a mask as sea everywhere.
        bands: Numbers from 1, or names; `grey`: the luminance of colours; None: the only band, or `grey` of pictures in
            colours.
        size: The size of all chips, px: a side, or height and width. Smaller ones are padded with no data to the right
            and below, of larger ones the centre is taken. None: all have one size.
        nodata: The value of pixels without data, which are kept out of loss, statistics and figures; None: none. What a
            file itself declares (nodata value, mask, alpha) holds besides.
        nodata_bands: Whether a pixel of several bands has no data where `all` of them say so, or `any`.
        classes: The largest value that a mask may hold; 1: seep or no seep.
        mask_band: The number, from 1, of the masks' band that holds the values, such as 4 for alpha; None: the only
            one, or red, green and blue.
        mask_values: What the masks' values mean, such as `{255: 1, "0,255,255": 1, 254: ignore}`: by value or colour
            the class, or `ignore`; ranges such as `128-255` too. 0 is no seep where it is not listed. None: values are
            classes. What a mask itself declares as nodata is ignored where it is not listed.
        scale: What float and signed values are: `linear` (None: likewise), or `db`, which become power first.
        factor: What stored values are multiplied by before anything else, such as 0.01 for dB x 100; None: the scale
            and the offset that a file declares.
        full_scale: The value of float and signed chips that becomes 1, in dB with `scale=db`; None: found from them.
        grid: How tiles lie in scenes, by the beginning of the scene's name.
        normalise: From pixel values to network input.
        batch_size: Chips in a batch, on each process; None: 8, or fewer where the chips are few or large.
        num_workers: Processes that read chips; None: none on CPU, else up to 8.
        cache_gb: Where no file can hold decoded chips, they stay in memory up to this size, else they are decoded at
            each use.
        cache_folder: Where decoded chips, and what was measured of them, are kept for the next start. None: in
            `.seep_lightning` below `root`, or in the user's cache where `root` cannot be written to; `none`: nowhere.
        synthetic: The generated data set.
    """

    source: str = one_of("chips", "synthetic")
    root: str | None = path(None)
    layout: Any = anything("folders", "`data.layouts`")
    images: str = path("images")
    masks: str = path("masks")
    image_suffix: str | None = restricted(None, _is_ending, END_OF_STEMS)
    mask_suffix: str | None = restricted(None, _is_ending, END_OF_STEMS)
    pairs: str | None = path(None)
    # OmegaConf merges no dictionary into a typed one that is null
    pair_columns: Any = field(default=None, metadata=COLUMNS_OF_PAIRS)
    pattern: str = text(r"(?P<scene>[^.]+)(\.(?P<tile>\d+))?\.\w+$", "a regular expression")
    unpaired: str = one_of("error", "skip", "empty")
    bands: Any = field(default=None, metadata=CHOICE_OF_BANDS)
    size: Any = field(default=None, metadata=SIZE_OF_CHIPS)
    nodata: int | float | None = restricted(0, is_number, "a number, .nan, or null for none")
    nodata_bands: str = one_of("all", "any")
    classes: int = within(Span(at_least=1, at_most=LARGEST_CLASS, whole=True), 1)
    mask_band: int | None = at_least(1, None)
    mask_values: Any = anything(None, "`check_mask_values`")
    scale: str | None = one_of(None, "linear", "db")
    factor: float | None = field(default=None, metadata=NUMBER_ABOVE_0)
    full_scale: float | None = within(Span(at_least=-LARGEST_VALUE, at_most=LARGEST_VALUE), None)
    grid: dict[str, GridConfig] = anything({}, "`GridConfig`, by OmegaConf")
    normalise: NormaliseConfig = field(default_factory=NormaliseConfig)
    batch_size: int | None = at_least(1, None)
    num_workers: int | None = within(Span(at_least=0, at_most=PROCESSES.at_most, whole=True), None)
    cache_gb: float = within(NOT_NEGATIVE, 4.0)
    cache_folder: str | None = path(None)
    synthetic: SyntheticConfig = field(default_factory=SyntheticConfig)

    def check_together(self) -> None:
        """Check what masks mean, the endings, and that no folder is given for generated chips.

        Raises:
            UserError: A value has no meaning, alone or beside the others.
        """
        check_mask_values(self.mask_values, self.classes)
        if self.source == "synthetic" and self.root is not None:
            raise UserError(f"data.root={self.root} has no effect on data=synthetic. Pass data=chips to train on it.")
        self._check_full_scale()
        self._check_ending("image_suffix")
        self._check_ending("mask_suffix")

    def _check_full_scale(self) -> None:
        """Raise `UserError` for a largest value that is no power; in dB it may be below 0."""
        if self.full_scale is not None and self.scale != "db" and self.full_scale <= 0:
            raise UserError(f"data.full_scale={self.full_scale}: expected a number above 0.")

    def _check_ending(self, key: str) -> None:
        """Raise `UserError` for a file's suffix where the end of a stem is asked for."""
        ending = getattr(self, key) or ""
        suffix = Path(f"a{ending}").suffix
        if suffix.lower() in chip_suffixes():
            stem = ending.removesuffix(suffix)
            raise UserError(f"data.{key}={ending}: leave out {suffix}, it is what stands before it: data.{key}={stem}.")


@dataclass
class SplitConfig:
    """Which chip is in which part.

    Attributes:
        kind: What stays together: a `scene`, a `place`, nothing (`random`), what `by` says (`kfold`), or whatever a
            `file` says, or folders called train, val, test.
        seed: Of the random order of groups.
        val: The share of validation; where a file or folders name none, that of their training chips.
        test: The share of test, likewise.
        by: What stays together in a fold.
        folds: How many folds there are.
        fold: Which of them tests; the next one validates.
        block: Cells a side of the block that is one place.
        path: The file, a `split.csv`; None: the column `split` of `data.pairs`, or the folders.
    """

    kind: str = one_of("random", "scene", "place", "kfold", "file", default="scene")
    seed: int = random_seed()
    val: float = anything(0.2, "`check_together`")
    test: float = anything(0.1, "`check_together`")
    by: str = one_of("scene", "place", "chip")
    folds: int = at_least(LEAST_FOLDS, 5)
    fold: int = at_least(0, 0)
    block: int = at_least(1, 3)
    path: str | None = path(None)

    def check_together(self) -> None:
        """Check the shares, and that no key is set that another kind of split needs.

        Raises:
            UserError: A value has no meaning, alone or beside the others.
        """
        self._check_shares()
        self._check_only_for("path", "file")
        self._check_only_for("fold", "kfold")
        if self.kind == "kfold" and not 0 <= self.fold < self.folds >= LEAST_FOLDS:
            raise UserError(
                f"split.fold={self.fold} of {self.folds} folds: needs 0 <= fold < folds, folds >= {LEAST_FOLDS}."
            )

    def _check_shares(self) -> None:
        """Raise `UserError` where a part would be empty."""
        leaves_a_share = self.val + self.test < 1
        if self.val <= 0 or self.test <= 0 or not leaves_a_share:
            raise UserError(
                f"split.val={self.val} and split.test={self.test}: both must be above 0 and leave a share to train."
            )

    def _check_only_for(self, key: str, kind: str) -> None:
        """Raise `UserError` for a key that is set and belongs to another kind of split."""
        value = getattr(self, key)
        if value and self.kind != kind:
            raise UserError(f"split.{key}={value} has no effect on split={self.kind}. Pass split={kind} too.")


@dataclass
class OtherDataConfig:
    """Other data than a run's own: the keys of `DataConfig` that say which files there are, and how they are read.

    What is not given is as in the run. `null` is a value of its own, such as that of `nodata` or `mask_suffix`; of
    `root`, it means the run's.
    """

    root: str | None = path(None)
    layout: Any = of_the_run()
    images: Any = of_the_run()
    masks: Any = of_the_run()
    image_suffix: Any = of_the_run()
    mask_suffix: Any = of_the_run()
    pairs: Any = of_the_run()
    pair_columns: Any = of_the_run()
    pattern: Any = of_the_run()
    unpaired: Any = of_the_run()
    bands: Any = of_the_run()
    size: Any = of_the_run()
    nodata: Any = of_the_run()
    nodata_bands: Any = of_the_run()
    factor: Any = of_the_run()
    mask_band: Any = of_the_run()
    mask_values: Any = of_the_run()
    grid: Any = of_the_run()

    def changes(self) -> dict[str, Any]:
        """The keys that were given, with their values."""
        given = {key: value for key, value in vars(self).items() if value != AS_IN_THE_RUN}
        if self.root is None:
            del given["root"]
        return given
