"""Which files are the masks of which scenes: `labels` of `prepare` may be a mask, a folder or a pattern of masks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seep_lightning.documents.patterns import paths_like
from seep_lightning.errors import UserError, shortened
from seep_lightning.scene.raster_formats import chip_suffixes, scene_suffixes


@dataclass(frozen=True)
class MaskPairs:
    """Masks and the scenes that they are of.

    Attributes:
        by_scene: The mask of each scene that has one, by the scene's name.
        of_no_scene: Masks whose names tell no scene.
        without_mask: The names of scenes without a mask.
    """

    by_scene: dict[str, Path]
    of_no_scene: list[Path]
    without_mask: list[str]


def mask_files(labels: str) -> list[Path]:
    """The masks that `labels` names.

    Args:
        labels: A file, a folder of files, or a pattern such as `MASKS/*.tif`.

    Returns:
        The files that are rasters by their suffix, sorted; none where `labels` is a vector file.
    """
    path = Path(labels)
    if path.is_file():
        files = [path]
    elif path.is_dir():
        files = list(path.iterdir())
    else:
        files = [Path(name) for name in paths_like(labels)]
    suffixes = (*scene_suffixes(), *chip_suffixes())
    return sorted(file.absolute() for file in files if file.suffix.lower() in suffixes)


def pair_masks(masks: Sequence[Path], scenes: Mapping[str, Path]) -> MaskPairs:
    """Find the mask of each scene by its name, which may end in a word of its own, as in `S1_mask.tif`.

    A single mask of a single scene may be called anything. A single mask of several scenes, of which no name tells, may
    be of all: it lies where it lies.

    Args:
        masks: The masks.
        scenes: The scenes' files by the scenes' names.

    Raises:
        UserError: The names can be paired in several ways, or masks are the scenes themselves.
    """
    _check_other_files(masks, scenes)
    names = list(scenes)
    if len(masks) == 1 and len(scenes) == 1:
        return MaskPairs({names[0]: masks[0]}, [], [])
    by_stem = {mask.stem: mask for mask in masks}
    pairs = {name: by_stem[stem] for name, stem in _paired_stems(names, list(by_stem)).items()}
    if len(masks) == 1 and not pairs:
        return MaskPairs(dict.fromkeys(names, masks[0]), [], [])
    of_no_scene = [mask for mask in masks if mask not in pairs.values()]
    return MaskPairs(pairs, of_no_scene, [name for name in names if name not in pairs])


def _check_other_files(masks: Sequence[Path], scenes: Mapping[str, Path]) -> None:
    """Raise `UserError` where a mask is a scene too."""
    both = [mask.name for mask in masks if mask in scenes.values()]
    if both:
        raise UserError(
            f"scenes and labels both name {shortened(both)}. Give patterns that tell them apart, such as "
            "'scenes=DIR/*_vv.tif' 'labels=DIR/*_mask.tif'."
        )


def _paired_stems(scenes: Sequence[str], masks: Sequence[str]) -> dict[str, str]:
    """The stem of its mask for each scene that has one; `UserError` where that cannot be decided."""
    if not scenes or not masks:
        return {}
    # layouts read pictures: their libraries are heavy
    from seep_lightning.data.layouts.endings import find_endings, strip_ending

    candidates = find_endings(scenes, masks, None, None)
    if not candidates:
        return {}
    if len(candidates) > 1:
        raise UserError(
            f"labels: masks such as {masks[0]} pair with scenes such as {scenes[0]} in {len(candidates)} ways. Call "
            "each mask as its scene, or as its scene with _mask."
        )
    (endings,) = candidates
    scene_by_rest = strip_ending(scenes, endings.image)
    mask_by_rest = strip_ending(masks, endings.mask)
    return {scene: mask_by_rest[rest] for rest, scene in scene_by_rest.items() if rest in mask_by_rest}
