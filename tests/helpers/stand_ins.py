"""A stand-in for a trained network, and scenes mapped by it in this process."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from helpers.maps import band
from seep_lightning.config.commands import PredictConfig
from seep_lightning.mapping.jobs import SceneJob
from seep_lightning.mapping.mapper import SceneMapper
from seep_lightning.mapping.table import SceneRow
from seep_lightning.predictor.base import Predictor
from seep_lightning.scene.scene_file import SceneFile

FACTS = {
    "normalise": {"kind": "chip", "log": True},
    "nodata": 0,
    "nodata bands": "all",
    "classes": 1,
    "bands": 1,
    "band names": [1],
    "values": None,
    "pattern": r"(?P<scene>\w+)",
    "chip_size": [96, 96],
}


class DarkSpots(Predictor):
    """Seep is what lies two standard deviations below the median of its window."""

    def __init__(self, **facts: Any) -> None:
        super().__init__(FACTS | facts, 0.5)

    def probability(self, batch: np.ndarray) -> np.ndarray:
        return (1 / (1 + np.exp(4 * (batch + 1.7)))).astype(np.float32)


class StandInMap(NamedTuple):
    """What came of a scene: its mask (255 where it has no data), what was told of it, its row of the table."""

    mask: np.ndarray
    told: list[str]
    row: SceneRow


def mapped_by(network: Predictor, scene: Path, folder: Path, **options: Any) -> StandInMap:
    """Map a scene of at most 96 px, without outlines."""
    told: list[str] = []
    config = PredictConfig(
        run="",
        input="",
        output=str(folder),
        **{"polygons": False, "window": 96, "overlap": 0, "flips": False, **options},
    )
    job = SceneJob(scene.stem, {SceneFile.of_raster(scene): (0, 0)})
    row = SceneMapper([network], config).map(job, "", None, lambda _, notes: told.extend(notes))
    assert row is not None
    return StandInMap(band(folder / f"{scene.stem}.mask.tif"), told, row)
