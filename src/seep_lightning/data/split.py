"""One grouped splitter: chips to train, val and test, no group in two parts; a function of names and a seed only."""

import csv
import math
from collections import Counter
from collections.abc import Hashable, Sequence
from pathlib import Path

import numpy as np

from seep_lightning.config.data import SplitConfig
from seep_lightning.data.chips import Chips
from seep_lightning.errors import UserError, as_user_error
from seep_lightning.files import write_table

PARTS = ("train", "val", "test")
TRIES = 400  # random assignments of groups among which the one nearest to the shares is kept


def split_chips(chips: Chips, config: SplitConfig) -> list[str]:
    """The part (`train`, `val` or `test`) of each chip. Raises `UserError` where a part would be empty."""
    if config.kind == "file":
        parts = read_split(chips, config.path)
    elif config.kind == "kfold":
        parts = _folds(group_keys(chips, config.by, config.block), config)
    elif config.kind == "random":
        parts = _random(len(chips), config)
    else:
        parts = _grouped(group_keys(chips, config.kind, config.block), config)
    for part in PARTS:
        if part not in parts:
            raise UserError(
                f"split: the {part} part of split={config.kind} is empty ({len(chips)} chips, "
                f"{len(set(chips.scenes))} scenes). Add chips or scenes, or choose another split or other shares."
            )
    return parts


def group_keys(chips: Chips, by: str, block: int) -> list[Hashable]:
    """What must stay together: the `scene`, the `place` (a block of grid cells), or just the `chip`."""
    if by != "place":
        return list(chips.scenes if by == "scene" else chips.names)
    places = chips.places()
    if None in places:
        raise UserError(
            f"split: {chips.names[places.index(None)]} has no place on a grid. split by place needs data.grid with the "
            "columns of each scene (by prefix of its name) and a data.pattern with a tile group; or use split=scene."
        )
    return [(here[0] // block, here[1] // block) for here in places if here]


def _random(count: int, config: SplitConfig) -> list[str]:
    """scikit-learn's `train_test_split` twice, as the reference does: test first, then validation from the rest."""
    parts = np.full(count, "train", dtype=object)
    order = np.random.RandomState(config.seed).permutation(count)
    tests = math.ceil(config.test * count - 1e-9)
    parts[order[:tests]] = "test"
    rest = order[tests:]
    again = np.random.RandomState(config.seed).permutation(len(rest))
    parts[rest[again[: math.ceil(config.val * count - 1e-9)]]] = "val"
    return [str(p) for p in parts]


def _grouped(keys: Sequence[Hashable], config: SplitConfig) -> list[str]:
    """Assign whole groups so that the parts come as near to their shares as `TRIES` seeded orders can bring them."""
    sizes = Counter(keys)
    groups = sorted(sizes, key=str)
    wanted = np.array([1 - config.val - config.test, config.val, config.test]) * len(keys)
    rng = np.random.default_rng(config.seed)
    tries: list[tuple[float, dict[Hashable, int]]] = []
    for _ in range(TRIES):
        held = np.zeros(3)
        chosen: dict[Hashable, int] = {}
        for k in rng.permutation(len(groups)):
            part = int(np.argmax((wanted - held) / wanted))
            chosen[groups[k]] = part
            held[part] += sizes[groups[k]]
        tries.append((float(np.abs(held - wanted).sum() + len(keys) * (held == 0).sum()), chosen))
    best = min(tries, key=lambda each: each[0])[1]
    return [PARTS[best[key]] for key in keys]


def _folds(keys: Sequence[Hashable], config: SplitConfig) -> list[str]:
    """Fold k tests, fold k + 1 validates, the rest trains; whole groups, filled largest first into the emptiest."""
    sizes, folds = Counter(keys), config.folds
    if len(sizes) < folds:
        raise UserError(f"split: {folds} folds need at least {folds} groups, found {len(sizes)}. Lower split.folds.")
    groups = sorted(sizes, key=str)
    shuffled = [groups[k] for k in np.random.default_rng(config.seed).permutation(len(groups))]
    held, chosen = np.zeros(folds), {}
    for group in sorted(shuffled, key=lambda g: -sizes[g]):
        chosen[group] = int(np.argmin(held))
        held[chosen[group]] += sizes[group]
    roles = {config.fold: "test", (config.fold + 1) % folds: "val"}
    return [roles.get(chosen[key], "train") for key in keys]


def write_split(path: Path, chips: Chips, parts: Sequence[str]) -> None:
    """`split.csv`: one row a chip."""
    rows = zip(chips.names, chips.scenes, parts, strict=True)
    write_table(path, [dict(zip(("name", "scene", "part"), row, strict=True)) for row in rows])


def read_split(chips: Chips, path: str | None) -> list[str]:
    """The parts of a `split.csv`; every chip must have one row, every row a chip and a known part."""
    if path is None or not Path(path).is_file():
        found = "it is not set" if path is None else f"there is no file {path}"
        raise UserError(f"split.path: {found}. Pass the split.csv of a run, or name,scene,part rows.")
    # spreadsheets put a byte order mark first
    unreadable = as_user_error(f"split.path: {path} cannot be read as CSV", UnicodeDecodeError, csv.Error)
    with unreadable, Path(path).open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        columns, rows = reader.fieldnames, [(str(row.get("name")), str(row.get("part"))) for row in reader]
    if not {"name", "part"} <= set(columns or []):
        raise UserError(f"split.path: {path} needs the columns name and part, found {columns}.")
    table = dict(rows)
    if len(table) < len(rows):
        twice = Counter(name for name, _ in rows).most_common(1)[0][0]
        raise UserError(f"split.path: {path} has more than one row for {twice}; every chip must have one.")
    for name, part in table.items():
        if part not in PARTS:
            raise UserError(f"split.path: {path} gives {name} the part {part!r}; expected {', '.join(PARTS)}.")
    lacking, unknown = sorted(set(chips.names) - table.keys()), sorted(table.keys() - set(chips.names))
    if odd := lacking or unknown:
        kind = "has no row for chip" if lacking else "names a chip that is not in the data:"
        more = f" and {len(odd) - 1} more" if len(odd) > 1 else ""
        raise UserError(f"split.path: {path} {kind} {odd[0]}{more}. Was it made from other data?")
    return [table[name] for name in chips.names]
