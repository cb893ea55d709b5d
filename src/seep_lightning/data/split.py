"""Chips to train, val and test, no group in two parts: a function of names and a seed only."""

import math
from collections import Counter
from collections.abc import Callable, Hashable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.data import SplitConfig
from seep_lightning.data.chips import Chips
from seep_lightning.data.split_table import PARTS, listed_split, read_split
from seep_lightning.errors import UserError

# random assignments of groups among which the one nearest to the shares is kept
TRIES = 400
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
    parts = split(chips, config)
    for part in PARTS:
        if part not in parts:
            raise UserError(
                f"split: the {part} part of split={config.kind} is empty ({len(chips)} chips, "
                f"{len(set(chips.scenes))} scenes). Add chips or scenes, or choose another split or other shares."
            )
    return parts


def unused_list_text(chips: Chips, config: SplitConfig) -> str:
    """That `data.pairs` says which chip is in which part, and another split is chosen; empty where it is not so.

    Args:
        chips: The data set.
        config: The kind of split.
    """
    if config.kind == "file" or not any(chips.listed_parts):
        return ""
    return f"{chips.config.pairs} has a column split, but split={config.kind} is chosen; pass split=file to use it"


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
    """The parts of `split.path`, or else those that `data.pairs` lists."""
    if config.path is None and any(chips.listed_parts):
        return listed_split(chips)
    return read_split(chips, config.path)


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
    sizes = Counter(keys)
    shares = np.array([1 - config.val - config.test, config.val, config.test])
    rng = np.random.default_rng(config.seed)
    assignments = [_assign(sizes, shares * len(keys), rng) for _ in range(TRIES)]
    # of equal ones, the first
    best = min(assignments, key=_deviation)
    return [PARTS[best.part_of_group[key]] for key in keys]


class _Assignment(NamedTuple):
    """Groups by the number of their part in PARTS, and how far the parts are from their shares, in chips."""

    deviation: float
    part_of_group: dict[Hashable, int]


def _deviation(assignment: _Assignment) -> float:
    return assignment.deviation


def _assign(sizes: Counter[Hashable], wanted_chips: NDArray[np.float64], rng: np.random.Generator) -> _Assignment:
    """Give each group, in a random order, to the part that lacks the largest share of its chips."""
    groups = sorted(sizes, key=str)
    chips_of_part = np.zeros(len(PARTS))
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


# each kind of `split.kind`, and what makes it
SPLITS: dict[str, Callable[[Chips, SplitConfig], Parts]] = {
    "random": _at_random,
    "scene": _by_groups,
    "place": _by_groups,
    "kfold": _by_folds,
    "file": _by_file,
}
