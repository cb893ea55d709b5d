"""The maps that a fold's networks make of a part of its chips, kept in the folder of its first run."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.commands.progress import progress_of
from seep_lightning.config.commands import EvaluateConfig, PredictConfig
from seep_lightning.data.chip_maps import read_chip_map, write_chip_map
from seep_lightning.data.grid import Cell
from seep_lightning.data.mosaic import chip_box, lay
from seep_lightning.documents.json_files import read_json
from seep_lightning.errors import UserError, writing_to
from seep_lightning.evaluation.parts import Part, part_of
from seep_lightning.files import digest, draft_of, make_inner_folder, remove_leftovers, replace_folder, write_text
from seep_lightning.folds.fold_runs import Fold
from seep_lightning.locks import WAIT_FOREVER, lock_path, locked
from seep_lightning.scene.raster_formats import MASK_SUFFIX, PROBABILITY_SUFFIX

if TYPE_CHECKING:
    from seep_lightning.data.chips import Chips
    from seep_lightning.evaluation.scoring import ScoredChip
    from seep_lightning.mapping.jobs import SceneJob

# the folder of the maps in a run
FOLDER = "folds"
# every pixel that may be seep has a class in the rasters: the threshold is chosen later
LEAST_THRESHOLD = 1e-9
# the file that says of what the maps of lone chips were made
ORIGIN = "origin.json"

# as `flips` of `predict` has them, by the words for names
VIEWS: Mapping[str, bool | str] = {"": False, "mirror": "mirror", "all": True}

Levels = NDArray[np.uint8]


@dataclass(frozen=True)
class Way:
    """How a part is predicted.

    Attributes:
        by_chip: Whether each chip is predicted alone, as `evaluate` does, and not with what lies beside it.
        flips: Which views of a window are averaged: a key of `VIEWS`.
        device: `auto`, `cpu`, `cuda` ...
    """

    by_chip: bool = False
    flips: str = ""
    device: str = "auto"

    def __post_init__(self) -> None:
        """Check the views."""
        if self.flips not in VIEWS or (self.by_chip and self.flips):
            raise UserError(f"flips={self.flips}: expected mirror or all, and none where chips are predicted alone.")

    def name(self, networks: int = 1) -> str:
        """What it is called in names of files and rows."""
        words = ["chips" if self.by_chip else "mosaic"]
        if self.flips:
            words.append(self.flips)
        if networks > 1:
            words.append(f"mean{networks}")
        return "-".join(words)


SCENES = Way()
"""Chips are laid into their scenes and mapped as `predict` does, without other views."""


@dataclass(frozen=True)
class FoldScene:
    """The chips of one scene that lie in a part of a fold, laid together. All arrays are (H, W).

    Attributes:
        name: The scene's; of a chip that lies in none its own.
        fold: The fold that did not learn from these chips, where the part is `test` or `val`.
        probability: Of seep, uint8: 0 nodata, else 1 + 254 p, as the networks give it: `OperatingPoint.scaling` makes
            it mean what it says.
        classes: The most probable class of seep, uint8 from 1; 0 where the probability is below 1/254 or unknown.
        truth: The true class, uint8, 0 for the sea.
        valid: Where image and truth are known, bool.
        tiles: The position of each chip in `chips`, by its (row, column) in the scene.
        chips: The whole data set.
    """

    name: str
    fold: Fold
    probability: Levels
    classes: Levels
    truth: Levels
    valid: NDArray[np.bool_]
    tiles: Mapping[Cell, int]
    chips: "Chips" = field(repr=False)

    @property
    def scene(self) -> str:
        """The scene that its chips are of, as the data set tells it."""
        return self.chips.scenes[next(iter(self.tiles.values()))]

    @property
    def seep(self) -> NDArray[np.bool_]:
        """Where true seep of any class is."""
        return self.truth > 0

    def image(self) -> NDArray[Any]:
        """The picture as the chips store it, (C, H, W); 0 where no chip lies."""
        return lay({position: self.chips.read(index).image for position, index in self.tiles.items()})


class PartMaps:
    """The maps of a part of a fold, made where they are not there yet.

    Maps of scenes are known by the networks, the pixels and the settings that they were made with, and are checked
    against their checksums: what is not of these is made again.

    Args:
        fold: Whose networks predict.
        part: `train`, `val` or `test`.
        way: How.

    Attributes:
        fold: As given.
        chips: The whole data set.
        folder: Where the maps lie.
        tiles: The chips of each scene of the part by (row, column); a chip that lies in none is its own scene.

    Raises:
        UserError: The data have changed since the training, or a scene cannot be mapped.
    """

    def __init__(self, fold: Fold, part: str, way: Way = SCENES) -> None:
        self.fold = fold
        scored = part_of(fold.run, EvaluateConfig(run=str(fold.run.dir), part=part))
        self.chips = scored.chips
        self.folder = fold.run.dir / FOLDER / _folder_name(fold, part, way)
        self.tiles = _tiles_by_scene(scored)
        # chips that were cropped or padded do not lie edge to edge
        self._by_chip = way.by_chip or scored.chips.was_fitted
        if self._by_chip:
            _predict_chips(fold, scored, way, self.folder)
        else:
            _map_scenes(fold, self.jobs(), way, self.folder)

    def jobs(self) -> "list[SceneJob]":
        """What is mapped: each scene as its chips of the part."""
        from seep_lightning.mapping.jobs import SceneJob
        from seep_lightning.scene.scene_file import SceneFile

        peers: dict[str, list[Path]] = {}
        for index, name in enumerate(self.chips.scenes):
            peers.setdefault(name, []).append(self.chips.image_paths[index])
        jobs = []
        for name, tiles in self.tiles.items():
            files = {SceneFile.of_raster(self.chips.image_paths[index]): position for position, index in tiles.items()}
            scene = self.chips.scenes[next(iter(tiles.values()))]
            # a lone chip is normalised with its scene, like a chip that `predict` maps by itself
            jobs.append(SceneJob(_file_name(name), files, tuple(peers[scene]) if len(tiles) == 1 else ()))
        return jobs

    def scene(self, name: str) -> FoldScene:
        """One scene of the part.

        Args:
            name: A key of `tiles`.

        Raises:
            UserError: A file cannot be read, or a map is not of the chips' size.
        """
        tiles = self.tiles[name]
        pixels = {position: self.chips.read(index) for position, index in tiles.items()}
        valid = lay({position: chip.valid.astype(np.uint8) for position, chip in pixels.items()}) > 0
        truth = lay({position: chip.mask.astype(np.uint8) for position, chip in pixels.items()}) * valid
        levels, classes = (layer * valid for layer in self._layers(name, tiles, truth.shape))
        return FoldScene(name, self.fold, levels, classes, truth, valid, tiles, self.chips)

    def scenes(self) -> Iterator[FoldScene]:
        """All scenes of the part, one after the other."""
        for name in self.tiles:
            yield self.scene(name)

    def _layers(self, name: str, tiles: Mapping[Cell, int], size: tuple[int, ...]) -> list[Levels]:
        """Probabilities and classes of a scene, (H, W) each."""
        if self._by_chip:
            names = {position: self.chips.names[index] for position, index in tiles.items()}
            folders = [self.folder / kind for kind in ("probabilities", "classes")]
            return [lay({at: read_chip_map(folder, chip) for at, chip in names.items()}) for folder in folders]
        paths = [self.folder / f"{_file_name(name)}{suffix}" for suffix in (PROBABILITY_SUFFIX, MASK_SUFFIX)]
        layers = [_read_map(path) for path in paths]
        if layers[0].shape != size:
            raise UserError(f"{paths[0]} is {layers[0].shape} pixels, but its chips are {size}. Remove {self.folder}.")
        return [_of_chips(layer, tiles, self.chips.size) for layer in layers]


def _folder_name(fold: Fold, part: str, way: Way) -> str:
    """The folder of a part's maps; of several networks with a hash of the others."""
    name = f"{part}-{way.name(len(fold.runs))}"
    if len(fold.runs) == 1:
        return name
    others = "\n".join(str(run.dir.resolve()) for run in fold.runs[1:])
    return f"{name}-{hashlib.blake2b(others.encode(), digest_size=4).hexdigest()}"


