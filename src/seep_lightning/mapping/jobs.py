"""What there is to map: images, and chips laid into their scenes."""

import logging
import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from seep_lightning.config.commands import BY_GEOREFERENCE, PredictConfig
from seep_lightning.data.columns import LooseChips, columns_of_scene
from seep_lightning.data.grid import Cell
from seep_lightning.data.layouts import chip_name, split_name
from seep_lightning.errors import UserError
from seep_lightning.mapping.adjoining import adjoining_chips, adjoining_text
from seep_lightning.scene.band_names import Band
from seep_lightning.scene.inputs.kinds import open_scene
from seep_lightning.scene.mosaic import mosaic
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.scene_file import NO_FACTS, RASTER, ReadingOptions, SceneFacts, SceneFile

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SceneJob:
    """A scene to map.

    Attributes:
        name: Of the files of its map.
        tiles: Its files with their row and column in the scene; a single one lies at (0, 0).
        peers: Where a chip is mapped by itself, all chips of its scene: statistics of the scene are taken of these.
    """

    name: str
    tiles: dict[SceneFile, Cell]
    peers: tuple[Path, ...] = ()

    @property
    def facts(self) -> SceneFacts:
        """What is known of the scene; nothing of one that is laid of chips."""
        if len(self.tiles) != 1:
            return NO_FACTS
        (file,) = self.tiles
        return file.facts

    def open(self, options: ReadingOptions) -> AbstractContextManager[Raster]:
        """The scene as one raster.

        Args:
            options: How it is read; of its bands those that the networks take.
        """
        if len(self.tiles) > 1:
            options.check_noise_stays(self.name)
            cells = {file.path: cell for file, cell in self.tiles.items()}
            return mosaic(cells, self.name, options.bands, options.nodata, options.nodata_bands)
        (file,) = self.tiles
        raster = open_scene(file, options)
        raster.name = self.name
        return raster


def find_jobs(files: Sequence[SceneFile], facts: dict[str, Any], config: PredictConfig) -> list[SceneJob]:
    """What to map: each scene, and chips named SCENE.TILE together where their places in the scene are known.

    Of other images that lie edge to edge on the ground it is told that they are mapped one by one, unless
    `config.mosaic` says what becomes of them.

    Args:
        files: The scenes of `config.input`.
        facts: What the networks know of the data that they were trained on.
        config: The settings of the command.

    Raises:
        UserError: Two scenes would be mapped to files of one name.
    """
    others: list[SceneFile] = []
    tiles_of_scenes: dict[str, dict[SceneFile, int]] = {}
    for file in files:
        scene, tile = chip_number(file, facts.get("pattern"))
        if tile is None:
            others.append(file)
            continue
        tiles = tiles_of_scenes.setdefault(scene, {})
        tiles[file] = tile
    jobs = _jobs_of_images(others, config)
    for scene, tiles in tiles_of_scenes.items():
        jobs += _jobs_of_chips(scene, tiles, facts, config)
    jobs = _named_apart(jobs)
    _check_names(jobs, config.input)
    return jobs


def _jobs_of_images(files: Sequence[SceneFile], config: PredictConfig) -> list[SceneJob]:
    """A job for each image; one for those that lie edge to edge, where `config.mosaic` asks for it."""
    groups = adjoining_chips(files) if config.mosaic and len(files) > 1 else []
    if groups and config.mosaic != BY_GEOREFERENCE:
        log.warning(adjoining_text(groups))
        groups = []
    laid: set[SceneFile] = set()
    jobs: list[SceneJob] = []
    counts = Counter(group.name for group in groups)
    for group in groups:
        if group.overlapping:
            raise UserError(
                f"mosaic={BY_GEOREFERENCE}: {group.overlapping[0].path} lies where another image of input="
                f"{config.input} does. Map the images of one scene at a time, such as input='DIR/NAME*.tif'."
            )
        first = next(iter(group.cells))
        jobs.append(SceneJob(group.name if counts[group.name] == 1 else first.name, group.cells))
        laid |= group.cells.keys()
    return jobs + [_job_of_file(file) for file in files if file not in laid]


