"""What `predict` says at its end of scenes that could not be mapped."""

from pathlib import Path

from seep_lightning.errors import UserError
from seep_lightning.mapping.scenes import _failure

TABLE = Path("maps/scenes.csv")


def test_a_cause_that_scenes_share_is_told_once() -> None:
    errors = {f"S{number}": UserError("Its weights are damaged.") for number in range(5)}
    told = "S0, S1, S2 and others: Its weights are damaged."
    assert str(_failure(errors, 9, TABLE)) == f"5 of 9 scenes could not be mapped (all in {TABLE}). {told}"


def test_of_several_causes_the_most_frequent_is_told() -> None:
    errors = {"a": UserError("It is cut off."), "b": UserError("It is empty."), "c": UserError("It is empty.")}
    assert str(_failure(errors, 3, TABLE)).endswith("(all in maps/scenes.csv). b, c: It is empty.")
