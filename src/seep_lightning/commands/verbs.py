"""The verbs of `seep`, declared once. Imports nothing: they are listed and completed at once."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Verb:
    """One verb of `seep`.

    Attributes:
        purpose: What it is for, in one line.
        module: The module of the package that does it; empty: the one of the same name.
    """

    purpose: str
    module: str = ""


HELP_FLAGS = ("-h", "--help")

VERBS = {
    "train": Verb("train, or resume, one network (-m for a sweep)"),
    "evaluate": Verb("score a run on a part of its data, or on other data"),
    "predict": Verb("scenes or chips to rasters and polygons"),
    "next": Verb("which unlabelled chips or scenes to outline next, as a ranked list"),
    "judge": Verb("teach a judge of objects on what trained folds found out of fold"),
    "prior": Verb("weight and smoothing of what history adds, chosen on trained folds"),
    "export": Verb("a run's network as one file, ONNX or torch"),
    "prepare": Verb("scenes and an analyst's polygons to chips and masks"),
    "compare": Verb("runs side by side, ranked by validation; two of them paired"),
    "report": Verb("one page about a run or a sweep (figures, curves, best and worst chips), or about sources"),
    "sources": Verb("maps of many days to the places where seeps come out", "find_sources"),
    "review": Verb("labels that are probably wrong, for a person to answer; prepare review= corrects them"),
    "check": Verb("audit a data set before anyone trains on it"),
    "qgis": Verb("install Processing scripts in QGIS: map oil seeps, cut chips"),
    "tensorboard": Verb("curves and pictures of runs in a browser"),
    "config": Verb("what a command line means, and where each value comes from", "show_config"),
    "schema": Verb("a verb's keys as JSON Schema, for editors of YAML"),
    "completion": Verb("completion of verbs, keys and choices in bash, zsh or fish"),
}