def _job_of_file(file: SceneFile, peers: tuple[Path, ...] = ()) -> SceneJob:
    """A job for one file that is mapped by itself."""
    return SceneJob(file.name, {file: (0, 0)}, peers)


def _named_apart(jobs: Sequence[SceneJob]) -> list[SceneJob]:
    """The jobs, where files in several folders have one name with those of their folders before it."""
    counts = Counter(job.name for job in jobs)
    apart: list[SceneJob] = []
    files = [file.path for job in jobs for file in job.tiles]
    if not files or counts.total() == len(counts):
        return list(jobs)
    common = Path(os.path.commonpath([path.parent for path in files]))
    for job in jobs:
        (file, *others) = job.tiles
        if counts[job.name] > 1 and not others:
            folder = file.path.parent.relative_to(common).as_posix().removeprefix(".")
            apart.append(replace(job, name=chip_name(folder, job.name)))
        else:
            apart.append(job)
    return apart


def chip_number(file: SceneFile, pattern: str | None) -> tuple[str, int | None]:
    """The scene and tile number that a file's name tells; no number where it is not the name of a chip.

    Args:
        file: A scene, or a chip of one.
        pattern: Of the names of chips in the training; None where nobody knows.
    """
    # checkpoints of older versions tell no pattern
    if file.kind == RASTER and pattern is not None:
        with suppress(UserError):
            scene, tile = split_name(file.path.name, pattern)
            if tile >= 0:
                return scene, tile
    return file.name, None


def _jobs_of_chips(
    scene: str, tiles: dict[SceneFile, int], facts: dict[str, Any], config: PredictConfig
) -> list[SceneJob]:
    """One job for the chips of a scene where it is known how they lie, else one for each chip."""
    columns = None
    if config.mosaic and len(tiles) > 1:
        columns = _columns(scene, tiles, facts, config)
    if columns is None:
        peers = tuple(file.path for file in tiles)
        return [_job_of_file(file, peers) for file in tiles]
    cells = {file: divmod(tile, columns) for file, tile in tiles.items()}
    return [SceneJob(scene, cells)]


def _check_names(jobs: Sequence[SceneJob], key: str) -> None:
    """Raise `UserError` where two scenes have one name, or two files lie in one cell of a scene."""
    names: set[str] = set()
    for job in jobs:
        occupied_cells = set(job.tiles.values())
        shares_cell = len(occupied_cells) < len(job.tiles)
        if shares_cell or job.name in names:
            raise UserError(f"input={key}: several files would be mapped to {job.name}. Map them one by one.")
        names.add(job.name)


def _columns(scene: str, tiles: Mapping[SceneFile, int], facts: dict[str, Any], config: PredictConfig) -> int | None:
    """Tiles a row of a scene: as told, or as the data say, or as the run knows it by name."""
    numbers = {file.path: tile for file, tile in tiles.items()}
    chips = LooseChips(scene, numbers, facts.get("band names"), facts["nodata"])
    known_grids = facts.get("grid", {})
    grids = {key: grid["columns"] for key, grid in known_grids.items()}
    return columns_of_scene(chips, grids, told=config.columns)


def strips_of(job: SceneJob, pixels: int, bands: Sequence[Band] | None = None) -> list[tuple[int, int]]:
    """A scene's rows in strips of about equal height.

    Args:
        job: The scene.
        pixels: About as many in a strip.
        bands: Those of the settings, whose files need to be there; None: the first.

    Returns:
        First row and end of each strip; none where the scene is no larger than one.
    """
    # missing tiles need a nodata value, though no pixel is read
    with job.open(ReadingOptions(tuple(bands or (1,)), nodata=0)) as raster:
        height = raster.height
        width = raster.width
    count = math.ceil(height * width / pixels)
    if count <= 1:
        return []
    edges = [height * strip // count for strip in range(count + 1)]
    return list(pairwise(edges))
