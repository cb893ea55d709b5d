"""The schema of each command's config but that of `train`: every key with its type, its default and its rule."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import MISSING

from seep_lightning.config.class_words import check_class_words
from seep_lightning.config.data import DataConfig, OtherDataConfig, SplitConfig
from seep_lightning.config.mask_values import MOST_CLASSES, check_mask_values
from seep_lightning.config.pixels import CHOICE_OF_BANDS, NODATA_VALUE, NUMBER_ABOVE_0
from seep_lightning.errors import UserError
from seep_lightning.ranges import (
    COUNT,
    PROCESSES,
    Span,
    anything,
    are_paths,
    at_least,
    between_0_and_1,
    is_path,
    is_text,
    one_of,
    path,
    paths,
    probability,
    random_seed,
    restricted,
    share,
    text,
    texts,
    within,
)
from seep_lightning.scene.options import PolygonOptions

# of addresses on this machine; those below are the system's
PORTS = Span(at_least=1024, at_most=65535, whole=True)
# who refuses what `anything` lets through
TORCH = "torch, as `device=... cannot be used here`"
# the names of columns of polygons, in words
COLUMN = "the name of a column"
# beyond a weight of 2 the history alone decides
HISTORY_WEIGHTS = Span(above=0, at_most=2)
# 0: only the second look asks for the history
WEIGHT_OF_HISTORY = within(Span(at_least=0, at_most=2), None).metadata
SMOOTHINGS = Span(above=0, at_most=100_000)
SMOOTHING_OF_HISTORY = within(SMOOTHINGS, None).metadata
# of `mosaic`: images that lie edge to edge are one scene, whatever they are called
BY_GEOREFERENCE = "georeference"


def _is_laying_of_chips(value: Any) -> bool:
    """Whether this may be a value of `mosaic`."""
    return isinstance(value, bool) or value == BY_GEOREFERENCE


# as `ranges.restricted` has them, for a field that may be of any type
LAYING_OF_CHIPS = {"holds": _is_laying_of_chips, "expected": f"true, false or {BY_GEOREFERENCE}"}


def _names_a_folder(name: Any) -> bool:
    """Whether a name is that of one folder, with no path before it."""
    return is_text(name) and Path(name).name == name and name != ".."


def _are_weights(values: Any) -> bool:
    """Whether these may be weights of the history."""
    return isinstance(values, list) and bool(values) and all(HISTORY_WEIGHTS.holds(value) for value in values)


def _are_smoothings(values: Any) -> bool:
    """Whether these may be smoothings of the history, px."""
    return isinstance(values, list) and bool(values) and all(SMOOTHINGS.holds(value) for value in values)


def _is_cluster(value: Any) -> bool:
    """Whether scenes can be mapped there: here, or over Dask's processes."""
    return value in ("local", "dask") or (isinstance(value, str) and re.fullmatch(r"\w+://\S+", value) is not None)


@dataclass
class EvaluateConfig:
    """Score a run on a part of its data, or on other data.

    Attributes:
        run: The run directory, or a folder: the newest run below it.
        part: The part of the run's split that is scored; `all`: every chip.
        data: Other data than the run's own.
        checkpoint: Which of the run's checkpoints.
        threshold: The probability above which a pixel counts as seep; None: the run's own, tuned on validation.
        name: The folder below `evaluate/`; None: the part, or the folder's name of other data.
        overwrite: Whether a folder of this name may be replaced.
        batch_size: Chips at once. The two soft figures of the reference depend on it, hence its default.
        device: `auto`, `cpu`, `cuda` ...
        trusted: Packages whose classes a stored run may name; importing them runs their code (docs/security.md).
    """

    run: str = path(MISSING)
    part: str = one_of("train", "val", "test", "all", default="test")
    data: OtherDataConfig = field(default_factory=OtherDataConfig)
    checkpoint: str = one_of("best", "last")
    threshold: float | None = probability()
    name: str | None = restricted(None, _names_a_folder, "the name of a folder, not a path")
    overwrite: bool = False
    batch_size: int = at_least(1, 4)
    device: str = anything("auto", TORCH)
    trusted: list[str] = texts()


