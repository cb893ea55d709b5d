"""A trained run as a callable on arrays."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from seep_lightning.data.chips import Chips
from seep_lightning.errors import UserError
from seep_lightning.runs.checkpoints import read_checkpoint
from seep_lightning.runs.directory import Run
from seep_lightning.runs.weights import SHIPPED_NETWORKS, starting_weights


def learned_before(init: str | None, chips: Chips, parts: Sequence[str]) -> str:
    """What the network of `init` learned from, of the chips that validate and test here, in words; nothing for none.

    A run's split names its chips, and those of the runs that it started from. A file tells no more than the data set.
    """
    told, seen = "", set[str]()
    while init is not None and init not in seen:
        try:
            facts = read_checkpoint(starting_weights(init))["hyper_parameters"]["facts"]
        except UserError:
            if not seen and Path(init).is_file():
                return f"; what init={Path(init).name} HAS LEARNED FROM is not known"
            if not seen:
                raise
            break  # an earlier one is gone
        seen.add(init)
        run = None if init in SHIPPED_NETWORKS or Path(init).is_file() else Run(Path(init))
        learned = {name for name, part in (run.parts() if run else {}).items() if part == "train"}
        known = Counter(part for name, part in zip(chips.names, parts, strict=True) if name in learned)
        same, whose = facts.get("fingerprint") == chips.fingerprint, f"; init={Path(init).name} HAS LEARNED FROM"
        if same and not learned:
            told += f"{whose} THIS DATA SET, from which part is not known"
        elif known["val"] + known["test"] and (same or (run and run.config.data.source != "synthetic")):
            told += f"{whose} {known['val']} val and {known['test']} test chips"
        init = run.config.init if run else None
    return told
