"""The list of what to outline next as files: a table and a layer for a GIS, both or none."""

import logging
from collections.abc import Sequence
from pathlib import Path

import shapely
from affine import Affine

from seep_lightning.config.commands import NextConfig
from seep_lightning.errors import UserError, writing_to
from seep_lightning.files import draft_of, remove_leftovers, table_text, write_text
from seep_lightning.labelling.next_columns import NEXT_COLUMNS, RankedCandidate, look_of, row_of
from seep_lightning.scene.ground import Ground
from seep_lightning.scene.placements import AffinePlacement
from seep_lightning.scene.polygons import Seep, SeepLayer
from seep_lightning.scene.projections import WGS84, Reprojection, near_longitude
from seep_lightning.scene.vector_files import write_seeps

TABLE_NAME, LAYER_NAME = "next.csv", "next.gpkg"

log = logging.getLogger(__name__)


def output_folder(config: NextConfig) -> Path:
    """The folder of the list."""
    return Path(config.output).absolute()


def check_free(output: Path, *, overwrite: bool) -> None:
    """Check that an output folder may be written into.

    Args:
        output: The folder, which need not be there.
        overwrite: Whether a list that is there may be replaced.

    Raises:
        UserError: It is a file, or a list is there, or files of somebody else.
    """
    if output.exists() and not output.is_dir():
        raise UserError(f"output={output} is a file; expected a folder to write into.")
    if not output.is_dir():
        return
    ours = {TABLE_NAME, LAYER_NAME, Path(LAYER_NAME).with_suffix(".qml").name}
    present = [path.name for path in output.iterdir() if not path.name.startswith(".")]
    if present and not overwrite:
        raise UserError(f"output={output} exists and is not empty. Choose another, or pass overwrite=true.")
    others = sorted(set(present) - ours)
    if others and not set(present) & ours:
        raise UserError(f"output={output} holds no list, but {others[0]}. Choose another folder.")


def write_list(output: Path, ranked: Sequence[RankedCandidate]) -> None:
    """Write the table and the layer; a new folder appears when both are whole.

    Args:
        output: The folder.
        ranked: The candidates, the first one first.

    Raises:
        DiskError: The disk is full or refuses the files.
    """
    if output.is_dir():
        _write_into(output, ranked)
        return
    with writing_to(output):
        output.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(output.parent)
    with draft_of(output) as draft, writing_to(output):
        draft.mkdir()
        _write_into(draft, ranked)
        draft.replace(output)


def _write_into(folder: Path, ranked: Sequence[RankedCandidate]) -> None:
    """Write the layer, then the table."""
    rows = [row_of(each) for each in ranked]
    write_seeps(_layer(ranked), folder / LAYER_NAME, overwrite=True, look=look_of(len(ranked)))
    write_text(folder / TABLE_NAME, table_text(rows))


def _layer(ranked: Sequence[RankedCandidate]) -> SeepLayer:
    """The list as features."""
    ground = _common_ground({each.candidate.wkt for each in ranked})
    features = [Seep(_outline_on(ground, each), row_of(each)) for each in ranked]
    missing = sum(feature.outline is None for feature in features)
    if missing:
        log.warning("%d of %d have no coordinate system: they stand in the list without a place.", missing, len(ranked))
    columns: dict[str, type] = {column.name: column.kind for column in NEXT_COLUMNS}
    return SeepLayer(features, columns, ground, NEXT_COLUMNS)


def _common_ground(systems: set[str]) -> Ground:
    """The ground of a layer of outlines from several coordinate systems: the one that all have, or degrees."""
    known = sorted(systems - {""})
    # the outlines are placed already
    placement = AffinePlacement(Affine.identity())
    match known:
        case []:
            return Ground("", "px", "no coordinate system: x is the column, y minus the row", placement)
        case [wkt]:
            return Ground(wkt, "m", "that of the scenes", placement)
    return Ground(WGS84, "m", "longitude and latitude, for scenes of several coordinate systems", placement)


def _outline_on(ground: Ground, ranked: RankedCandidate) -> shapely.MultiPolygon:
    """An outline in the layer's coordinate system; None where nobody knows its place there."""
    candidate = ranked.candidate
    if candidate.wkt == ground.wkt:
        return candidate.outline
    if not candidate.wkt:
        return None
    to_degrees = Reprojection(candidate.wkt, WGS84)
    degrees = shapely.transform(candidate.outline, to_degrees)
    west = shapely.get_coordinates(degrees)[0, 0]
    return shapely.transform(degrees, lambda points: near_longitude(points, west))
