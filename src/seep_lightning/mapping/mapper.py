"""The mapper: one scene's way from its files to its row of the table."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.commands import PredictConfig
from seep_lightning.data.description import ENSEMBLE_SEPARATOR
from seep_lightning.errors import UserError, WouldReplace
from seep_lightning.mapping.areas import area_of_interest
from seep_lightning.mapping.bands import band_notes, bands_of
from seep_lightning.mapping.ensemble import EnsembleModel, ensemble_of_scene, shared_quartiles, uses_scene_quartiles
from seep_lightning.mapping.finished_keys import model_key, row_key
from seep_lightning.mapping.jobs import SceneJob
from seep_lightning.mapping.networks import in_other_precision, threshold_of, tiling_of
from seep_lightning.mapping.open_scenes import OpenScene
from seep_lightning.mapping.outputs import SceneOutputs, is_there, write_chip_maps
from seep_lightning.mapping.picture import write_scene_picture
from seep_lightning.mapping.scene_history import SceneHistory, shift_to_ground_grid
from seep_lightning.mapping.scene_rows import with_placement, with_seeps
from seep_lightning.mapping.scene_values import (
    check_trained_range,
    config_of_scene,
    opening_nodata_of,
    other_scale_notes,
    value_options,
    with_implied_calibration,
)
from seep_lightning.mapping.second_look import SecondLook, with_taught_thresholds
from seep_lightning.mapping.table import DONE, SceneRow
from seep_lightning.predictor.base import Predictor
from seep_lightning.scene.ground import Ground
from seep_lightning.scene.interfaces import Model, Normalise, Progress
from seep_lightning.scene.nodata import check_nodata
from seep_lightning.scene.placements import ControlPointPlacement
from seep_lightning.scene.plan import ScenePlan, WindowPlan
from seep_lightning.scene.polygon_attributes import own_attributes
from seep_lightning.scene.polygons import SeepLayer, find_seeps
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.scene_file import ReadingOptions
from seep_lightning.scene.scene_map import SceneMap, holds_map, map_scene
from seep_lightning.scene.settling import settle_values
from seep_lightning.scene.vector_files import is_whole_layer, write_seeps
from seep_lightning.sources.history import History

log = logging.getLogger(__name__)

Rows = tuple[int, int]
"""First row and end of a strip of a scene."""
Tell = Callable[[str, Sequence[str]], None]
"""Called with a scene's name, and what a person should know of it, a text each."""


def _tell_nobody(name: str, notes: Sequence[str]) -> None:
    """Tell nothing: the notes stand in the scene's row."""


@dataclass(frozen=True)
class PreparedScene:
    """A scene that windows are read of.

    Attributes:
        raster: Its pixels, open for reading.
        ensemble: The networks, ready for its values.
        notes: What was assumed of it, a text each.
    """

    raster: Raster
    ensemble: EnsembleModel
    notes: tuple[str, ...]


