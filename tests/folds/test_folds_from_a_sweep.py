"""One sweep over settings, folds and seeds, through the command line: one result, and the mean of its folds."""

import csv
import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from helpers.chips import GRID, TINY, make_chips
from helpers.command_line import seep

RATES, SEEDS, FOLDS, SCENES = ("0.001", "0.02"), range(2), range(5), 10


def dice(counts: np.ndarray) -> float:
    right, false, missed = counts
    return 2 * right / (2 * right + false + missed)


@pytest.mark.slow
def test_the_differences_of_real_trainings_are_those_of_plain_numpy(tmp_path: Path) -> None:
    root = make_chips(tmp_path / "chips", scenes=SCENES, tiles=2)
    home = tmp_path / "sweep"
    grid = ["optimizer.lr=0.001,0.02", "split=kfold", "split.fold=0,1,2,3,4", "seed=0,1"]
    settings = ["data=seeps", f"data.root={root}", GRID, *TINY, "trainer.max_epochs=1", "test=true"]
    swept = seep("train", "-m", *settings, *grid, f"hydra.sweep.dir={home}")
    assert swept.returncode == 0, swept.stderr
    assert "5 folds pooled: dice " in swept.stdout and "20 of 20 jobs done" in swept.stdout
    runs = {key: home / f"lr-{key[0]}_seed-{key[1]}_fold-{key[2]}" for key in product(RATES, SEEDS, FOLDS)}
    counts = {key: np.zeros((SCENES, 3), int) for key in product(RATES, SEEDS)}
    for (rate, seed, _), run in runs.items():
        with (run / "evaluate/test/chips.csv").open() as file:
            for row in csv.DictReader(file):
                counts[rate, seed][int(row["scene"][1:])] += [int(row[column]) for column in ("tp", "fp", "fn")]
    expected = np.mean([dice(counts["0.02", s].sum(0)) - dice(counts["0.001", s].sum(0)) for s in SEEDS])
    compared = seep("compare", f"runs={home}", "by=lr", "against=optimizer.lr=0.001", "part=test", "format=json")
    rows = {row["optimizer.lr"]: row for row in json.loads(compared.stdout)}
    assert rows[0.02]["difference"] == pytest.approx(expected)
    assert (rows[0.02]["runs"], rows[0.02]["seeds"], rows[0.02]["scenes"]) == (10, 2, SCENES)
    for rate in RATES:
        assert rows[float(rate)]["dice"] == pytest.approx(np.mean([dice(counts[rate, s].sum(0)) for s in SEEDS]))
