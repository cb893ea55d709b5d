"""Scenes and an analyst's polygons to a data set: what `python -m seep_lightning.prepare` does."""

import json
import logging
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seep_lightning.config.commands import PrepareConfig
from seep_lightning.config.data import DataConfig
from seep_lightning.config.rules import check_config
from seep_lightning.data.cutting import CutChip, cut_scene, starts
from seep_lightning.data.inputs import find_scenes, path_list
from seep_lightning.data.labels import LabelFile, SceneLabels, chip_scene_name, read_label_file, read_labels
from seep_lightning.data.outline_account import OutlineAccount, account
from seep_lightning.errors import UserError
from seep_lightning.scene.scene_file import ReadingOptions, SceneFile

if TYPE_CHECKING:
    from seep_lightning.scene.band_names import Band
    from seep_lightning.scene.raster import Raster

log = logging.getLogger(__name__)

# of the config, what `dataset.json` keeps
KEPT_SETTINGS = ("labels", "scale", "size", "overlap")


def prepare(config: PrepareConfig) -> dict[str, Any]:
    """Cut scenes and polygons into a data set (docs/labels.md).

    Scenes are read by rows of chips. All are checked before anything is written, and `output` appears when it is whole.

    Args:
        config: The scenes, the polygons, and how they are cut.

    Returns:
        What stands in the data set's `dataset.json`.

    Raises:
        UserError: `output` exists, a scene or the polygons are not as they must be, or a polygon has no place.
    """
    check_config(config)
    output = Path(config.output)
    if output.exists():
        raise UserError(f"output={output} exists. Choose another folder: prepare adds to none.")
    labels = _read_all_labels(config)
    # what cannot be used is told before anything is written
    _check_labels(labels, config)
    unfinished = output.with_name(f".{output.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        facts = _write_data_set(unfinished, labels, config)
        unfinished.replace(output)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return facts


@dataclass(frozen=True)
class _Labels:
    """The file of polygons as a whole, and the polygons of each scene."""

    file: LabelFile
    by_scene: dict[SceneFile, SceneLabels]

    def account(self, *, is_cut: bool) -> OutlineAccount:
        """What becomes of each polygon; is_cut: whether it is known by now where the scenes hold data."""
        return account(self.file, self.by_scene.values(), is_cut=is_cut)


def _read_all_labels(config: PrepareConfig) -> _Labels:
    """Read the polygons of each scene."""
    from seep_lightning.scene.ground import Ground

    scenes = _scene_files(config)
    file = read_label_file(config, len(scenes))
    by_scene: dict[SceneFile, SceneLabels] = {}
    for scene in scenes:
        with _open(scene, config) as raster:
            raster.check_scale(config.scale)
            _tell_bands(raster)
            Ground.of(raster).tell_doubts(raster)
            by_scene[scene] = read_labels(raster, file, config)
    return _Labels(file, by_scene)


def _config_of_scene(config: PrepareConfig, scene: SceneFile) -> PrepareConfig:
    """The config with the scale that the scene itself tells; `Raster.check_scale` has found no contradiction."""
    return replace(config, scale=config.scale or scene.facts.scale)


def _open(scene: SceneFile, config: PrepareConfig) -> "Raster":
    """Open a scene as the config says."""
    from seep_lightning.scene.inputs.kinds import open_scene

    return open_scene(scene, ReadingOptions(tuple(_bands(config)), config.nodata))


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


def _tell_bands(raster: "Raster") -> None:
    """Log which bands are cut, where that is not plain."""
    from seep_lightning.scene.band_names import choice_told

    is_plain = raster.is_grey or len(raster.labels) == 1
    choice = "" if is_plain else choice_told(raster.labels, raster.bands, raster.indexes)
    if choice:
        log.warning("%s: %s. Pass bands=[...] for others.", raster.name, choice)


def _check_labels(labels: _Labels, config: PrepareConfig) -> None:
    """Raise `UserError` where there is no polygon, where none can be used, or where one has no place in the scenes."""
    scenes = labels.by_scene.values()
    if not labels.file.scenes:
        raise UserError(f"labels={config.labels} holds no polygon. Is it the right file?")
    outlines = labels.account(is_cut=False)
    if not any(scene.is_inside.any() for scene in scenes):
        raise UserError(
            f"labels={config.labels}: none of its polygons lies in one of the {len(scenes)} scene(s): "
            f"{outlines.reasons()}. Check both on a map: which coordinate system, which scene_attribute?"
        )
    outlines.check_placed(scenes, config)
    outlines.check_used(config)


def _scene_files(config: PrepareConfig) -> list[SceneFile]:
    """The scenes, each once; `UserError` where the chips of two would have one name."""
    scenes: dict[str, SceneFile] = {}
    for text in path_list("scenes", config.scenes):
        for scene in find_scenes("scenes", text):
            other = scenes.setdefault(chip_scene_name(scene.name), scene)
            if other != scene:
                raise UserError(f"scenes: {other.path} and {scene.path} have one name. Rename one of them.")
    return list(scenes.values())


def _write_data_set(folder: Path, labels: _Labels, config: PrepareConfig) -> dict[str, Any]:
    """Write all chips and `dataset.json` into a new folder. Returns what stands in it."""
    facts: dict[str, Any] = {"chips": 0, "with_seep": 0, "classes": 0, "columns": {}}
    facts.update({key: getattr(config, key) for key in KEPT_SETTINGS})
    facts["bands"] = config.bands or [1]
    for subfolder in (DataConfig.images, DataConfig.masks):
        (folder / subfolder).mkdir(parents=True)
    for scene, scene_labels in labels.by_scene.items():
        with _open(scene, config) as raster:
            # without overlap tiles lie edge to edge, and can be laid back
            if config.overlap == 0:
                facts["columns"][chip_scene_name(scene.name)] = len(starts(raster.width, config))
            for chip in cut_scene(raster, scene_labels, _config_of_scene(config, scene)):
                _write_chip(folder, raster, chip)
                facts["chips"] += 1
                facts["with_seep"] += bool(chip.mask.any())
                facts["classes"] = max(facts["classes"], int(chip.mask.max()))
            raster.check_unchanged()
    after = labels.account(is_cut=True)
    after.check_used(config)
    facts["outlines"] = after.facts()
    (folder / "dataset.json").write_text(json.dumps(facts, indent=2) + "\n")
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
