"""Whether the scenes of chips are known, and which `data.pattern` would take them from the chips' names."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from shlex import quote
from typing import NamedTuple

from seep_lightning.data.chips import Chips

# what stands between a scene's name and a number
SEPARATORS = ("_", "-", r"\.", " ")
# as few scenes make no split, and a scene has more than one chip
LEAST_SCENES = 2
LEAST_CHIPS_A_SCENE = 2
# a longer number is a date or an orbit, no row or column
LONGEST_ROW = 5


class NamePattern(NamedTuple):
    """A pattern that takes scenes from the names of chips.

    Attributes:
        pattern: For `data.pattern`.
        scenes: How many scenes it finds.
    """

    pattern: str
    scenes: int

    @property
    def argument(self) -> str:
        """The argument of a command line, quoted for a shell and for Hydra."""
        return quote(f'data.pattern="{self.pattern}"')


def scenes_are_known(chips: Chips) -> bool:
    """Whether it is known which chips are of one scene.

    It is not where no two chips share a scene, and each chip's scene is no more than its own name without a number.
    """
    if len(chips) < LEAST_CHIPS_A_SCENE or len(set(chips.scenes)) < len(chips):
        return True
    if any(tile >= 0 for tile in chips.tiles):
        return True
    named = zip(chips.names, chips.image_paths, chips.scenes, strict=True)
    # a chip in a sub-folder is not called as its file is
    return not all(name.startswith(scene) or image.name.startswith(scene) for name, image, scene in named)


def likely_pattern(names: Sequence[str]) -> NamePattern | None:
    """Look for scenes in names such as `041869_000003.tif`, `S1-tile7.png`, `S1_0_256.tif`.

    Args:
        names: The file names of chips.

    Returns:
        The pattern that finds the fewest scenes, since too coarse groups never leak; None where names hold none.
    """
    tried = [_tried(pattern, names) for pattern in _patterns()]
    fitting = [pattern for pattern in tried if pattern is not None]
    return min(fitting, key=_scene_count, default=None)


def _scene_count(pattern: NamePattern) -> int:
    return pattern.scenes


def _patterns() -> Iterator[str]:
    """Patterns of names: scene, separator, one number or a row and a column, perhaps a word."""
    ends = [f"(?:{separator}[A-Za-z]+)?" for separator in SEPARATORS]
    for separator in SEPARATORS:
        for end in ["", *ends]:
            for word in ("", "[A-Za-z]+"):
                number = rf"(?P<tile>\d+){end}\.\w+$"
                yield rf"(?P<scene>.+){separator}{word}{number}"
                short = rf"\d{{1,{LONGEST_ROW}}}"
                yield rf"(?P<scene>.+){separator}{word}{short}{separator}{word}{short}{end}\.\w+$"


def _tried(pattern: str, names: Sequence[str]) -> NamePattern | None:
    """The pattern with its number of scenes; None where it does not match, or finds no groups."""
    compiled = re.compile(pattern)
    chips_by_scene: Counter[str] = Counter()
    for name in names:
        match = compiled.match(name)
        if match is None:
            return None
        chips_by_scene[match["scene"]] += 1
    scenes = len(chips_by_scene)
    if scenes < LEAST_SCENES or LEAST_CHIPS_A_SCENE * scenes > len(names):
        return None
    return NamePattern(pattern, scenes)
