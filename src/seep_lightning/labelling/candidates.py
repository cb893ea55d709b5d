"""The windows of unlabelled scenes: how unsure the networks are of each, and what it is like. Streamed by rows."""

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from seep_lightning.data.grid import Cell, grid_of_scene
from seep_lightning.data.layouts import split_name
from seep_lightning.data.layouts.names import DEFAULT_PATTERN
from seep_lightning.data.normalise import Floats
from seep_lightning.errors import UserError
from seep_lightning.labelling.features import Bottleneck, map_features, picture_features
from seep_lightning.labelling.uncertainty import pixel_uncertainty, window_uncertainty
from seep_lightning.mapping.jobs import SceneJob
from seep_lightning.mapping.mapper import PreparedScene, SceneMapper
from seep_lightning.scene.boxes import Box
from seep_lightning.scene.ground import Ground
from seep_lightning.scene.interfaces import Mask, Progress
from seep_lightning.scene.lookahead import lookahead

LEAST_DATA = 0.1
"""A window with a smaller share of data is no candidate: nobody could outline much in it."""
# points along each side of a rectangle: control points may bend it
POINTS_PER_SIDE = 5
# strips that are read ahead of the network
READ_AHEAD = 1


@dataclass(frozen=True)
class Candidate:
    """What may be outlined next: a chip, a window of a scene, or a whole scene.

    Attributes:
        name: By which a person finds it.
        scene: Its scene.
        path: Its file.
        box: Where it lies in the file.
        cell: Row and column in its scene, in windows; None where that is not known.
        outline: Its outline on the ground, or in pixels where the file has no coordinate system.
        wkt: The coordinate system of that; empty for none.
        uncertainty: 0 to 1.
        slick_share: The share of its data above the networks' threshold.
        features: What it is like, (D,).
        windows: How many windows it consists of.
    """

    name: str
    scene: str
    path: Path
    box: Box
    cell: Cell | None
    outline: shapely.MultiPolygon
    wkt: str
    uncertainty: float
    slick_share: float
    features: Floats
    windows: int = 1


@dataclass(frozen=True)
class Window:
    """A window that is ready for the networks.

    Attributes:
        cell: Its row and column among the windows of its file.
        box: Where it lies in the file.
        inputs: Network input (C, h, w).
        valid: Which pixels hold data, (h, w).
    """

    cell: Cell
    box: Box
    inputs: Floats
    valid: Mask


@dataclass(frozen=True)
class Side:
    """Windows of one size along one side of a file; neighbours overlap by a pixel where they must.

    Attributes:
        starts: The first pixel of each.
        size: Of each, px.
    """

    starts: tuple[int, ...]
    size: int

    @classmethod
    def of(cls, length: int, window: int) -> "Side":
        """Windows of about a size that cover a length without rest.

        Args:
            length: Of the file's side, px.
            window: The size that is wanted, px.
        """
        count = max(1, round(length / window))
        size = math.ceil(length / count)
        step = (length - size) / max(count - 1, 1)
        return cls(tuple(round(index * step) for index in range(count)), size)


