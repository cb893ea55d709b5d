"""The objects of out-of-fold maps: what a judge sees of each, and how it meets the truth."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.commands import PredictConfig
from seep_lightning.errors import UserError
from seep_lightning.folds.fold_runs import Fold
from seep_lightning.folds.part_maps import FoldScene, PartMaps, Way
from seep_lightning.folds.place_days import PlaceDay
from seep_lightning.mapping.bands import bands_of
from seep_lightning.mapping.networks import open_networks
from seep_lightning.mapping.scene_values import opening_nodata_of
from seep_lightning.metrics.object_counts import SIZE_CLASSES
from seep_lightning.metrics.objects import COVERED_SHARE
from seep_lightning.scene.measured_object import MeasuredObject
from seep_lightning.scene.object_features import FEATURES, POINTS, features_of, points_of
from seep_lightning.scene.options import PolygonOptions, Thresholds
from seep_lightning.scene.polygon_attributes import PolygonAttribute
from seep_lightning.scene.polygons import DEFAULT_MIN_AREA, find_seeps
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.raster_formats import PROBABILITY_SUFFIX
from seep_lightning.scene.scene_file import ReadingOptions

Counts = NDArray[np.int64]
COUNTED = ("true positive", "false positive", "false negative", "found", "true", "right", "predicted")
"""What `SceneObjects.counts` counts: pixels, then objects."""

LEAST_KNOWN_SHARE = 0.1
"""Of an object's pixels; of others nobody can say whether they are right."""


@dataclass(frozen=True)
class SceneObjects:
    """The objects of one scene at its fold's threshold.

    Attributes:
        name: The scene's.
        fold: Number of the fold.
        rows: Features, (N, F): those of `FEATURES`.
        areas: Pixels whose truth is known, (N,).
        hits: Pixels that are seep, (N,).
        usual: Whether each is kept without a second look, (N,).
        pairs: Object, true object and the pixels that they share, (3, M).
        true_areas: Pixels of the true objects.
        seep: True pixels of the scene.
        points: Pixels at which the history of each object is looked up, (N, `POINTS`, 2): column, row.
        threshold: The fold's own.
        day: Its outlines on the ground grid; None where nobody asks for recurrence.
    """

    name: str
    fold: int
    rows: NDArray[np.float64]
    areas: Counts
    hits: Counts
    usual: NDArray[np.bool_]
    pairs: Counts
    true_areas: Counts
    seep: int
    points: NDArray[np.float64]
    threshold: float = 0.0
    day: PlaceDay | None = None

    @property
    def right(self) -> NDArray[np.float64]:
        """1 for objects that are right, as object precision counts them, else 0: (N,)."""
        return (self.hits >= COVERED_SHARE * self.areas).astype(np.float64)

    def counts(self, kept: NDArray[np.bool_]) -> Counts:
        """Count pixels and objects where only some are kept.

        Args:
            kept: Which, (N,).

        Returns:
            As `COUNTED` names them, (7,).
        """
        hits, pixels = int(self.hits[kept].sum()), int(self.areas[kept].sum())
        number, true_number, shared = self.pairs
        covered = np.bincount(true_number, shared * kept[number], len(self.true_areas))
        is_counted = self.true_areas >= SIZE_CLASSES[0]
        found = int((covered >= COVERED_SHARE * self.true_areas)[is_counted].sum())
        large = kept & (self.areas >= SIZE_CLASSES[0])
        right = int(self.right[large].sum())
        return np.array(
            [hits, pixels - hits, self.seep - hits, found, int(is_counted.sum()), right, int(large.sum())], np.int64
        )


