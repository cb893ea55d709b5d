"""The template of a figure in docs/extending.md works as it stands, and what does not fit is one line."""

import importlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from helpers.chips import GRID, TINY, make_chips
from helpers.command_line import seep
from helpers.documents import code_blocks, write_blocks
from helpers.trainings import curve
from seep_lightning.errors import UserError
from seep_lightning.metrics.figures import FIGURES, ObjectFigure, PixelFigure
from seep_lightning.metrics.requested_figures import declare, request_figures
from seep_lightning.training.session import train

SECTION = "A figure in the report"


@pytest.fixture
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module of the template, importable as in the folder where a user works."""
    before = list(FIGURES)
    write_blocks("extending.md", SECTION, tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("my_figures")
    FIGURES[:] = before


@pytest.mark.slow
def test_the_template_s_figure_is_trained_with_scored_and_reported(tmp_path: Path) -> None:
    write_blocks("extending.md", SECTION, tmp_path)
    root = make_chips(tmp_path / "chips")
    assert ('"figures=[my_figures.F2]" test=true') in dict(code_blocks("extending.md", SECTION))["bash"]
    settings = ["figures=[my_figures.F2]", "test=true", "trainer.max_epochs=2", "hydra.run.dir=run"]
    done = seep("train", *settings, "data=seeps", f"data.root={root}", GRID, *TINY, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "f2" in done.stdout
    assert {"f2_before_scaling/train", "f2/val"} <= set(curve(tmp_path / "run")[-1])
    scored = json.loads((tmp_path / "run/evaluate/test/summary.json").read_text())
    assert 0 <= scored["figures"]["f2"] <= 1
    assert "run=run 'trusted=[my_figures]'" in done.stdout
    done = seep("report", "run=run", "trusted=[my_figures]", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "<td>F2</td>" in (tmp_path / "run/report.html").read_text()


def test_the_function_is_what_it_says(template: Any) -> None:
    counts = np.array([[3, 1, 2], [0, 0, 0]])
    expected = pytest.approx([15 / (15 + 8 + 1), 0])
    assert template.f2(counts) == expected
    assert template.f2(torch.tensor(counts)).tolist() == expected


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("my_figures.F3", r"my_figures.F3: cannot import it .* Expected MODULE.NAME of a Figure"),
        ("my_figures.f2", "my_figures.f2 is a function. Expected MODULE.NAME of a Figure"),
        ("soft_dice", "there is no figure of batches with this key. Expected .* soft_dice_S"),
    ],
)
def test_a_name_that_is_no_figure_s_is_told_before_the_training(
    template: Any, name: str, message: str, compose_tiny: Callable[..., Any], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message) as caught:
        train(compose_tiny(f"figures=[{name}]"), tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("figure", "message"),
    [
        (PixelFigure(key="dice", label="", description="", function=lambda c: c[..., 0]), "a figure dice already"),
        (PixelFigure(key="sum", label="", description="", function=lambda c: c.sum()), r"shape \(\) for counts of"),
        (
            PixelFigure(key="np", label="", description="", function=lambda c: np.sqrt(c[..., 0].astype(float))),
            "astype",
        ),
        (ObjectFigure(key="holes", label="", description="", function=lambda c: c.holes), "no attribute 'holes'"),
    ],
)
def test_a_figure_that_does_not_fit_is_told(template: Any, figure: Any, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        declare(figure)
    assert "\n" not in str(caught.value)
    assert figure not in FIGURES


def test_a_figure_may_be_asked_for_again(template: Any) -> None:
    for _ in range(2):
        assert request_figures(["my_figures.F2"]) == []
    assert [figure.key for figure in FIGURES].count("f2") == 1