class SceneMapper:
    """Maps scenes with an ensemble of networks; made once, used for many scenes.

    Args:
        networks: All take the same images, see `open_networks`.
        config: The settings of the command, with absolute paths.

    Attributes:
        networks: As given.
        config: As given, completed by what the networks know.
        bands: The bands of a scene that the networks take.
        nodata_bands: Whether a pixel has no data where `all` bands say so, or `any`.
        threshold: The least probability of a seep: that of the settings, else the mean of the networks' own.
        history: What is known of recurrence; None where the settings name none.
        second_look: Judges the objects; None where the settings name no judge.
    """

    def __init__(self, networks: Sequence[Predictor], config: PredictConfig) -> None:
        self.networks = list(networks)
        self.bands = bands_of(networks, config.bands)
        self.nodata_bands = networks[0].nodata_bands
        self.threshold = threshold_of(networks, config)
        self.history = None if config.history is None else History.of(Path(config.history))
        self.second_look = None if config.second_look is None else SecondLook.read(Path(config.second_look))
        if self.second_look is not None:
            self.second_look.check_history(config.history)
            config = with_taught_thresholds(config, self.threshold)
        self.config = _completed(config, networks)

    def map(
        self, job: SceneJob, finished_key: str = "", progress: Progress | None = None, tell: Tell = _tell_nobody
    ) -> SceneRow | None:
        """Map a scene into `config.output`.

        Args:
            job: The scene.
            finished_key: The key in the row that an earlier call left; empty where there is none.
            progress: Told how far it is.
            tell: Told what is assumed of the scene, before it is mapped.

        Returns:
            The scene's row of the table; None if the scene was finished already.

        Raises:
            UserError: The scene cannot be mapped.
        """
        begin = time.monotonic()
        self._check_before_opening(job)
        with self._opened(job) as scene:
            config = scene.config
            ground = Ground.of(scene.raster) if config.polygons else None
            notes = _all_notes(scene, ground)
            tell(job.name, notes)
            rasters = self._write_rasters(scene, rows=None, progress=progress)
            placement = None if ground is None else ground.by_points
            key = self._row_key(rasters, scene, placement)
            outlined = not config.polygons or _outlines_are_whole(scene.outputs.outlines)
            if key == finished_key and outlined:
                self._restore(scene, rasters)
                return None
            is_old = finished_key == self._row_key(rasters, scene)
            _check_placed_as_now(scene.outputs, placement, is_old, config)
            size = f"{scene.raster.width} x {scene.raster.height}"
            row = SceneRow(job.name, DONE, size=size, key=key, notes=" ".join(notes))
            layer = None
            if config.polygons:
                # without a row of an earlier call, outlines that lie here were left by a call that was killed
                replaceable = config.overwrite or not finished_key or not is_there(scene.outputs.outlines)
                found = self._find_outlines(scene, rasters)
                layer = self._kept(found, scene.history)
                write_seeps(layer, scene.outputs.outlines, wgs84=config.wgs84, overwrite=replaceable)
                row = with_placement(with_seeps(row, layer), placement)
                row = self._with_left_out(row, len(found.seeps))
            if config.picture:
                write_scene_picture(scene.raster, layer, scene.outputs.picture)
        if config.chips:
            write_chip_maps(job, rasters, scene.outputs.folder)
        return replace(row, seconds=time.monotonic() - begin)

    def _row_key(self, rasters: SceneMap, scene: OpenScene, placement: ControlPointPlacement | None = None) -> str:
        """A hash of all that a finished map depends on, see `row_key`."""
        judge_key = "" if self.second_look is None else f" {self.second_look.key_with(scene.history)}"
        return row_key(f"{rasters.key}{judge_key}", scene.config, placement)

    def _restore(self, scene: OpenScene, rasters: SceneMap) -> None:
        """Write again what is missing, or empty, of a finished map beside its rasters and outlines."""
        missing = [path for path in scene.outputs.written if not is_there(path)]
        if scene.outputs.picture in missing:
            layer = None
            if scene.config.polygons:
                layer = self._kept(self._find_outlines(scene, rasters), scene.history)
            write_scene_picture(scene.raster, layer, scene.outputs.picture)
        if scene.config.chips and set(missing) - {scene.outputs.picture, scene.outputs.outlines}:
            write_chip_maps(scene.job, rasters, scene.outputs.folder)

    def map_strip(self, job: SceneJob, rows: Rows) -> None:
        """Predict a strip of a scene, for a later `map` of the whole; several processes may do so at once.

        Args:
            job: The scene.
            rows: First row and end of the strip.

        Raises:
            UserError: The scene cannot be mapped.
        """
        self._check_before_opening(job)
        with self._opened(job) as scene:
            self._write_rasters(scene, rows, progress=None)

    @contextmanager
    def opened(self, job: SceneJob) -> Iterator[PreparedScene]:
        """Open a scene as `map` does, for who reads some of its windows and writes no map.

        Args:
            job: The scene.

        Yields:
            The scene, ready for the networks.

        Raises:
            UserError: The scene cannot be mapped.
        """
        self._check_band_count()
        with self._opened(job) as scene:
            ensemble = ensemble_of_scene(self.networks, scene.raster, scene.config, scene.shared_quartiles)
            yield PreparedScene(scene.raster, ensemble, scene.notes)

    @contextmanager
    def _opened(self, job: SceneJob) -> Iterator[OpenScene]:
        """Open a scene, and settle what its values are."""
        config = config_of_scene(self.config, job.name, job.facts)
        with self._open(job, config) as raster:
            config = self._config_of_open(raster, job, config)
            notes = (*raster.notes, *band_notes(raster, self.networks), *self._settle(raster, config))
            outputs = SceneOutputs.of(job, self.config)
            history = self._history(job, raster, config)
            quartiles = self._shared_quartiles(job, config)
            yield OpenScene(job, config, raster, outputs, notes, quartiles, history)

    def _check_band_count(self) -> None:
        """Raise `UserError` where the settings name another number of bands than the networks take."""
        band_count = self.networks[0].bands
        if len(self.bands) != band_count:
            raise UserError(f"bands={list(self.bands)}: the run was trained on {band_count} band(s). Name as many.")

    def _check_before_opening(self, job: SceneJob) -> None:
        """Check all that needs no pixel: mistakes are told before the work begins."""
        self._check_band_count()
        SceneOutputs.of(job, self.config).check_replaceable(job, overwrite=self.config.overwrite)
        self.config.thresholds.around(self.threshold)
        own_attributes(self.config.attributes)

    def _config_of_open(self, raster: Raster, job: SceneJob, config: PredictConfig) -> PredictConfig:
        """The settings with all that is known of the values of an open scene; `UserError` where they contradict it."""
        check_nodata("nodata", self.config.nodata, raster.stored_dtype, job.name)
        # what follows from the training is no setting that the scene could contradict
        config = config_of_scene(config, job.name, raster.facts)
        return with_implied_calibration(config, self.networks[0])

    def _open(self, job: SceneJob, config: PredictConfig) -> AbstractContextManager[Raster]:
        """The scene as one raster, of the bands that the networks take."""
        options = ReadingOptions(
            self.bands,
            self._nodata(config),
            self.nodata_bands,
            calibration=config.calibration,
            remove_noise=config.remove_noise,
        )
        return job.open(options)

    def _nodata(self, config: PredictConfig) -> float | None:
        """The nodata value with which a scene is opened, besides those that it declares."""
        return opening_nodata_of(config, self.networks[0])

    def _settle(self, raster: Raster, config: PredictConfig) -> tuple[str, ...]:
        """Settle what the values of a scene are. Returns what was assumed, a text each."""
        settled = settle_values(raster, value_options(config, self.networks[0]))
        if settled.sample is not None:
            check_trained_range(raster, settled.sample, self.networks, config.scale)
        return (*settled.notes, *other_scale_notes(self.networks, config.scale))

    def _shared_quartiles(self, job: SceneJob, config: PredictConfig) -> NDArray[np.float64] | None:
        """Quartiles of all chips of the scene, where one of them is mapped by itself and a network asks for them."""
        if job.peers and uses_scene_quartiles(self.networks):
            values = value_options(config, self.networks[0])
            return shared_quartiles(job.peers, self.bands, self._nodata(config), self.nodata_bands, values)
        return None

    def _history(self, job: SceneJob, raster: Raster, config: PredictConfig) -> SceneHistory | None:
        """The history of a scene's place; None where the settings name none."""
        if self.history is None:
            return None
        shift = shift_to_ground_grid(job, raster, self.networks[0].facts)
        return SceneHistory.of(self.history, raster, config, shift)

    def _write_rasters(self, scene: OpenScene, rows: Rows | None, progress: Progress | None) -> SceneMap:
        """Write the rasters of probability and mask, or predict some rows of them."""
        if self.config.polygons:
            # a scene whose place cannot be used for outlines is told before anything is predicted
            Ground.of(scene.raster)
        plan, networks = self._plan_as_begun(scene, self._plan(scene, rows))

        def prepare() -> tuple[Model, Normalise]:
            model = ensemble_of_scene(networks, scene.raster, scene.config, scene.shared_quartiles)
            return model.probability, model.normalise

        return map_scene(scene.raster, prepare, scene.outputs.folder, plan, progress)

    def _plan(self, scene: OpenScene, rows: Rows | None) -> ScenePlan:
        """How the scene is mapped."""
        config = scene.config
        area, area_key = area_of_interest(scene.raster, config)
        windows = WindowPlan(tiling_of(self.networks, config), config.batch, config.threads, area)
        return ScenePlan(
            windows,
            model_key=model_key(self.networks, scene),
            threshold=self.threshold,
            area_key=area_key,
            overwrite=config.overwrite,
            part=rows,
            log_odds=scene.added,
            tags=scene.tags,
        )

    def _plan_as_begun(self, scene: OpenScene, plan: ScenePlan) -> tuple[ScenePlan, list[Predictor]]:
        """The plan and the networks, in the precision of the map that lies there where the settings name none.

        Earlier versions and other machines have another usual precision: their maps stay, and are gone on with.
        """
        folder = scene.outputs.folder
        if self.config.precision is None and not holds_map(scene.raster, folder, plan):
            others = [in_other_precision(network) for network in self.networks]
            other_plan = replace(plan, model_key=model_key(others, scene))
            if holds_map(scene.raster, folder, other_plan):
                return other_plan, others
        return plan, self.networks

    def _find_outlines(self, scene: OpenScene, rasters: SceneMap) -> SeepLayer:
        """The seeps of a written map."""
        tells_classes = self.networks[0].classes > 0
        names = ENSEMBLE_SEPARATOR.join(network.name for network in self.networks)
        with Raster(rasters.probability, as_stored=True) as probability, Raster(rasters.mask) as mask:
            options = scene.config
            if self.second_look is not None:
                options = self.second_look.options(options, scene.history)
            layer = find_seeps(
                probability,
                options,
                threshold=self.threshold,
                image=scene.raster,
                classes=mask if tells_classes else None,
                model=names,
            )
        return layer._replace(metadata=scene.tags)

    def _kept(self, found: SeepLayer, history: SceneHistory | None) -> SeepLayer:
        """The seeps without those that the second look leaves out."""
        return found if self.second_look is None else self.second_look.kept(found, history)

    def _with_left_out(self, row: SceneRow, found: int) -> SceneRow:
        """The row of a scene with what the second look did to its `found` outlines."""
        if self.second_look is None:
            return row
        left_out = found - (row.seeps or 0)
        notes = f"{row.notes} {self.second_look.text(left_out, found)}.".lstrip()
        return replace(row, left_out=left_out, notes=notes)