@dataclass
class PredictConfig(PolygonOptions):
    """Map scenes: rasters of probability and mask, and the seeps as polygons.

    Keys that are younger than the first tables are not in the repr, by which finished maps are known.

    Attributes:
        run: A run, a folder (the mean of the folds of a split that it holds, else the newest run below it), an exported
            file, `seeps` or `generated` of the package, or a list: their mean; None: `seeps`.
        input: A raster, a Sentinel-1 product, a folder or a pattern of them, or chips.
        output: The folder of the maps.
        checkpoint: Which of the runs' checkpoints.
        device: `auto`, `cpu`, `cuda` ...
        precision: Of the network's numbers; None: bf16 on a GPU, and on a CPU that multiplies bf16 in hardware, else
            32; a map that is there already keeps its own.
        threshold: The probability above which a pixel counts as seep; None: the run's own, tuned on validation.
        bands: Numbers from 1, or names; `grey`: the luminance of colours; None: those of the training.
        scale: What float and signed values are.
        factor: What stored values are multiplied by before anything else, such as 0.01 for dB x 100; None: the scale
            and the offset that a file declares, or else the factor of the training for integers.
        nodata: A stored value of pixels without data, besides those that a scene declares; `none`: there is none, and
            nothing that fills many pixels is taken for it; None: that of the training.
        calibration: What values are, for contrasts; see `PolygonOptions`. Of a Sentinel-1 product: what it is read as.
        remove_noise: Whether the thermal noise of a Sentinel-1 product is subtracted.
        mosaic: Whether chips named SCENE.TILE are laid into their scene first; `georeference`: also images of other
            names that lie edge to edge on the ground.
        columns: Tiles in a row of the scenes; None: what the chips say, or else their scene's name.
        chips: Whether the maps are also cut back into the chips, in masks/ and probabilities/.
        area: A vector file; only what lies in its polygons is mapped.
        land: A vector file; what lies in its polygons is not mapped.
        history: A raster of recurrence (`recurrence.tif` of `seep sources`); None: every place is as likely as another.
        history_weight: By what the log odds of recurrence, over those of the mean, are multiplied before they are added
            to the logits; 0: nothing is added, and only a judge of `second_look` that knows recurrence asks for it.
        history_smoothing: Standard deviation of the Gaussian that smooths the recurrence, m (px of chips without
            georeference); None: 1000 m or 100 px.
        second_look: A judge of objects that `seep judge` taught: outlines get its score, `p_right`, and those below its
            least score are left out; None: none is looked at twice.
        window: The side of a window, px; None: that of the run's chips if it normalises by chip, else 512.
        overlap: Of windows, px; None: a quarter of the window.
        batch: Windows at once.
        threads: Threads that run the network.
        flips: Whether the mean is taken of a window and its mirror image (`mirror`: twice the work), or of all flips
            and quarter turns (true: 8 times); None: `mirror` for the network in the package.
        polygons: Whether seeps are outlined.
        format: Of the outlines.
        wgs84: Whether outlines are in longitude and latitude; GeoJSON always is.
        picture: Whether NAME.png is written: the scene with the outlines.
        overwrite: Whether files of something else may be replaced.
        cluster: `local`; `dask`: processes on this machine; `tcp://HOST:PORT` of a Dask scheduler.
        workers: How many processes with `cluster=dask`; None: one for each core.
        trusted: Packages whose classes a stored run may name; importing them runs their code (docs/security.md).
    """

    run: Any = paths(None, or_null=True)
    input: str = path(MISSING)
    output: str = path(MISSING)
    checkpoint: str = one_of("best", "last")
    device: str = anything("auto", TORCH)
    precision: str | None = one_of(None, "32", "bf16")
    threshold: float | None = probability()
    bands: Any = field(default=None, metadata=CHOICE_OF_BANDS)
    scale: str | None = one_of(None, "linear", "db")
    factor: float | None = field(default=None, repr=False, metadata=NUMBER_ABOVE_0)
    nodata: Any = field(default=None, repr=False, metadata=NODATA_VALUE)
    calibration: str | None = one_of(None, "power", "amplitude", "db")
    # not in the repr: finished maps of earlier versions are known by it
    remove_noise: bool = field(default=False, repr=False)
    mosaic: Any = field(default=True, metadata=LAYING_OF_CHIPS)
    columns: int | None = at_least(1, None)
    chips: bool = False
    area: str | None = path(None)
    land: str | None = path(None)
    # not in the repr: they are part of the rasters' own key
    history: str | None = field(default=None, repr=False, metadata=path(None).metadata)
    history_weight: float = field(default=0.5, repr=False, metadata=WEIGHT_OF_HISTORY)
    history_smoothing: float | None = field(default=None, repr=False, metadata=SMOOTHING_OF_HISTORY)
    second_look: str | None = field(default=None, repr=False, metadata=path(None).metadata)
    window: int | None = within(COUNT, None)
    overlap: int | None = at_least(0, None)
    batch: int = at_least(1, 4)
    threads: int = within(PROCESSES, 2)
    flips: bool | str | None = one_of(None, "mirror", True, False, expected="mirror, true or false")
    polygons: bool = True
    format: str = one_of("gpkg", "geojson")
    wgs84: bool = False
    picture: bool = False
    overwrite: bool = False
    cluster: str = restricted("local", _is_cluster, "local, dask, or tcp://HOST:PORT of a Dask scheduler")
    workers: int | None = within(PROCESSES, None)
    # maps do not depend on it
    trusted: list[str] = field(default_factory=list, repr=False, metadata=texts().metadata)

    def check_together(self) -> None:
        """Check the overlap against the window, and that somebody asks for the history."""
        if self.history is not None and self.history_weight == 0 and self.second_look is None:
            raise UserError(
                "history_weight=0: the history adds nothing to the map. Give a weight above 0, or a judge that knows "
                "recurrence (second_look=)."
            )
        if self.window is not None and self.overlap is not None and self.overlap >= self.window:
            raise UserError(f"overlap={self.overlap}: expected 0 or more, and less than window={self.window}.")


