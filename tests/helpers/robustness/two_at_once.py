"""The campaign of two at once: each command twice in one place, started together, and a third one after them."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path

from helpers.robustness.campaign import Input
from helpers.robustness.commands import COMMANDS, Command

CAMPAIGN = "at once"
AT_ONCE = "two at once"


def two_at_once(_: Callable[[str], Path], __: Collection[str]) -> list[Input]:
    """All of them."""
    return [tried for command in COMMANDS if is_tried(command) for tried in _inputs(command)]


def is_tried(command: Command) -> bool:
    """One command of each kind: what differs in its input alone has been tried with another."""
    return command.name in (
        *("train chips", "resume", "init", "search", "evaluate", "evaluate other data", "export torch", "export onnx"),
        *("report", "compare", "predict GeoTIFF", "predict chips", "predict again", "prepare labels.gpkg"),
        *("prepare labels", "qgis", "check chips", "predict zip", "predict SAFE", "predict onnx"),
        *("sources maps", "sources again", "sources outlines", "review folds", "judge folds", "next GeoTIFF"),
        *("prepare review.csv", "predict history", "predict judged", "predict folds", "compare by", "prior folds"),
        *("predict history of maps", "report sources"),
    )


def _inputs(command: Command) -> Iterator[Input]:
    for times in (3, 4):
        yield Input(
            CAMPAIGN,
            f"{times - 1} and 1 after",
            f"{CAMPAIGN}: {command.name}: {times - 1}",
            command,
            AT_ONCE,
            same=True,
            times=times,
        )
    if any(argument.startswith("output=") for argument in command.arguments) or command.verb == "evaluate":
        if command.verb == "prepare":
            return
        overwriting = replace(command, arguments=(*command.arguments, "overwrite=true"))
        yield Input(
            CAMPAIGN,
            "overwriting",
            f"{CAMPAIGN}: {command.name}: overwriting",
            overwriting,
            AT_ONCE,
            same=True,
            times=3,
        )
