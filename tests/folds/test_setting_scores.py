"""`compare by=`: folds pooled, seeds as repetitions, and differences paired by scene, against plain numpy."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf
from scipy.stats import t as student

from seep_lightning import api
from seep_lightning.commands.sweep_progress import Sweep
from seep_lightning.compare import main
from seep_lightning.config.commands import CompareConfig
from seep_lightning.errors import UserError
from seep_lightning.metrics.comparisons import holm
from seep_lightning.sweeps.ending import print_jobs

SEEDS, SCENES = range(2), 10
Counts = dict[tuple[float, int], np.ndarray]
"""(scenes, 3) by learning rate and seed."""


@pytest.fixture
def grid(trained: Path, tmp_path: Path) -> tuple[Path, Counts]:
    """The files that 2 settings x 5 folds x 2 seeds leave, with drawn counts; each fold validates on two scenes."""
    return tmp_path / "grid", write_grid(trained, tmp_path / "grid", (0.001, 0.005))


def write_grid(trained: Path, home: Path, rates: tuple[float, ...], seeds: range = SEEDS, folds: int = 5) -> Counts:
    config = (trained / "config.yaml").read_text().replace("kind: scene", "kind: kfold")
    summary = json.loads((trained / "summary.json").read_text())
    rng = np.random.default_rng(0)
    sea = rng.integers(50, 500, (SCENES, 3))
    counts: Counts = {}
    for rate in rates:
        for seed in seeds:
            better = np.array([100 if rate == rates[0] else 0, 0, 0])
            counts[rate, seed] = sea + better + rng.integers(0, 60, (SCENES, 3))
            for fold in range(folds):
                run = home / f"lr-{rate},seed-{seed},fold-{fold}"
                run.mkdir(parents=True)
                own = config.replace("fold: 0", f"fold: {fold}").replace("lr: 0.005", f"lr: {rate}")
                (run / "config.yaml").write_text(own.replace("\nseed: 0", f"\nseed: {seed}"))
                parts = ["val" if scene % folds == fold else "train" for scene in range(SCENES)]
                lines = [f"{scene}.0.tif,{scene},{part}" for scene, part in enumerate(parts)]
                (run / "split.csv").write_text("\n".join(["name,scene,part", *lines, ""]))
                own_counts = {str(s): counts[rate, seed][s].tolist() for s in range(SCENES) if parts[s] == "val"}
                (run / "summary.json").write_text(json.dumps(summary | {"scene_counts": {"val": own_counts}}))
    return counts


def dice(counts: np.ndarray) -> np.ndarray:
    right, false, missed = np.moveaxis(counts, -1, 0)
    return 2 * right / (2 * right + false + missed)


def difference(counts: Counts, first: float, second: float) -> tuple[float, float, float]:
    """Mean over seeds of the difference of pooled Dice, and the ends of its interval by leaving scenes out."""

    def mean(kept: list[int]) -> float:
        by_seed = [dice(counts[first, s][kept].sum(0)) - dice(counts[second, s][kept].sum(0)) for s in SEEDS]
        return float(np.mean(by_seed))

    everything = list(range(SCENES))
    without = np.array([mean([scene for scene in everything if scene != out]) for out in everything])
    error = np.sqrt((SCENES - 1) / SCENES * ((without - without.mean()) ** 2).sum())
    weight = sum(2 * c[:, 0] + c[:, 1] + c[:, 2] for (rate, _), c in counts.items() if rate in (first, second))
    freedom = weight.sum() ** 2 / (weight**2).sum() - 1
    reach = student.ppf(0.975, freedom) * error
    value = mean(everything)
    return value, value - reach, value + reach


def test_the_paired_difference_of_a_grid_is_that_of_plain_numpy(
    grid: tuple[Path, Counts], trained: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, counts = grid
    stored = json.loads((trained / "summary.json").read_text())
    counted = np.sum(list(stored["scene_counts"]["val"].values()), axis=0)
    assert dice(counted) == pytest.approx(stored["figures"]["val"]["dice"])
    scores = api.compare(home, by="lr")
    assert [row.settings for row in scores.rows] == [{"optimizer.lr": 0.001}, {"optimizer.lr": 0.005}]
    assert scores.folds == [0, 1, 2, 3, 4] and scores.notes == [] and scores.comparisons == 1
    for row in scores.rows:
        by_seed = [dice(counts[row.settings["optimizer.lr"], seed].sum(0)) for seed in SEEDS]
        assert list(row.figures.values()) == pytest.approx(by_seed)
        assert row.mean == pytest.approx(np.mean(by_seed))
        assert row.interval is not None and row.interval[0] < row.mean < row.interval[1]
        assert (len(row.runs), row.scenes) == (10, 10)
    found = scores.rows[1].difference
    value, low, high = difference(counts, 0.005, 0.001)
    assert found is not None and scores.rows[0].difference is None
    assert found.value == pytest.approx(value)
    assert found.interval == pytest.approx((low, high))
    assert found.p_corrected == found.p < 0.05
    other = api.compare(home, by="lr", against="optimizer.lr=0.005").rows[0].difference
    assert other is not None and other.value == pytest.approx(-value)
    monkeypatch.setenv("COLUMNS", "80")
    main(OmegaConf.structured(CompareConfig(runs=str(home), by="lr", csv=str(home / "by.csv"))))
    printed = capsys.readouterr().out
    assert max(len(line) for line in printed.splitlines() if line[0] in "┃│") <= 80
    assert "2 settings by dice on validation, 5 folds pooled, mean of 2 seeds" in printed
    assert "less lr=0.001, paired by scene" in printed and f"{value:+.3f}" in printed
    rows = list(csv.DictReader((home / "by.csv").open()))
    assert float(rows[1]["difference"]) == found.value and rows[0]["p_holm"] == ""
    main(OmegaConf.structured(CompareConfig(runs=str(home), by="lr", format="json", columns="lr,dice,p", sort="-lr")))
    assert [list(row) for row in json.loads(capsys.readouterr().out)] == [["optimizer.lr", "dice", "p"]] * 2


def test_a_sweep_of_folds_ends_with_one_result(
    grid: tuple[Path, Counts], trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home, _ = grid
    config = OmegaConf.create({"monitor": "epoch", "test": False, "trusted": []})
    assert print_jobs(Sweep(home, config, 20, 0.0)) is None
    printed = capsys.readouterr().out
    assert "5 folds pooled: dice " in printed and "with lr=0.001" in printed
    assert f"seep_lightning.compare runs={home} by=optimizer.lr" in printed
    assert f"run=[{home}/lr-0.001,seed-0,fold-0,{home}/lr-0.001,seed-0,fold-1," in printed
    main(OmegaConf.structured(CompareConfig(runs=str(home), where="lr=0.001,seed=0")))
    printed = capsys.readouterr().out
    pooled = printed.splitlines()[-1]
    assert pooled.startswith("5 folds pooled: dice ") and "over 10 scenes) on validation" in pooled
    write_grid(trained, tmp_path / "one", (0.001,), range(1), folds=2)
    for path in (tmp_path / "one").rglob("summary.json"):
        summary = json.loads(path.read_text())
        (path.parent / "split.csv").write_text((path.parent / "split.csv").read_text().replace(",train", ",test"))
        path.write_text(json.dumps(summary | {"scene_counts": {part: {"0": [2, 1, 0]} for part in ("val", "test")}}))
    config.test = True
    print_jobs(Sweep(tmp_path / "one", config, 2, 0.0))
    printed = capsys.readouterr().out
    assert "2 folds pooled: dice 0.800 over 1 scene on test" in printed and "score the test part" not in printed
    assert f"map with their mean: python -m seep_lightning.predict run={tmp_path / 'one'} " in printed


def test_several_comparisons_are_corrected_and_what_is_missing_is_told(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "grid"
    write_grid(trained, home, (0.005, 0.001, 0.01, 0.02))
    scores = api.compare(home, by="optimizer.lr", sort="lr")
    differences = [row.difference for row in scores.rows[1:]]
    assert [row.settings["optimizer.lr"] for row in scores.rows] == [0.001, 0.005, 0.01, 0.02]
    assert [d.p_corrected for d in differences] == holm([d.p for d in differences])
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    # the reference is fixed before the figures: p against the best of them would be too small
    for sort, first in (({}, 0.001), ({"sort": "-dice"}, 0.001), ({"sort": "-lr"}, 0.02)):
        reference = api.compare(home, by="lr", **sort).reference
        assert reference is not None and reference.settings["optimizer.lr"] == first
    (home / "lr-0.01,seed-1,fold-3" / "split.csv").unlink()
    from_seeps = home / "lr-0.005,seed-0,fold-0" / "summary.json"
    leakage = {"leakage": "split=kfold: ...; init=seeps HAS LEARNED FROM 2 val and 2 test chips"}
    from_seeps.write_text(json.dumps(json.loads(from_seeps.read_text()) | leakage))
    status = home / "lr-0.02,seed-0,fold-0" / "summary.json"
    status.write_text(status.read_text().replace('"finished"', '"interrupted"'))
    main(OmegaConf.structured(CompareConfig(runs=str(home), by="lr", where="lr>=0.005")))
    printed = capsys.readouterr().out
    for said in (
        "left out: optimizer.lr=0.01 seed=1: no split.fold=3",
        "left out: optimizer.lr=0.02 seed=0: no split.fold=0",
        "NOT OUT OF FOLD: lr-0.005,seed-0,fold-0 started from weights",
        "left out, not finished: lr-0.02,seed-0,fold-0",
        "not paired: optimizer.lr=0.01 and optimizer.lr=0.005: only one of them has seed=1",
        "corrected for 2 comparisons",
    ):
        assert said in printed


def test_what_cannot_be_compared_is_told_in_one_line(trained: Path, tmp_path: Path) -> None:
    home = tmp_path / "grid"
    write_grid(trained, home, (0.001, 0.005), range(1), folds=2)

    def said(**choice: str) -> str:
        with pytest.raises(UserError) as error:
            api.compare(home, **choice)
        return str(error.value)

    def change(name: str, edit: Callable[[str], str]) -> None:
        path = home / "lr-0.005,seed-0,fold-1" / name
        path.write_text(edit(path.read_text()))

    assert "by= and paired=true are two comparisons" in said(by="lr", paired=True)
    assert "against=seed=0 needs by=" in said(against="seed=0")
    assert "no run has a figure or a setting called learning" in said(by="learning")
    assert "by=dice: dice is no setting" in said(by="dice")
    assert "Expected one of: optimizer.lr=0.001; optimizer.lr=0.005" in said(by="lr", against="lr=7")
    assert "differ in optimizer.lr: they are not of one recipe. Name it in by= too" in said(by="model.width")
    assert "metric=dice_per_chip: by= pools counts of pixels" in said(by="lr", metric="dice_per_chip")
    assert "was not scored on part=test. Score all runs of a folder with: python -m" in said(by="lr", part="test")
    # a page scores the best of runs that are no folds
    assert "4 of 4 runs were not scored on part=train. Score each of them, the first with: python -m " in said(
        by="lr", part="train"
    )
    alone = said(by="lr", part="test", where="split.fold=0")
    assert "2 of 2 runs were not scored on part=test" in alone and "lightning.evaluate run=" in alone
    change("split.csv", lambda text: text.replace("0.0.tif,0,train", "0.0.tif,0,val"))
    assert "0.0.tif was scored in two folds of one seed" in said(by="lr")
    change("split.csv", lambda text: text.replace("0.0.tif,0,val", "other.tif,0,val"))
    assert "scored on other chips" in said(by="lr")
    change("config.yaml", lambda text: text.replace("fold: 1", "fold: 0"))
    assert "are of one setting, seed and fold" in said(by="lr")
