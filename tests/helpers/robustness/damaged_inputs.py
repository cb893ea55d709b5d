"""The campaign of damage: every file that a command reads, with every damage of its kind."""

from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from random import Random

from helpers.robustness.campaign import Input
from helpers.robustness.commands import COMMANDS, RASTERS, Command, Read
from helpers.robustness.damage import OF_BYTES, Damage, all_damages

CAMPAIGN = "damage"


def first_of(pattern: str, folder: Path) -> Path:
    """The first file of a pattern below a working folder."""
    matching = sorted(folder.glob(pattern))
    assert matching, f"{pattern}: there is none below {folder}: {sorted(folder.rglob('*'))}"
    return matching[0]


def damage_file(folder: Path, chance: Random, pattern: str, damage: Damage, variant: str) -> None:
    """Damage a file below a working folder."""
    damage.apply(first_of(pattern, folder), variant, chance)


def inputs_of(command: Command, read: Read, sound: Path) -> list[Input]:
    """A file with each damage; sound: a working folder whose files are sound."""
    path = first_of(read.pattern, sound)
    inputs = []
    for damage in all_damages():
        if not set(damage.kinds) & set(read.all_kinds):
            continue
        for variant in damage.variants(path):
            name = f"{CAMPAIGN}: {command.name}: {read.pattern}: {damage.name}: {variant}"
            spoil = partial(damage_file, pattern=read.pattern, damage=damage, variant=variant)
            is_of_bytes = damage in OF_BYTES
            is_noticed = not damage.subtle(variant) or (read.checked and is_of_bytes)
            same = damage.keeps_content or (read.same and is_noticed)
            # tables of maps know their input by its bytes
            is_of_pixels = read.owner == RASTERS
            inputs.append(Input(CAMPAIGN, damage.name, name, command, read.owner, spoil, same, is_of_pixels))
    return inputs


def damaged_inputs(lay_out: Callable[[str], Path], materials: Collection[str]) -> list[Input]:
    """All of them; lay_out: makes a working folder with a material, one of these."""
    inputs = []
    for material in materials:
        commands = [command for command in COMMANDS if command.material == material and command.reads]
        if not commands:
            continue
        folder = lay_out(material)
        for command in commands:
            for read in command.reads:
                inputs += inputs_of(command, read, folder)
    return inputs
