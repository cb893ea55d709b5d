"""What a scene's row of the table says of its outlines, and of the control points that place them."""

from dataclasses import replace

from seep_lightning.mapping.table import SceneRow
from seep_lightning.scene.placements import ControlPointPlacement
from seep_lightning.scene.polygons import SeepLayer


def with_seeps(row: SceneRow, layer: SeepLayer) -> SceneRow:
    """The row of a scene with the number and the area of its seeps.

    Args:
        row: The row.
        layer: Its outlines.
    """
    unit = f"{layer.ground.unit}2"
    column = f"area_{unit}"
    sizes = [float(seep.attributes[column] or 0) for seep in layer.seeps]
    return replace(row, seeps=len(sizes), area=sum(sizes), unit=unit)


def with_placement(row: SceneRow, placement: ControlPointPlacement | None) -> SceneRow:
    """The row of a scene with how its control points place it.

    Args:
        row: The row.
        placement: The placement; None without control points.
    """
    if placement is None:
        return row
    row = replace(row, placement=placement.name)
    if placement.residual is None:
        return row
    return replace(
        row,
        residual_mean_m=placement.residual.mean_m,
        residual_max_m=placement.residual.max_m,
        residual_mean_px=placement.residual.mean_px,
        residual_max_px=placement.residual.max_px,
    )
