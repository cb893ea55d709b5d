"""What a person sees who opens TensorBoard on a sweep: curves, pictures, and one table of all runs."""

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest

from helpers.chips import GRID, TINY, make_chips
from helpers.command_line import seep

pytestmark = pytest.mark.browser
RATES = {"0.001": "0.0010000", "0.005": "0.0050000", "0.02": "0.020000"}  # as given, and as the table writes it


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a TensorBoard on `outputs/` with a sweep of three learning rates in it."""
    home = tmp_path_factory.mktemp("board")
    chips = make_chips(home / "chips", size=64)
    line = [f"optimizer.lr={','.join(RATES)}", "data=seeps", f"data.root={chips}", GRID, *TINY, "trainer.max_epochs=3"]
    done = seep("train", "-m", *line, "panels=1", "hydra.sweep.dir=outputs/sweep", cwd=home)
    assert done.returncode == 0, done.stderr
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", "outputs", "--port", "0"]
    server = subprocess.Popen(command, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert server.stdout is not None
    found = next((match for text in server.stdout if (match := re.search(r"http://\S+/", text))), None)
    assert found, "TensorBoard ended without an address"
    yield found[0]
    server.terminate()
    server.wait()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    page = browser.new_page(viewport={"width": 1600, "height": 1100})
    page.set_default_timeout(90_000)
    yield page
    page.close()


def test_validation_of_all_runs_is_on_one_chart_with_the_best_as_a_point(board: str, page: Any) -> None:
    page.goto(f"{board}?tagFilter=figures%2Fdice%24&smoothing=0#timeseries")
    page.wait_for_selector("scalar-card line-chart")
    page.locator("scalar-card-data-table").get_by_text("sweep/lr-0.02/val").wait_for()
    rows = page.locator("scalar-card-data-table").inner_text()
    lines = {f"sweep/lr-{rate}/{line}" for rate in RATES for line in ("best", "train", "val")}
    tuned = {line for line in lines if not line.endswith("train")}
    assert set(re.findall(r"sweep/\S+", rows)) == tuned
    assert set(re.findall(r"sweep/\S+", page.locator("runs-data-table").inner_text())) == lines  # no empty one
    assert page.locator("scalar-card").count() == 1
    page.wait_for_timeout(2000)  # it draws in a worker
    chart = cv2.imdecode(np.frombuffer(page.locator("line-chart canvas").screenshot(), np.uint8), cv2.IMREAD_COLOR)
    assert (np.ptp(chart, axis=2) > 60).sum() > 500  # coloured pixels: curves


def test_it_opens_with_the_curves_in_one_section(board: str, page: Any) -> None:
    page.goto(f"{board}#timeseries")
    page.wait_for_selector("scalar-card line-chart")
    titles = page.locator("metrics-card-group-toolbar").all_inner_texts()
    assert [re.split(r"\d", title)[0].strip() for title in titles] == ["figures", "pictures", "training"]
    # cards that are not scrolled to have no title yet
    cards = {card.get_attribute("title") for card in page.locator("scalar-card tb-truncated-path").all()}
    assert {"figures/dice", "figures/dice_before_scaling", "figures/jaccard"} <= cards
    page.goto(f"{board}?tagFilter=training#timeseries")
    page.reload()
    page.wait_for_selector("scalar-card line-chart")
    cards = {card.get_attribute("title") for card in page.locator("scalar-card tb-truncated-path").all()}
    assert cards == {f"training/{name}" for name in ("lr", "epoch_seconds", "chips_per_second", "wait_share")}


def test_pictures_of_fixed_chips_and_of_the_worst_one(board: str, page: Any) -> None:
    page.goto(f"{board}?tagFilter=pictures#timeseries")
    page.wait_for_function("[...document.querySelectorAll('image-card img')].some(i => i.naturalWidth >= 1024)")
    page.goto(f"{board}?tagFilter=pictures%2Fworst#timeseries")
    page.reload()
    page.wait_for_selector("image-card img")
    assert page.locator("image-card").count() == 3


def test_a_sweep_is_one_table_and_one_parallel_coordinates_plot(board: str, page: Any) -> None:
    page.goto(f"{board}#hparams")
    for rate, shown in RATES.items():
        page.get_by_text(re.compile(rf"^lr-{rate} /")).wait_for()
        page.get_by_text(shown, exact=True).wait_for()
    assert page.get_by_text(re.compile(r"^lr-[\d.]+ /\S+$")).count() == 3  # no row for train/ or val/
    columns = [text.strip() for text in page.locator("vaadin-grid-cell-content").all_inner_texts()]
    assert columns.index("optimizer.lr") < columns.index("figures/dice")
    page.get_by_text("PARALLEL COORDINATES VIEW").click()
    plot = page.locator("tf-hparams-parallel-coords-plot svg")
    plot.get_by_text("optimizer.lr", exact=True).wait_for()
    assert plot.locator("g.foreground path").count() == 3


@pytest.mark.parametrize(("tab", "text"), [("pr_curves", "precision_recall"), ("text", "predicted seep")])
def test_precision_recall_and_confusion_have_their_tabs(tab: str, text: str, board: str, page: Any) -> None:
    page.goto(f"{board}#{tab}")
    page.get_by_text(text, exact=True).first.wait_for()
