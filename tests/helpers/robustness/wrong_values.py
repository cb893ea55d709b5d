"""The campaign of keys: every key of every verb with values that it was not made for."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

from helpers.robustness.campaign import Input
from helpers.robustness.commands import Command, command

CAMPAIGN = "keys"
KEYS = "keys"
GIVEN_TO = {
    "check": "check chips",
    "train": "train chips",
    "evaluate": "evaluate",
    "predict": "predict GeoTIFF",
    "next": "next GeoTIFF",
    "export": "export torch",
    "prepare": "prepare labels.gpkg",
    "compare": "compare",
    "report": "report",
    "review": "review",
    "qgis": "qgis",
    "sources": "sources maps",
    "judge": "judge folds",
    "prior": "prior folds",
}
"""The sound command of each verb to which a wrong value is added."""
GIVEN_OTHERWISE = {
    ("predict", "history"): "predict history",
    ("predict", "history_weight"): "predict history",
    ("predict", "history_smoothing"): "predict history",
    ("predict", "second_look"): "predict judged",
    ("report", "maps"): "report sources",
    ("compare", "by"): "compare by",
    ("compare", "against"): "compare by",
    ("prepare", "review"): "prepare review.csv",
}
"""The sound commands in which a key has an effect."""

VALUES: dict[str, str] = {
    "null": "null",
    "nothing": "",
    "true": "true",
    "minus one": "-1",
    "zero": "0",
    "a half": "0.5",
    "two and a half": "2.5",
    "seven": "7",
    "nan": "nan",
    "infinite": "inf",
    "minus infinite": "-inf",
    "huge": "1e308",
    "beyond floats": "1e400",
    "beyond 64 bit": "99999999999999999999",
    "a word": "no_such_thing",
    "an empty list": "[]",
    "numbers": "[1,2]",
    "a list with null": "[null,a]",
    "nested lists": "[[[1]]]",
    "an empty mapping": "{}",
    "a mapping": "{a: 1, b: [c]}",
    "a mapping by numbers": "{1: 2}",
    "a target": "{_target_: os.getcwd}",
    "no such target": "{_target_: no.such.Thing}",
    "a path to nothing": "/proc/not/there",
    "a folder above": "..",
    "letters of the world": "é☃漢",
    "a line break": "'a\nb'",
    "a quote": "it's",
    "a double quote": 'a"b',
    "a backslash": "a\\b\\",
    "an equals sign": "a=b",
    "a blank": "a b",
    "a percent sign": "%s%n",
    "a variable": "${oc.env:HOME}",
    "no such key": "${nothing.there}",
    "itself": "${THIS}",
    "missing": "???",
    "5,000 letters": "x" * 5000,
    "hexadecimal": "0x10",
    "a date": "2026-01-01",
    "several": "1,2",
    "a choice": "choice(1,2)",
    "a range": "range(1,3)",
    "an open bracket": "[1",
    "a closing brace": "}",
    "a pattern": "*",
}
"""By what they are called."""

DEVICES = {"a device": "/dev/zero", "another device": "/dev/null", "the root": "/"}
"""Values of keys that name what is read; where something is written, they would be the machine's own."""

WRITTEN = ("output", "csv", "scripts", "hydra.run.dir", "name", "data.cache_folder")
BEYOND_THE_WORKING_FOLDER = ("a folder above", "a variable")
"""Places that were asked for, in which the campaign must not write."""

MORE_KEYS = {"train": ("hydra.run.dir",)}
"""Keys of Hydra's that a user sets."""

BOUNDED = {
    "trainer.max_epochs": "trainer.max_time={seconds: 4}",
    "trainer.max_steps": "trainer.max_time={seconds: 4}",
    "trainer.min_epochs": "trainer.max_time={seconds: 4}",
    "trainer.min_steps": "trainer.max_time={seconds: 4}",
}
"""Keys that ask for a length of the work: as much as they like may be asked for, but a campaign has to end."""

NOT_GIVEN = {
    ("output", "null"): "a right value: the page lies in the run",
    ("compile", "true"): "a right value, which takes a minute to compile",
    ("trainer.devices", "seven"): "a right value, which starts seven processes",
    ("trainer.devices", "numbers"): "a right value, which starts two processes",
    ("trainer.devices", "true"): "a right value, which starts a process for each core",
    ("trainer.devices", "minus one"): "a right value, which starts a process for each core",
    ("trainer.num_nodes", "seven"): "a right value, with which a process waits for six other machines",
}
"""Keys and values that are left out, each with the reason."""


def changed(line: tuple[str, ...], key: str, value: str) -> tuple[str, ...]:
    """A command line with another value of a key."""
    kept = tuple(argument for argument in line if argument.lstrip("+").partition("=")[0] != key)
    more = (BOUNDED[key],) if key in BOUNDED else ()
    return (*kept, *more, f"{key}={value.replace('THIS', key)}")


def leaves(config: Any, prefix: str = "") -> Iterator[str]:
    """The keys of a composed config at which a value stands."""
    from omegaconf import DictConfig

    for key in config:
        name = f"{prefix}{key}"
        value = config._get_node(key)
        if isinstance(value, DictConfig) and not value._is_none() and not value._is_missing() and len(value):
            yield from leaves(value, f"{name}.")
        else:
            yield name


@cache
def keys_of(verb: str) -> tuple[str, ...]:
    """All keys of a verb, of its schema and of what its groups choose."""
    from seep_lightning.commands.composition import compose_untyped
    from seep_lightning.config.schemas import SCHEMAS

    composed = list(leaves(compose_untyped(verb, [])))
    of_schema = list(_keys_of_schema(SCHEMAS[verb]))
    return tuple(dict.fromkeys([*composed, *of_schema, *MORE_KEYS.get(verb, ())]))


def _keys_of_schema(schema: Any, prefix: str = "") -> Iterator[str]:
    for known in fields(schema):
        is_nested = is_dataclass(known.type)
        if is_nested:
            yield from _keys_of_schema(known.type, f"{prefix}{known.name}.")
        else:
            yield f"{prefix}{known.name}"


def wrong_values(_: Callable[[str], Path], __: Collection[str]) -> list[Input]:
    """All of them."""
    inputs = []
    for verb, name in GIVEN_TO.items():
        for key in keys_of(verb):
            inputs += _inputs_of_key(command(GIVEN_OTHERWISE.get((verb, key), name)), key)
    return inputs


def _inputs_of_key(sound: Command, key: str) -> Iterator[Input]:
    is_written = key in WRITTEN
    values = {**VALUES, **({} if is_written else DEVICES)}
    for what, value in values.items():
        is_beyond = is_written and what in BEYOND_THE_WORKING_FOLDER
        if is_beyond or (key, what) in NOT_GIVEN:
            continue
        line = changed(sound.arguments, key, value)
        # an output of another name is one
        writes = (*sound.writes, *(_places(value, sound) if is_written else ()))
        given = Command(f"{sound.name}", sound.verb, sound.material, line, writes, sound.reads)
        yield Input(CAMPAIGN, what, f"{CAMPAIGN}: {sound.verb}: {key}: {what}", given, KEYS)


def _places(value: str, sound: Command) -> tuple[str, ...]:
    """Where a command writes that is told to write there."""
    return (value.strip("'"), "outputs", *(f"{value}{suffix}" for suffix in (".stac.json", ".csv")))
