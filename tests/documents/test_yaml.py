from typing import Any

import pytest
from omegaconf import OmegaConf

from seep_lightning.documents.yaml_files import parsed_yaml, read_yaml
from seep_lightning.errors import UserError

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "more than 100000 values"),
        ("a: &a [*a]", "stands for nothing, or for itself"),
        ("a: *b", r"stands for nothing|undefined alias"),
        ("[" * 100 + "]" * 100, "nested deeper than 64"),
        ("[" * 100_000, "nested deeper than 64"),
        ("a: 1\na: 2", "line 2: the key 'a' stands twice"),
        ("a: !!python/object/apply:os.system [id]", "line 1: could not determine a constructor"),
        ("? [a]\n: b", "unhashable key"),
        ("a: [1", "is not YAML"),
        ("a\tb: \0", "is not YAML"),
        ("a: 1\n---\nb: 2", "is not YAML"),
        ("a: " + "1" * 5000, "cannot be read"),
        ("a: b: c", "line 1"),
    ],
)
def test_what_is_no_plain_yaml_is_told(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        parsed_yaml(text, "file")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


SCALARS = ["1e-3", "1.0", ".5", "1_000", "0x1f", "010", "yes", "2020-01-01", "12:30:45", "null", "~", ".nan", "1e3"]


@pytest.mark.parametrize("text", [*SCALARS, "'1'", "[1, a]", "{a: 1, 2: b}", "${oc.env:HOME}", "a.b", "-.inf", "+1"])
def test_scalars_mean_what_they_mean_to_omegaconf(text: str) -> None:
    document = f"a: {text}"
    theirs: Any = OmegaConf.to_container(OmegaConf.create(document))
    ours = parsed_yaml(document, "file")
    # NaN is no equal of itself
    assert repr(ours) == repr(theirs)


def test_anchors_within_the_bound_are_read() -> None:
    assert parsed_yaml("a: &x {k: 1}\nb: *x\nc: {<<: *x, m: 2}", "file")["c"] == {"k": 1, "m": 2}


def test_an_empty_file_is_none(tmp_path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("")
    assert read_yaml(path) is None
