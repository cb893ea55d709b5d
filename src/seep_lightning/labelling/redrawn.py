"""Outlines that a person drew anew in the layer of a review, as pixels of its chips."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import shapely
from affine import Affine
from rasterio import features

from seep_lightning.data.mosaic import chip_box
from seep_lightning.errors import UserError
from seep_lightning.labelling.answers import DrawnOutline
from seep_lightning.labelling.review_file import (
    ADVICE,
    NAME,
    ListedLabel,
    Mask,
    Patch,
    ReviewedChip,
    ReviewFile,
    run_lengths,
)
from seep_lightning.scene.boxes import Box, box_around
from seep_lightning.scene.datasets import silent_about_georeference
from seep_lightning.scene.ground import Ground
from seep_lightning.scene.outlines import to_pixels
from seep_lightning.scene.raster import Raster


def redrawn_patches(review: ReviewFile, candidate: ListedLabel, drawn: DrawnOutline) -> list[Patch] | None:
    """Lay an outline on the chips of its scene.

    Args:
        review: The review.
        candidate: What the outline is of.
        drawn: The outline in the layer.

    Returns:
        Its pixels on each chip, as the suggestion of a patch; None where they are those that the review wrote.

    Raises:
        UserError: It lies on no chip of the scene, or a chip cannot be read.
    """
    places = _chip_boxes(review, candidate)
    shape = _in_scene(review, drawn, places)
    before = _without_empty(_written(candidate, places))
    now = _without_empty({name: _burnt(shape, place) for name, (_, place) in places.items()})
    if not now:
        raise UserError(f"{drawn.source}: what was drawn lies on no chip of {candidate.scene}.")
    is_same = before.keys() == now.keys() and all(np.array_equal(before[name], now[name]) for name in now)
    return None if is_same else [_patch(name, mask) for name, mask in now.items()]


def _without_empty(masks: dict[str, Mask]) -> dict[str, Mask]:
    """Only the chips that have any pixel."""
    return {name: mask for name, mask in masks.items() if mask.any()}


Places = dict[str, tuple[ReviewedChip, Box]]
"""The chips of a scene by name, each with its place in the scene, px."""


def _chip_boxes(review: ReviewFile, candidate: ListedLabel) -> Places:
    """The chips of a candidate's scene; a chip without a place in one is its own scene."""
    lone = [chip for chip in review.chips if chip.name == candidate.scene]
    chips = lone or [chip for chip in review.chips if chip.scene == candidate.scene and chip.tile >= 0]
    if not {patch.chip for patch in candidate.patches} <= {chip.name for chip in chips}:
        raise UserError(f"{NAME}: number {candidate.number} lies on chips that are not of its scene. {ADVICE}")
    columns = review.columns.get(candidate.scene, 1)
    size = _size_of(chips)
    positions = [(0, 0) if lone else divmod(chip.tile, columns) for chip in chips]
    return {chip.name: (chip, chip_box(position, size)) for chip, position in zip(chips, positions, strict=True)}


def _size_of(chips: Sequence[ReviewedChip]) -> tuple[int, int]:
    """Height and width of the chips of a scene, which are all of one size."""
    with Raster(Path(chips[0].image)) as raster:
        return raster.height, raster.width


def _in_scene(review: ReviewFile, drawn: DrawnOutline, places: Places) -> shapely.Geometry:
    """An outline in columns and rows of the scene, as `ScenePlace` wrote it from there."""
    if not review.in_degrees:
        return shapely.transform(drawn.shape, lambda points: points * np.array([1, -1]))
    if not drawn.crs:
        raise UserError(f"{drawn.source} is in a layer without a coordinate system; the review's is in degrees.")
    chip, place = next(iter(places.values()))
    with Raster(Path(chip.image)) as raster:
        (on_chip,) = to_pixels(np.array([drawn.shape]), drawn.crs, raster, Ground.of(raster))
    return shapely.transform(on_chip, lambda points: points + np.array([place.left, place.top]))


def _written(candidate: ListedLabel, places: Places) -> dict[str, Mask]:
    """The pixels (H, W) that the review drew on each chip: those of the label, or of the suggestion without one."""
    has_label = any(patch.mask(patch.label).any() for patch in candidate.patches)
    masks: dict[str, Mask] = {}
    for patch in candidate.patches:
        _, place = places[patch.chip]
        mask = masks.setdefault(patch.chip, np.zeros((place.height, place.width), bool))
        part = mask[patch.slices]
        if part.shape != (patch.height, patch.width):
            raise UserError(f"{patch.chip} is smaller than when it was reviewed. {ADVICE}")
        part |= patch.mask(patch.label if has_label else patch.suggestion)
    return masks


def _burnt(shape: shapely.Geometry, place: Box) -> Mask:
    """The pixels (H, W) of a chip that an outline holds."""
    left, top, right, bottom = shape.bounds
    size = place.height, place.width
    # an outline that does not lie on the globe
    if not np.isfinite(shape.bounds).all():
        return np.zeros(size, bool)
    if left >= place.right or right <= place.left or top >= place.bottom or bottom <= place.top:
        return np.zeros(size, bool)
    corner = Affine.translation(place.left, place.top)
    with silent_about_georeference():
        burnt = features.rasterize([shape], size, transform=corner, dtype=np.uint8)
    return np.asarray(burnt > 0)


def _patch(name: str, mask: Mask) -> Patch:
    """The pixels of a chip as a suggestion."""
    box = box_around(mask)
    part = mask[box.slices]
    nothing = run_lengths(np.zeros_like(part))
    return Patch(name, box.top, box.left, box.height, box.width, nothing, run_lengths(part))
