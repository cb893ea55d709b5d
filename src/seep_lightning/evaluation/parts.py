"""The chips that an evaluation is of: a part of the run's own data, or all chips of another data set."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seep_lightning.config.commands import EvaluateConfig
from seep_lightning.config.data import OtherDataConfig, SplitConfig
from seep_lightning.errors import UserError
from seep_lightning.files import absolute
from seep_lightning.runs.directory import Run

if TYPE_CHECKING:
    from seep_lightning.data.chips import Chips
    from seep_lightning.data.normalise import ValueRange

# keys of other data that leave the files what they are, and change what is read of them
READING_KEYS = frozenset({"bands", "size", "nodata", "nodata_bands", "mask_band", "mask_values"})


@dataclass(frozen=True)
class Part:
    """Chips to be scored.

    Attributes:
        chips: The whole data set.
        indices: Positions of the part's chips in it, in the order of their names.
        name: `train`, `val`, `test` or `all`.
        is_own: True if they are the run's own data, read as in the training.
    """

    chips: "Chips"
    indices: list[int]
    name: str
    is_own: bool = True


def part_of(run: Run, config: EvaluateConfig, value_range: "ValueRange | None" = None) -> Part:
    """Find the chips that `config.part` and `config.data` name.

    The run's own data, wherever they lie now and however they are read, are parted by the run's split.csv. Another data
    set has no parts.

    Args:
        run: The run whose split is used.
        config: `part` and `data` are read.
        value_range: What becomes 0 and 1 of floats in the network that is scored; None: measured.

    Returns:
        The part; all chips of `config.data` where these are not the run's own data.

    Raises:
        UserError: The run's data have changed, or another data set is asked for its training or validation part.
    """
    from seep_lightning.data.loading import load_chips
    from seep_lightning.data.roots import check_stored_generator, other_data, with_root
    from seep_lightning.data.split import positions_in, split_chips, tell_files

    # a run of somebody else does not choose where anything is written
    data = replace(run.config.data, cache_folder=None)
    changes = config.data.changes()
    if changes:
        data = other_data(data, config.data)
    check_stored_generator(data)
    split = SplitConfig(kind="file", path=str(run.split_path))
    chips = load_chips(with_root(data), lambda paired: tell_files(paired, split), value_range)
    if reads_own_files(changes):
        # their fingerprint is another, but they are those that the network was trained on
        return Part(chips, positions_in(split_chips(chips, split), config.part), config.part, is_own=False)
    trained_on = run.summary().get("data", {}).get("fingerprint")
    if chips.fingerprint == trained_on:
        return Part(chips, positions_in(split_chips(chips, split), config.part), config.part)
    if not changes:
        raise UserError(
            f"the chips in {chips.root} have changed since run={run.dir} was trained on them (fingerprint "
            f"{trained_on}, now {chips.fingerprint}). Put them back, or pass data.root=... to score all of them."
        )
    if config.part in ("train", "val"):
        raise UserError(
            f"part={config.part}: the chips in {chips.root} are not the run's own data, so they have no parts. "
            "Leave part= out to score all of its chips."
        )
    return Part(chips, list(range(len(chips))), "all", is_own=False)


def reads_own_files(changes: Collection[str]) -> bool:
    """Whether the keys of other data that were given leave the run's own files, and read them in another way."""
    return bool(changes) and READING_KEYS.issuperset(changes)


def settings_of_other_data(data: OtherDataConfig) -> dict[str, Any]:
    """The keys of other data that were given, with paths that hold from any folder.

    Args:
        data: `data` of the command's settings.
    """
    settings = data.changes()
    for key in ("root", "pairs"):
        path = settings.get(key)
        if path and Path(path).exists():
            settings[key] = absolute(path)
    return settings
