"""Seeps as features: outlines and attributes of the objects of a written probability raster."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import cv2
import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio import features
from scipy import ndimage

from seep_lightning.errors import UserError
from seep_lightning.scene import shape
from seep_lightning.scene.cog import LEVELS, level
from seep_lightning.scene.ground import Ground
from seep_lightning.scene.objects import Objects, Thresholds, find_objects
from seep_lightning.scene.raster import Raster, gdal

LARGEST = 1 << 24  # pixels of a box that are read as they are; larger objects are read coarser (`coarse` says how much)
MOST_PIECES = 50_000  # parts and holes of one object: a net that gives noise must not fill the memory with corners
AROUND = (3, 8)  # the surroundings of an object: pixels at this distance from it
TIME_TAGS = ("ACQUISITION_TIME", "ACQUISITION_START_TIME", "PRODUCT_START_TIME", "START_TIME", "DATETIME")

Calibration = Literal["power", "amplitude", "db"]
Attributes = dict[str, float | int | str | None]


@dataclass(frozen=True)
class PolygonOptions:
    """What becomes a feature, and how.

    min_area (px, after trimming) and min_length (px of the centre line): smaller ones are dropped. fill_holes: holes
    become part of the object, unless they are nodata. simplify: tolerance in px for the outline that is written (the
    attributes are those of the pixels). calibration: what the image's values are, as declared by whoever gives it;
    without it the contrast has no dB. tps: a thin plate spline through ground control points.
    """

    thresholds: Thresholds = field(default_factory=Thresholds)
    min_area: int = 20
    min_length: float = 0.0
    fill_holes: bool = False
    simplify: float = 0.0
    calibration: Calibration | None = None
    tps: bool = False


@dataclass(frozen=True)
class Seep:
    """One feature: outline in the scene's coordinates, and attributes in the order in which they are written."""

    outline: shapely.MultiPolygon
    attributes: Attributes


@dataclass(frozen=True)
class SeepLayer:
    """The features of a scene in reading order, their columns (name to float, int or str), and the ground."""

    seeps: list[Seep]
    columns: dict[str, type]
    ground: Ground


@dataclass(frozen=True)
class Patch:
    """An object cut out of its scene. core: its trimmed pixels, (h, w); stored: probability, 0 is nodata, (h, w).

    to_pixels: from the patch's rows and columns to the scene's; its scale is `coarse`.
    """

    core: NDArray[np.bool_]
    stored: NDArray[np.uint8]
    box: tuple[int, int, int, int]
    coarse: int

    @property
    def to_pixels(self) -> Affine:
        """Patch columns and rows to scene columns and rows."""
        return Affine(self.coarse, 0, self.box[1], 0, self.coarse, self.box[0])


def find_seeps(
    probability: Raster,
    options: PolygonOptions | None = None,
    *,
    image: Raster | None = None,
    classes: Raster | None = None,
    scene: str | None = None,
    model: str = "",
    progress: Callable[[int], None] | None = None,
) -> SeepLayer:
    """The seeps of a probability raster that `mapping.map_scene` wrote.

    image: the scene itself, for the contrast (its first band). classes: a mask of class numbers; the commonest inside
    an object becomes its class. progress: called with the number of objects done. Each object is read once, by its
    box. Attributes (`_m` and `_m2` are `_px` and `_px2` without georeference):

    area_m2, length_m (of the centre line: `shape.centre_line`), width_m (area / length), orientation_deg (of the long
    axis, clockwise from north, 0..180), perimeter_m (outer and inner, stairs of the pixels taken out), compactness
    (Polsby and Popper 1991: 4 pi area / perimeter^2), aspect (axes of the ellipse of equal moments), nodata_share (of
    the object's rim, touching nodata or the scene's end), p_mean, p_max, contrast (mean inside / mean of the sea 3 to
    8 px around), contrast_db (if calibrated), class (if there are), scene, time, model, thresholds, coarse (pixels
    that became one while an object too large for memory was read; 1 for all others).
    """
    options = options or PolygonOptions()
    for other in (image, classes):
        if other is not None and (other.height, other.width) != (probability.height, probability.width):
            raise UserError(
                f"{other.path} is {other.width} x {other.height} px, {probability.path} {probability.width} x "
                f"{probability.height} px; expected one size. Give the scene that was mapped."
            )
    if probability.dtype != np.uint8:
        raise UserError(f"{probability.path} stores {probability.dtype}; expected the 8-bit probabilities of a map.")
    ground = Ground.of(image if image is not None and image.georeferenced else probability, options.tps)
    t = options.thresholds
    levels = level(t.group), level(t.trim), level(t.keep)
    origin = image or probability
    fixed: Attributes = {
        "scene": scene or origin.name,
        "time": scene_time(origin.tags, scene or origin.name),
        "model": model,
        "thresholds": f"group {t.group:g}, trim {t.trim:g}, keep {t.keep:g}",
    }
    seeps: list[tuple[int, Seep]] = []
    done = 0
    with gdal(probability.cache_mb):
        for found in find_objects(probability, *levels, smallest=options.min_area):
            for i in range(len(found)):
                one = found[np.array([i])]
                seep = _seep(_patch(probability, one, levels, options), ground, options, image, classes)
                if seep is not None:
                    seep.attributes.update(fixed, p_max=(int(one.peak[0]) - 1) / LEVELS)
                    seeps.append((int(one.first[0]), seep))
            done += len(found)
            if progress is not None:
                progress(done)
    seeps.sort(key=lambda pair: pair[0])
    columns = _columns(ground.unit, options.calibration is not None, classes is not None)
    ordered = [Seep(seep.outline, {name: seep.attributes[name] for name in columns}) for _, seep in seeps]
    return SeepLayer(ordered, columns, ground)