def _file_name(scene: str) -> str:
    """The name of a scene's maps. Chips in several folders have a path for a name: a hash tells `a/b` from `a-b`."""
    if "/" not in scene:
        return scene
    return f"{scene.replace('/', '-')}-{hashlib.blake2b(scene.encode(), digest_size=3).hexdigest()}"


def _tiles_by_scene(part: Part) -> dict[str, dict[Cell, int]]:
    """The chips of each scene of a part by (row, column), in the order of the scenes' names."""
    chips = part.chips
    tiles: dict[str, dict[Cell, int]] = {}
    for index in part.indices:
        name = chips.scenes[index]
        position = chips.cell_of(index)
        if position is None:
            tiles[chips.names[index]] = {(0, 0): index}
        else:
            tiles.setdefault(name, {})[position] = index
    return dict(sorted(tiles.items()))


def _map_scenes(fold: Fold, jobs: "Sequence[SceneJob]", way: Way, folder: Path) -> None:
    """Map scenes with the mean of a fold's networks; finished maps of theirs stay."""
    from seep_lightning.mapping.mapper import SceneMapper
    from seep_lightning.mapping.networks import open_networks
    from seep_lightning.nets.hardware import keep_memory

    keep_memory()
    config = PredictConfig(
        run=[str(run.dir.absolute()) for run in fold.runs],
        input=str(fold.run.dir),
        output=str(folder.absolute()),
        device=way.device,
        flips=VIEWS[way.flips],
        threshold=LEAST_THRESHOLD,
        polygons=False,
        # what lies in this folder is ours: maps of an older checkpoint are replaced
        overwrite=True,
    )
    with locked(lock_path(folder), f"folds={folder}", "folds", patience=WAIT_FOREVER):
        with writing_to(folder):
            make_inner_folder(folder)
        remove_leftovers(folder)
        mapper = SceneMapper(open_networks(config), config)
        with progress_of(len(jobs)) as start_bar:
            for job in jobs:
                mapper.map(job, progress=start_bar(job.name))


