"""The campaigns by name, in one table."""

from collections.abc import Callable, Collection
from pathlib import Path

from helpers.robustness.campaign import Campaign, Input
from helpers.robustness.damaged_inputs import damaged_inputs
from helpers.robustness.materials import MATERIALS
from helpers.robustness.odd_names import odd_names
from helpers.robustness.two_at_once import two_at_once
from helpers.robustness.wrong_values import wrong_values

LayOut = Callable[[str], Path]
"""Makes a working folder with a material in it."""
CAMPAIGNS: dict[str, Callable[[LayOut, Collection[str]], list[Input]]] = {
    "damage": damaged_inputs,
    "keys": wrong_values,
    "names": odd_names,
    "at once": two_at_once,
}
"""Each lists its inputs that need one of these materials."""


def inputs_of_campaign(name: str, campaign: Campaign, materials: Collection[str] = tuple(MATERIALS)) -> list[Input]:
    """The inputs of a campaign, in an order that does not change; materials: those that may be needed."""
    lane = campaign.lanes[0]

    def lay_out(material: str) -> Path:
        lane.lay_out(material)
        return lane.folder

    listed = CAMPAIGNS[name](lay_out, materials)
    return [tried for tried in listed if tried.command.material in materials]
