from collections import OrderedDict
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from msgspec import Meta

from seep_lightning.documents.json_files import parsed_json, read_json
from seep_lightning.documents.shapes import as_shape
from seep_lightning.errors import UserError


@dataclass(frozen=True)
class Best:
    epoch: int
    threshold: Annotated[float, Meta(ge=0, le=1)] = 0.5
    scaling: tuple[float, float] | None = None


@dataclass(frozen=True)
class Summary:
    best: Best
    names: dict[str, str] | None = None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], r"^file: it is a list; expected a mapping\.$"),
        (None, "it is null; expected a mapping"),
        # a link may lead to any file: of passwords, too
        ("hunter2", r"^file: it is text; expected a mapping\.$"),
        ({}, "it lacks the key 'best'"),
        ({"best": None}, r"\$\.best is null; expected a mapping"),
        ({"best": {}}, r"\$\.best lacks the key 'epoch'"),
        ({"best": {"epoch": "x"}}, r"\$\.best\.epoch is 'x'; expected a whole number"),
        ({"best": {"epoch": True}}, r"\$\.best\.epoch is true; expected a whole number"),
        ({"best": {"epoch": 1, "threshold": float("nan")}}, r"\$\.best\.threshold is nan: expected float"),
        ({"best": {"epoch": 1, "threshold": 10**400}}, r"\$\.best\.threshold"),
        ({"best": {"epoch": 1, "scaling": [1, 2, 3]}}, r"\$\.best\.scaling"),
        ({"best": {"epoch": 1}, "names": {"a": 1}}, r"\$\.names\[\.\.\.\] is a whole number; expected text"),
        ({"best": {"epoch": 1}, "names": {1: "a"}}, "expected text"),
    ],
)
def test_another_shape_is_told_with_place_and_what_was_expected(value: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        as_shape(value, Summary, "file")


def test_keys_of_later_versions_are_tolerated_and_those_of_earlier_ones_may_be_missing() -> None:
    stored = OrderedDict(best={"epoch": 3, "scaling": [1, 2], "new": 1})
    assert as_shape(stored, Summary, "file") == Summary(Best(3, 0.5, (1.0, 2.0)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not JSON"),
        ('{"best": {"epoch": 1}', r"is not JSON \(line 1, column"),
        ('{"a": 1, "a": 2}', "the key 'a' stands twice"),
        ('{"a": "\\ud800"}', r"holds half a letter \(\\ud800\)"),
        ('{"\\udc80": 1}', r"holds half a letter \(\\udc80\)"),
        ("[" * 100 + "]" * 100, "nested deeper than 64"),
        ("[" * 100_000 + "]" * 100_000, "nested deeper than 64"),
        ("1" * 5000, "is not JSON"),
    ],
)
def test_what_is_not_json_is_told(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parsed_json(text, "file")


def test_a_json_file_becomes_its_dataclass(tmp_path) -> None:
    path = tmp_path / "summary.json"
    path.write_text('\ufeff{"best": {"epoch": 1, "threshold": 1}}', encoding="utf-8")
    assert read_json(path, Summary) == Summary(Best(1, 1.0))


def test_nan_is_read_as_python_writes_it() -> None:
    value = parsed_json('{"a": NaN}', "file")["a"]
    assert value != value
