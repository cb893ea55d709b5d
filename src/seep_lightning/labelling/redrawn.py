"""Outlines that a person drew anew in the layer of a review, as pixels of its chips."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyproj
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio import features

from seep_lightning.data.mosaic import chip_box
from seep_lightning.errors import UserError, as_user_error
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
from seep_lightning.labelling.review_layer import outline_along_pixels
from seep_lightning.labelling.review_places import ScenePlace
from seep_lightning.scene.boxes import Box, box_around
from seep_lightning.scene.datasets import silent_about_georeference
from seep_lightning.scene.ground import Ground
from seep_lightning.scene.projections import WGS84, Points, Reprojection, near_longitude
from seep_lightning.scene.raster import Raster

SAME_OUTLINE = 0.25
"""Px between an outline and the one that the review wrote, up to which nobody has changed it: programs that copy a
layer round its coordinates, and know other ways between two coordinate systems."""
CRS_ADVICE = "Save the layer in EPSG:4326."


def redrawn_patches(review: ReviewFile, candidate: ListedLabel, drawn: DrawnOutline) -> list[Patch] | None:
    """Lay an outline on the chips of its scene.

    Args:
        review: The review.
        candidate: What the outline is of.
        drawn: The outline in the layer.

    Returns:
        Its pixels on each chip, as the suggestion of a patch; None where it is the outline that the review wrote.

    Raises:
        UserError: It lies on no chip of the scene, or a chip cannot be read.
    """
    places = _chip_boxes(review, candidate)
    written = _written(candidate, places)
    placement = _placement(review, candidate, places)
    in_place = _in_coordinates_of(review, drawn)
    if _is_same(written, in_place, placement):
        return None
    shape = shapely.transform(in_place, placement.unplace)
    burnt = {name: _burnt(shape, place) for name, (_, place) in places.items()}
    patches = [_patch(name, mask) for name, mask in burnt.items() if mask.any()]
    if not patches:
        raise UserError(f"{drawn.source}: what was drawn lies on no chip of {candidate.scene}.")
    return patches


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


@dataclass(frozen=True)
class _Placement:
    """How the columns and rows of a scene lie in the coordinates of the layer.

    Attributes:
        place: By the chip that the review placed the scene by; None for a layer in pixels.
    """

    place: ScenePlace | None

    def coordinates(self, pixels: Points) -> Points:
        """Columns and rows of the scene (N, 2) to coordinates of the layer."""
        if self.place is None:
            right_and_up: Points = pixels * np.array([1, -1])
            return right_and_up
        return self.place.coordinates(pixels, in_degrees=True)

    def unplace(self, coordinates: Points) -> Points:
        """Coordinates of the layer (N, 2) to columns and rows of the scene."""
        if self.place is None:
            return self.coordinates(coordinates)
        return self.place.unplace(coordinates)


def _placement(review: ReviewFile, candidate: ListedLabel, places: Places) -> _Placement:
    """How a candidate's scene was placed as the layer was written."""
    if not review.in_degrees:
        return _Placement(None)
    # reviews of earlier versions do not tell by which chip
    chip, box = places.get(candidate.placed_by) or next(iter(places.values()))
    with Raster(Path(chip.image)) as raster:
        return _Placement(ScenePlace(Ground.of(raster), box.top, box.left, chip.name))


def _in_coordinates_of(review: ReviewFile, drawn: DrawnOutline) -> shapely.Geometry:
    """An outline of a layer in the coordinates that the review wrote: degrees, or columns and minus rows."""
    # QGIS wants a coordinate system for pixels, too
    if not review.in_degrees:
        return drawn.shape
    if not drawn.crs:
        raise UserError(
            f"{drawn.source} is in a layer without a coordinate system; the review's is in degrees. {CRS_ADVICE}"
        )
    problem = f"{drawn.source}: PROJ cannot use the layer's coordinate system"
    with as_user_error(problem, pyproj.exceptions.ProjError, advice=CRS_ADVICE):
        return shapely.transform(drawn.shape, Reprojection(drawn.crs, WGS84))


def _written(candidate: ListedLabel, places: Places) -> shapely.Geometry:
    """The outline that the review wrote, in columns and rows of the scene: of the label, or else of the suggestion."""
    has_label = any(patch.mask(patch.label).any() for patch in candidate.patches)
    parts = []
    for patch in candidate.patches:
        _, place = places[patch.chip]
        if patch.top + patch.height > place.height or patch.left + patch.width > place.width:
            raise UserError(f"{patch.chip} is smaller than when it was reviewed. {ADVICE}")
        mask = patch.mask(patch.label if has_label else patch.suggestion)
        parts.append(outline_along_pixels(mask, place.top + patch.top, place.left + patch.left))
    # without the points at which edges of chips cut it
    return shapely.simplify(shapely.union_all(parts), 0)


def _is_same(written: shapely.Geometry, in_place: shapely.Geometry, placement: _Placement) -> bool:
    """Whether an outline in the coordinates of the layer is the one that was written, in columns and rows."""
    placed = shapely.transform(written, placement.coordinates)
    if placed.is_empty or not np.isfinite([*placed.bounds, *in_place.bounds]).all():
        return False
    # px of the scene for both, straightened: an inverse of control points would only add its own errors
    to_pixels = _LinearWay.about(np.array([shapely.get_coordinates(written).mean(axis=0)]), placement)
    if to_pixels.is_flat:
        return False
    lines = [shapely.boundary(shapely.transform(shape, to_pixels)) for shape in (placed, in_place)]
    return _lies_along(lines[0], lines[1]) and _lies_along(lines[1], lines[0])


@dataclass(frozen=True)
class _LinearWay:
    """Coordinates of the layer to px about a pixel, as if the ground were flat there; a callable on points (N, 2).

    Attributes:
        origin: Coordinates of the pixel, (1, 2).
        pixel: Coordinates by column and row, (2, 2).
        wraps: Whether the first coordinate is a longitude.
    """

    origin: Points
    pixel: NDArray[np.float64]
    wraps: bool

    @classmethod
    def about(cls, centre: Points, placement: _Placement) -> "_LinearWay":
        """The way about a pixel (1, 2)."""
        steps = placement.coordinates(centre + np.array([[0, 0], [1, 0], [0, 1]]))
        return cls(steps[:1], steps[1:] - steps[0], wraps=placement.place is not None)

    @property
    def is_flat(self) -> bool:
        """Whether pixels have no area there, so that there is no way back."""
        return not abs(np.linalg.det(self.pixel)) > 0

    def __call__(self, coordinates: Points) -> Points:
        """Coordinates (N, 2) to px from the pixel."""
        near = near_longitude(coordinates, self.origin[0, 0]) if self.wraps else coordinates
        columns_and_rows = np.linalg.solve(self.pixel.T, (near - self.origin).T).T
        return np.asarray(columns_and_rows, np.float64)


def _lies_along(line: shapely.Geometry, other: shapely.Geometry) -> bool:
    """Whether the points of a line, and the middles of its edges, lie on another one, within `SAME_OUTLINE`."""
    shapely.prepare(other)
    for ring in shapely.get_parts(line):
        points = shapely.get_coordinates(ring)
        middles = (points[1:] + points[:-1]) / 2
        if not shapely.dwithin(other, shapely.points(np.concatenate([points, middles])), SAME_OUTLINE).all():
            return False
    return True


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
