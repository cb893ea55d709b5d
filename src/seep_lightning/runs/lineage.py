"""Where a run's first weights come from, and what they have learned from."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from seep_lightning.data.chips import Chips
from seep_lightning.data.description import LabelOrigin
from seep_lightning.errors import UserError
from seep_lightning.runs.checkpoints import read_checkpoint
from seep_lightning.runs.directory import Run
from seep_lightning.runs.weights import SHIPPED_NETWORKS, network_name, starting_weights


class DataSet(Protocol):
    """What tells the chips of a data set."""

    @property
    def names(self) -> Sequence[str]:
        """Of its chips."""

    @property
    def fingerprint(self) -> str:
        """Of the data set."""


@dataclass(frozen=True)
class Ancestor:
    """A trained network that a training starts from, or that one of these started from.

    Attributes:
        init: As a config names it: a run, an exported file, or a network in the package.
        fingerprint: Of the data set that it was trained on; None where it does not say.
        run: Its run; None for a file.
    """

    init: str
    fingerprint: str | None
    run: Run | None

    @classmethod
    def of(cls, init: str) -> "Ancestor":
        """The network that `init` names.

        Args:
            init: As a config names it.

        Raises:
            UserError: There is none, or it is not one of ours.
        """
        content = read_checkpoint(starting_weights(init))
        is_file = init in SHIPPED_NETWORKS or Path(init).is_file()
        run = None if is_file else Run(Path(init))
        facts = content["hyper_parameters"]["facts"]
        return cls(init, facts.get("fingerprint"), run)

    @property
    def parent(self) -> str | None:
        """What its own training started from; None where nothing is known of it."""
        if self.run is None:
            return None
        return self.run.config.init

    @property
    def generated(self) -> bool:
        """Whether it was trained on generated chips; a file does not say."""
        return self.run is not None and self.run.config.data.source == "synthetic"

    def training_chips(self) -> set[str]:
        """Names of the chips that it was trained on; a file does not say."""
        if self.run is None:
            return set()
        return {name for name, part in self.run.parts().items() if part == "train"}


def learned_before(init: str | None, chips: DataSet, parts: Sequence[str]) -> str:
    """What the first weights have learned from, of the chips that validate and test here.

    A run's split names its chips, and so do those of the runs that it started from. A file tells no more than the data
    set.

    Args:
        init: As the config names the first weights; None for random ones.
        chips: The data set.
        parts: `train`, `val` or `test` of each of its chips.

    Returns:
        Clauses to add to the leakage line; empty where nothing leaks.

    Raises:
        UserError: `init` names nothing.
    """
    if init is None:
        return ""
    try:
        first = Ancestor.of(init)
    except UserError:
        # weights of another program do not tell
        if Path(init).is_file():
            return f"; what init={Path(init).name} HAS LEARNED FROM is not known"
        raise
    leaks = [_leak(ancestor, chips, parts) for ancestor in _ancestors(first)]
    return "".join(leaks)


def own_outlines(run: Run, init: str | None, chips: Chips) -> str:
    """Tell that a network is scored on outlines that it drew itself, or that one did which it started from.

    Networks are known by their names: that of a run's folder, or of a file.

    Args:
        run: The network's run.
        init: What its first weights came from, as the config names it; None for random ones.
        chips: The data set.

    Returns:
        A clause to add to the leakage line; empty where no outline of the data set is its own.
    """
    origin = LabelOrigin.of(chips.root)
    names = [network_name(run.dir), *_names_of_ancestors(init)]
    count = origin.drawn_by(names)
    if count == 0:
        return ""
    return f"; THIS NETWORK IS SCORED ON ITS OWN OUTLINES, {count} of {origin.used}"


def _names_of_ancestors(init: str | None) -> list[str]:
    """The names of the networks that a training started from, as far back as they tell; also of those that are gone."""
    if init is None:
        return []
    names = [network_name(Path(init))]
    with suppress(UserError):
        ancestors = list(_ancestors(Ancestor.of(init)))
        names += [network_name(Path(ancestor.init)) for ancestor in ancestors]
        oldest = ancestors[-1].parent
        if oldest is not None:
            names.append(network_name(Path(oldest)))
    return names


def _ancestors(first: Ancestor) -> Iterator[Ancestor]:
    """A network and all that it started from, as far as they are there still; runs may name each other in a circle."""
    seen: set[str] = set()
    ancestor = first
    while ancestor.init not in seen:
        yield ancestor
        seen.add(ancestor.init)
        if ancestor.parent is None:
            return
        try:
            ancestor = Ancestor.of(ancestor.parent)
        except UserError:
            return


def _leak(ancestor: Ancestor, chips: DataSet, parts: Sequence[str]) -> str:
    """What one network has learned from of the validation and test chips; empty for nothing."""
    learned = ancestor.training_chips()
    same_data = ancestor.fingerprint == chips.fingerprint
    subject = f"; init={Path(ancestor.init).name} HAS LEARNED FROM"
    if same_data and not learned:
        return f"{subject} THIS DATA SET, from which part is not known"
    # generated chips of other data sets have the same names
    if ancestor.generated and not same_data:
        return ""
    counts: Counter[str] = Counter()
    for name, part in zip(chips.names, parts, strict=True):
        if name in learned:
            counts[part] += 1
    validating = counts["val"]
    testing = counts["test"]
    if validating + testing == 0:
        return ""
    return f"{subject} {validating} val and {testing} test chips"
