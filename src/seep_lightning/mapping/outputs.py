"""The files that the map of one scene consists of beside its rasters, and what must not be replaced by them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seep_lightning.config.commands import PredictConfig
from seep_lightning.data.images import write_image
from seep_lightning.data.mosaic import chip_box
from seep_lightning.errors import WouldReplace
from seep_lightning.files import make_inner_folder, real_path
from seep_lightning.mapping.jobs import SceneJob
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.raster_formats import PROBABILITY_SUFFIX, chip_map_name
from seep_lightning.scene.scene_map import SceneMap

MASKS = "masks"
PROBABILITIES = "probabilities"


@dataclass(frozen=True)
class SceneOutputs:
    """Where the map of one scene goes.

    Attributes:
        folder: `config.output`.
        probability: The raster of probabilities.
        outlines: The vector file of outlines.
        picture: The scene with its outlines.
        written: All that this call may write, beside the rasters.
    """

    folder: Path
    probability: Path
    outlines: Path
    picture: Path
    written: tuple[Path, ...]

    @classmethod
    def of(cls, job: SceneJob, config: PredictConfig) -> "SceneOutputs":
        """The files of a scene's map.

        Args:
            job: The scene.
            config: The output folder, and which files are asked for.
        """
        folder = Path(config.output)
        probability = folder / f"{job.name}{PROBABILITY_SUFFIX}"
        outlines = folder / f"{job.name}.{config.format}"
        picture = folder / f"{job.name}.png"
        written = [outlines]
        if config.picture:
            written.append(picture)
        if config.chips:
            written += _cut_paths(folder / MASKS, job)
            written += _cut_paths(folder / PROBABILITIES, job)
        return cls(folder, probability, outlines, picture, tuple(written))

    def check_replaceable(self, job: SceneJob, *, overwrite: bool) -> None:
        """Check that this call replaces neither its input nor files of somebody else.

        Args:
            job: The scene.
            overwrite: Whether files of somebody else may be replaced.

        Raises:
            UserError: It would.
        """
        inputs = {real_path(file.path) for file in job.tiles}
        may_replace = overwrite or self.probability.exists()
        for path in self.written:
            if real_path(path) in inputs:
                raise WouldReplace(f"{path} is what is to be mapped, and would be replaced. Choose another output.")
            if path.exists() and not may_replace:
                raise WouldReplace(
                    f"{path} is there already, and is not of this map. Choose another output, or overwrite=true."
                )


def is_there(path: Path) -> bool:
    """Whether a file that was written before is there, and not empty."""
    return path.is_file() and path.stat().st_size > 0


def cut_path(folder: Path, job: SceneJob, chip: Path) -> Path:
    """The file in `folder` that holds a chip's part of a map."""
    if len(job.tiles) > 1:
        return folder / chip_map_name(chip.name)
    # files in several folders may have one name, jobs have not
    return folder / chip_map_name(f"{job.name}{chip.suffix}")


def _cut_paths(folder: Path, job: SceneJob) -> list[Path]:
    """The files in `folder` that hold the parts of a map, cut into the scene's chips."""
    return [cut_path(folder, job, file.path) for file in job.tiles]


def write_chip_maps(job: SceneJob, rasters: SceneMap, folder: Path) -> None:
    """Cut a map back into the chips of its scene.

    `masks/NAME` holds 1 for seep, or its class; `probabilities/NAME` 0 where there is no data, else 1 + 254 p.

    Args:
        job: The scene and its chips.
        rasters: Its map.
        folder: The output folder.
    """
    _write_chips(job, rasters.mask, folder / MASKS)
    _write_chips(job, rasters.probability, folder / PROBABILITIES)


def _write_chips(job: SceneJob, path: Path, folder: Path) -> None:
    """Write each chip's part of a raster of the whole scene."""
    make_inner_folder(folder)
    with Raster(path, as_stored=True) as raster:
        size = _chip_size(job, raster)
        for file, cell in job.tiles.items():
            values, valid = raster.read(*chip_box(cell, size))
            chip_map = np.where(valid, values[0], 0).astype(np.uint8)
            write_image(cut_path(folder, job, file.path), chip_map)


def _chip_size(job: SceneJob, raster: Raster) -> tuple[int, int]:
    """Height and width of the chips that a raster of the whole scene consists of, px."""
    rows = 1 + max(row for row, _ in job.tiles.values())
    columns = 1 + max(column for _, column in job.tiles.values())
    return raster.height // rows, raster.width // columns
