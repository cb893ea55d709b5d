"""What became of each outline of an analyst's file: counted in dataset.json, and told by `prepare`.

A new way of ending is one more entry in `FATES`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.commands import PrepareConfig
from seep_lightning.data.labels import LabelFile, SceneLabels
from seep_lightning.errors import UserError, shortened

Outlined = NDArray[np.bool_]
"""Which of the file's outlines are meant, (N,)."""
# of the outlines of a group, how many are named
MOST_EXAMPLES = 3


@dataclass(frozen=True)
class Whereabouts:
    """Where the outlines of a file lie: what the groups of outlines are told apart by.

    Attributes:
        file: The file of outlines, N.
        scenes: The outlines in each scene.
        is_cut: Whether the scenes have been cut, so that it is known where they hold data.
    """

    file: LabelFile
    scenes: Sequence[SceneLabels]
    is_cut: bool

    @cached_property
    def is_named(self) -> Outlined:
        """Which name a scene."""
        return np.array([bool(name) for name in self.file.scenes], bool)

    @cached_property
    def is_inside(self) -> Outlined:
        """Which lie in a scene that they are of."""
        return self._in_any([scene.is_inside for scene in self.scenes])

    def is_empty(self) -> Outlined:
        """Which have no geometry."""
        return self.file.outlines.is_empty

    def is_flat(self) -> Outlined:
        """Which have no area."""
        return self.file.outlines.is_flat

    def names_unknown_scene(self) -> Outlined:
        """Which name a scene that is not among the scenes."""
        known = {name for scene in self.scenes for name in scene.names}
        is_unknown = np.array([name not in known for name in self.file.scenes], dtype=np.bool_)
        return np.logical_and(self.is_named, is_unknown)

    def needs_name(self) -> Outlined:
        """Which name no scene, where a position does not tell either."""
        takes_unnamed = any(scene.takes_unnamed for scene in self.scenes)
        if takes_unnamed or not self.file.has_scene_column:
            return np.zeros(len(self.is_named), bool)
        return ~self.is_named

    def is_outside_its_scene(self) -> Outlined:
        """Which lie outside of the scene that they name."""
        return self.is_named & ~self.is_inside

    def is_outside(self) -> Outlined:
        """Which lie in no scene."""
        return ~self.is_inside

    def holds_no_pixel(self) -> Outlined:
        """Which hold no pixel's centre."""
        return ~self._in_any([scene.holds_pixel for scene in self.scenes])

    def is_doubtful(self) -> Outlined:
        """Of which nobody is sure."""
        return self.file.is_doubtful

    def shows_no_data(self) -> Outlined:
        """Which hold nodata only; none as long as the scenes have not been cut."""
        if not self.is_cut:
            return np.zeros(len(self.is_named), bool)
        return ~self._in_any([scene.shows_data for scene in self.scenes])

    def lacks_name(self) -> Outlined:
        """Which name no scene, although there is a column for it."""
        return ~self.is_named & self.file.has_scene_column

    def is_in_several(self) -> Outlined:
        """Which hold pixels of several scenes."""
        counts = np.zeros(len(self.is_named), np.int64)
        for scene in self.scenes:
            counts += self._in_scene(scene, scene.holds_pixel)
        return counts > 1

    def is_repaired(self) -> Outlined:
        """Which are no whole polygons."""
        return self.file.outlines.is_repaired

    def _in_any(self, chosen_by_scene: Sequence[Outlined]) -> Outlined:
        """Which of the file's outlines are chosen in one scene at least."""
        is_chosen = np.zeros(len(self.file.scenes), bool)
        for scene, chosen in zip(self.scenes, chosen_by_scene, strict=True):
            is_chosen |= self._in_scene(scene, chosen)
        return is_chosen

    def _in_scene(self, scene: SceneLabels, chosen: Outlined) -> Outlined:
        """Which of the file's outlines are among the chosen ones of a scene."""
        return np.isin(self.file.outlines.numbers, scene.outlines.numbers[chosen])


@dataclass(frozen=True)
class OutlineGroup:
    """Outlines of which one thing is to be told.

    Attributes:
        key: In dataset.json.
        find: Which outlines are in the group.
        text: What `prepare` says of them.
        is_unplaced: Whether `prepare` refuses them unless unplaced=skip.
    """

    key: str
    find: Callable[[Whereabouts], Outlined]
    text: str
    is_unplaced: bool = False


# why an outline makes no seep; of several reasons the first one counts
FATES = (
    OutlineGroup("no_geometry", Whereabouts.is_empty, "not used, nothing was drawn"),
    OutlineGroup("no_area", Whereabouts.is_flat, "not used, no area: a line, a point, or an outline folded to nothing"),
    OutlineGroup(
        "unknown_scene", Whereabouts.names_unknown_scene, "not used, of a scene that is not among the scenes", True
    ),
    OutlineGroup(
        "no_scene", Whereabouts.needs_name, "not used, of no scene by name, and the scenes have no georeference", True
    ),
    OutlineGroup(
        "outside_its_scene", Whereabouts.is_outside_its_scene, "not used, outside of the scene that they name", True
    ),
    OutlineGroup("outside", Whereabouts.is_outside, "not used, outside of all scenes", True),
    OutlineGroup("too_small", Whereabouts.holds_no_pixel, "not used, too small to hold the centre of a pixel"),
    OutlineGroup("ignored", Whereabouts.is_doubtful, "used as ignored pixels, neither seep nor sea (ignore=...)"),
    OutlineGroup("no_data", Whereabouts.shows_no_data, "not used, nothing but nodata below them"),
)
# what else is told of those that make seep
NOTES = (
    OutlineGroup("placed_by_position", Whereabouts.lacks_name, "used, of no scene by name: they count where they lie"),
    OutlineGroup("in_several_scenes", Whereabouts.is_in_several, "used in several scenes at once: they lie in each"),
    OutlineGroup(
        "repaired", Whereabouts.is_repaired, "used after a repair: they cross themselves, or have empty parts"
    ),
)
IGNORED = "ignored"


