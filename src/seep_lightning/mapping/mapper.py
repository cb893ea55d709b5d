"""The mapper: one scene's way from its files to its row of the table."""

import hashlib
import json
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
from seep_lightning.mapping.bands import band_notes, bands_of
from seep_lightning.mapping.ensemble import EnsembleModel, ensemble_of_scene, shared_quartiles, uses_scene_quartiles
from seep_lightning.mapping.jobs import SceneJob
from seep_lightning.mapping.networks import in_other_precision, threshold_of, tiling_of
from seep_lightning.mapping.outputs import SceneOutputs, is_there, write_chip_maps
from seep_lightning.mapping.picture import write_scene_picture
from seep_lightning.mapping.scene_history import HISTORY_TAG, SceneHistory, shift_to_ground_grid
from seep_lightning.mapping.scene_values import (
    check_trained_range,
    opening_nodata_of,
    other_scale_notes,
    value_options,
)
from seep_lightning.mapping.second_look import SecondLook, with_taught_thresholds
from seep_lightning.mapping.table import DONE, SceneRow
from seep_lightning.predictor.base import Predictor
from seep_lightning.scene.ground import Ground
from seep_lightning.scene.interfaces import Area, Mask, Model, Normalise, Progress
from seep_lightning.scene.nodata import check_nodata
from seep_lightning.scene.outlines import vector_area
from seep_lightning.scene.placements import ControlPointPlacement
from seep_lightning.scene.plan import ScenePlan, WindowPlan
from seep_lightning.scene.polygon_attributes import own_attributes
from seep_lightning.scene.polygons import SeepLayer, find_seeps
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.scene_file import ReadingOptions, SceneFacts
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
class OpenScene:
    """A scene while it is mapped.

    Attributes:
        job: What is to be mapped.
        config: The settings of the command, with what the scene itself says of its values.
        raster: Its pixels, open for reading.
        outputs: Where its map goes.
        shared_quartiles: Of all chips of the scene of which this is one, (C, 3); None where nobody needs them.
        history: Of its place; None where nobody asks for it.
    """

    job: SceneJob
    config: PredictConfig
    raster: Raster
    outputs: SceneOutputs
    shared_quartiles: NDArray[np.float64] | None
    history: SceneHistory | None

    @property
    def tags(self) -> dict[str, str]:
        """What the files of the map tell of it."""
        return {} if self.added is None else {HISTORY_TAG: self.added.text}

    @property
    def added(self) -> SceneHistory | None:
        """The history that is added to logits; None where there is none, or only for the second look."""
        if self.history is None or not self.history.is_added:
            return None
        return self.history


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
        config = config_of_scene(self.config, job.name, job.facts)
        outputs = self._checked_outputs(job)
        with self._open(job, config) as raster:
            config = self._config_of_open(raster, job, config)
            notes = [*raster.notes, *band_notes(raster, self.networks), *self._settle(raster, config)]
            ground = Ground.of(raster) if config.polygons else None
            if ground is not None:
                notes += ground.doubts(raster)
            history = self._history(job, raster, config)
            if history is not None:
                notes.append(history.note)
            tell(job.name, notes)
            scene = OpenScene(job, config, raster, outputs, self._shared_quartiles(job, config), history)
            rasters = self._write_rasters(scene, rows=None, progress=progress)
            placement = None if ground is None else ground.by_points
            key = self._row_key(rasters, scene, placement)
            outlined = not config.polygons or _outlines_are_whole(outputs.outlines)
            if key == finished_key and outlined:
                self._restore(scene, rasters)
                return None
            _check_placed_as_now(outputs, placement, finished_key == self._row_key(rasters, scene), config)
            size = f"{raster.width} x {raster.height}"
            row = SceneRow(job.name, DONE, size=size, key=key, notes=" ".join(notes))
            layer = None
            if config.polygons:
                found = self._find_outlines(scene, rasters)
                layer = found if self.second_look is None else self.second_look.kept(found, history)
                # without a row of an earlier call, outlines that lie here were left by a call that was killed
                replaceable = config.overwrite or not finished_key or not is_there(outputs.outlines)
                write_seeps(layer, outputs.outlines, wgs84=config.wgs84, overwrite=replaceable)
                row = self._with_left_out(_with_placement(_with_seeps(row, layer), placement), len(found.seeps))
            if config.picture:
                write_scene_picture(raster, layer, outputs.picture)
        if config.chips:
            write_chip_maps(job, rasters, outputs.folder)
        return replace(row, seconds=time.monotonic() - begin)

    def _row_key(self, rasters: SceneMap, scene: OpenScene, placement: ControlPointPlacement | None = None) -> str:
        """A hash of all that a finished map depends on, see `row_key`."""
        judge_key = "" if self.second_look is None else f" {self.second_look.key_with(scene.history)}"
        return row_key(f"{rasters.key}{judge_key}", scene.config, placement)

    def _restore(self, scene: OpenScene, rasters: SceneMap) -> None:
        """Write again what is missing, or empty, of a finished map beside its rasters and outlines."""
        missing = [path for path in scene.outputs.written if not is_there(path)]
        if scene.outputs.picture in missing:
            layer = self._find_kept(scene, rasters) if scene.config.polygons else None
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
        config = config_of_scene(self.config, job.name, job.facts)
        outputs = self._checked_outputs(job)
        with self._open(job, config) as raster:
            config = self._config_of_open(raster, job, config)
            self._settle(raster, config)
            history = self._history(job, raster, config)
            scene = OpenScene(job, config, raster, outputs, self._shared_quartiles(job, config), history)
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
        config = config_of_scene(self.config, job.name, job.facts)
        with self._open(job, config) as raster:
            config = self._config_of_open(raster, job, config)
            notes = (*raster.notes, *band_notes(raster, self.networks), *self._settle(raster, config))
            quartiles = self._shared_quartiles(job, config)
            ensemble = ensemble_of_scene(self.networks, raster, config, quartiles)
            yield PreparedScene(raster, ensemble, notes)

    def _check_band_count(self) -> None:
        """Raise `UserError` where the settings name another number of bands than the networks take."""
        band_count = self.networks[0].bands
        if len(self.bands) != band_count:
            raise UserError(f"bands={list(self.bands)}: the run was trained on {band_count} band(s). Name as many.")

    def _checked_outputs(self, job: SceneJob) -> SceneOutputs:
        """Where a scene's map goes, after all checks that need no pixel: mistakes are told before the work begins."""
        self._check_band_count()
        outputs = SceneOutputs.of(job, self.config)
        outputs.check_replaceable(job, overwrite=self.config.overwrite)
        self.config.thresholds.around(self.threshold)
        own_attributes(self.config.attributes)
        return outputs

    def _config_of_open(self, raster: Raster, job: SceneJob, config: PredictConfig) -> PredictConfig:
        """The settings with all that is known of the values of an open scene; `UserError` where they contradict it."""
        check_nodata("nodata", self.config.nodata, raster.stored_dtype, job.name)
        # what follows from the training is no setting that the scene could contradict
        config = config_of_scene(config, job.name, raster.facts)
        return _with_implied_calibration(config, self.networks[0])

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
            model_key=_model_key(self.networks, scene),
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
            other_plan = replace(plan, model_key=_model_key(others, scene))
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

    def _find_kept(self, scene: OpenScene, rasters: SceneMap) -> SeepLayer:
        """The seeps of a written map without those that the second look leaves out."""
        layer = self._find_outlines(scene, rasters)
        return layer if self.second_look is None else self.second_look.kept(layer, scene.history)

    def _with_left_out(self, row: SceneRow, found: int) -> SceneRow:
        """The row of a scene with what the second look did to its `found` outlines."""
        if self.second_look is None:
            return row
        left_out = found - (row.seeps or 0)
        notes = f"{row.notes} {self.second_look.text(left_out, found)}.".lstrip()
        return replace(row, left_out=left_out, notes=notes)


