"""From labels with errors to a list that a person answers, and back to a corrected data set."""

import csv
import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import numpy as np
import pyogrio.raw
import pytest
import shapely

from helpers.chips import IMAGES, MASKS
from helpers.reviews import LABELLED, PLACES, SHIFT, labels_of_scene
from seep_lightning.commands.composition import compose
from seep_lightning.config.commands import PrepareConfig, ReviewConfig
from seep_lightning.config.data import DataConfig, SplitConfig
from seep_lightning.data.audit.auditing import audit
from seep_lightning.data.loading import load_chips
from seep_lightning.errors import UserError
from seep_lightning.files import table_text
from seep_lightning.labelling.corrections import correct_labels
from seep_lightning.labelling.review import WrittenReview, review
from seep_lightning.labelling.review_columns import ReviewOf, row_of
from seep_lightning.labelling.review_file import read_review
from seep_lightning.labelling.review_page import page_text
from seep_lightning.labelling.suspect_kinds import KINDS
from seep_lightning.prepare import settings_of_corrected


def test_each_error_is_listed_with_page_layer_and_table(written: WrittenReview) -> None:
    assert written.found == dict.fromkeys(KINDS, 1)
    assert sorted(candidate.kind for candidate in written.candidates) == sorted(KINDS)
    changes = [candidate.loss_change for candidate in written.candidates]
    assert changes == sorted(changes, reverse=True)
    by_kind = {candidate.kind: candidate for candidate in written.candidates}
    assert by_kind["false"].chips == ["S0.000003.tif", "S0.000004.tif"]
    assert by_kind["shifted"].reason == "This outline of 120 px fits what the network sees 4 px up from here."
    assert by_kind["class"].choices["redraw"] == "it becomes class 6"
    assert "drop" not in by_kind["missing"].choices
    page = written.page.read_text()
    # a picture and the rims over it, not an enlarged copy
    assert len(page) < 60_000
    assert all(KINDS[kind].title in page for kind in KINDS)
    rows = rows_of(written.table)
    assert [row["number"] for row in rows] == ["1", "2", "3", "4"]
    assert {row["answer"] for row in rows} == {""}
    with closing(sqlite3.connect(written.layer)) as database:
        assert database.execute("SELECT count(*) FROM review").fetchone() == (4,)
        (style,) = database.execute("SELECT styleQML FROM layer_styles").fetchone()
    assert '<editWidget type="ValueMap">' in style
    assert 'value="unsure"' in style
    # kinds look different, and are called what the page calls them
    assert 'type="categorizedSymbol" attr="kind"' in style
    assert 'value="false" symbol="2" label="An outline of what looks like sea"' in style
    assert len({kind.colour for kind in KINDS.values()}) == len(KINDS)
    ElementTree.fromstring(style.partition("\n")[2])


def test_each_outline_names_the_chip_that_placed_it(written: WrittenReview) -> None:
    names = {chip.name for chip in read_review(written.folder).chips}
    assert {candidate.placed_by for candidate in read_review(written.folder).candidates} <= names


def test_what_a_strangers_scene_is_called_stays_a_text(written: WrittenReview, tmp_path: Path) -> None:
    name = "=1+1</script><script>alert(1)</script><img src=x>"
    candidates = [replace(candidate, scene=name, judged_by=name) for candidate in written.candidates]
    found = replace(read_review(written.folder), candidates=candidates, runs=[name], judged=name)
    page = page_text(found, [["data:,", "data:,"]] * len(candidates), tmp_path / name.replace("/", "-"))
    assert "<script>alert" not in page and "<img src=x" not in page
    text = table_text([row_of(ReviewOf(candidate, "id", tmp_path)) for candidate in candidates])
    assert "'=1+1" in text and ",=1+1" not in text


