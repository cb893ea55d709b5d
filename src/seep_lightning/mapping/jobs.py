"""What there is to map: images, and chips laid into their scenes."""

import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from seep_lightning.config.commands import PredictConfig
from seep_lightning.data.columns import LooseChips, columns_of_scene
from seep_lightning.data.layouts import chip_name, split_name
from seep_lightning.errors import UserError
from seep_lightning.scene.mosaic import mosaic
from seep_lightning.scene.raster import Raster

Bands = tuple[int | str, ...]
"""Band numbers from 1, or names."""
Cell = tuple[int, int]
"""Row and column of a file in its scene."""


@dataclass(frozen=True)
class SceneJob:
    """A scene to map.

    Attributes:
        name: Of the files of its map.
        tiles: Its files by their row and column in the scene; a single one lies at (0, 0).
        peers: Where a chip is mapped by itself, all chips of its scene: statistics of the scene are taken of these.
    """

    name: str
    tiles: dict[Path, Cell]
    peers: tuple[Path, ...] = ()

    def open(self, bands: Bands, nodata: float | None, nodata_bands: str = "any") -> AbstractContextManager[Raster]:
        """The scene as one raster.

        Args:
            bands: Those that the networks take.
            nodata: A value besides the one that the file declares.
            nodata_bands: `all` or `any`, see `scene.nodata`.
        """
        if len(self.tiles) > 1:
            return mosaic(self.tiles, self.name, bands, nodata, nodata_bands)
        (path,) = self.tiles
        raster = Raster(path, bands, nodata, nodata_bands)
        raster.name = self.name
        return raster


def find_jobs(paths: Sequence[Path], facts: dict[str, Any], config: PredictConfig) -> list[SceneJob]:
    """What to map: each image, and chips named SCENE.TILE together where their places in the scene are known.

    Args:
        paths: The images of `config.input`.
        facts: What the networks know of the data that they were trained on.
        config: The settings of the command.

    Raises:
        UserError: Two images would be mapped to files of one name.
    """
    jobs: list[SceneJob] = []
    tiles_of_scenes: dict[str, dict[Path, int]] = {}
    for path in paths:
        scene, tile = _chip_name(path, facts["pattern"])
        if tile is None:
            jobs.append(_job_of_file(path))
            continue
        tiles = tiles_of_scenes.setdefault(scene, {})
        tiles[path] = tile
    for scene, tiles in tiles_of_scenes.items():
        jobs += _jobs_of_chips(scene, tiles, facts, config)
    jobs = _named_apart(jobs)
    _check_names(jobs, config.input)
    return jobs


def _job_of_file(path: Path, peers: tuple[Path, ...] = ()) -> SceneJob:
    """A job for one file that is mapped by itself."""
    return SceneJob(path.stem, {path: (0, 0)}, peers)


def _named_apart(jobs: Sequence[SceneJob]) -> list[SceneJob]:
    """The jobs, where files in several folders have one name with those of their folders before it."""
    counts = Counter(job.name for job in jobs)
    apart: list[SceneJob] = []
    files = [path for job in jobs for path in job.tiles]
    if not files or counts.total() == len(counts):
        return list(jobs)
    common = Path(os.path.commonpath([path.parent for path in files]))
    for job in jobs:
        (path, *others) = job.tiles
        if counts[job.name] > 1 and not others:
            folder = path.parent.relative_to(common).as_posix().removeprefix(".")
            apart.append(replace(job, name=chip_name(folder, job.name)))
        else:
            apart.append(job)
    return apart


def _chip_name(path: Path, pattern: str) -> tuple[str, int | None]:
    """The scene and tile number that a file's name tells; no number where it is not the name of a chip."""
    with suppress(UserError):
        scene, tile = split_name(path.name, pattern)
        if tile >= 0:
            return scene, tile
    return path.stem, None


def _jobs_of_chips(scene: str, tiles: dict[Path, int], facts: dict[str, Any], config: PredictConfig) -> list[SceneJob]:
    """One job for the chips of a scene where it is known how they lie, else one for each chip."""
    columns = None
    if config.mosaic and len(tiles) > 1:
        columns = _columns(scene, tiles, facts, config)
    if columns is None:
        peers = tuple(tiles)
        return [_job_of_file(path, peers) for path in tiles]
    cells = {path: divmod(tile, columns) for path, tile in tiles.items()}
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


def _columns(scene: str, tiles: Mapping[Path, int], facts: dict[str, Any], config: PredictConfig) -> int | None:
    """Tiles a row of a scene: as told, or as the data say, or as the run knows it by name."""
    chips = LooseChips(scene, tiles, facts.get("band names"), facts["nodata"])
    known_grids = facts.get("grid", {})
    grids = {key: grid["columns"] for key, grid in known_grids.items()}
    return columns_of_scene(chips, grids, told=config.columns)


def strips_of(job: SceneJob, pixels: int) -> list[tuple[int, int]]:
    """A scene's rows in strips of about equal height.

    Args:
        job: The scene.
        pixels: About as many in a strip.

    Returns:
        First row and end of each strip; none where the scene is no larger than one.
    """
    # missing tiles need a nodata value, though no pixel is read
    with job.open((1,), nodata=0) as raster:
        height = raster.height
        width = raster.width
    count = math.ceil(height * width / pixels)
    if count <= 1:
        return []
    edges = [height * strip // count for strip in range(count + 1)]
    return list(pairwise(edges))
