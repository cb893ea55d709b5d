"""Seeps as features: outlines and attributes of the objects of a written probability raster."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio import features
from scipy import ndimage
from skimage.morphology import remove_small_holes, remove_small_objects

from seep_lightning.errors import UserError
from seep_lightning.scene import shape
from seep_lightning.scene.cog import LEVELS, level
from seep_lightning.scene.ground import Ground
from seep_lightning.scene.objects import Found, Thresholds, find_objects
from seep_lightning.scene.raster import Raster, gdal

MOST_PIECES = 50_000  # parts and holes of one object: a net that gives noise must not fill the memory with corners
AROUND = (3, 8)  # the surroundings of an object: pixels at this distance from it
TIME_TAGS = ("ACQUISITION_TIME", "ACQUISITION_START_TIME", "PRODUCT_START_TIME", "START_TIME", "DATETIME")

Calibration = Literal["power", "amplitude", "db"]
Attributes = dict[str, float | int | str | None]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PolygonOptions:
    """What becomes a feature, and how.

    min_area (px, after trimming) and min_length (px of the centre line): smaller ones are dropped. fill_holes: holes
    become part of the object, unless they are nodata. simplify: tolerance in px for the outline that is written (the
    attributes are those of the pixels). calibration: what the image's values are, as declared by whoever gives it;
    without it the contrast has no dB.
    """

    thresholds: Thresholds = field(default_factory=Thresholds)
    min_area: int = 20
    min_length: float = 0.0
    fill_holes: bool = False
    simplify: float = 0.0
    calibration: Calibration | None = None


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
    """An object cut out of its scene: its trimmed pixels (h, w), stored probabilities (h, w; 0 is nodata), and rows
    and columns of the scene (top, bottom, left, right), with some of the surroundings.
    """

    core: NDArray[np.bool_]
    stored: NDArray[np.uint8]
    box: tuple[int, int, int, int]


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
    box. Attributes (`_m` and `_m2` are `_px` and `_px2` without georeference; no value where it is not known):

    area_m2, length_m (of the centre line: `shape.centre_line`), width_m (area / length), orientation_deg (of the long
    axis, clockwise from north, 0..180), perimeter_m (outer and inner, stairs of the pixels taken out), compactness
    (Polsby and Popper 1991: 4 pi area / perimeter^2), aspect (axes of the ellipse of equal moments), nodata_share (of
    the object's rim, touching nodata or the scene's end), p_mean, p_max, contrast (mean inside / mean of the sea 3 to
    8 px around), contrast_db (if calibrated), class (if there are), scene, time, model, thresholds.
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
    ground = Ground.of(image if image is not None and image.georeferenced else probability)
    t = options.thresholds
    levels = level(t.group), level(t.trim), level(t.keep)
    origin = image or probability
    name = scene or origin.name
    stated = f"group {t.group:g}, trim {t.trim:g}, keep {t.keep:g}"
    fixed: Attributes = {"scene": name, "time": scene_time(origin.tags, name), "model": model, "thresholds": stated}
    seeps: list[tuple[int, Seep]] = []
    unit = ground.unit
    numbers = (
        f"area_{unit}2", f"length_{unit}", f"width_{unit}", "orientation_deg", f"perimeter_{unit}", "compactness",
        "aspect", "p_mean", "p_max", "contrast", *(["contrast_db"] if options.calibration else []), "nodata_share",
    )  # fmt: skip
    columns = {**dict.fromkeys(numbers, float), **({"class": int} if classes else {}), **dict.fromkeys(fixed, str)}
    with gdal(probability.cache_mb):
        for done, one in enumerate(find_objects(probability, *levels, smallest=options.min_area), 1):
            patch = _patch(probability, one, levels, options)
            seep = _seep(patch, ground, options, image, classes) if patch.core.any() else None
            if seep is not None:
                known = {**fixed, **seep.attributes, "p_max": (one.peak - 1) / LEVELS}
                seeps.append((one.first, Seep(seep.outline, {name: known.get(name) for name in columns})))
            if progress is not None:
                progress(done)
    seeps.sort(key=lambda pair: pair[0])
    return SeepLayer([seep for _, seep in seeps], columns, ground)


def scene_time(tags: dict[str, str], name: str) -> str | None:
    """When the scene was taken, ISO 8601, from the metadata or else from the name (`..._20180114T054412_...`)."""
    upper = {key.upper(): value for key, value in tags.items()}
    for key in TIME_TAGS:
        if upper.get(key):
            return upper[key]
    found = re.search(r"(?<!\d)((?:19|20)\d\d)([01]\d)([0-3]\d)T([0-2]\d)([0-5]\d)([0-5]\d)", name)
    return "{}-{}-{}T{}:{}:{}Z".format(*found.groups()) if found else None


def _patch(probability: Raster, one: Found, levels: tuple[int, int, int], options: PolygonOptions) -> Patch:
    """Read an object with its surroundings; one that noise left in very many pieces loses the smallest of them."""
    pad = AROUND[1] + 1
    top, left = max(one.top - pad, 0), max(one.left - pad, 0)
    box = top, min(one.bottom + pad, probability.height), left, min(one.right + pad, probability.width)
    stored = _plane(probability, box)[0]
    own = slice(one.top - top, one.bottom - top), slice(one.left - left, one.right - left)
    labels = cv2.connectedComponents((stored[own] >= levels[0]).astype(np.uint8), connectivity=8)[1]
    row, column = divmod(one.first, probability.width)
    core = np.zeros(stored.shape, bool)
    core[own] = (labels == labels[row - one.top, column - one.left]) & (stored[own] >= levels[1])
    if options.fill_holes:
        core = ndimage.binary_fill_holes(core) & (stored > 0)
    smallest = 1
    while shape.pieces(core) > MOST_PIECES:
        smallest *= 4
        log.warning("Object at row %d, column %d: parts and holes below %d px left out.", row, column, smallest)
        core = remove_small_holes(remove_small_objects(core, max_size=smallest - 1), max_size=smallest - 1)
    return Patch(core, stored, box)


def _plane(raster: Raster, box: tuple[int, int, int, int]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Band 1 in a box, 0 where it is not valid; and where it is."""
    values, valid = raster.read(*box)
    return np.where(valid, values[0], np.zeros(1, values.dtype)), valid


