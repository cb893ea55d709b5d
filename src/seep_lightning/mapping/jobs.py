"""From trained networks to maps: what `scene/` takes as callables, and one scene's way through it."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from seep_lightning.config.commands import PredictConfig
from seep_lightning.data.columns import LooseChips, columns_of_scene
from seep_lightning.data.layouts import split_name
from seep_lightning.errors import UserError
from seep_lightning.scene.mosaic import mosaic
from seep_lightning.scene.raster import Raster

log = logging.getLogger(__name__)
Bands = tuple[int | str, ...]
Tiles = dict[Path, tuple[int, int]]
Row = dict[str, str]  # a scene's in the table that `predict` keeps


class SceneJob(NamedTuple):
    """A scene: its files by (row, column). peers: all chips of a scene of which this is one, for its statistics."""

    name: str
    tiles: Tiles
    peers: tuple[Path, ...] = ()


def find_jobs(paths: Sequence[Path], facts: dict[str, Any], config: PredictConfig) -> list[SceneJob]:
    """What to map: each image, and chips named SCENE.TILE together where their places in the scene are known."""
    jobs: list[SceneJob] = []
    scenes: dict[str, dict[Path, int]] = {}
    for path in paths:
        scene, tile = "", -1
        with suppress(UserError):  # the name of no chip
            scene, tile = split_name(path.name, facts["pattern"])
        if tile >= 0:
            scenes.setdefault(scene, {})[path] = tile
        else:
            jobs.append(SceneJob(path.stem, {path: (0, 0)}))
    for scene, tiles in scenes.items():
        columns = _columns(scene, tiles, facts, config) if config.mosaic and len(tiles) > 1 else None
        if columns:
            jobs.append(SceneJob(scene, {path: divmod(tile, columns) for path, tile in tiles.items()}))
        else:
            jobs += [SceneJob(path.stem, {path: (0, 0)}, tuple(tiles)) for path in tiles]
    cells = Counter((job.name, cell) for job in jobs for cell in (None, *job.tiles.values()))
    (name, _), count = cells.most_common(1)[0]
    if count > 1:
        raise UserError(f"input={config.input}: several files would be mapped to {name}. Map them one by one.")
    return jobs


def _columns(scene: str, tiles: Mapping[Path, int], facts: dict[str, Any], config: PredictConfig) -> int | None:
    """Tiles a row of a scene: as told, or as the data say, or as the run knows it by name."""
    chips = LooseChips(scene, tiles, facts.get("band names"), facts["nodata"])
    grids = {key: grid["columns"] for key, grid in facts.get("grid", {}).items()}
    return columns_of_scene(chips, grids, told=config.columns)


def strips_of(job: SceneJob, pixels: int) -> list[tuple[int, int]]:
    """A scene's rows in strips of about `pixels`; none where it is no larger."""
    with _raster(job.name, job.tiles, (1,), 0) as scene:  # a value for missing tiles; no pixel is read
        count = -(-scene.height * scene.width // pixels)
        edges = [scene.height * i // count for i in range(count + 1)]
    return list(pairwise(edges)) if count > 1 else []


def _raster(name: str, tiles: Tiles, bands: Bands, nodata: float | None) -> AbstractContextManager[Raster]:
    return mosaic(tiles, name, bands, nodata) if len(tiles) > 1 else Raster(next(iter(tiles)), bands, nodata)