@dataclass
class JudgeConfig:
    """Teach a judge of objects on what trained folds found out of fold.

    Attributes:
        runs: The folds of one split (split=kfold), or folders of them.
        output: The file of the judge, for `second_look` of `predict`.
        recurrence: Whether it also learns from how often slicks recur at an object's place, in outlines of other
            scenes; `predict` then needs `history`.
        device: `auto`, `cpu`, `cuda` ...
        overwrite: Whether a file that is there may be replaced.
        trusted: Packages whose classes a stored run may name; importing them runs their code (docs/security.md).
    """

    runs: Any = paths(MISSING)
    output: str = path(MISSING)
    recurrence: bool = False
    device: str = anything("auto", TORCH)
    overwrite: bool = False
    trusted: list[str] = texts()


@dataclass
class PriorConfig:
    """Choose weight and smoothing of the history that `predict` may add, on what trained folds predict out of fold.

    Attributes:
        runs: The folds of one split, or folders of them.
        weights: Of the log odds of recurrence.
        smoothings: Standard deviations of the Gaussian, px.
        device: `auto`, `cpu`, `cuda` ...
        trusted: Packages whose classes a stored run may name; importing them runs their code (docs/security.md).
    """

    runs: Any = paths(MISSING)
    weights: list[float] = restricted([0.25, 0.5, 0.75, 1.0], _are_weights, "numbers above 0, of at most 2")
    smoothings: list[float] = restricted([32.0, 64.0, 96.0, 128.0], _are_smoothings, "numbers of px above 0")
    device: str = anything("auto", TORCH)
    trusted: list[str] = texts()


@dataclass
class NextConfig:
    """Rank which unlabelled chips or scenes to outline next.

    Attributes:
        scenes: Chips or scenes, as `input` of `predict`: a raster, product, folder or pattern, or a list of these.
        run: A run, an exported file, `seeps` or `generated` of the package, or a list; a folder of runs: all of them.
            Where there are several, what they disagree about counts. None: `seeps`.
        output: The folder of the list, next.csv and next.gpkg.
        count: How many are ranked.
        by: Whether chips (windows of a scene) are ranked, or whole scenes.
        strategy: `both`: uncertain, and unlike what is outlined or ranked before; `uncertainty`, `diversity` or
            `random` alone.
        window: The side of the windows that a scene is cut into, px; None: that of the run's chips.
        labelled: How many of the chips that the runs learned from are looked at too, at most, so that what is like them
            comes late; `uncertainty` and `random` look at none.
        seed: Of the draw, and of the order among equals.
        checkpoint: Which of the runs' checkpoints.
        device: `auto`, `cpu`, `cuda` ...
        bands: Numbers from 1, or names; `grey`: the luminance of colours; None: those of the training.
        scale: What float and signed values are.
        factor: What stored values are multiplied by before anything else; see `predict`.
        nodata: A stored value of pixels without data; see `predict`.
        calibration: What a Sentinel-1 product is read as.
        remove_noise: Whether the thermal noise of a Sentinel-1 product is subtracted.
        batch: Windows at once.
        overwrite: Whether a list that is there may be replaced.
        trusted: Packages whose classes a stored run may name; importing them runs their code (docs/security.md).
    """

    scenes: Any = paths(MISSING)
    run: Any = paths(None, or_null=True)
    output: str = path(MISSING)
    count: int = within(COUNT, 20)
    by: str = one_of("chip", "scene")
    strategy: str = anything("both", "`labelling.acquisition`")
    window: int | None = within(COUNT, None)
    labelled: int = at_least(0, 100)
    seed: int = random_seed()
    checkpoint: str = one_of("best", "last")
    device: str = anything("auto", TORCH)
    bands: Any = field(default=None, metadata=CHOICE_OF_BANDS)
    scale: str | None = one_of(None, "linear", "db")
    factor: float | None = field(default=None, metadata=NUMBER_ABOVE_0)
    nodata: Any = field(default=None, metadata=NODATA_VALUE)
    calibration: str | None = one_of(None, "power", "amplitude", "db")
    remove_noise: bool = False
    batch: int = at_least(1, 4)
    overwrite: bool = False
    trusted: list[str] = texts()


