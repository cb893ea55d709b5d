"""What of a scene is wanted: polygons of a vector file (area of interest, or land to leave out) as masks of rows."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyogrio.errors
import pyogrio.raw
import pyproj
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio import features

from seep_lightning.errors import UserError
from seep_lightning.scene.ground import Ground
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.source import Mask


@dataclass(frozen=True)
class VectorArea:
    """A `strip.Area`: rows of the scene to what is wanted of them. `key` is a hash of the outlines in pixels."""

    outlines: NDArray[np.object_]
    bounds: NDArray[np.float64]
    width: int
    inside: bool
    key: str

    def __call__(self, start: int, stop: int) -> Mask:
        """Pixels of rows start..stop whose centre is in an outline (or is not, for `inside=False`)."""
        here = self.outlines[(self.bounds[:, 1] < stop) & (self.bounds[:, 3] > start)]
        if not len(here):
            return np.full((stop - start, self.width), not self.inside)
        burnt = features.rasterize(
            here, (stop - start, self.width), transform=Affine.translation(0, start), dtype=np.uint8
        )
        wanted: Mask = burnt == (1 if self.inside else 0)
        return wanted


def vector_area(path: Path, raster: Raster, *, inside: bool = True) -> VectorArea:
    """The polygons of a vector file as an area of a scene; `inside=False` leaves them out (land).

    Coordinates are brought into the scene's system and then to its pixels, long edges in small steps, so that it works
    for ground control points too. Without georeference the file must be in pixels (x the column, y minus the row).
    Raises `UserError` for a file that is none, has no polygon, no coordinate system, or nothing within the scene.
    """
    ground = Ground.of(raster)
    box = shapely.box(0, 0, raster.width, raster.height)
    try:
        info = pyogrio.read_info(path)
        source = pyproj.CRS.from_user_input(info["crs"]) if info["crs"] and ground.crs else None
        if ground.crs is not None and source is None:
            raise UserError(f"{path} has no coordinate system, the scene has one. Assign it with ogr2ogr -a_srs.")
        move = pyproj.Transformer.from_crs(source, ground.crs, always_xy=True) if source else None
        frame = shapely.segmentize(box, max(raster.width, raster.height) / 20)
        placed = shapely.transform(frame, ground.place)
        if move is not None:
            placed = shapely.transform(
                placed, lambda p: np.column_stack(move.transform(p[:, 0], p[:, 1], direction="INVERSE"))
            )
        _, _, geometry, _ = pyogrio.raw.read(path, columns=[], bbox=placed.buffer(0.02 * placed.length).bounds)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, pyproj.exceptions.ProjError) as error:
        raise UserError(f"{path} cannot be read as polygons ({str(error)[:120]}). Expected a vector file.") from error
    outlines = np.array([g for g in shapely.from_wkb(geometry) if g is not None and g.area > 0], dtype=object)
    if len(outlines):
        outlines = shapely.segmentize(outlines, placed.length / 200)
        if move is not None:
            outlines = shapely.transform(outlines, lambda p: np.column_stack(move.transform(p[:, 0], p[:, 1])))
        outlines = shapely.transform(outlines, ground.unplace)
        outlines = outlines[np.isfinite(shapely.bounds(outlines)).all(axis=1)]
    outlines = outlines[shapely.intersects(shapely.envelope(outlines), box)] if len(outlines) else outlines
    if inside and not len(outlines):
        raise UserError(f"{path} has no polygon within {raster.path}. Check both on a map: which coordinate system?")
    key = hashlib.sha256(b"".join(shapely.to_wkb(outlines)) + bytes([inside])).hexdigest()
    return VectorArea(outlines, shapely.bounds(outlines).reshape(-1, 4), raster.width, inside, key)