def test_answers_come_back_as_corrected_and_ignored_pixels(
    written: WrittenReview, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    before = {path.name: path.read_bytes() for path in Path(read_review(written.folder).root).rglob("*.tif")}
    answers = {"missing": "redraw", "false": "drop", "shifted": "redraw", "class": "unsure"}
    facts = prepared(answered(written, answers, tmp_path / "answers.csv"), tmp_path / "corrected")
    expected = labels_of_scene()
    expected[PLACES["false"]] = 0
    expected[PLACES["missing"]] = 4
    rows, columns = PLACES["shifted"]
    expected[rows, columns] = 0
    expected[rows.start - SHIFT : rows.stop - SHIFT, columns] = LABELLED["shifted"]
    ignored = np.zeros(expected.shape, bool)
    ignored[PLACES["class"]] = True
    root = tmp_path / "corrected"
    chips = load_chips(DataConfig(root=str(root), images=IMAGES, masks=MASKS, classes=7))
    for index, name in enumerate(chips.names):
        if chips.scenes[index] != "S0":
            continue
        row, column = divmod(chips.tiles[index], 3)
        part = np.s_[32 * row : 32 * row + 32, 32 * column : 32 * column + 32]
        pixels = chips.read(index)
        np.testing.assert_array_equal(pixels.labelled, ~ignored[part], name)
        np.testing.assert_array_equal(pixels.mask, np.where(ignored, 0, expected)[part], name)
    review_facts = facts["review"]
    assert (review_facts["changed"], review_facts["ignored"]) == (3, 1)
    assert review_facts["ignored_pixels"] == 144
    # the shifted outline moves by 4 of its 6 rows
    assert review_facts["changed_pixels"] == 120 + 144 + 2 * 80
    assert chips.config.grid["S0."].offset == 1
    told = "data: 4 labels were reviewed: 3 corrected (424 px), 1 ignored (144 px)"
    assert told in chips.told_files()
    # that 255 may be seep, as elsewhere, would mislead
    assert "as no data" in caplog.text
    assert "would make it seep" not in caplog.text
    # what was reviewed stays as it was
    now = {path.name: path.read_bytes() for path in Path(read_review(written.folder).root).rglob("*.tif")}
    assert before == now


def test_of_the_old_data_set_only_what_prepare_writes_is_told(written: WrittenReview, tmp_path: Path) -> None:
    old = Path(read_review(written.folder).root) / "dataset.json"
    assert not old.exists()
    # a review may name any folder
    old.write_text(json.dumps({"overlap": 0, "outlines": {"used": 3, "models": {"seeps": 2}}, "token": "of somebody"}))
    try:
        root = tmp_path / "corrected"
        facts = prepared(answered(written, {"false": "drop"}, tmp_path / "answers.csv"), root)
    finally:
        old.unlink()
    assert facts["outlines"]["models"] == {"seeps": 2} and facts["overlap"] == 0
    assert "somebody" not in (root / "dataset.json").read_text()


def test_the_command_after_a_correction_reads_it_and_says_that_it_was_reviewed(
    written: WrittenReview, tmp_path: Path
) -> None:
    root = tmp_path / "corrected"
    facts = prepared(answered(written, {"false": "drop", "class": "unsure"}, tmp_path / "answers.csv"), root)
    settings = settings_of_corrected(str(root), facts)
    assert settings == f"data=seeps data.root={root}"
    checked = audit(compose("check", settings.split()).data, SplitConfig())
    assert checked.facts["review"] == "2 labels were reviewed: 1 corrected (144 px), 1 ignored (144 px)"


def test_the_command_after_a_correction_names_no_more_settings_than_needed() -> None:
    facts = {"columns": {}, "settings": {}}
    assert settings_of_corrected("a b", facts) == "'data.root=a b'"
    of_seeps = {"images": IMAGES, "masks": MASKS, "classes": 7}
    # without grids of their own, the chips would get those of data=seeps
    assert settings_of_corrected("a", facts | {"settings": of_seeps}).endswith("data.classes=7")
    facts = {"columns": {"S0": 3}, "settings": of_seeps | {"bands": [1, 2]}}
    assert settings_of_corrected("a", facts) == "data=seeps data.root=a 'data.bands=[1,2]'"


def test_answers_of_the_layer_count_and_what_is_kept_stays(written: WrittenReview, tmp_path: Path) -> None:
    layer = tmp_path / "elsewhere.gpkg"
    layer.write_bytes(written.layer.read_bytes())
    with closing(sqlite3.connect(layer)) as database, database:
        # SQLite's functions of geometries are GDAL's own
        for trigger in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {trigger[0]}")
        database.execute("UPDATE review SET answer = 'keep' WHERE kind != 'false'")
        database.execute("UPDATE review SET answer = NULL WHERE kind = 'false'")
    facts = prepared(layer, tmp_path / "corrected")
    assert facts["review"] == facts["review"] | {"answered": 3, "by_answer": {"keep": 3}, "changed_pixels": 0}
    for name in ("S0.000001.tif", "S1.000002.tif"):
        old = cv2.imread(str(Path(facts["review"]["of"]) / MASKS / name), cv2.IMREAD_UNCHANGED)
        new = cv2.imread(str(tmp_path / "corrected" / MASKS / name), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(old, new)


def test_an_outline_that_a_person_drew_anew_becomes_the_label(written: WrittenReview, tmp_path: Path) -> None:
    layer = tmp_path / "edited.gpkg"
    columns, _, shapes, values = pyogrio.raw.read(written.layer)
    kinds = [str(kind) for kind in values[list(columns["fields"]).index("kind")]]
    values[list(columns["fields"]).index("answer")][:] = "redraw"
    # rows and columns of the scene: on the chips 1, 2, 4 and 5, where nothing else is labelled
    drawn = {"false": np.s_[28:38, 58:70], "missing": np.s_[2:12, 36:64]}
    for kind, (rows, cols) in drawn.items():
        shapes[kinds.index(kind)] = shapely.to_wkb(shapely.box(cols.start, -rows.stop, cols.stop, -rows.start))
    pyogrio.raw.write(layer, shapes, values, columns["fields"], layer="review", geometry_type="Unknown", crs=None)
    facts = prepared(layer, tmp_path / "corrected")
    expected = labels_of_scene()
    expected[PLACES["false"]] = 0
    expected[drawn["false"]] = LABELLED["false"]
    expected[drawn["missing"]] = 4
    # polygons that stayed as they were: as the answer says
    rows, cols = PLACES["shifted"]
    expected[rows, cols] = 0
    expected[rows.start - SHIFT : rows.stop - SHIFT, cols] = LABELLED["shifted"]
    expected[PLACES["class"]] = 6
    assert facts["review"] == facts["review"] | {"redrawn": 2, "changed": 4, "ignored": 0}
    for tile in range(6):
        row, column = divmod(tile, 3)
        new = cv2.imread(str(tmp_path / "corrected" / MASKS / f"S0.{tile:06d}.tif"), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(new, expected[32 * row : 32 * row + 32, 32 * column : 32 * column + 32])


def test_what_does_not_fit_is_one_line_and_writes_nothing(written: WrittenReview, tmp_path: Path) -> None:
    cases: list[tuple[Mapping[str, str], Mapping[str, str], str]] = [
        ({"missing": "drop"}, {}, "expected one of keep, redraw, unsure"),
        ({"false": "yes"}, {}, "answer is 'yes'; expected one of keep, drop, redraw, unsure"),
        ({}, {}, "holds no answer yet"),
        ({"false": "keep"}, {"review": "00000000"}, "its review .00000000. is not in"),
        ({"false": "keep"}, {"number": "9"}, "number is 9, but the review lists 1 to 4"),
    ]
    for answers, others, message in cases:
        with pytest.raises(UserError, match=message):
            prepared(answered(written, answers, tmp_path / "answers.csv", others), tmp_path / "corrected")
    with pytest.raises(UserError, match="is not there. Give review.gpkg"):
        prepared(tmp_path / "no.csv", tmp_path / "corrected")
    with pytest.raises(UserError, match="cuts new ones. Pass one of the two"):
        correct_labels(PrepareConfig(review="a.csv", labels="b.gpkg", output="c"))
    with pytest.raises(UserError, match=r"scenes is not set. Pass scenes=\.\.\. labels=\.\.\. on"):
        correct_labels(PrepareConfig(output="c"))
    assert not (tmp_path / "corrected").exists()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").touch()
    with pytest.raises(UserError, match="holds something other than a review"):
        review(ReviewConfig(runs="folds", output=str(tmp_path / "other"), overwrite=True))


def test_a_damaged_review_is_told(written: WrittenReview, tmp_path: Path) -> None:
    content = json.loads((written.folder / "review.json").read_text())
    content["candidates"][0]["patches"][0]["label"] = [1]
    content["candidates"][0]["patches"][0]["suggestion"] = [1]
    (tmp_path / "review.json").write_text(json.dumps(content))
    first = written.candidates[0].kind
    with pytest.raises(UserError, match="an object on S0.* is damaged. Give seep review again"):
        prepared(answered(written, {first: "unsure"}, tmp_path / "answers.csv"), tmp_path / "corrected")


STRANGERS = {
    "folders that lead elsewhere": (lambda content: content["data"].update(images="../../victim"), "no plain names"),
    "one folder for both": (lambda content: content["data"].update(images="masks", masks="masks"), "no plain names"),
    "settings of its own": (lambda content: content["data"].update(cache_folder="/tmp/x"), "names 'cache_folder'"),
    "a chip without a name": (lambda content: content["chips"][0].update(name=".."), "'..' is no name of a chip"),
    "no chips": (lambda content: content.update(chips=[]), "has no chips"),
    "an unknown kind": (lambda content: content["candidates"][0].update(kind="odd"), "of the kind 'odd'"),
    "a text file as image": (lambda content: content["chips"][0].update(image="/etc/passwd"), "/etc/passwd"),
}


@pytest.mark.parametrize("name", STRANGERS)
def test_a_strangers_review_writes_nothing_elsewhere(name: str, written: WrittenReview, tmp_path: Path) -> None:
    change, message = STRANGERS[name]
    content = json.loads((written.folder / "review.json").read_text())
    change(content)
    home = tmp_path / "a" / "b"
    home.mkdir(parents=True)
    (home / "review.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=message):
        prepared(answered(written, {"false": "unsure"}, home / "answers.csv"), home / "corrected")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "answers.csv", "b", "review.json"]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def answered(
    written: WrittenReview, answers: Mapping[str, str], path: Path, others: Mapping[str, str] | None = None
) -> Path:
    """The review's table with an answer for each kind, and other cells."""
    rows = [row | {"answer": answers.get(row["kind"], "")} | dict(others or {}) for row in rows_of(written.table)]
    with path.open("w") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def prepared(answers: Path, output: Path) -> dict[str, Any]:
    return correct_labels(PrepareConfig(review=str(answers), output=str(output)))
