"""Chips on disk: pair images with masks by name, check every one, keep them decoded where they fit."""

import re
from dataclasses import replace
from pathlib import Path

from seep_lightning.config.data import DataConfig
from seep_lightning.data.chips import Chips
from seep_lightning.data.grid import written_grid
from seep_lightning.errors import UserError, as_user_error
from seep_lightning.scene.raster_formats import chip_suffixes


def pair_chips(config: DataConfig) -> Chips:
    """Find images and masks and pair them by name, without reading a pixel."""
    if config.root is None:
        raise UserError("data.root is not set. Pass data.root=DIR or set SEEP_DATA_ROOT.")
    root = Path(config.root)
    images, masks = root / config.images, root / config.masks
    for folder, key in ((root, "root"), (images, "images"), (masks, "masks")):
        if not folder.is_dir():
            there = [f"One is in {path.parent}." for path in root.glob(f"*/{config.images}")]
            raise UserError(
                f"data.{key}: there is no folder {folder}. {' '.join([*there, 'Expected'])} {config.images}/ and "
                f"{config.masks}/ below it; set data.root (or SEEP_DATA_ROOT), data.images, data.masks."
            )
    found, truth = list_images(images), list_images(masks)
    if not found:
        raise UserError(f"data: no {', '.join(chip_suffixes())} in {images}. Is data.root the right folder?")
    pairs = sorted(found.keys() & truth.keys())
    for some, other, kind, where in ((found, truth, "mask", masks), (truth, found, "image", images)):
        lonely = sorted(some.keys() - other.keys())
        if lonely and config.unpaired == "error":
            name = some[lonely[0]].name
            more = f" ({len(lonely) - 1} more like it)" if len(lonely) > 1 else ""
            raise UserError(
                f"data: {name} has no {kind}{more}. Looked for {where / name}. {len(pairs)} other chips are paired. "
                f"Remove it, add its {kind}, or pass data.unpaired=skip."
            )
    if not pairs:
        raise UserError(f"data: no image in {images} has a mask of the same name in {masks}.")
    names = [found[stem].name for stem in pairs]
    scenes, tiles = map(list, zip(*(split_name(name, config.pattern) for name in names), strict=True))
    written = written_grid(root)
    config = replace(config, grid={} if written is None else written | config.grid)
    return Chips(config, root, names, scenes, tiles, [found[stem] for stem in pairs], [truth[stem] for stem in pairs])


def list_images(folder: Path) -> dict[str, Path]:
    """The images of a folder by stem, whatever order the file system gives them in."""
    table: dict[str, Path] = {}
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in chip_suffixes()):
        other = table.setdefault(path.stem, path)
        if other != path:
            raise UserError(f"data: {other} and {path.name} are one chip twice. Remove one of them.")
    return table


def split_name(name: str, pattern: str) -> tuple[str, int]:
    """Scene and tile of a chip's file name by a regular expression with groups `scene` and (optional) `tile`."""
    with as_user_error(f"data.pattern: {pattern!r} is not a regular expression", re.error):
        match = re.match(pattern, name)
    if match is None or "scene" not in match.groupdict():
        raise UserError(
            f"data.pattern: {name} does not match {pattern!r}. The pattern needs a group (?P<scene>...) and may have "
            "(?P<tile>digits)."
        )
    tile = match.groupdict().get("tile") or "-1"
    if not tile.removeprefix("-").isdecimal():
        raise UserError(f"data.pattern: {pattern!r} takes {tile!r} of {name} for the tile; it must be digits.")
    return match["scene"], int(tile)
