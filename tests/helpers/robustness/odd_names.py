"""The campaign of names: each odd name for each thing that a command reads or writes."""

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from helpers.robustness.campaign import Input
from helpers.robustness.commands import Command, command

CAMPAIGN = "names"
NAMES: dict[str, str] = {
    "exclamation mark": "a!b",
    "semicolon": "a;b",
    "tab": "a\tb",
    "newline": "a\nb",
    "backslash": "a\\b",
    "backslash at the end": "ab\\",
    "blank": "a b",
    "blanks around": " ab ",
    "quote": "a'b",
    "double quote": 'a"b',
    "equals sign": "a=b",
    "bracket": "a[1]b",
    "open bracket": "a[b",
    "brace": "a{b}c",
    "open brace": "a{b",
    "dollar": "a$b",
    "interpolation": "a${b}c",
    "environment": "${oc.env:HOME}",
    "percent": "a%20b%s",
    "hash": "a#b",
    "ampersand": "a&b",
    "question mark": "a?b",
    "star": "a*b",
    "pipe": "a|b",
    "comma": "a,b",
    "colon": "a:b",
    "at": "@ab",
    "plus": "+a=b",
    "tilde": "~ab",
    "dash": "-ab",
    "two dashes": "--help",
    "only dots": "...",
    "hidden": ".ab",
    "dot at the end": "ab.",
    "letters of the world": "é☃漢字",
    "decomposed": "e\u0301",
    "right to left": "\u202eab",
    "emoji": "🛢",
    "control": "a\x1b[31mb",
    "not UTF-8": os.fsdecode(b"a\xff\xfeb"),
    "null": "null",
    "true": "true",
    "a number": "007",
    "keyword": "ns",
    "a driver": "NETCDF:a:b",
    "a virtual file system": "vsizip",
    "a formula": "=1+1",
    "markup": "<b>&amp;",
    "150 letters": "x" * 150,
    "240 letters": "x" * 240,
    "suffix twice": "a.tif.tif",
    "in capitals": "A.TIF",
}
"""Names of files and folders, by what is odd about them; those of a file get its suffix."""

MUST_WORK = ("exclamation mark", "semicolon", "tab", "newline", "backslash", "blank", "quote", "hash", "percent")
"""Names that may not be refused."""
REFUSED_AS = {"predict: NetCDF": ("backslash",)}
"""Of these, those that a library takes for the name of another file, by place."""


WITH_THE_SAME_RESULT = ("predict", "prepare", "export", "evaluate", "sources")
"""Verbs whose results do not depend on names."""


@dataclass(frozen=True)
class Place:
    """A thing that bears a name.

    name: what it is. command: the sound command. old: its path in the working folder, from `in/`; None: it is written.
    argument: how the command line names it, with NAME for its name; None: it does not. is_file: whether it keeps its
    suffix.
    """

    name: str
    command: str
    old: str | None
    argument: str | None
    is_file: bool = False