@dataclass
class CompareConfig:
    """Set runs side by side.

    Attributes:
        runs: A folder of runs, or a list of them.
        metric: The figure on validation by which they are ranked.
        paired: Whether two runs, or two sets of folds, are compared on the same chips.
        by: Settings between commas, such as "optimizer.lr": a row for each of their values, in which the folds of a
            split are pooled, and seeds are repetitions.
        against: With `by`, the setting that the others are compared with, such as "optimizer.lr=0.005"; None: that with
            the least value, or the first row where `sort` is one of `by`.
        part: The evaluation that is read; None: test of a paired comparison, validation with `by`.
        where: Only runs of which this is true: conditions between commas, such as "optimizer.lr>0.001,seed=0". NAME is
            a setting, the end of its key, a figure or `status`; between NAME and value stands one of = != < <= > >=.
        sort: What the runs are sorted by in place of their rank: a NAME, the least first; the most first with `-NAME`.
        columns: What is shown beside metric and run, in place of the settings that differ: NAMEs between commas.
        format: `table`, or `csv` or `json` with all digits.
        csv: A file for the ranking.
        trusted: Packages whose classes a stored run may name; importing them runs their code (docs/security.md).
    """

    runs: Any = paths(MISSING)
    metric: str = text("dice", "the name of a figure such as dice")
    paired: bool = False
    by: str | None = text(None, "names of settings such as optimizer.lr")
    against: str | None = text(None, "one of the settings of by=, such as optimizer.lr=0.005")
    part: str | None = restricted(None, _names_a_folder, "the name of a folder below evaluate/, such as test")
    where: str | None = text(None, "conditions such as optimizer.lr>0.001,seed=0")
    sort: str | None = text(None, "the name of a setting or figure such as optimizer.lr")
    columns: str | None = text(None, "names of settings and figures such as optimizer.lr,dice")
    format: str = one_of("table", "csv", "json", default="table")
    csv: str | None = path(None)
    trusted: list[str] = texts()

    def check_together(self) -> None:
        """Check that no key is set that has no effect."""
        if self.by is not None and self.paired:
            raise UserError("by= and paired=true are two comparisons. Leave one of them out.")
        if self.against is not None and self.by is None:
            raise UserError(f"against={self.against} needs by=, such as by=optimizer.lr.")


@dataclass
class ReportConfig:
    """One page about a run, about the runs of a sweep, or about sources.

    Attributes:
        run: A run, or a folder that holds several.
        maps: In place of it: the output of `seep sources`.
        part: The part of the split that is scored.
        output: The page's file; None: report.html in the folder.
        overwrite: Whether the page may be replaced.
        device: `auto`, `cpu`, `cuda` ...
        trusted: Packages whose classes a stored run may name; importing them runs their code (docs/security.md).
    """

    run: str | None = path(None)
    maps: str | None = path(None)
    part: str = one_of("train", "val", "test", "all", default="val")
    output: str | None = path(None)
    overwrite: bool = False
    device: str = anything("auto", TORCH)
    trusted: list[str] = texts()

    def check_together(self) -> None:
        """Check that the page is about one thing."""
        if (self.run is None) == (self.maps is None):
            raise UserError("pass either run=DIR, a run or a folder of runs, or maps=DIR, the output of seep sources.")


