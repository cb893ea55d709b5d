"""A list of paths on a command line takes the names that a single path takes."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from seep_lightning.commands.messages import error_message
from seep_lightning.commands.overrides import PATH_LIST_KEYS, quote_override
from seep_lightning.commands.path_keys import PATH_KEYS
from seep_lightning.config.schemas import SCHEMAS
from seep_lightning.errors import UserError

ODD_NAMES = ["a!b", "c;d", "e f", "lr=0.1", "g[1]", "h(2)", "i{j}", "k#l", "ünïcode✓", "back\\slash", "it's", "2024"]


def declared_keys(schema: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each key of a schema with what its values are, in words."""
    for known in fields(schema):
        if is_dataclass(known.type):
            yield from declared_keys(known.type, f"{prefix}{known.name}.")
        else:
            yield f"{prefix}{known.name}", str(known.metadata.get("expected", ""))


@pytest.mark.parametrize("verb", SCHEMAS)
def test_each_key_that_is_declared_as_a_path_is_quoted_as_one(verb: str) -> None:
    for key, expected in declared_keys(SCHEMAS[verb]):
        is_path = expected.startswith(("a path", "the path"))
        assert not is_path or key in PATH_KEYS, key
        assert "list of paths" not in expected or key in PATH_LIST_KEYS, key


def value_of(argument: str) -> Any:
    """What Hydra reads from an argument of a command line."""
    return OverridesParser.create().parse_override(quote_override(argument, multirun=False)).value()


@pytest.mark.parametrize("key", ["maps", "run", "runs", "scenes"])
@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_list_takes_each_name_that_a_single_path_takes(key: str, name: str) -> None:
    assert value_of(f"{key}={name}") == name
    assert value_of(f"{key}=[{name},/other/{name}]") == [name, f"/other/{name}"]


def test_a_comma_in_the_name_of_something_that_exists_parts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("lr=0.1,width=8").mkdir()
    assert value_of("run=[lr=0.1,width=8,other]") == ["lr=0.1,width=8", "other"]
    assert value_of("run=[lr=0.2,width=8]") == ["lr=0.2", "width=8"]


@pytest.mark.parametrize("name", ["[A,B]", "[A]", "A,B", "lr=0.1,seed=[1,2]", "[x,y] z"])
@pytest.mark.parametrize("multirun", [False, True])
def test_what_exists_is_one_path_whatever_its_commas_and_brackets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, multirun: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).mkdir()
    for key in ("run", "runs", "scenes", "input", "data.root"):
        for value in (name, str(tmp_path / name)):
            quoted = quote_override(f"{key}={value}", multirun=multirun)
            assert OverridesParser.create().parse_override(quoted).value() == value


@pytest.mark.parametrize("key", ["output", "csv", "data.root", "hydra.run.dir", "labels"])
def test_a_key_that_takes_no_list_takes_a_name_in_brackets(key: str) -> None:
    assert value_of(f"{key}=[A,B]") == "[A,B]"
    assert value_of(f"{key}=null") is None


@pytest.mark.parametrize("written", ["'a,b'", '"a,b"', "a\\,b"])
def test_a_comma_can_be_quoted(written: str) -> None:
    assert value_of(f"runs=[{written},c]") == ["a,b", "c"]


@pytest.mark.parametrize(("value", "expected"), [("[]", []), ("[null]", [None]), ("[ a , b ]", ["a", "b"])])
def test_what_is_no_name_stays_what_it_is(value: str, expected: list[Any]) -> None:
    assert value_of(f"run={value}") == expected


def test_a_path_that_only_begins_with_a_bracket_is_a_path() -> None:
    assert value_of("input=[2024] scenes/x.tif") == "[2024] scenes/x.tif"


@pytest.mark.parametrize(
    ("argument", "value"),
    [("name=ünïcode✓", "ünïcode✓"), ("ignore=kind = 'unsure'", "kind = 'unsure'"), ("name=a", "a")],
)
def test_a_name_takes_signs_that_are_none_of_hydras(argument: str, value: str) -> None:
    assert value_of(argument) == value


def test_a_choice_of_names_is_still_one() -> None:
    parsed = OverridesParser.create().parse_override(quote_override("name=choice(a,b)", multirun=True))
    assert parsed.is_sweep_override()


def test_a_message_about_a_long_or_broken_value_is_one_short_line() -> None:
    text = error_message(UserError(f"data.bands=a\nb: {'x' * 5000} is none"), "train")
    assert text == f"data.bands=a b: {'x' * 100}... (5000 characters) is none"


def test_a_name_of_two_lines_is_taken_as_it_is() -> None:
    assert value_of("name=a\nb") == "a\nb"