OUTLINES = "predict history of outlines.gpkg"
PLACES = (
    Place("check: folder of chips", "check chips", "in/chips", "data.root=in/NAME"),
    Place("check: chip and mask", "check chips", "in/chips/*/S0.000001.tif", None, is_file=True),
    Place("train: folder of chips", "train chips", "in/chips", "data.root=in/NAME"),
    Place("train: run", "train chips", None, "hydra.run.dir=out/NAME"),
    Place("train: split file", "train split file", "in/split.csv", "split.path=in/NAME", is_file=True),
    Place("train: pair list", "train pair list", "in/chips/pairs.csv", "data.pairs=NAME", is_file=True),
    Place("resume: run", "resume", "in/run", "run=in/NAME"),
    Place("evaluate: run", "evaluate", "in/run", "run=in/NAME"),
    Place("evaluate: name", "evaluate", None, "name=NAME"),
    Place("predict: run", "predict GeoTIFF", "in/run", "run=in/NAME"),
    Place("predict: list of runs", "predict GeoTIFF", "in/run", "run=[in/NAME,in/NAME]"),
    Place("predict: folder of scenes", "predict GeoTIFF", "in/scenes", "input=in/NAME"),
    Place("predict: scene in its folder", "predict GeoTIFF", "in/scenes/a.tif", None, is_file=True),
    Place("predict: scene", "predict GeoTIFF", "in/scenes/a.tif", "input=in/scenes/NAME", is_file=True),
    Place("predict: output", "predict GeoTIFF", None, "output=out/NAME"),
    Place("predict: area", "predict area.gpkg", "in/area.gpkg", "area=in/NAME", is_file=True),
    Place("predict: VRT", "predict VRT", "in/scenes/a.vrt", None, is_file=True),
    Place("predict: NetCDF", "predict NetCDF", "in/scenes/a.nc", None, is_file=True),
    Place("predict: archive", "predict zip", "in/scenes/archive.zip", None, is_file=True),
    Place("predict: product", "predict DIMAP", "in/scenes", "input=in/NAME"),
    Place("predict: chip", "predict chips", "in/chips/*/S0.000001.tif", None, is_file=True),
    Place("predict: export", "predict torch", "in/net.pt", "run=in/NAME", is_file=True),
    Place("prepare: labels", "prepare labels.gpkg", "in/labels.gpkg", "labels=in/NAME", is_file=True),
    Place("prepare: scene", "prepare labels.gpkg", "in/scenes/a.tif", None, is_file=True),
    Place("prepare: output", "prepare labels.gpkg", None, "output=out/NAME"),
    Place("export: output", "export torch", None, "output=out/NAME.pt"),
    Place("report: output", "report", None, "output=out/NAME.html"),
    Place("report: run", "report", "in/run", "run=in/NAME"),
    Place("compare: runs", "compare", "in/runs", "runs=in/NAME"),
    Place("compare: one of the runs", "compare", "in/runs/a", None),
    Place("compare: csv", "compare", None, "csv=out/NAME.csv"),
    Place("predict: history", "predict history", "in/recurrence.tif", "history=in/NAME", is_file=True),
    Place("predict: second look", "predict judged", "in/judge.json", "second_look=in/NAME", is_file=True),
    Place("predict: folds", "predict folds", "in/folds", "run=in/NAME"),
    Place("sources: folder of maps", "sources maps", "in/maps", "maps=in/NAME"),
    Place("sources: outlines", "sources outlines", "in/outlines.gpkg", "maps=in/NAME", is_file=True),
    Place("sources: area", "sources outlines", "in/area.gpkg", "area=in/NAME", is_file=True),
    Place("sources: output", "sources maps", None, "output=out/NAME"),
    Place("sources: layers", "sources maps", None, "output=out/NAME.gpkg"),
    Place("prepare: answers", "prepare review.csv", "in/review/review.csv", "review=in/review/NAME", is_file=True),
    Place("prepare: review", "prepare review.gpkg", "in/review", "review=in/NAME"),
    Place("prepare: corrected", "prepare review.csv", None, "output=out/NAME"),
    Place("review: output", "review folds", None, "output=out/NAME"),
    Place("review: folds", "review folds", "in/folds", "runs=in/NAME"),
    Place("judge: output", "judge folds", None, "output=out/NAME.json"),
    Place("judge: folds", "judge folds", "in/folds", "runs=in/NAME"),
    Place("prior: folds", "prior folds", "in/folds", "runs=in/NAME"),
    Place("compare: folds", "compare by", "in/folds", "runs=in/NAME"),
    Place("predict: history of sources", "predict history of sources", "in/sources", "history=in/NAME"),
    Place("predict: history of maps", "predict history of maps", "in/maps", "history=in/NAME"),
    Place("predict: history of outlines", OUTLINES, "in/outlines.gpkg", "history=in/NAME", is_file=True),
    Place("report: sources", "report sources", "in/sources", "maps=in/NAME"),
    Place("report: page of sources", "report sources", None, "output=out/NAME.html"),
    Place("next: run", "next GeoTIFF", "in/run", "run=in/NAME"),
    Place("next: folder of scenes", "next GeoTIFF", "in/scenes", "scenes=in/NAME"),
    Place("next: output", "next GeoTIFF", None, "output=out/NAME"),
    Place("next: scene", "next GeoTIFF", "in/scenes/a.tif", "scenes=in/scenes/NAME", is_file=True),
    Place("qgis: scripts", "qgis", None, "scripts=out/NAME"),
)


def rename(folder: Path, _: Random, old: str, new: str) -> None:
    """Give the files of a pattern another name."""
    for path in sorted(folder.glob(old)):
        path.rename(path.parent / new)


def odd_names(_: Callable[[str], Path], __: Collection[str]) -> list[Input]:
    """All of them."""
    return [_input(place, what, name) for place in PLACES for what, name in NAMES.items() if _is_possible(place, what)]


def _is_possible(place: Place, what: str) -> bool:
    # in a list, a comma separates
    return not (place.argument is not None and "[" in place.argument and what == "comma")


def _input(place: Place, what: str, name: str) -> Input:
    sound = command(place.command)
    full = f"{name}{Path(place.old).suffix}" if place.is_file and place.old is not None else name
    arguments = sound.arguments
    if place.argument is not None:
        given = place.argument.replace("NAME", full)
        key = given.partition("=")[0]
        arguments = (*(other for other in sound.arguments if not other.startswith(f"{key}=")), given)
    writes = sound.writes
    if place.old in ("in/run", "in/folds"):
        writes = tuple(written.replace(place.old, f"in/{full}") for written in writes)
    changed = Command(sound.name, sound.verb, sound.material, arguments, writes, sound.reads)
    spoil = None if place.old is None else partial(rename, old=place.old, new=full)
    must_work = what in MUST_WORK and what not in REFUSED_AS.get(place.name, ())
    # a chip's name says which scene it is of
    is_same = place.name.startswith(WITH_THE_SAME_RESULT) and place.name != "predict: chip"
    return Input(
        CAMPAIGN,
        what,
        f"{CAMPAIGN}: {place.name}: {what}",
        changed,
        "names",
        spoil,
        same=is_same and must_work,
        names_differ=True,
        refusable=not must_work,
    )