@dataclass
class ExportConfig:
    """Write a run's network as one file.

    Attributes:
        run: The run directory, a folder (the newest run below it), a network in the package (`seeps`, `generated`), or
            a file of `format=torch`.
        output: The file; its description in STAC's terms is written beside it.
        format: A name of `predictor.formats`.
        checkpoint: Which of the run's checkpoints.
        overwrite: Whether the files may be replaced.
        size: Of `onnx` and `qgis`: the side of the one square that the file takes, px; None: any number and sides, of
            `qgis` the side of the run's chips.
        values: Of `onnx` and `qgis`: what the other program feeds: `uint8`, `uint16`, or floats that are `linear` or
            `db`; None: what the run was trained on.
        pixel_size: Of `qgis`: what the plugin brings a layer to, m; None: 10.
        trusted: Packages whose classes a stored run may name; importing them runs their code (docs/security.md).
    """

    run: str = path(MISSING)
    output: str = path(MISSING)
    format: str = anything("onnx", "`predictor.formats`")
    checkpoint: str = one_of("best", "last")
    overwrite: bool = False
    size: int | None = at_least(1, None)
    values: str | None = one_of(None, "uint8", "uint16", "linear", "db")
    pixel_size: float | None = field(default=None, metadata=NUMBER_ABOVE_0)
    trusted: list[str] = texts()


@dataclass
class ReviewConfig:
    """List the labels that are probably wrong, for a person to answer.

    Attributes:
        runs: A folder of folds, or one run, whose validation and test chips are judged; or a list of folders.
        output: The folder of the review.
        most: How many labels are listed at most, those first that would change the loss most.
        overwrite: Whether a review that is there may be replaced.
        device: `auto`, `cpu`, `cuda` ...
        trusted: Packages whose classes a stored run may name; importing them runs their code (docs/security.md).
    """

    runs: Any = paths(MISSING)
    output: str = path(MISSING)
    most: int = within(COUNT, 200)
    overwrite: bool = False
    device: str = anything("auto", TORCH)
    trusted: list[str] = texts()


def _is_path_or_empty(value: Any) -> bool:
    """Whether a value is the path of a file or folder, or not given."""
    return value == "" or is_path(value)


def _are_paths_or_empty(value: Any) -> bool:
    """Whether a value is a path or a list of paths, or not given."""
    return value == "" or are_paths(value)


@dataclass
class PrepareConfig:
    """Cut scenes and an analyst's polygons or masks into chips and masks; or correct the labels of chips by a review.

    Attributes:
        scenes: A raster, a folder or a pattern of them, or a list of these.
        labels: The file of polygons (GeoPackage, GeoJSON, shapefile ...), or a mask, a folder or a pattern of masks.
        output: The folder of the data set.
        review: In place of scenes and labels: the answers to a review, as its review.gpkg or review.csv, or as the CSV
            that its page saves. The data set is written anew, with corrected and ignored pixels.
        bands: Numbers from 1, or names; `grey`: the luminance of colours; None: the first band, which must be none of
            a picture in colours.
        nodata: A stored value of pixels without data, besides those that a scene declares; `none`: nothing that fills
            many pixels is taken for it.
        scale: What float and signed values are.
        factor: What stored values are multiplied by before anything else, such as 0.01 for dB x 100; None: the scale
            and the offset that a file declares.
        remove_noise: Whether the thermal noise of a Sentinel-1 product is subtracted.
        class_attribute: The column that holds a polygon's class (1, 2 ...); None: every polygon is of class 1.
        classes: What the words in this column mean, such as `{thin: 1, thick: 2, unsure: ignore}`; None: it holds
            numbers.
        mask_values: What the values of masks mean, as `data.mask_values`; None: 1 or 255 is seep, 0 is none.
        scene_attribute: The column that names a polygon's scene; None: a polygon is of all scenes in which it lies, and
            so is one that names none.
        ignore: An SQL condition: of such polygons nobody is sure, and their pixels become nodata.
        unplaced: What to do about polygons that name an unknown scene or lie in none, masks of no scene, and scenes
            without a mask: `error`, or `skip` them.
        size: Of a chip, px.
        overlap: Of chips, px.
        empty_share: The share of chips without seep that is kept.
        seed: Of the draw of these.
    """

    scenes: Any = restricted("", _are_paths_or_empty, "a path, or a list of paths such as [A,B]", or_null=False)
    labels: str = restricted("", _is_path_or_empty, "the path of a file or folder")
    output: str = path(MISSING)
    review: str | None = path(None)
    bands: Any = field(default=None, metadata=CHOICE_OF_BANDS)
    nodata: Any = field(default=None, repr=False, metadata=NODATA_VALUE)
    scale: str | None = one_of(None, "linear", "db")
    factor: float | None = field(default=None, repr=False, metadata=NUMBER_ABOVE_0)
    remove_noise: bool = False
    class_attribute: str | None = text(None, COLUMN)
    classes: Any = anything(None, "`check_class_words`")
    mask_values: Any = anything(None, "`check_mask_values`")
    scene_attribute: str | None = text(None, COLUMN)
    ignore: str | None = text(None, "an SQL condition such as \"kind = 'unsure'\"")
    unplaced: str = one_of("error", "skip")
    size: int = at_least(1, 256)
    overlap: int = at_least(0, 0)
    empty_share: float = share(0.2)
    seed: int = random_seed()

    def check_together(self) -> None:
        """Check that there is something to cut or to correct, the overlap against the size, and what words mean."""
        self._check_sources()
        if not 0 <= self.overlap < self.size:
            raise UserError(f"overlap={self.overlap}: expected 0 or more, and less than size={self.size}.")
        check_mask_values(self.mask_values, MOST_CLASSES, prefix="")
        check_class_words(self.classes)
        if self.classes is not None and not self.class_attribute:
            raise UserError("classes says what the words of a column mean. Name the column: class_attribute=COLUMN.")

    def _check_sources(self) -> None:
        """Raise `UserError` unless there are scenes and labels, or else a review."""
        sources = {"scenes": self.scenes, "labels": self.labels}
        given = [key for key, value in sources.items() if value]
        if self.review is not None and given:
            raise UserError(
                f"review={self.review} corrects the labels of chips, {given[0]}= cuts new ones. Pass one of the two."
            )
        missing = [key for key in sources if key not in given]
        if self.review is None and missing:
            assignments = [f"{key}=..." for key in missing]
            raise UserError(f"{missing[0]} is not set. Pass {' '.join(assignments)} on the command line.")