@dataclass(frozen=True)
class OutlineAccount:
    """What became of the outlines of a file.

    Attributes:
        numbers: Number of each outline in the file, (N,).
        scenes: The scene that each names, N texts.
        models: The network that drew each, N texts; empty where a person did.
        fates: Why outlines make no seep, by the keys of `FATES`; each outline is in one of them at most.
        notes: What else is told, by the keys of `NOTES`.
    """

    numbers: NDArray[np.int64]
    scenes: list[str]
    models: list[str]
    fates: Mapping[str, Outlined]
    notes: Mapping[str, Outlined]

    @property
    def used(self) -> Outlined:
        """Those that make seep."""
        lost = np.zeros(len(self.numbers), bool)
        for outlines in self.fates.values():
            lost |= outlines
        return ~lost

    def facts(self) -> dict[str, Any]:
        """The counts for dataset.json: `in_file`, `used`, `models`, and each group that is not empty."""
        used = self.used
        drawn_by = [model for model, is_used in zip(self.models, used, strict=True) if is_used and model]
        facts: dict[str, Any] = {
            "in_file": len(self.numbers),
            "used": int(used.sum()),
            "models": dict(Counter(drawn_by).most_common()),
        }
        for key, outlines in {**self.fates, **self.notes}.items():
            if outlines.any():
                facts[key] = {"count": int(outlines.sum()), "examples": self._examples(outlines)}
        return facts

    def _examples(self, outlines: Outlined) -> list[int]:
        """The numbers of the first few."""
        numbers: list[int] = self.numbers[outlines][:MOST_EXAMPLES].tolist()
        return numbers

    def check_placed(self, scenes: Iterable[SceneLabels], config: PrepareConfig) -> None:
        """Check that each outline has a scene.

        Args:
            scenes: All scenes.
            config: Whether outlines without a place may be left out.

        Raises:
            UserError: One has none, and `unplaced` is not `skip`.
        """
        if config.unplaced == "skip":
            return
        reasons = [self._reason(group) for group in FATES if group.is_unplaced and self.fates[group.key].any()]
        if not reasons:
            return
        count = sum(int(self.fates[group.key].sum()) for group in FATES if group.is_unplaced)
        known = shortened([scene.names[0] for scene in scenes])
        raise UserError(
            f"labels={config.labels}: {count} of {len(self.numbers)} outlines have no place in the scenes ({known}): "
            f"{'; '.join(reasons)}. Correct them, add their scenes, or pass unplaced=skip to leave them out."
        )

    def reasons(self) -> str:
        """Why outlines make no seep, with how many of them and which."""
        return "; ".join(self._reason(group) for group in FATES if self.fates[group.key].any())

    def _reason(self, group: OutlineGroup) -> str:
        """How many are in a group, which, and which scenes they name."""
        outlines = self.fates[group.key]
        count = int(outlines.sum())
        text = f"{count} {group.text.removeprefix('not used, ')} ({self._named(outlines)})"
        named = {scene for scene, is_meant in zip(self.scenes, outlines, strict=True) if is_meant and scene}
        if named and group.is_unplaced:
            text += f", named {shortened(sorted(named))}"
        return text

    def _named(self, outlines: Outlined) -> str:
        numbers = [str(number) for number in self.numbers[outlines]]
        return f"number {shortened(numbers, MOST_EXAMPLES)}"

    def check_used(self, config: PrepareConfig) -> None:
        """Check that there is seep to learn from.

        Raises:
            UserError: No outline makes any.
        """
        if self.used.any():
            return
        raise UserError(
            f"labels={config.labels}: none of its {len(self.numbers)} outlines can be used: {self.reasons()}. "
            "Draw seeps in the scenes, or give other scenes."
        )


def account(file: LabelFile, scenes: Iterable[SceneLabels], *, is_cut: bool) -> OutlineAccount:
    """Find out what becomes of each outline.

    Args:
        file: The file of outlines.
        scenes: The outlines in each scene.
        is_cut: Whether the scenes have been cut, so that it is known where they hold data.

    Returns:
        The fate of each outline.
    """
    whereabouts = Whereabouts(file, list(scenes), is_cut)
    free = np.ones(len(file.scenes), bool)
    fates: dict[str, Outlined] = {}
    for group in FATES:
        fates[group.key] = free & group.find(whereabouts)
        free = free & ~fates[group.key]
    notes = {group.key: free & group.find(whereabouts) for group in NOTES}
    return OutlineAccount(file.outlines.numbers, file.scenes, file.models, fates, notes)


def outline_lines(facts: Mapping[str, Any]) -> list[str]:
    """Tell what became of the outlines.

    Args:
        facts: What `OutlineAccount.facts` gave.

    Returns:
        `17 of 20 outlines used`, and a line for each group that is not empty.
    """
    head = f"{facts['used']} of {facts['in_file']} outlines used"
    if IGNORED in facts:
        head += f", and {facts[IGNORED]['count']} as ignored pixels"
    lines = [head]
    for group in (*FATES, *NOTES):
        if group.key in facts:
            count = facts[group.key]["count"]
            examples = [str(number) for number in facts[group.key]["examples"]]
            hidden = count - len(examples)
            more = f" and {hidden} more" if hidden else ""
            lines.append(f"  {count} {group.text} (number {', '.join(examples)}{more})")
    for model, count in facts["models"].items():
        lines.append(f"  {count} of those used were drawn by the network {model}")
    return lines
