"""Audit a data set before anyone trains on it: `python -m seep_lightning.check`."""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from seep_lightning.config.data import DataConfig, SplitConfig
from seep_lightning.errors import UserError

if TYPE_CHECKING:
    from seep_lightning.data.chips import Chips


@dataclass
class Audit:
    """What was found. `problems` would stop a training; `facts` and `leaks` are for the reader."""

    root: str
    problems: list[str] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    leaks: dict[str, str] = field(default_factory=dict)


def audit(data: DataConfig, split: SplitConfig) -> Audit:
    """Read every chip, and go on after a problem; `UserError` only where there is nothing to look at."""
    from seep_lightning.data.layouts import list_images, pair_chips
    from seep_lightning.data.leakage import leakage
    from seep_lightning.data.loading import with_root
    from seep_lightning.data.split import split_chips

    data = with_root(data)
    pairs = pair_chips(replace(data, unpaired="skip"))
    found = Audit(str(pairs.root))
    images, masks = (list_images(pairs.root / folder).keys() for folder in (data.images, data.masks))
    for lonely, kind in ((images - masks, "mask"), (masks - images, "image")):
        if lonely and data.unpaired == "error":
            found.problems.append(f"{len(lonely)} without {kind}: {_some(sorted(lonely))}")
    _read_each(pairs, found)
    if found.problems:
        return found
    for name in dict.fromkeys((split.kind, "scene", "place", "kfold", "random")):
        try:
            rows = leakage(pairs, split_chips(pairs, replace(split, kind=name)))
            found.leaks[name] = "; ".join(map(str, rows))
        except UserError as error:
            found.leaks[name] = f"not possible: {error}"
            if name == split.kind:
                found.problems.append(str(error))
    return found


def _read_each(chips: "Chips", found: Audit) -> None:
    """Read chip by chip; collect digests, problems and facts."""
    from seep_lightning.data.images import valid_pixels
    from seep_lightning.data.loading import digest

    sizes, classes = Counter[str](), Counter[int]()
    counts: list[tuple[int, ...]] = []
    same: dict[str, list[str]] = {}
    empty: list[str] = []
    for i, name in enumerate(chips.names):
        try:
            image, mask = chips.read(i)
        except UserError as error:
            found.problems.append(str(error).removeprefix("data: "))
            continue
        valid = valid_pixels(image, chips.config.nodata)
        if not valid.any():
            found.problems.append(f"{name} holds nodata ({chips.config.nodata}) only")
        sizes[f"{image.shape[0]} band, {image.shape[1]} x {image.shape[2]}, {image.dtype}"] += 1
        counts.append((len(np.unique(image)), valid.size, (~valid).sum(), (image == np.iinfo(image.dtype).max).sum()))
        classes.update(np.unique(mask[valid & (mask > 0)]).tolist())
        empty += [name] * (not mask.any())
        chips.digests.append(digest(name, image, mask))
        same.setdefault(chips.digests[-1].rpartition(":")[2], []).append(name)
    levels, pixels, nodata, saturated = np.array(counts or [(0, 1, 0, 0)]).T
    doubles = [" = ".join(names) for names in same.values() if len(names) > 1]
    per_scene, kinds = Counter(chips.scenes), "; ".join(f"{n} x {k}" for k, n in sizes.items())
    if len(sizes) > 1:
        found.problems.append(f"bands, size and type differ: {kinds}")
    found.facts = {
        "chips": f"{len(chips)} pairs",
        "scenes": f"{len(per_scene)}: " + ", ".join(f"{s} ({n})" for s, n in sorted(per_scene.items())),
        "size and type": kinds or "none readable",
        "levels a chip": f"{levels.min()} to {levels.max()}",
        "nodata": f"{nodata.sum() / pixels.sum():.1%} of pixels, in {(nodata > 0).sum()} chips",
        "saturated": f"{saturated.sum() / pixels.sum():.2%} of pixels",
        "classes (chips)": ", ".join(f"{c}: {n}" for c, n in sorted(classes.items())) or "none",
        "chips without seep": f"{len(empty)}" + (f": {_some(empty)}" if empty else ""),
        "identical pictures": f"{len(doubles)}" + (f": {_some(doubles)}" if doubles else ""),
    }


def _some(names: list[str], most: int = 3) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