class Survey:
    """Looks at scenes with some networks.

    Args:
        mapper: Opens the scenes, and knows the networks.
        window: The side of a window, px.
    """

    def __init__(self, mapper: SceneMapper, window: int) -> None:
        self._mapper = mapper
        self._window = window
        self._bottleneck = Bottleneck(mapper.networks[0])
        self.without_data = 0

    @property
    def facts(self) -> dict[str, Any]:
        """What the networks know of the data that they were trained on."""
        return self._mapper.networks[0].facts

    def close(self) -> None:
        """Leave the networks as they were."""
        self._bottleneck.close()

    def candidates(self, job: SceneJob, progress: Progress | None = None) -> tuple[list[Candidate], tuple[str, ...]]:
        """The windows of a scene with enough data.

        Args:
            job: The scene; a chip is one window.
            progress: Told how many pixels are done.

        Returns:
            The candidates, and what was assumed of the scene, a text each.

        Raises:
            UserError: The scene cannot be read.
        """
        found: list[Candidate] = []
        with self._mapper.opened(job) as scene:
            ground = Ground.of(scene.raster)
            is_whole = self._is_one_window(scene)
            place = _JobPlace.of(job, self.facts, is_whole=is_whole)
            for windows in self._batches(scene, progress):
                found += self._looked_at(windows, scene, place, ground)
            scene.raster.check_unchanged()
        return found, scene.notes

    def _is_one_window(self, scene: PreparedScene) -> bool:
        """Whether a file is no larger than a window."""
        sides = (scene.raster.height, scene.raster.width)
        return all(len(Side.of(length, self._window).starts) == 1 for length in sides)

    def _batches(self, scene: PreparedScene, progress: Progress | None) -> Iterator[list[Window]]:
        """Windows with data, as many as the networks take at once."""
        pixels = scene.raster.height * scene.raster.width
        rows = Side.of(scene.raster.height, self._window)
        at_once = self._mapper.config.batch
        with ThreadPoolExecutor(1, "seep-read") as reader:
            strips = lookahead(reader, lambda row: self._strip(scene, rows, row), range(len(rows.starts)), READ_AHEAD)
            for row, windows in strips:
                usable = [window for window in windows if window.valid.mean() >= LEAST_DATA]
                self.without_data += len(windows) - len(usable)
                for first in range(0, len(usable), at_once):
                    yield usable[first : first + at_once]
                if progress is not None:
                    progress(pixels * (row + 1) // len(rows.starts), pixels)

    def _strip(self, scene: PreparedScene, rows: Side, row: int) -> list[Window]:
        """The windows of one row, read and normalised; called in another thread."""
        top = rows.starts[row]
        values, valid = scene.raster.read(top, top + rows.size)
        columns = Side.of(scene.raster.width, self._window)
        windows: list[Window] = []
        for column, left in enumerate(columns.starts):
            inside = np.s_[left : left + columns.size]
            has_data = valid[:, inside]
            inputs = np.zeros((0, *has_data.shape), np.float32)
            if has_data.any():
                inputs = scene.ensemble.normalise(values[:, :, inside], has_data)
            box = Box(top, top + rows.size, left, left + columns.size)
            windows.append(Window((row, column), box, inputs, has_data))
        return windows

    def _looked_at(
        self, windows: Sequence[Window], scene: PreparedScene, place: "_JobPlace", ground: Ground
    ) -> Iterator[Candidate]:
        """Windows as candidates."""
        inputs = np.stack([window.inputs for window in windows])
        by_network = [member(inputs) for member in scene.ensemble.members]
        deep = self._bottleneck.features(len(windows))
        pixels = pixel_uncertainty(by_network)
        threshold = self._mapper.threshold
        seep = np.mean([probabilities[:, 0] for probabilities in by_network], axis=0)
        for index, window in enumerate(windows):
            bands = window.inputs[: self._mapper.networks[0].bands]
            drawn = map_features(seep[index], pixels[index], window.valid, threshold)
            features = np.concatenate([deep[index], picture_features(bands, window.valid), drawn])
            yield Candidate(
                name=place.name_of(window.cell),
                scene=place.scene,
                path=place.path,
                box=window.box,
                cell=place.cell_of(window.cell),
                outline=place.outline_of(window.box, ground),
                wkt=ground.wkt,
                uncertainty=window_uncertainty(pixels[index], window.valid),
                slick_share=float((seep[index][window.valid] > threshold).mean()),
                features=features,
            )


@dataclass(frozen=True)
class _JobPlace:
    """Where a file belongs.

    Attributes:
        name: Of the file.
        scene: Of its scene.
        path: The file.
        is_chip: Whether it is one chip of a scene.
        chip_cell: The chip's row and column in the scene; None where it is not known.
    """

    name: str
    scene: str
    path: Path
    is_chip: bool
    chip_cell: Cell | None

    @classmethod
    def of(cls, job: SceneJob, facts: dict[str, Any], *, is_whole: bool) -> "_JobPlace":
        """The place of a job by its name, and by what the networks know of grids; is_whole: it is one window."""
        (file,) = job.tiles
        scene, tile = scene_and_tile(file.path.name, facts)
        if not is_whole:
            is_numbered_chip = bool(job.peers)
            own_scene = scene if is_numbered_chip else job.name
            return cls(job.name, own_scene, file.path, is_chip=False, chip_cell=None)
        grid = grid_of_scene(facts.get("grid", {}), scene)
        cell = None if grid is None or tile < 0 else divmod(tile, grid["columns"])
        return cls(job.name, scene, file.path, is_chip=True, chip_cell=cell)

    def name_of(self, window: Cell) -> str:
        """The name of a window of the file."""
        return self.name if self.is_chip else f"{self.name}.r{window[0]:03d}c{window[1]:03d}"

    def cell_of(self, window: Cell) -> Cell | None:
        """Row and column of a window of the file in the scene; None where it is not known."""
        is_own_scene = self.name == self.scene
        return window if is_own_scene and not self.is_chip else self.chip_cell

    def outline_of(self, box: Box, ground: Ground) -> shapely.MultiPolygon:
        """The outline of a window."""
        top, left = box.top, box.left
        if self.chip_cell is not None and not ground.wkt:
            # chips without a coordinate system lie side by side in their scene
            row, column = self.chip_cell
            top, left = row * box.height, column * box.width
        corners = shapely.box(left, top, left + box.width, top + box.height)
        side = max(box.height, box.width) / (POINTS_PER_SIDE - 1)
        placed = shapely.transform(shapely.segmentize(corners, side) if ground.by_points else corners, ground.place)
        return shapely.MultiPolygon([placed])


def scene_and_tile(name: str, facts: dict[str, Any]) -> tuple[str, int]:
    """The scene and the number of a chip, as the networks' training took them from names.

    Args:
        name: Of the chip's file.
        facts: Of a network.

    Returns:
        Those; the name without its suffix, and -1, where the name tells nothing.
    """
    with suppress(UserError):
        return split_name(name, facts.get("pattern") or DEFAULT_PATTERN)
    return Path(name).stem, -1


def as_arrays(candidates: Sequence[Candidate]) -> tuple[NDArray[np.float64], Floats, NDArray[np.float64]]:
    """Uncertainty (N,), features (N, D) and cells (N, 2) of candidates, NaN for a cell that is not known."""
    uncertainty = np.array([candidate.uncertainty for candidate in candidates])
    features = np.stack([candidate.features for candidate in candidates])
    cells = np.full((len(candidates), 2), np.nan)
    for index, candidate in enumerate(candidates):
        if candidate.cell is not None:
            cells[index] = candidate.cell
    return uncertainty, features, cells
