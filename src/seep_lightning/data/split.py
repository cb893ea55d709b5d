"""Chips to train, val and test, no group in two parts: a function of names and a seed only."""

import logging
import math
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.data import SplitConfig
from seep_lightning.data.chips import Chips
from seep_lightning.data.parts import HELD_OUT_PARTS, PARTS
from seep_lightning.data.split_table import listed_split, part_called, read_split
from seep_lightning.errors import UserError

log = logging.getLogger(__name__)

# random assignments of groups among which the one nearest to the shares is kept
TRIES = 400
# what may list the parts of split=file
LISTS = "what lists them (split.path, the column split of data.pairs, or the folders)"
# a share of the chips is rounded up, but not because of what floats lose
ROUNDING_SLACK = 1e-9

Parts = list[str]
"""The part of each chip."""


def split_chips(chips: Chips, config: SplitConfig) -> Parts:
    """Decide which chip is in which part.

    Args:
        chips: The data set.
        config: The kind of split, and its settings.

    Returns:
        `train`, `val` or `test` for each chip.

    Raises:
        UserError: The split cannot be made, or a part would be empty.
    """
    split = SPLITS[config.kind]
    parts = split.make(chips, config)
    for part in PARTS:
        if part not in parts:
            raise UserError(
                f"split: the {part} part of split={config.kind} is empty ({len(chips)} chips, "
                f"{len(set(chips.scenes))} scenes). {split.empty_part}."
            )
    return parts


def positions_in(parts: Parts, part: str) -> list[int]:
    """List the positions of a part's chips, in order of their names.

    Args:
        parts: The part of each chip.
        part: `train`, `val` or `test`; `all` for every chip.
    """
    if part == "all":
        return list(range(len(parts)))
    return [index for index, chip_part in enumerate(parts) if chip_part == part]


def tell_files(chips: Chips, config: SplitConfig) -> None:
    """Log how the files pair, what is left out, and what becomes of a listed split."""
    for line in chips.told_files():
        log.info(line)
    listed_parts = listed_parts_text(chips, config)
    if listed_parts:
        log.info(f"data: {listed_parts}")


def other_parts_cure(kind: str) -> str:
    """What to do about a part that lacks something, in words that may follow others.

    Args:
        kind: The kind of the split.
    """
    return SPLITS[kind].other_parts


def listed_parts_text(chips: Chips, config: SplitConfig) -> str:
    """Where the split is listed, by `data.pairs` or folders: that it is not used, or which part it leaves to be drawn.

    Args:
        chips: The data set.
        config: The kind of split.

    Returns:
        A sentence without its full stop; empty where there is nothing to tell.
    """
    if not any(chips.listed_parts):
        return ""
    if config.kind != "file":
        return f"{_says_parts(chips)}, but split={config.kind} is chosen; pass split=file to use it"
    listed = [part_called(text) for text in chips.listed_parts]
    drawn = _drawn_parts(listed) if config.path is None else []
    texts = [f"{part} is {getattr(config, part):.0%} of its training chips, by scene (split.{part})" for part in drawn]
    return f"{_says_parts(chips)}: {'; '.join(texts)}" if texts else ""


def _says_parts(chips: Chips) -> str:
    """What says the part of each chip, and which parts there are, such as `folders are called Train (20), test (4)`."""
    if chips.config.pairs is not None:
        return f"{chips.config.pairs} has a column split"
    counts = Counter(chips.listed_parts)
    folders = [f"{folder} ({count} chips)" for folder, count in counts.items() if folder]
    return f"folders are called {', '.join(sorted(folders))}, as the parts of a published split"


def group_keys(chips: Chips, by: str, block: int) -> list[Hashable]:
    """Say what must stay together.

    Args:
        chips: The data set.
        by: `scene`, `place` (a block of cells of the common grid) or `chip` (nothing).
        block: Cells a side of a block.

    Returns:
        The group of each chip.

    Raises:
        UserError: `by=place`, and the place of a chip is not known.
    """
    match by:
        case "scene":
            return list(chips.scenes)
        case "place":
            return _blocks(chips, block)
        case _:
            return list(chips.names)