def _predict_chips(fold: Fold, part: Part, way: Way, folder: Path) -> None:
    """Predict each chip of a part alone, as `evaluate` does, unless the very maps are there."""
    if len(fold.runs) > 1:
        raise UserError(f"{fold.run.dir}: chips are predicted alone by one run only, and its fold has several.")
    checkpoint = digest(fold.run.checkpoint("best"))
    names = [part.chips.names[index] for index in part.indices]
    origin = {"checkpoint": checkpoint, "chips": part.chips.fingerprint, "names": names}
    with locked(lock_path(folder), f"folds={folder}", "folds", patience=WAIT_FOREVER):
        if _origin_of(folder) == origin:
            return
        remove_leftovers(folder.parent)
        with draft_of(folder) as draft:
            _write_chips(fold, part, way, draft)
            write_text(draft / ORIGIN, json.dumps(origin) + "\n")
            replace_folder(draft, folder)


def _origin_of(folder: Path) -> Any:
    """Of what the maps of lone chips were made; None where there are none."""
    with suppress(UserError):
        return read_json(folder / ORIGIN, dict[str, Any])
    return None


def _write_chips(fold: Fold, part: Part, way: Way, folder: Path) -> None:
    """Write probabilities and classes of each chip of a part."""
    from seep_lightning.evaluation.scoring import score_chips
    from seep_lightning.predictor.loading import load
    from seep_lightning.scene.levels import quantise

    probabilities, classes = folder / "probabilities", folder / "classes"
    with writing_to(folder.parent):
        probabilities.mkdir(parents=True)
        classes.mkdir()

    def write(chip: "ScoredChip") -> None:
        name = part.chips.names[chip.index]
        write_chip_map(probabilities, name, quantise(chip.probability, chip.valid))
        write_chip_map(classes, name, chip.classes)

    predictor = load(fold.run, "best", way.device)
    score_chips(predictor, part.chips, part.indices, batch_size=EvaluateConfig.batch_size, sink=write)


def _read_map(path: Path) -> Levels:
    """A raster of a map, (H, W), 0 where it has no data."""
    from seep_lightning.scene.raster import Raster

    with Raster(path, as_stored=True) as raster:
        values, valid = raster.read(0, raster.height)
    return np.where(valid, values[0], 0).astype(np.uint8)


def _of_chips(layer: Levels, tiles: Mapping[Cell, int], size: tuple[int, int]) -> Levels:
    """A layer of a scene, 0 where none of these chips lies."""
    kept = np.zeros_like(layer)
    for position in tiles:
        part = chip_box(position, size).slices
        kept[part] = layer[part]
    return kept