def _all_notes(scene: OpenScene, ground: Ground | None) -> list[str]:
    """All that a person should know of a scene; ground: None where no outlines are asked for."""
    notes = list(scene.notes)
    if ground is not None:
        notes += ground.doubts(scene.raster)
    if scene.history is not None:
        notes.append(scene.history.note)
    return notes


def _outlines_are_whole(path: Path) -> bool:
    """Whether there is a file of outlines that can be read; a damaged one is laid aside, since somebody may have it."""
    if not is_there(path):
        return False
    if is_whole_layer(path):
        return True
    aside = path.with_name(f"{path.name}.damaged")
    path.replace(aside)
    log.warning("%s is damaged: it is kept as %s, and made again.", path, aside.name)
    return False


def _check_placed_as_now(
    outputs: SceneOutputs, placement: ControlPointPlacement | None, is_old: bool, config: PredictConfig
) -> None:
    """Raise `WouldReplace` for finished polygons that an earlier version placed by control points in its own way.

    They are not replaced unasked: somebody may have edited them.
    """
    if placement is None or not is_old or config.overwrite or not outputs.outlines.exists():
        return
    raise WouldReplace(
        f"{outputs.outlines} is of an earlier version, which placed scenes with control points up to 15 px elsewhere. "
        "Let it be placed anew with overwrite=true (the rasters stay), or choose another output folder."
    )


def _completed(config: PredictConfig, networks: Sequence[Predictor]) -> PredictConfig:
    """The settings with what the networks know."""
    if config.min_area is None:
        config = replace(config, min_area=_mean_min_area(networks))
    return config


def _mean_min_area(networks: Sequence[Predictor]) -> int | None:
    """The smallest object that validation chose, on average over the networks for which it chose one; pixels."""
    chosen = [network.min_area for network in networks if network.min_area]
    if not chosen:
        return None
    mean = float(np.mean(chosen))
    return round(mean)
