"""The layer of a review for QGIS: a polygon for each candidate, with a column for the answer."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyproj
import shapely
from affine import Affine
from rasterio import features

from seep_lightning.labelling.review_candidates import Sighting
from seep_lightning.labelling.review_columns import COLUMNS, ReviewOf, row_of
from seep_lightning.labelling.review_file import Mask, ReviewFile
from seep_lightning.labelling.suspect_kinds import KINDS
from seep_lightning.scene.ground import Ground
from seep_lightning.scene.placements import AffinePlacement
from seep_lightning.scene.polygons import Seep, SeepLayer
from seep_lightning.scene.projections import WGS84
from seep_lightning.scene.qgis_style import LayerLook
from seep_lightning.scene.seep_colours import ColourKind, ColourKinds
from seep_lightning.scene.vector_files import write_seeps

_COLOURS = tuple(ColourKind(kind.name, kind.title, kind.colour) for kind in KINDS.values())
LOOK = LayerLook("review", ColourKinds("kind", "probable error", _COLOURS), "a label")
IN_DEGREES = "longitude and latitude by the georeference of each scene's chips"
IN_PIXELS = "no coordinate system: x is the column, y minus the row of the scene that the column scene names"


def write_layer(review: ReviewFile, sightings: Sequence[Sighting], path: Path, folder: Path) -> None:
    """Write the layer.

    Args:
        review: What was found.
        sightings: The same with pixels and places, in the same order.
        path: The GeoPackage.
        folder: Where the review will lie.
    """
    seeps = []
    for candidate, sighting in zip(review.candidates, sightings, strict=True):
        outline = sighting.place.outline(outline_of(sighting), review.in_degrees)
        seeps.append(Seep(outline, row_of(ReviewOf(candidate, review.id, folder))))
    columns = {column.name: column.kind for column in COLUMNS}
    write_seeps(SeepLayer(seeps, columns, _ground(review.in_degrees), COLUMNS), path, look=LOOK)


def outline_of(sighting: Sighting) -> shapely.MultiPolygon:
    """The outline of a label, or of the suggestion where there is none, in columns and rows of the scene."""
    suspect = sighting.suspect
    mask = suspect.label if suspect.label.any() else suspect.suggestion
    return outline_along_pixels(mask, suspect.box.top, suspect.box.left)


def outline_along_pixels(mask: Mask, top: int, left: int) -> shapely.MultiPolygon:
    """The outline of pixels, with its holes; parts that touch only at a corner stay apart.

    Args:
        mask: The pixels, (h, w).
        top: The scene's row of the first one.
        left: The scene's column of it.
    """
    corner = Affine.translation(left, top)
    parts = features.shapes(mask.astype(np.uint8), mask=mask, connectivity=4, transform=corner)
    return shapely.MultiPolygon([shapely.geometry.shape(part) for part, _ in parts])


def _ground(in_degrees: bool) -> Ground:
    """The ground of coordinates that are placed already."""
    placed = AffinePlacement(Affine.identity())
    if not in_degrees:
        return Ground("", "px", IN_PIXELS, placed)
    return Ground(pyproj.CRS(WGS84).to_wkt(), "px", IN_DEGREES, placed)
