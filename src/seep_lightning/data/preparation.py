"""Scenes and an analyst's polygons or masks to a data set: what `python -m seep_lightning.prepare` does."""

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seep_lightning.config.commands import PrepareConfig
from seep_lightning.config.data import DataConfig
from seep_lightning.config.rules import check_config
from seep_lightning.counted import counted
from seep_lightning.data.cutting import CutChip, cut_scene, starts
from seep_lightning.data.inputs import find_scenes, path_list
from seep_lightning.data.label_sources import LabelSource, read_labels_of, scenes_but_masks
from seep_lightning.data.labels import chip_scene_name
from seep_lightning.errors import UserError, writing_to
from seep_lightning.files import draft_of, remove_leftovers, sync_folder, write_text
from seep_lightning.locks import lock_path, locked
from seep_lightning.scene.options import NO_NODATA
from seep_lightning.scene.scene_file import ReadingOptions, SceneFile

if TYPE_CHECKING:
    from seep_lightning.scene.band_names import Band
    from seep_lightning.scene.raster import Raster

log = logging.getLogger(__name__)

# of the config, what `dataset.json` keeps
KEPT_SETTINGS = ("labels", "scale", "factor", "nodata", "remove_noise", "size", "overlap")


def prepare(config: PrepareConfig) -> dict[str, Any]:
    """Cut scenes and labels into a data set (docs/labels.md).

    Scenes are read by rows of chips. All are checked before anything is written, and `output` appears when it is whole.

    Args:
        config: The scenes, the labels, and how they are cut.

    Returns:
        What stands in the data set's `dataset.json`.

    Raises:
        InUse: Another process writes `output`.
        UserError: `output` exists, a scene or the labels are not as they must be, or a label has no place.
    """
    check_config(config)
    output = Path(config.output)
    with locked(lock_path(output), f"output={output}", "prepare"):
        _check_free(output)
        labels = _read_all_labels(config)
        # what cannot be used is told before anything is written
        labels.check(config)
        remove_leftovers(output.parent)
        with draft_of(output) as draft:
            facts = _write_data_set(draft, labels, config)
            with writing_to(output):
                draft.replace(output)
    return facts


def _check_free(output: Path) -> None:
    """Raise `UserError` where the data set's place is taken."""
    if output.exists():
        raise UserError(f"output={output} exists. Choose another folder: prepare adds to none.")


def _read_all_labels(config: PrepareConfig) -> LabelSource:
    """Read the labels of each scene."""
    scenes = _scene_files(config)

    def open_scene(scene: SceneFile) -> "Raster":
        return _open(scene, config)

    for scene in scenes:
        with _open(scene, config) as raster:
            for note in _settle(raster, config):
                log.warning("%s: %s", scene.name, note)
    return read_labels_of(scenes, config, open_scene)


def _settle(raster: "Raster", config: PrepareConfig) -> tuple[str, ...]:
    """Settle what the values of an open scene are. Returns what was assumed or is doubtful, a text each."""
    from seep_lightning.scene.ground import Ground
    from seep_lightning.scene.nodata import check_nodata
    from seep_lightning.scene.settling import ValueOptions, settle_values

    check_nodata("nodata", config.nodata, raster.stored_dtype, raster.name)
    if config.factor is not None:
        raster.multiply_by(config.factor)
    raster.check_scale(config.scale)
    scale = _config_of_scene(config, raster).scale
    settled = settle_values(raster, ValueOptions(scale, config.factor, nodata=config.nodata))
    return (*raster.notes, *_band_notes(raster), *settled.notes, *Ground.of(raster).doubts(raster))


def _config_of_scene(config: PrepareConfig, raster: "Raster") -> PrepareConfig:
    """The config with the scale that the scene itself tells; `Raster.check_scale` has found no contradiction."""
    return replace(config, scale=config.scale or raster.facts.scale)


def _open(scene: SceneFile, config: PrepareConfig) -> "Raster":
    """Open a scene as the config says."""
    from seep_lightning.scene.inputs.kinds import open_scene

    nodata = None if config.nodata == NO_NODATA else config.nodata
    return open_scene(scene, ReadingOptions(tuple(_bands(config)), nodata, remove_noise=config.remove_noise))


