"""What a corrected data set is told of the old one, whose `dataset.json` may be anybody's."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from seep_lightning.config.commands import PrepareConfig
from seep_lightning.data.kept_facts import kept_facts
from seep_lightning.data.preparation import KEPT_SETTINGS
from seep_lightning.errors import UserError

GROUP = {"count": 2, "examples": [4, 7]}
WRITTEN: dict[str, Any] = {
    "labels": "seeps.gpkg", "scale": None, "factor": 0.01, "nodata": "none", "remove_noise": False, "size": 256,
    "overlap": 0, "notes": {"S0": "read as dB"},
    "outlines": {"in_file": 9, "used": 7, "models": {"seeps": 3}, "too_small": GROUP, "repaired": GROUP},
    "masks": {"used": 1, "pixels": {"0": 9, "1": 3}, "ignored": 0, "on_another_grid": 0, "of_no_scene": ["x.tif"],
              "scenes_without": []},
}  # fmt: skip


def facts_of(folder: Path, content: Any) -> dict[str, Any]:
    """What is kept of a `dataset.json`."""
    (folder / "dataset.json").write_text(json.dumps(content))
    return kept_facts(folder)


def test_all_that_prepare_writes_is_kept_and_nothing_else(tmp_path: Path) -> None:
    assert kept_facts(tmp_path) == {}
    assert facts_of(tmp_path, WRITTEN) == WRITTEN
    of_others = {"token": "x", "outlines": WRITTEN["outlines"] | {"secret": "x"}}
    assert facts_of(tmp_path, WRITTEN | of_others) == WRITTEN
    usual = {field.name: field.default for field in fields(PrepareConfig) if field.name in KEPT_SETTINGS}
    assert facts_of(tmp_path, usual) == usual


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("labels", {"password": "x"}),
        ("labels", "x" * 5000),
        ("scale", "x" * 50),
        ("factor", float("nan")),
        ("nodata", [0] * 9),
        ("size", 10**12),
        ("overlap", "0"),
        ("notes", "of another program"),
        ("notes", {"S0": "x" * 20_000}),
        ("outlines", [1]),
        ("outlines", {"used": -1, "models": {}}),
        ("outlines", WRITTEN["outlines"] | {"models": {"x" * 2000: 1}}),
        ("outlines", WRITTEN["outlines"] | {"too_small": {"count": 1, "examples": [1] * 9}}),
        ("masks", {"used": 1, "pixels": {"1": "many"}}),
    ],
)
def test_what_prepare_never_writes_is_one_line(key: str, value: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"dataset\.json, {key}.*Write it again, or remove it") as caught:
        facts_of(tmp_path, WRITTEN | {key: value})
    assert len(str(caught.value)) < 400 + len(str(tmp_path))
