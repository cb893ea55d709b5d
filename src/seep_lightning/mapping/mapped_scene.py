"""A mapped scene as Python gets it: its row of the table, and its files."""

from dataclasses import dataclass
from pathlib import Path

from seep_lightning.config.commands import PredictConfig
from seep_lightning.mapping.table import SceneRow
from seep_lightning.scene.raster_formats import MASK_SUFFIX, PROBABILITY_SUFFIX


@dataclass(frozen=True)
class MappedScene:
    """The map of one scene.

    Attributes:
        name: The scene's name, with which its files begin.
        probability: The raster of probabilities (uint8: 0 nodata, else 1 + 254 p).
        mask: The raster of seep and sea.
        outlines: The vector file of seeps; None if no polygons were asked for.
        seeps: Number of outlined seeps; None likewise.
        area: Their area together, in `unit`; None likewise.
        unit: `m2`, or `px2` for a scene without a coordinate system; empty likewise.
        seconds: How long the mapping took, by the last call that did something.
        notes: What was assumed of the scene, and what is doubtful about it; empty where nothing is.
    """

    name: str
    probability: Path
    mask: Path
    outlines: Path | None
    seeps: int | None
    area: float | None
    unit: str
    seconds: float | None
    notes: str = ""

    @classmethod
    def of_row(cls, row: SceneRow, config: PredictConfig) -> "MappedScene":
        """Name the files that belong to a row.

        Args:
            row: Of a scene that was mapped.
            config: The settings it was mapped with.
        """
        folder = Path(config.output)
        outlines = folder / f"{row.name}.{config.format}" if config.polygons else None
        return cls(
            name=row.name,
            probability=folder / f"{row.name}{PROBABILITY_SUFFIX}",
            mask=folder / f"{row.name}{MASK_SUFFIX}",
            outlines=outlines,
            seeps=row.seeps,
            area=row.area,
            unit=row.unit,
            seconds=row.seconds,
            notes=row.notes,
        )