def _bands(config: PrepareConfig) -> list["Band"]:
    """The bands of a scene that are cut; where none are named, the first one, unless it is one of several colours."""
    from seep_lightning.scene.band_names import TrainedBand

    match config.bands:
        case None:
            return [TrainedBand(1)]
        case str():
            return [config.bands]
        case _:
            return list(config.bands)


def _band_notes(raster: "Raster") -> list[str]:
    """Which bands are cut, where that is not plain."""
    from seep_lightning.scene.band_names import choice_notes

    is_plain = raster.is_grey or len(raster.labels) == 1
    return [] if is_plain else choice_notes(raster.labels, raster.bands, raster.indexes)


def _scene_files(config: PrepareConfig) -> list[SceneFile]:
    """The scenes, each once; `UserError` where the chips of two would have one name."""
    scenes: dict[str, SceneFile] = {}
    for text in path_list("scenes", config.scenes):
        for scene in scenes_but_masks(find_scenes("scenes", text), config):
            other = scenes.setdefault(chip_scene_name(scene.name), scene)
            if other != scene:
                raise UserError(f"scenes: {other.path} and {scene.path} have one name. Rename one of them.")
    return list(scenes.values())


def _write_data_set(folder: Path, labels: LabelSource, config: PrepareConfig) -> dict[str, Any]:
    """Write all chips and `dataset.json` into a new folder. Returns what stands in it."""
    facts: dict[str, Any] = {"chips": 0, "with_seep": 0, "classes": 0, "columns": {}, "notes": {}}
    facts.update({key: getattr(config, key) for key in KEPT_SETTINGS})
    facts["bands"] = config.bands or [1]
    for subfolder in (DataConfig.images, DataConfig.masks):
        (folder / subfolder).mkdir(parents=True)
    for scene, scene_labels in counted(list(labels.by_scene.items()), "cut", "scenes"):
        with _open(scene, config) as raster:
            notes = _settle(raster, config)
            if notes:
                facts["notes"][scene.name] = " ".join(notes)
            # without overlap tiles lie edge to edge, and can be laid back
            if config.overlap == 0:
                facts["columns"][chip_scene_name(scene.name)] = len(starts(raster.width, config))
            for chip in cut_scene(raster, scene_labels, _config_of_scene(config, raster)):
                _write_chip(folder, raster, chip)
                facts["chips"] += 1
                facts["with_seep"] += bool(chip.mask.any())
                facts["classes"] = max(facts["classes"], int(chip.mask.max()))
            raster.check_unchanged()
    facts.update(labels.facts(config))
    if not facts["with_seep"]:
        raise UserError(f"labels={config.labels}: none of its seep lies where the scenes hold data. Give other scenes.")
    write_text(folder / "dataset.json", json.dumps(facts, indent=2) + "\n")
    sync_folder(folder)
    return facts


def _write_chip(folder: Path, raster: "Raster", chip: CutChip) -> None:
    """Write image and mask of a chip, where the scene lies."""
    from seep_lightning.scene.datasets import write_geotiff

    name = f"{chip_scene_name(raster.name)}.{chip.tile:06d}.tif"
    place = _place_of(raster, chip)
    # grey is made of several bands
    band_names = [] if raster.is_grey else raster.band_names
    write_geotiff(folder / DataConfig.images / name, chip.image, 0, band_names, **place)
    write_geotiff(folder / DataConfig.masks / name, chip.mask, None, **place)


def _place_of(raster: "Raster", chip: CutChip) -> dict[str, Any]:
    """Where a chip lies on the ground, as `write_geotiff` takes it; nothing for control points without a CRS."""
    from affine import Affine

    if not raster.placed_by_points:
        return {"crs": raster.crs, "transform": raster.transform @ Affine.translation(chip.left, chip.top)}
    if not raster.crs:
        return {}
    return {"crs": raster.crs, "gcps": raster.place.shifted_points(-chip.top, -chip.left)}