def _model_key(networks: Sequence[Predictor], scene: OpenScene) -> str:
    """All that the probabilities of a scene depend on beside its pixels and the plan; a part of old maps' keys."""
    network_keys = [network.key for network in networks]
    quartiles = np.asarray(scene.shared_quartiles).tolist()
    facts = [network_keys, scene.config.scale, scene.config.flips, quartiles]
    # without a history keys are those of earlier versions
    if scene.added is not None:
        facts.append(scene.added.key)
    return json.dumps(facts)


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


def config_of_scene(config: PredictConfig, name: str, facts: SceneFacts) -> PredictConfig:
    """The settings with what a scene itself says of its values.

    Args:
        config: The settings of the command.
        name: The scene's name.
        facts: What its product or, once it is open, its file says.

    Raises:
        UserError: The settings say something else.
    """
    for key in ("scale", "calibration"):
        known = getattr(facts, key)
        setting = getattr(config, key)
        if known is None or (key == "calibration" and setting in facts.calibrations):
            continue
        if setting not in (None, known):
            raise UserError(f"{key}={setting}: the values of {name} are {known}. Leave {key}= out for it.")
        config = replace(config, **{key: known})
    return config


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


def row_key(rasters_key: str, config: PredictConfig, placement: ControlPointPlacement | None = None) -> str:
    """A hash of all that a finished map depends on.

    It stands in the tables of earlier versions and must not change: the settings are hashed as the text of their
    dataclass. Those that do not change a map are set to a fixed value first.

    Args:
        rasters_key: A hash of all that the rasters depend on.
        config: The settings of the command, completed by what the networks know.
        placement: How control points place the polygons; None without control points, or without polygons.
    """
    settings = replace(
        config, run=0, input="", output="", device="", threads=1, overwrite=False, cluster="", workers=None
    )
    text = f"{rasters_key} {settings}"
    # younger than the tables: not part of the dataclass's text
    if config.attributes:
        text += f" {config.attributes}"
    # earlier versions placed by a polynomial in degrees: their polygons must not count as finished
    if placement is not None:
        text += f" {placement.name}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _with_implied_calibration(config: PredictConfig, network: Predictor) -> PredictConfig:
    """The settings of a scene with what follows from its scale, or from that of the network's training."""
    own_range = network.value_range
    network_takes_db = own_range is not None and own_range.scale == "db" and config.scale is None
    if (config.scale == "db" or network_takes_db) and config.calibration is None:
        return replace(config, calibration="db")
    return config


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


def _with_placement(row: SceneRow, placement: ControlPointPlacement | None) -> SceneRow:
    """The row of a scene with how its control points place it."""
    if placement is None:
        return row
    row = replace(row, placement=placement.name)
    if placement.residual is None:
        return row
    return replace(
        row,
        residual_mean_m=placement.residual.mean_m,
        residual_max_m=placement.residual.max_m,
        residual_mean_px=placement.residual.mean_px,
        residual_max_px=placement.residual.max_px,
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


def _with_seeps(row: SceneRow, layer: SeepLayer) -> SceneRow:
    """The row of a scene with the number and the area of its seeps."""
    unit = f"{layer.ground.unit}2"
    column = f"area_{unit}"
    sizes = [float(seep.attributes[column] or 0) for seep in layer.seeps]
    return replace(row, seeps=len(sizes), area=sum(sizes), unit=unit)