@dataclass
class QgisConfig:
    """Install the Processing scripts in QGIS.

    Attributes:
        scripts: The folder of Processing scripts; None: that of the default profile of each version that is there.
        python: The Python that the scripts run; None: the one that runs this command.
        overwrite: Whether other versions of the scripts may be replaced.
    """

    scripts: str | None = path(None)
    python: str | None = path(None)
    overwrite: bool = False


@dataclass
class TensorboardConfig:
    """Show curves and pictures of runs in a browser.

    Attributes:
        run: A run, or a folder that holds several, such as that of a sweep.
        port: Where the page is; None: the first free one from 6006 on.
    """

    run: str = path("outputs")
    port: int | None = within(PORTS, None)


@dataclass
class CheckConfig:
    """Audit a data set."""

    data: DataConfig = field(default_factory=DataConfig)
    split: SplitConfig = field(default_factory=SplitConfig)


@dataclass
class SourcesConfig:
    """Find the places where slicks recur over many days.

    Attributes:
        maps: Folders that `predict` wrote, patterns of these, single maps, or an analyst's outlines; None: the masks of
            the data set `data`.
        output: A folder; or a GeoPackage, whose name then begins those of the other files.
        data: The data set whose masks are read; with `maps`, its `grid` says how scenes without coordinates lie.
        cell: Side of a cell; None: 80 m, or 8 px without a coordinate system.
        date_column: The column of dates in outlines; None: `time`, or else the date in the file's name.
        area: A vector file: its polygons were looked at on each day of the outlines; None: their hull was.
        chip: Side of a chip, px, by which `data.grid` moves maps without coordinates.
        min_days: Slicks on fewer days make no source.
        level: The corrected p-value of a source is below it.
        permutations: How often the days are shifted at random; p-values are multiples of 1 / (permutations + 1).
        seed: Of these shifts.
        reach: Cells around a slick, and around its ends, that count as seen too: ends wander from day to day.
        overwrite: Whether files of something else may be replaced, and all days are read again.
    """

    maps: Any = paths(None, or_null=True)
    output: str = path(MISSING)
    data: DataConfig = field(default_factory=DataConfig)
    cell: float | None = field(default=None, metadata=NUMBER_ABOVE_0)
    date_column: str | None = text(None, COLUMN)
    area: str | None = path(None)
    chip: int = at_least(1, 256)
    min_days: int = at_least(2, 3)
    level: float = between_0_and_1(0.01, "a p-value between 0 and 1")
    permutations: int = within(Span(at_least=20, at_most=100_000, whole=True), 999)
    seed: int = random_seed()
    reach: int = within(Span(at_least=0, at_most=10, whole=True), 1)
    overwrite: bool = False