def _columns(unit: str, calibrated: bool, classed: bool) -> dict[str, type]:
    names = (
        f"area_{unit}2", f"length_{unit}", f"width_{unit}", "orientation_deg", f"perimeter_{unit}", "compactness",
        "aspect", "p_mean", "p_max", "contrast", *(["contrast_db"] if calibrated else []), "nodata_share",
    )  # fmt: skip
    text = ("scene", "time", "model", "thresholds")
    number = {"class": int} if classed else {}
    return {**dict.fromkeys(names, float), **number, **dict.fromkeys(text, str), "coarse": int}


def scene_time(tags: dict[str, str], name: str) -> str | None:
    """When the scene was taken, ISO 8601, from the metadata or else from the name (`..._20180114T054412_...`)."""
    upper = {key.upper(): value for key, value in tags.items()}
    for key in TIME_TAGS:
        if upper.get(key):
            return upper[key]
    found = re.search(r"(?<!\d)((?:19|20)\d\d)([01]\d)([0-3]\d)T([0-2]\d)([0-5]\d)([0-5]\d)", name)
    return "{}-{}-{}T{}:{}:{}Z".format(*found.groups()) if found else None


def _patch(probability: Raster, one: Objects, levels: tuple[int, int, int], options: PolygonOptions) -> Patch:
    pad = AROUND[1] + 1
    box = (
        max(int(one.top[0]) - pad, 0),
        max(int(one.left[0]) - pad, 0),
        min(int(one.bottom[0]) + pad, probability.height),
        min(int(one.right[0]) + pad, probability.width),
    )
    coarse = int(np.ceil(np.sqrt((box[2] - box[0]) * (box[3] - box[1]) / LARGEST)))
    while True:
        stored, _, peak = _read(probability, box, coarse)
        _, labels = cv2.connectedComponents((peak >= levels[0]).astype(np.uint8), connectivity=8)
        row, column = divmod(int(one.first[0]), probability.width)
        same = labels == labels[(row - box[0]) // coarse, (column - box[1]) // coarse]
        if not (same & (stored >= levels[1])).any():  # every pixel above the threshold fell between the samples
            stored = peak
        core = same & (stored >= levels[1])
        if options.fill_holes:
            core = ndimage.binary_fill_holes(core) & (stored > 0)
        if shape.pieces(core) <= MOST_PIECES:
            return Patch(core, stored, box, coarse)
        coarse *= 2


def _read(
    raster: Raster, box: tuple[int, int, int, int], coarse: int
) -> tuple[NDArray[Any], NDArray[np.bool_], NDArray[Any]]:
    """Band 1 in a box: every `coarse`-th pixel, whether it is valid, and the largest of `coarse` x `coarse` pixels.

    Nodata is 0 in both. Large boxes are read in pieces.
    """
    top, left, bottom, right = box
    step = bottom - top if coarse == 1 else 64 * coarse
    pieces = []
    for a in range(top, bottom, step):
        values, valid = raster.read(a, min(a + step, bottom), left, right)
        plane = np.where(valid, values[0], np.zeros(1, values.dtype))
        if coarse == 1:
            return plane, valid, plane
        rows = np.maximum.reduceat(plane, np.arange(0, plane.shape[0], coarse), axis=0)
        largest = np.maximum.reduceat(rows, np.arange(0, plane.shape[1], coarse), axis=1)
        pieces.append((plane[::coarse, ::coarse].copy(), valid[::coarse, ::coarse].copy(), largest))
    sampled, known, peak = (np.concatenate(part) for part in zip(*pieces, strict=True))
    return sampled, known, peak


def _polygons(patch: Patch) -> shapely.MultiPolygon:
    """The object's outline in the scene's pixels; parts that touch at a corner only are parts."""
    core = patch.core.astype(np.uint8)
    found = features.shapes(core, mask=patch.core, connectivity=4, transform=patch.to_pixels)
    return shapely.MultiPolygon([shapely.geometry.shape(outline) for outline, _ in found])


def _seep(
    patch: Patch, ground: Ground, options: PolygonOptions, image: Raster | None, classes: Raster | None
) -> Seep | None:
    """Outline and measures of one object; None if it is too short."""
    polygons = _polygons(patch)
    measured = _measured(patch, polygons, ground, options.min_length)
    if measured is None:
        return None
    contrast = _contrast(patch, level(options.thresholds.trim), image, options.calibration)
    attributes = {**measured, **contrast, **_class(patch, classes), "coarse": patch.coarse}
    return Seep(_outline(polygons, ground, options.simplify), attributes)


def _outline(polygons: shapely.MultiPolygon, ground: Ground, simplify: float) -> shapely.MultiPolygon:
    """The outline to be written, in the scene's coordinates."""
    if simplify > 0:
        polygons = shapely.simplify(polygons, simplify, preserve_topology=True)
    placed = shapely.transform(polygons, ground.place)
    return placed if isinstance(placed, shapely.MultiPolygon) else shapely.MultiPolygon([placed])


def _measured(patch: Patch, polygons: shapely.MultiPolygon, ground: Ground, min_length: float) -> Attributes | None:
    """What the object's pixels tell; None if it is too short."""
    centre = np.array([[(patch.box[1] + patch.box[3]) / 2, (patch.box[0] + patch.box[2]) / 2]])
    metres = ground.metres(ground.place(centre))

    def to_metres(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        return metres(ground.place(pixels))

    line = shape.centre_line(patch.core, patch.to_pixels, to_metres)
    if line.pixels < min_length:
        return None
    area = float(shapely.transform(polygons, to_metres).area)
    perimeter = float(shapely.transform(shape.rim(polygons, patch.coarse), to_metres).length)
    orientation, aspect = shape.axes(patch.core, patch.to_pixels, to_metres)
    return {
        f"area_{ground.unit}2": area,
        f"length_{ground.unit}": line.metres,
        f"width_{ground.unit}": area / line.metres,
        "orientation_deg": orientation,
        f"perimeter_{ground.unit}": perimeter,
        "compactness": min(1.0, 4 * np.pi * area / perimeter**2),
        "aspect": aspect,
        "nodata_share": shape.rim_share(patch.core, patch.stored == 0),
        "p_mean": (float(patch.stored[patch.core].mean()) - 1) / LEVELS,
    }


def _class(patch: Patch, classes: Raster | None) -> Attributes:
    """The commonest class number inside."""
    if classes is None:
        return {}
    numbers = _read(classes, patch.box, patch.coarse)[0][patch.core]
    counts = np.bincount(numbers[numbers > 0], minlength=2)
    return {"class": int(counts.argmax()) if counts.any() else None}


def _contrast(patch: Patch, trim: int, image: Raster | None, calibration: Calibration | None) -> Attributes:
    """Mean inside over mean of the sea around, other objects left out; of the power, where the values are dB."""
    names = ("contrast", "contrast_db") if calibration else ("contrast",)
    nothing: Attributes = dict.fromkeys(names)
    if image is None:
        return nothing
    values, valid, _ = _read(image, patch.box, patch.coarse)
    distance = cv2.distanceTransform((~patch.core).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    around = (distance >= AROUND[0]) & (distance <= AROUND[1]) & valid & (patch.stored > 0) & (patch.stored < trim)
    inside = patch.core & valid
    if not inside.any() or not around.any():
        return nothing
    dark, sea = (values[part].astype(np.float64) for part in (inside, around))
    if calibration == "db":
        dark, sea = 10 ** (dark / 10), 10 ** (sea / 10)
    ratio = dark.mean() / sea.mean() if sea.mean() > 0 else np.nan
    if not ratio > 0:
        return nothing
    factor = 20 if calibration == "amplitude" else 10
    return dict(zip(names, (float(ratio), float(factor * np.log10(ratio))), strict=False))
