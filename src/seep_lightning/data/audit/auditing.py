"""Audit a data set before anyone trains on it: what `python -m seep_lightning.check` prints."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from seep_lightning.config.data import DataConfig, SplitConfig
from seep_lightning.errors import UserError

if TYPE_CHECKING:
    from seep_lightning.data.chips import Chips
    from seep_lightning.data.images import ChipPixels

# the splits whose leakage is told beside that of the split that was asked for
COMPARED_SPLITS = ("scene", "place", "kfold", "random")


@dataclass
class Audit:
    """What an audit found.

    Attributes:
        root: The folder of the data set.
        problems: What would stop a training, a line each.
        facts: What the data set is like, by name.
        leaks: How far validation and test would be known from training, by the kind of the split.
    """

    root: str
    problems: list[str] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    leaks: dict[str, str] = field(default_factory=dict)


def audit(data: DataConfig, split: SplitConfig) -> Audit:
    """Read every chip of a data set, and go on after a problem.

    Args:
        data: The data set's config.
        split: The split that a training would use.

    Returns:
        The problems and the facts; the leakage of the splits only where there are no problems.

    Raises:
        UserError: There is nothing to look at.
    """
    from seep_lightning.data.layouts import AuditedLayout, layout_of, pair_chips
    from seep_lightning.data.roots import with_root

    data = with_root(data)
    chips = pair_chips(replace(data, unpaired="skip"))
    findings = Audit(str(chips.root))
    layout = layout_of(data)
    if isinstance(layout, AuditedLayout):
        findings.problems += layout.problems(chips.root)
    statistics = _ChipStatistics(data.nodata)
    _read_all(chips, statistics, findings.problems)
    if len(statistics.kinds) > 1:
        findings.problems.append(f"bands, size and type differ: {statistics.kinds_text()}")
    findings.facts = statistics.facts(chips)
    if not findings.problems:
        _add_leakage(findings, chips, split)
    return findings


def _add_leakage(findings: Audit, chips: "Chips", split: SplitConfig) -> None:
    """Tell what each kind of split would leak; that the one that was asked for is impossible is a problem."""
    from seep_lightning.data.description import LabelOrigin
    from seep_lightning.data.leakage import leakage
    from seep_lightning.data.split import split_chips

    for kind in dict.fromkeys((split.kind, *COMPARED_SPLITS)):
        try:
            parts = split_chips(chips, replace(split, kind=kind))
        except UserError as error:
            findings.leaks[kind] = f"not possible: {error}"
            if kind == split.kind:
                findings.problems.append(str(error))
            continue
        findings.leaks[kind] = "; ".join(str(row) for row in leakage(chips, parts))
    origin = str(LabelOrigin.of(chips.root))
    if origin:
        findings.leaks["any split"] = origin


def _read_all(chips: "Chips", statistics: "_ChipStatistics", problems: list[str]) -> None:
    """Read chip by chip; collect statistics, digests and problems."""
    from seep_lightning.data.loading import digest

    for index, name in enumerate(chips.names):
        try:
            pixels = chips.read(index)
        except UserError as error:
            problems.append(str(error).removeprefix("data: "))
            continue
        if not statistics.add(name, pixels):
            problems.append(f"{name} holds nodata ({statistics.nodata}) only")
        chips.digests.append(digest(name, pixels.image, pixels.mask))
        statistics.add_picture(name, chips.digests[-1].rpartition(":")[2])


@dataclass
class _ChipStatistics:
    """What is counted over all chips that can be read."""

    nodata: int | None
    kinds: Counter[str] = field(default_factory=Counter)
    chips_by_class: Counter[int] = field(default_factory=Counter)
    levels: list[int] = field(default_factory=list)
    pixels: int = 0
    nodata_pixels: int = 0
    nodata_chips: int = 0
    saturated_pixels: int = 0
    without_seep: list[str] = field(default_factory=list)
    names_by_picture: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, pixels: "ChipPixels") -> bool:
        """Count a chip. Returns whether it has any pixel with data."""
        image, mask = pixels.image, pixels.mask
        bands, height, width = image.shape
        nodata_pixels = int((~pixels.data).sum())
        self.kinds[f"{bands} band, {height} x {width}, {image.dtype}"] += 1
        self.levels.append(len(np.unique(image)))
        self.pixels += mask.size
        self.nodata_pixels += nodata_pixels
        self.nodata_chips += nodata_pixels > 0
        self.saturated_pixels += int((image == np.iinfo(image.dtype).max).sum())
        self.chips_by_class.update(np.unique(mask[pixels.valid & (mask > 0)]).tolist())
        if not mask.any():
            self.without_seep.append(name)
        return bool(pixels.data.any())

    def add_picture(self, name: str, digest: str) -> None:
        """Note a picture, to find those that occur twice."""
        self.names_by_picture.setdefault(digest, []).append(name)

    def kinds_text(self) -> str:
        """How many chips there are of each number of bands, size and type."""
        return "; ".join(f"{count} x {kind}" for kind, count in self.kinds.items())

    def facts(self, chips: "Chips") -> dict[str, str]:
        """The counts as a reader wants them."""
        per_scene = Counter(chips.scenes)
        scenes = [f"{scene} ({count})" for scene, count in sorted(per_scene.items())]
        classes = [f"{label}: {count}" for label, count in sorted(self.chips_by_class.items())]
        doubles = [" = ".join(names) for names in self.names_by_picture.values() if len(names) > 1]
        levels = self.levels or [0]
        pixels = max(self.pixels, 1)
        return {
            "chips": f"{len(chips)} pairs",
            "scenes": f"{len(per_scene)}: {', '.join(scenes)}",
            "size and type": self.kinds_text() or "none readable",
            "levels a chip": f"{min(levels)} to {max(levels)}",
            "nodata": f"{self.nodata_pixels / pixels:.1%} of pixels, in {self.nodata_chips} chips",
            "saturated": f"{self.saturated_pixels / pixels:.2%} of pixels",
            "classes (chips)": ", ".join(classes) or "none",
            "chips without seep": _counted(self.without_seep),
            "identical pictures": _counted(doubles),
        }


def _counted(names: Sequence[str]) -> str:
    """How many there are, and the first of them."""
    from seep_lightning.data.layouts import shortened

    return f"{len(names)}: {shortened(names)}" if names else "0"
