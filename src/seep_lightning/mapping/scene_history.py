"""What the history of its place adds to the logits of a scene."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.commands import PredictConfig
from seep_lightning.data.grid import grid_of_scene
from seep_lightning.errors import UserError
from seep_lightning.mapping.jobs import SceneJob, chip_number
from seep_lightning.scene.ground import Ground
from seep_lightning.scene.interfaces import Floats
from seep_lightning.scene.projections import Points, Reprojection
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.sampling import places_with_data
from seep_lightning.sources.history import History, LocalHistory

HISTORY_TAG = "SEEP_LIGHTNING_HISTORY"
"""Tag of the rasters, and item of the polygons' metadata."""
STEP = 8
"""The history is looked up at every so many pixels, and taken to be linear between them."""
USUAL_SMOOTHING = {"m": 1000.0, "px": 100.0}
"""By the unit of a history's coordinates; chosen out of fold on pixels of 10 m (docs/results.md)."""
EDGE_POINTS = 33
"""Points along each side of a scene by which its place in the history is found."""


@dataclass(frozen=True)
class SceneHistory:
    """The history of one scene; a callable that gives rows of what is added to its logits.

    Attributes:
        history: All of it.
        local: What it says around the scene.
        raster: The scene, open for reading.
        way: From pixels of the scene to coordinates of the history.
        weight: By which its log odds are multiplied; 0: nothing is added to logits.
        smoothing: Of the history, in its unit.
    """

    history: History
    local: LocalHistory
    raster: Raster
    way: "WayToHistory"
    weight: float
    smoothing: float

    @classmethod
    def of(cls, history: History, raster: Raster, config: PredictConfig, shift: Points) -> "SceneHistory":
        """The history of a scene.

        Args:
            history: All of it.
            raster: The scene.
            config: Weight and smoothing.
            shift: From the scene's coordinates to those of the ground grid, (1, 2), where it has no CRS.

        Raises:
            UserError: One of the two has a CRS and the other one has none, or the history cannot be read.
        """
        way = WayToHistory(Ground.of(raster), history.wkt, shift)
        _check_one_plane(history, raster, way.ground)
        smoothing = config.history_smoothing or USUAL_SMOOTHING[history.unit]
        local = history.around(way(_points_over(raster.height, raster.width)), smoothing)
        return cls(history, local, raster, way, config.history_weight, smoothing)

    @property
    def is_added(self) -> bool:
        """Whether it adds anything to logits."""
        return self.weight > 0

    def smoothed(self, smoothings: Mapping[str, float]) -> LocalHistory:
        """The history around the scene with a smoothing of its own.

        Args:
            smoothings: Standard deviations of the Gaussian by the unit of a history's coordinates.

        Raises:
            UserError: The raster cannot be read any more.
        """
        places = _points_over(self.raster.height, self.raster.width)
        return self.history.around(self.way(places), smoothings[self.history.unit])

    @property
    def key(self) -> list[object]:
        """All that its rows depend on, besides the scene."""
        return [self.history.key, self.weight, self.smoothing, self.way.shift.tolist()]

    @cached_property
    def covered_share(self) -> float:
        """The share of the scene's pixels with data that the history has looked at, by a sample of them."""
        places = places_with_data(self.raster)
        # a scene without any is told where it is mapped
        return float(self.local.covers(self.way(places)).mean()) if len(places) else 0.0

    @property
    def text(self) -> str:
        """What the metadata of a map tell."""
        settings = f"weight {self.weight:g}, smoothing {self.smoothing:g} {self.history.unit}"
        covered = f"covers {self._covered_in_words}"
        return f"{self.history.path.name} ({self.history.key[:16]}), {settings}, {covered}"

    @property
    def note(self) -> str:
        """What a person is told."""
        covered = f"it covers {self._covered_in_words}, and adds nothing elsewhere"
        if not self.is_added:
            return f"history={self.history.path.name} is for the second look alone: {covered}."
        return f"history={self.history.path.name} was added to the logits with weight {self.weight:g}: {covered}."

    @property
    def _covered_in_words(self) -> str:
        return f"{100 * self.covered_share:.0f} % of the scene's pixels with data"

    def __call__(self, start: int, stop: int) -> Floats:
        """Rows start..stop of what is added to the logits, (n, width)."""
        width = self.raster.width
        rows = np.arange(start // STEP, (stop + STEP) // STEP + 1)
        columns = np.arange((width + STEP) // STEP + 1)
        nodes = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2).astype(np.float64) * STEP
        coarse = self.weight * self.local.at(self.way(nodes)).reshape(len(rows), len(columns))
        by_row = _between(coarse, (np.arange(start, stop) + 0.5) / STEP - rows[0])
        return _between(by_row.T, (np.arange(width) + 0.5) / STEP).T


@dataclass(frozen=True)
class WayToHistory:
    """From pixels of a scene to coordinates of a history; a callable on points (N, 2).

    Attributes:
        ground: The scene's.
        wkt: The CRS of the history; empty where it has none.
        shift: Added to coordinates where there is no CRS, (1, 2).
    """

    ground: Ground
    wkt: str
    shift: Points

    def __call__(self, pixels: Points) -> Points:
        """Coordinates (N, 2) of the history; not finite where there are none."""
        coordinates = self.ground.place(pixels)
        if not self.wkt:
            return coordinates + self.shift
        return Reprojection(self.ground.wkt, self.wkt)(coordinates)


def shift_to_ground_grid(job: SceneJob, raster: Raster, facts: Mapping[str, Any]) -> Points:
    """From pixels of a scene of chips to the ground grid that scenes share, (1, 2): x and y, which goes up.

    Args:
        job: The scene, or a single chip of it.
        raster: Its pixels.
        facts: What the networks know of the data that they were trained on.

    Returns:
        Zeros where nothing is known of such a grid.
    """
    nothing = np.zeros((1, 2))
    scene, tile = job.name, None
    if job.peers:
        (file,) = job.tiles
        scene, tile = chip_number(file, facts.get("pattern"))
    grid = grid_of_scene(facts.get("grid", {}), scene)
    if grid is None:
        return nothing
    row, column = (0, 0) if tile is None else divmod(tile, grid["columns"])
    height, width = _chip_size(job, raster, facts)
    return np.array([[(column - grid["offset"]) * width, -row * height]], np.float64)


def _chip_size(job: SceneJob, raster: Raster, facts: Mapping[str, Any]) -> tuple[int, int]:
    """Height and width of a chip of a scene, px."""
    if len(job.tiles) == 1 and not job.peers and "chip_size" in facts:
        # a whole scene in one file
        height, width = facts["chip_size"]
        return height, width
    rows, columns = (1 + max(cells) for cells in zip(*job.tiles.values(), strict=True))
    return raster.height // rows, raster.width // columns


def _check_one_plane(history: History, raster: Raster, ground: Ground) -> None:
    """Raise `UserError` where a scene and a history cannot be laid on each other."""
    if bool(history.wkt) == bool(ground.wkt):
        return
    which = "has a coordinate system, but the scene has none" if history.wkt else "has none, but the scene has one"
    raise UserError(f"{raster.path}: history={history.path} {which}. Give a history of scenes of the same kind.")


def _points_over(height: int, width: int) -> Points:
    """Pixels all over a scene, its edges included, (N, 2): column, row."""
    columns = np.linspace(0, width, EDGE_POINTS)
    rows = np.linspace(0, height, EDGE_POINTS)
    return np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)


def _between(values: Floats, positions: NDArray[np.float64]) -> Floats:
    """Rows between those of values (m, k), at positions (n,) from 0 to below m - 1: (n, k)."""
    lower = np.floor(positions).astype(int)
    share = (positions - lower).astype(np.float32)[:, None]
    return np.asarray(values[lower] * (1 - share) + values[lower + 1] * share, np.float32)