@dataclass
class _Collector:
    """Notes each object as it is measured; stands for an attribute of the polygons."""

    truth: NDArray[np.int32]
    valid: NDArray[np.bool_]
    rows: list[NDArray[np.float64]] = field(default_factory=list)
    points: list[NDArray[np.float64]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    areas: list[int] = field(default_factory=list)
    pairs: list[tuple[int, int, int]] = field(default_factory=list)

    def note(self, seep: MeasuredObject) -> float:
        """Note an object, unless hardly any truth of it is known; its value as an attribute is its number."""
        box, number = seep.box, len(self.rows)
        place = np.s_[box.top : box.bottom, box.left : box.right]
        size = int(np.count_nonzero(seep.core))
        area = int(np.count_nonzero(seep.core & self.valid[place]))
        if area == 0 or area < LEAST_KNOWN_SHARE * size:
            return -1.0
        own_truth = self.truth[place][seep.core]
        for true_number, pixels in enumerate(np.bincount(own_truth)):
            if true_number and pixels:
                self.pairs.append((number, true_number - 1, int(pixels)))
        self.rows.append(features_of(seep))
        self.points.append(points_of(seep))
        self.sizes.append(size)
        self.areas.append(area)
        return float(number)


def objects_of_fold(fold: Fold, way: Way, recurs: bool = False) -> Iterator[SceneObjects]:
    """The objects of a fold's test scenes, with the fold's own threshold.

    Args:
        fold: Its maps are made where they are not there yet.
        way: How it predicts.
        recurs: Whether the outlines of each scene are laid on the ground grid, so that recurrence can be told.

    Raises:
        UserError: The chips do not lie edge to edge in scenes, or on no ground grid, or something cannot be read.
    """
    maps = PartMaps(fold, "test", way)
    if maps.chips.was_fitted:
        raise UserError(f"{fold.run.dir}: its chips were cropped or padded, and make no scenes with whole objects.")
    runs = [str(run.dir.absolute()) for run in fold.runs]
    config = PredictConfig(run=runs, input=str(fold.run.dir), output=str(maps.folder), device=way.device)
    networks = open_networks(config)
    first = networks[0]
    reading = ReadingOptions(bands_of(networks, None), opening_nodata_of(config, first), first.nodata_bands)
    threshold = float(np.mean([network.threshold for network in networks]))
    smallest = max(network.min_area or DEFAULT_MIN_AREA for network in networks)
    for scene_name, job in zip(maps.tiles, maps.jobs(), strict=True):
        path = maps.folder / f"{job.name}{PROBABILITY_SUFFIX}"
        with job.open(reading) as image, Raster(path, as_stored=True) as probability:
            scene = maps.scene(scene_name)
            objects = _objects_of_scene(scene, image, probability, threshold, smallest)
            yield replace(objects, day=PlaceDay.of(scene)) if recurs else objects


def _objects_of_scene(
    scene: FoldScene, image: Raster, probability: Raster, threshold: float, smallest: int
) -> SceneObjects:
    """The objects of one scene."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(scene.seep.astype(np.uint8), connectivity=8)
    collector = _Collector(np.asarray(labels, np.int32), scene.valid)
    note = PolygonAttribute("number", collector.note, "number of the object")
    options = PolygonOptions(second_look_thresholds(threshold), min_area=DEFAULT_MIN_AREA, attributes=[note])
    find_seeps(probability, options, threshold=threshold, image=image)
    rows = np.array(collector.rows).reshape(-1, len(FEATURES))
    areas = np.array(collector.areas, np.int64)
    pairs = np.array(collector.pairs, np.int64).reshape(-1, 3).T
    usual_keep = Thresholds().around(threshold).keep
    return SceneObjects(
        name=scene.scene,
        fold=scene.fold.number,
        rows=rows,
        areas=areas,
        hits=np.bincount(pairs[0], pairs[2], len(areas)).astype(np.int64),
        usual=(rows[:, list(FEATURES).index("p_max")] >= usual_keep) & (np.array(collector.sizes) >= smallest),
        pairs=pairs,
        true_areas=stats[1:, cv2.CC_STAT_AREA].astype(np.int64),
        seep=int(scene.seep.sum()),
        points=np.array(collector.points).reshape(-1, POINTS, 2),
        threshold=threshold,
    )


def second_look_thresholds(threshold: float) -> Thresholds:
    """The thresholds of objects that are looked at twice: whatever reaches the network's own one.

    Args:
        threshold: That one.
    """
    usual = Thresholds().around(threshold)
    return Thresholds(usual.group, usual.trim, usual.trim)