def _seep(
    patch: Patch, ground: Ground, options: PolygonOptions, image: Raster | None, classes: Raster | None
) -> Seep | None:
    """Outline and measures of one object; None if it is too short."""
    top, bottom, left, right = patch.box
    metres = ground.metres(ground.place(np.array([[(left + right) / 2, (top + bottom) / 2]])))

    def to_metres(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        return metres(ground.place(pixels + np.array([left, top])))

    in_pixels, length = shape.centre_line(patch.core, to_metres)
    if in_pixels < options.min_length:
        return None
    found = features.shapes(patch.core.astype(np.uint8), mask=patch.core, connectivity=4)
    outline = shapely.MultiPolygon([shapely.geometry.shape(part) for part, _ in found])  # touching corners do not join
    area = float(shapely.transform(outline, to_metres).area)
    perimeter = float(shapely.transform(shape.rim(outline), to_metres).length)
    orientation, aspect = shape.axes(patch.core, to_metres)
    attributes: Attributes = {
        f"area_{ground.unit}2": area,
        f"length_{ground.unit}": length,
        f"width_{ground.unit}": area / length,
        "orientation_deg": orientation,
        f"perimeter_{ground.unit}": perimeter,
        "compactness": min(1.0, 4 * np.pi * area / perimeter**2),
        "aspect": aspect,
        "nodata_share": shape.rim_share(patch.core, patch.stored == 0),
        "p_mean": (float(patch.stored[patch.core].mean()) - 1) / LEVELS,
    }
    if image is not None:
        attributes |= _contrast(patch, level(options.thresholds.trim), image, options.calibration)
    if classes is not None:
        numbers = _plane(classes, patch.box)[0][patch.core]
        counts = np.bincount(numbers[numbers > 0], minlength=1)
        attributes["class"] = int(counts.argmax()) or None
    placed = shapely.transform(
        shapely.simplify(outline, options.simplify), lambda xy: ground.place(xy + np.array([left, top]))
    )
    return Seep(shapely.MultiPolygon(shapely.get_parts(placed).tolist()), attributes)


def _contrast(patch: Patch, trim: int, image: Raster, calibration: Calibration | None) -> Attributes:
    """Mean inside over mean of the sea around, other objects left out; of the power, where the values are dB."""
    values, valid = _plane(image, patch.box)
    distance = cv2.distanceTransform((~patch.core).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    around = (distance >= AROUND[0]) & (distance <= AROUND[1]) & valid & (patch.stored > 0) & (patch.stored < trim)
    inside = patch.core & valid
    if not inside.any() or not around.any():
        return {}
    dark, sea = (values[part].astype(np.float64) for part in (inside, around))
    if calibration == "db":
        dark, sea = 10 ** (dark / 10), 10 ** (sea / 10)
    if not (dark.mean() > 0 and sea.mean() > 0):
        return {}
    ratio = float(dark.mean() / sea.mean())
    return {"contrast": ratio, "contrast_db": (20 if calibration == "amplitude" else 10) * float(np.log10(ratio))}