def _blocks(chips: Chips, block: int) -> list[Hashable]:
    """The block of cells in which each chip lies."""
    blocks: list[Hashable] = []
    for name, place in zip(chips.names, chips.places(), strict=True):
        if place is None:
            raise UserError(
                f"split: {name} has no place on a grid. split by place needs data.grid with the columns of each scene "
                "(by prefix of its name) and a data.pattern with a tile group; or use split=scene."
            )
        row, column = place
        blocks.append((row // block, column // block))
    return blocks


def _by_file(chips: Chips, config: SplitConfig) -> Parts:
    """The parts of `split.path`, or else those that `data.pairs` lists, or folders."""
    if config.path is not None or not any(chips.listed_parts):
        return read_split(chips, config.path)
    parts = listed_split(chips)
    for part in _drawn_parts(parts):
        _draw(part, parts, chips, config)
    return parts


def _drawn_parts(listed: Parts) -> list[str]:
    """The parts that a list does not know: a published split may be no more than train and test."""
    return [part for part in HELD_OUT_PARTS if part not in listed]


def _draw(part: str, parts: Parts, chips: Chips, config: SplitConfig) -> None:
    """Take a part out of training, by whole scenes."""
    training = [index for index, own in enumerate(parts) if own == "train"]
    keys = group_keys(chips, "scene", config.block)
    share = getattr(config, part)
    drawn = _assigned([keys[index] for index in training], {"train": 1 - share, part: share}, config.seed)
    for index, own in zip(training, drawn, strict=True):
        parts[index] = own


def _at_random(chips: Chips, config: SplitConfig) -> Parts:
    """scikit-learn's `train_test_split` twice, as the reference does: test first, then validation from the rest."""
    count = len(chips)
    test_count = math.ceil(config.test * count - ROUNDING_SLACK)
    val_count = math.ceil(config.val * count - ROUNDING_SLACK)
    # both calls are given the same seed there
    order = np.random.RandomState(config.seed).permutation(count)
    test, rest = order[:test_count], order[test_count:]
    order_of_rest = np.random.RandomState(config.seed).permutation(len(rest))
    val = rest[order_of_rest[:val_count]]
    parts = ["train"] * count
    for index in test:
        parts[index] = "test"
    for index in val:
        parts[index] = "val"
    return parts


def _by_groups(chips: Chips, config: SplitConfig) -> Parts:
    """Whole scenes, or whole blocks of places, so that the parts come as near to their shares as can be."""
    keys = group_keys(chips, config.kind, config.block)
    shares = {"train": 1 - config.val - config.test, "val": config.val, "test": config.test}
    return _assigned(keys, shares, config.seed)


def _assigned(keys: Sequence[Hashable], shares: Mapping[str, float], seed: int) -> Parts:
    """Whole groups to parts, as near to their shares as can be.

    Args:
        keys: The group of each chip.
        shares: The share of each part.
        seed: Of the random order of groups.
    """
    sizes = Counter(keys)
    rng = np.random.default_rng(seed)
    wanted_chips = np.array(list(shares.values())) * len(keys)
    assignments = [_assign(sizes, wanted_chips, rng) for _ in range(TRIES)]
    # of equal ones, the first
    best = min(assignments, key=_deviation)
    names = list(shares)
    return [names[best.part_of_group[key]] for key in keys]


class _Assignment(NamedTuple):
    """Groups by the number of their part among the shares, and how far the parts are from these, in chips."""

    deviation: float
    part_of_group: dict[Hashable, int]


def _deviation(assignment: _Assignment) -> float:
    return assignment.deviation


def _assign(sizes: Counter[Hashable], wanted_chips: NDArray[np.float64], rng: np.random.Generator) -> _Assignment:
    """Give each group, in a random order, to the part that lacks the largest share of its chips."""
    groups = sorted(sizes, key=str)
    chips_of_part = np.zeros(len(wanted_chips))
    part_of_group: dict[Hashable, int] = {}
    for position in rng.permutation(len(groups)):
        group = groups[position]
        lacking_share = (wanted_chips - chips_of_part) / wanted_chips
        part = int(np.argmax(lacking_share))
        part_of_group[group] = part
        chips_of_part[part] += sizes[group]
    # an empty part is worse than anything else
    empty_parts = int((chips_of_part == 0).sum())
    deviation = np.abs(chips_of_part - wanted_chips).sum() + sizes.total() * empty_parts
    return _Assignment(float(deviation), part_of_group)


def _by_folds(chips: Chips, config: SplitConfig) -> Parts:
    """Fold k tests, fold k + 1 validates, the rest trains; whole groups, filled largest first into the emptiest."""
    keys = group_keys(chips, config.by, config.block)
    sizes = Counter(keys)
    folds = config.folds
    if len(sizes) < folds:
        raise UserError(f"split: {folds} folds need at least {folds} groups, found {len(sizes)}. Lower split.folds.")

    def descending_size(group: Hashable) -> int:
        return -sizes[group]

    groups = sorted(sizes, key=str)
    rng = np.random.default_rng(config.seed)
    shuffled = [groups[position] for position in rng.permutation(len(groups))]
    chips_of_fold = np.zeros(folds)
    fold_of_group: dict[Hashable, int] = {}
    for group in sorted(shuffled, key=descending_size):
        fold = int(np.argmin(chips_of_fold))
        fold_of_group[group] = fold
        chips_of_fold[fold] += sizes[group]
    part_of_fold = {config.fold: "test", (config.fold + 1) % folds: "val"}
    return [part_of_fold.get(fold_of_group[key], "train") for key in keys]


class SplitKind(NamedTuple):
    """A kind of split.

    Attributes:
        make: Gives each chip its part.
        empty_part: What to do where a part is empty, as a sentence without its full stop.
        other_parts: What to do where a part lacks something, in words that may follow others.
    """

    make: Callable[[Chips, SplitConfig], Parts]
    empty_part: str = "Add chips or scenes, or choose another split or other shares"
    other_parts: str = "pass another split.seed, or another split"


SPLITS: dict[str, SplitKind] = {
    "random": SplitKind(_at_random),
    "scene": SplitKind(
        _by_groups,
        empty_part="Add scenes, choose other shares, or pass split=place, which splits each scene and leaks more",
    ),
    "place": SplitKind(_by_groups),
    "kfold": SplitKind(
        _by_folds,
        empty_part="Add chips or scenes, or choose another split",
        other_parts="pass another split.fold or split.seed, or another split",
    ),
    "file": SplitKind(
        _by_file,
        empty_part=f"Give it chips in {LISTS}, or choose another split",
        other_parts=f"move chips between the parts in {LISTS}, or choose another split",
    ),
}
"""The values of `split.kind`."""
