"""The page of a review in a browser: from a file, without a network, by keys and by mouse, on a narrow screen."""

import csv
from pathlib import Path
from typing import Any

import pytest

from helpers.chips import IMAGES
from seep_lightning.config.commands import PrepareConfig
from seep_lightning.files import plain_cell
from seep_lightning.labelling.corrections import correct_labels
from seep_lightning.labelling.review import WrittenReview


@pytest.mark.browser
def test_a_person_answers_by_keys_and_mouse_and_saves_what_prepare_reads(
    browser: Any, written: WrittenReview, tmp_path: Path
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    tab = context.new_page()
    said, asked = [], []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda sent: asked.append(sent.url))
    tab.goto(written.page.absolute().as_uri())
    kinds = [candidate.kind for candidate in written.candidates]
    expected = answer_each(tab, kinds)
    open_one = kinds.index("class")
    assert tab.text_content("#count") == "3 of 4 answered, 1 open"
    # the browser keeps answers of a page that is opened again
    tab.reload()
    assert tab.text_content("#count") == "3 of 4 answered, 1 open"
    tab.keyboard.press("n")
    if open_one:
        assert tab.text_content("#title").startswith(f"{open_one + 1}. ")
    with tab.expect_download() as download:
        tab.click("#save")
    file = tmp_path / download.value.suggested_filename
    assert file.name == "review-answers.csv"
    download.value.save_as(file)
    with file.open() as opened:
        rows = {row["kind"]: row["answer"] for row in csv.DictReader(opened)}
    assert rows == expected | {"class": ""}
    facts = correct_labels(PrepareConfig(review=str(file), output=str(tmp_path / "corrected")))
    assert facts["review"]["by_answer"] == {"redraw": 1, "drop": 1, "unsure": 1}
    assert len(list((tmp_path / "corrected" / IMAGES).iterdir())) == facts["chips"]
    assert said == []
    own = written.page.absolute().as_uri()
    assert [url for url in asked if not url.startswith(("data:", "blob:", own))] == []
    context.close()


def answer_each(tab: Any, kinds: list[str]) -> dict[str, str]:
    """Answer all suspects but that of another class. Returns what was answered, by kind."""
    for kind in kinds:
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390
        assert tab.evaluate("[...document.images].every(image => image.complete && image.naturalWidth)")
        if kind == "missing":
            # there is nothing to drop: the key does nothing
            tab.keyboard.press("d")
            tab.keyboard.press("r")
        elif kind == "false":
            tab.click("button[data-answer=drop]")
        elif kind == "shifted":
            # taken back, and given again
            tab.keyboard.press("k")
            tab.keyboard.press("ArrowLeft")
            tab.keyboard.press("k")
            tab.keyboard.press("u")
        else:
            tab.keyboard.press("ArrowRight")
    return {"missing": "redraw", "false": "drop", "shifted": "unsure"}


@pytest.mark.browser
def test_a_stranger_called_like_a_formula_is_a_text_in_the_saved_table(browser: Any, written: WrittenReview) -> None:
    tab = browser.new_page()
    tab.goto(written.page.absolute().as_uri())
    names = ["=1+1", "+A1", "-A1", "@SUM(A1)", "'=1+1", "\t=1", "=1\r2", "-12.5", "S1", "a,b", ""]
    cells = tab.evaluate("names => names.map(cell)", names)
    assert cells == ["'=1+1", "'+A1", "'-A1", "'@SUM(A1)", "''=1+1", "'\t=1", '"\'=1\r2"', "-12.5", "S1", '"a,b"', ""]
    (row,) = csv.reader([",".join(cells)])
    assert [plain_cell(cell) for cell in row] == names
    tab.close()
