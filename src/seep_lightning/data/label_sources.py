"""What tells `prepare` the classes of a scene's pixels: a file of polygons, or masks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.commands import PrepareConfig
from seep_lightning.data.labels import LabelFile, SceneLabels, read_label_file, read_labels
from seep_lightning.data.mask_pairing import MaskPairs, mask_files, pair_masks
from seep_lightning.data.outline_account import OutlineAccount, account, outline_lines
from seep_lightning.errors import UserError, shortened
from seep_lightning.scene.scene_file import SceneFile

if TYPE_CHECKING:
    from seep_lightning.data.mask_labels import MaskLabels
    from seep_lightning.scene.raster import Raster

SceneOpener = Callable[[SceneFile], "Raster"]
"""Opens a scene as `prepare` reads it."""
# in dataset.json, what became of each kind of labels
OUTLINES = "outlines"
MASKS = "masks"


class PixelLabels(Protocol):
    """The labels of one scene, by rows."""

    def burn(self, top: int, stop: int, width: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """The class of each pixel of rows top..stop, 0 for no seep, and where nobody is sure of it; (rows, width)."""

    def note_data(self, has_data: NDArray[np.bool_], top: int) -> None:
        """Take note of where rows of the scene from `top` on hold data."""


class LabelSource(Protocol):
    """The labels of all scenes."""

    @property
    def by_scene(self) -> Mapping[SceneFile, PixelLabels]:
        """Those of each scene that is cut."""

    def check(self, config: PrepareConfig) -> None:
        """Raise `UserError` where labels cannot be used; before anything is written."""

    def facts(self, config: PrepareConfig) -> dict[str, Any]:
        """What became of the labels, for dataset.json, when all is cut; `UserError` where none made any seep."""


@dataclass(frozen=True)
class OutlineSource:
    """A file of polygons.

    Attributes:
        file: The file as a whole.
        by_scene: The polygons of each scene.
    """

    file: LabelFile
    by_scene: dict[SceneFile, SceneLabels]

    def check(self, config: PrepareConfig) -> None:
        """Check that there are polygons, that one can be used, and that each has a place in the scenes."""
        scenes = self.by_scene.values()
        if not self.file.scenes:
            raise UserError(f"labels={config.labels} holds no polygon. Is it the right file?")
        outlines = self._account(is_cut=False)
        if not any(scene.is_inside.any() for scene in scenes):
            raise UserError(
                f"labels={config.labels}: none of its polygons lies in one of the {len(scenes)} scene(s): "
                f"{outlines.reasons()}. Check both on a map: which coordinate system, which scene_attribute?"
            )
        outlines.check_placed(scenes, config)
        outlines.check_used(config)

    def facts(self, config: PrepareConfig) -> dict[str, Any]:
        """What became of each polygon."""
        after = self._account(is_cut=True)
        after.check_used(config)
        return {OUTLINES: after.facts()}

    def _account(self, *, is_cut: bool) -> OutlineAccount:
        """What becomes of each polygon; is_cut: whether it is known by now where the scenes hold data."""
        return account(self.file, self.by_scene.values(), is_cut=is_cut)


@dataclass(frozen=True)
class MaskSource:
    """Masks of scenes.

    Attributes:
        pairs: Which mask is of which scene.
        by_scene: The mask of each scene that has one.
        beyond: Masks of several scenes at once, with the names of those on which they do not lie.
    """

    pairs: MaskPairs
    by_scene: dict[SceneFile, "MaskLabels"]
    beyond: list[str] = field(default_factory=list)

    def check(self, config: PrepareConfig) -> None:
        """Check that each mask has a scene and each scene a mask, and that one shows seep."""
        problems: list[str] = []
        if self.pairs.of_no_scene:
            names = shortened([mask.name for mask in self.pairs.of_no_scene])
            problems.append(f"{len(self.pairs.of_no_scene)} mask(s) are called like no scene ({names})")
        if self._without_mask:
            problems.append(f"{len(self._without_mask)} scene(s) have no mask ({shortened(self._without_mask)})")
        if problems and (config.unplaced != "skip" or not self.by_scene):
            raise UserError(
                f"labels={config.labels}: {'; '.join(problems)}. Call each mask as its scene, perhaps with _mask "
                "behind it, or pass unplaced=skip to leave these out."
            )
        if not any(labels.file.seep_pixels for labels in self.by_scene.values()):
            raise UserError(
                f"labels={config.labels}: no mask shows seep. If another value than 1 or 255 means it, say so: "
                "'mask_values={2: 1}'."
            )

    @property
    def _without_mask(self) -> list[str]:
        """The scenes that no mask is of."""
        return [*self.pairs.without_mask, *self.beyond]

    def facts(self, config: PrepareConfig) -> dict[str, Any]:
        """How many masks were used, how many pixels they know, and what was left out."""
        files = {labels.file.path: labels.file for labels in self.by_scene.values()}
        counts = np.sum([file.counts for file in files.values()], axis=0)
        *known, ignored = counts.tolist()
        return {
            MASKS: {
                "used": len(files),
                "pixels": {number: pixels for number, pixels in enumerate(known) if pixels},
                "ignored": ignored,
                "on_another_grid": sum(labels.grid is not None for labels in self.by_scene.values()),
                "of_no_scene": [mask.name for mask in self.pairs.of_no_scene],
                "scenes_without": self._without_mask,
            }
        }


def read_labels_of(scenes: Sequence[SceneFile], config: PrepareConfig, open_scene: SceneOpener) -> LabelSource:
    """Read the labels of scenes.

    Args:
        scenes: The scenes.
        config: Names the labels, and says what they mean.
        open_scene: Opens a scene.

    Raises:
        UserError: The labels cannot be read, are not as they must be, or do not go with the scenes.
    """
    masks = mask_files(config.labels)
    if masks:
        return _read_masks(masks, scenes, config, open_scene)
    if config.mask_values is not None:
        raise UserError(f"mask_values says what masks hold; labels={config.labels} is no raster, nor names any.")
    file = read_label_file(config, len(scenes))
    by_scene: dict[SceneFile, SceneLabels] = {}
    for scene in scenes:
        with open_scene(scene) as raster:
            by_scene[scene] = read_labels(raster, file, config)
    return OutlineSource(file, by_scene)


def scenes_but_masks(scenes: Sequence[SceneFile], config: PrepareConfig) -> list[SceneFile]:
    """The scenes of a folder or a pattern without the masks that lie beside them; all, where nothing would be left."""
    masks = set(mask_files(config.labels))
    others = [scene for scene in scenes if scene.path not in masks]
    return others or list(scenes)


def _read_masks(
    masks: Sequence[Path], scenes: Sequence[SceneFile], config: PrepareConfig, open_scene: SceneOpener
) -> MaskSource:
    """Read the masks of scenes, and how they lie."""
    from seep_lightning.data.mask_files import read_mask_file
    from seep_lightning.data.mask_labels import lay_mask, overlaps

    _check_no_outline_keys(config)
    pairs = pair_masks(masks, {scene.name: scene.path for scene in scenes})
    files = {path: read_mask_file(path, config) for path in dict.fromkeys(pairs.by_scene.values())}
    is_of_several = len(files) == 1 and len(pairs.by_scene) > 1
    by_scene: dict[SceneFile, MaskLabels] = {}
    beyond: list[str] = []
    for scene in scenes:
        path = pairs.by_scene.get(scene.name)
        if path is None:
            continue
        with open_scene(scene) as raster:
            if is_of_several and not overlaps(raster, files[path]):
                beyond.append(scene.name)
            else:
                by_scene[scene] = lay_mask(raster, files[path])
    return MaskSource(pairs, by_scene, beyond)


def _check_no_outline_keys(config: PrepareConfig) -> None:
    """Raise `UserError` for settings that say something of polygons."""
    for key in ("class_attribute", "scene_attribute", "ignore"):
        if getattr(config, key) is not None:
            raise UserError(
                f"{key} is a key for polygons, but labels={config.labels} are masks. What their values mean, is said "
                "by 'mask_values={1: 1, 2: ignore}'."
            )


def label_lines(facts: Mapping[str, Any]) -> list[str]:
    """Tell what became of the labels.

    Args:
        facts: What stands in dataset.json.
    """
    if OUTLINES in facts:
        return outline_lines(facts[OUTLINES])
    masks = facts[MASKS]
    pixels = [f"{count:,} px of class {number}" for number, count in masks["pixels"].items() if int(number) > 0]
    lines = [f"{masks['used']} mask(s) used: {', '.join(pixels)}, {masks['ignored']:,} px ignored"]
    if masks["on_another_grid"]:
        lines.append(f"  {masks['on_another_grid']} on another grid than its scene: the nearest pixel counts")
    if masks["of_no_scene"]:
        lines.append(f"  not used, called like no scene: {shortened(masks['of_no_scene'])}")
    if masks["scenes_without"]:
        lines.append(f"  scenes left out, without a mask: {shortened(masks['scenes_without'])}")
    return lines
