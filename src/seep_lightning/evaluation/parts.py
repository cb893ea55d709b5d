"""Score a run on a part of its data, or on other data: `python -m seep_lightning.evaluate`."""

from dataclasses import replace
from typing import TYPE_CHECKING

from seep_lightning.config.commands import EvaluateConfig
from seep_lightning.config.data import SplitConfig
from seep_lightning.errors import UserError
from seep_lightning.runs.directory import Run

if TYPE_CHECKING:
    from seep_lightning.data.chips import Chips


def part_of(run: Run, config: EvaluateConfig) -> tuple["Chips", list[int], str]:
    """Chips, positions and the part's name: of the run's own data by its split.csv, or all of another data set."""
    from seep_lightning.data.datamodule import SeepDataModule

    data, split = run.config.data, SplitConfig(kind="file", path=str(run.split_path))
    if config.data.root is not None:
        data = replace(data, source="chips", root=config.data.root)
    module = SeepDataModule(data, split, augment=[])
    chips = module.chips
    trained_on = run.summary().get("data", {}).get("fingerprint")
    if chips.fingerprint != trained_on:
        if config.data.root is None:
            raise UserError(
                f"the chips in {chips.root} have changed since run={run.dir} was trained on them (fingerprint "
                f"{trained_on}, now {chips.fingerprint}). Put them back, or pass data.root=... to score all of them."
            )
        if config.part in ("train", "val"):
            raise UserError(f"part={config.part}: data.root={config.data.root} is not the run's data: it has no parts.")
        return chips, list(range(len(chips))), "all"
    return chips, module.indices(config.part), config.part
