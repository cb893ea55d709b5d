"""What of a scene is mapped: the pixels inside `area` and outside `land`."""

from pathlib import Path

import numpy as np

from seep_lightning.config.commands import PredictConfig
from seep_lightning.scene.interfaces import Area, Mask
from seep_lightning.scene.outlines import vector_area
from seep_lightning.scene.raster import Raster


def area_of_interest(raster: Raster, config: PredictConfig) -> tuple[Area | None, str]:
    """What of a scene is to be mapped: inside `config.area` and outside `config.land`.

    Args:
        raster: The scene.
        config: Names the vector files, if any.

    Returns:
        The area, None for the whole scene; and a hash of what it depends on, empty for the whole scene.

    Raises:
        UserError: A file cannot be read, or none of `config.area` lies in the scene.
    """
    areas: list[Area] = []
    keys: list[str] = []
    for file, inside in ((config.area, True), (config.land, False)):
        if file is not None:
            area, key = vector_area(Path(file), raster, inside=inside)
            areas.append(area)
            keys.append(key)
    if not areas:
        return None, ""

    def in_all(start: int, stop: int) -> Mask:
        return np.asarray(np.logical_and.reduce([area(start, stop) for area in areas]))

    return in_all, "".join(keys)
