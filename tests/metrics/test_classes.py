"""A run that tells classes apart: what it trains, scores, reports, maps and exports; and what stays as it was."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pyogrio
import pytest
import torch
from sklearn.metrics import f1_score

from helpers.chips import GRID, TINY, write_chip
from helpers.rasters import UTM, pixels, write_raster
from seep_lightning.commands.composition import compose
from seep_lightning.config.commands import EvaluateConfig, ExportConfig, PredictConfig, ReportConfig
from seep_lightning.errors import UserError
from seep_lightning.evaluation.evaluation import evaluate
from seep_lightning.mapping.scenes import predict
from seep_lightning.metrics.classes import class_shares, confusion_matrix
from seep_lightning.metrics.floors import FLOORS
from seep_lightning.metrics.objects import confuse_objects
from seep_lightning.metrics.summaries import class_summary
from seep_lightning.nets.outputs import probabilities
from seep_lightning.predictor.exporting import export
from seep_lightning.predictor.loading import load
from seep_lightning.reporting.page import report
from seep_lightning.reporting.panels import confusion_table
from seep_lightning.reporting.tables import print_evaluation
from seep_lightning.scene.levels import class_numbers
from seep_lightning.training.losses import CEDice
from seep_lightning.training.session import train

DARK = {1: 0.6, 2: 0.1}  # class 2 is rarer, and much darker


def bars(rng: np.random.Generator, both: float = 0.35) -> tuple[np.ndarray, np.ndarray]:
    """A chip with a bar of class 1, and with a probability one of class 2."""
    image, mask = rng.normal(30000, 1500, (32, 32)), np.zeros((32, 32), np.uint8)
    mask[4:9, 3:-3] = 1
    mask[20:24, 3:-3] = 2 * (rng.random() < both)
    for number, factor in DARK.items():
        image[mask == number] *= factor
    return image.astype(np.uint16), mask


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home, rng = tmp_path_factory.mktemp("classes"), np.random.default_rng(0)
    for scene in range(6):
        for tile in range(8):
            write_chip(home / "chips", f"S{scene}.{tile:06d}.tif", *bars(rng))
    more = ["task=classes", "data.classes=2", "loss.ce=1", "model.width=8", "optimizer.lr=0.02"]
    more += ["ema_decay=null", "augment=[]"]
    config = compose(
        "train",
        ["data=seeps", f"data.root={home / 'chips'}", GRID, *TINY, *more, "trainer.max_epochs=16"],
    )
    return train(config, home / "run").run.dir


def test_figures_of_a_class_are_those_of_scikit_learn() -> None:
    truth, found = np.random.default_rng(0).choice([0, 1, 2, 4], (2, 300), p=[0.7, 0.15, 0.1, 0.05])
    scored = class_summary(
        sum(confusion_matrix(truth[half], found[half], 5) for half in (slice(0, 99), slice(99, None)))
    )
    expected = dict(zip("124", f1_score(truth, found, labels=[1, 2, 4], average=None), strict=True))
    assert {k: row["dice"] for k, row in scored["by_class"].items()} == pytest.approx(expected)
    assert scored["macro_dice"] == pytest.approx(np.mean(list(expected.values())))


def test_an_object_is_missed_or_found_as_the_class_that_most_of_it_is() -> None:
    truth, found = np.zeros((2, 60, 60), np.uint8)
    truth[0:5, 0:10], truth[10:15, 0:10], truth[20:25, 0:10], truth[30:35, 0:10] = 1, 2, 2, 2
    found[0:5, 0:10], found[10:15, 0:6], found[10:15, 6:10], found[20, 0:4] = 1, 1, 2, 2
    found[30:32, 0:10], found[50:55, 50:55] = 2, 1
    assert confuse_objects(found, truth, 3).tolist() == [[0, 1, 0], [0, 1, 0], [1, 1, 1]]


def test_the_loss_is_zero_at_the_truth_and_leaves_nodata_out() -> None:
    torch.manual_seed(0)
    target, valid = torch.randint(0, 4, (2, 1, 8, 8)), torch.rand(2, 1, 8, 8) > 0.2
    right = 40 * torch.nn.functional.one_hot(target[:, 0], 4).permute(0, 3, 1, 2).float()
    loss = CEDice(shares=[0.7, 0.2, 0.1])
    assert loss(torch.where(valid, right, -right), target, valid).item() == pytest.approx(0, abs=1e-6)
    logits = torch.randn(2, 4, 8, 8, requires_grad=True)
    loss(logits, target, valid).backward()
    assert ((logits.grad != 0) == valid).all()
    everywhere, p = torch.ones_like(valid), logits.softmax(1)
    plain = torch.nn.functional.cross_entropy(logits, target[:, 0], reduction="none")[:, None]
    seep = target > 0
    expected = plain.mean() - (plain + (1 - p[:, :1]).log())[seep].sum() * (1 / plain.numel() - 1 / seep.sum())
    assert CEDice(ce=1, dice=0)(logits, target, everywhere).item() == pytest.approx(expected.item(), rel=1e-5)
    with pytest.raises(UserError, match="expected a number above 0"):
        CEDice(shares=[0.5, 0.5, 0.0])
    with pytest.raises(UserError, match="has 2 numbers; the net tells 3 classes apart"):
        CEDice(shares=[0.5, 0.5])(logits, target, valid)


def test_where_nothing_tells_classes_apart_the_rare_one_is_as_probable_as_the_common_one() -> None:
    shares = class_shares(np.array([3000, 1000, 0]))
    assert shares == pytest.approx([3000 / 4001, 1000 / 4001, 1 / 4001])
    target = torch.tensor([1] * 30 + [2] * 10)[None, None, None]
    logits = torch.zeros(3, requires_grad=True)
    with torch.enable_grad():
        loss = CEDice(shares=[0.75, 0.25], tau=1)(logits[:, None].expand(3, 40)[None, :, None], target, target > 0)
        loss.backward()
    assert logits.grad[1] - logits.grad[2] == pytest.approx(0, abs=1e-6)


def test_scaling_moves_the_probability_of_seep_and_shares_it_out_among_the_classes() -> None:
    logits = torch.randn(1, 4, 5, 5)
    plain, moved = probabilities(logits), probabilities(logits, (0.5, 1.0))
    torch.testing.assert_close(plain[:, :1], 1 - logits.softmax(1)[:, :1])
    torch.testing.assert_close(plain[:, 1:], logits.softmax(1)[:, 1:])
    torch.testing.assert_close(moved[:, 1:].sum(1), moved[:, 0])
    torch.testing.assert_close(moved[:, 0].logit(), 0.5 * plain[:, 0].logit() + 1)


def test_a_run_learns_both_classes_and_leaves_matrices_that_add_up(run: Path) -> None:
    parts = [evaluate(EvaluateConfig(run=str(run), part=part)) for part in ("val", "test")]
    total = class_summary(sum(np.array(part["classes"]["pixels"]) for part in parts))
    assert min(row["dice"] for row in total["by_class"].values()) > 0.5
    assert parts[0]["figures"]["macro_dice"] == parts[0]["classes"]["macro_dice"]
    names = (run / "evaluate/test/names.txt").read_text().split()
    found, truth = (
        np.stack([cv2.imread(str(folder / name), cv2.IMREAD_UNCHANGED) for name in names])
        for folder in (run / "evaluate/test/masks", run.parent / "chips/train_masks_256")
    )
    assert confusion_matrix(truth, found, 3).tolist() == parts[1]["classes"]["pixels"]
    objects = np.array(parts[1]["classes"]["objects"])
    assert objects.sum(1)[1:].tolist() == [(truth == k).any((1, 2)).sum() for k in (1, 2)]
    for row in parts[1]["classes"]["by_class"].values():
        assert row["floors"].keys() == {floor.key for floor in FLOORS}
        assert row["dice_2px"] >= row["dice"] - 1e-9
    means = parts[1]["classes"]["floors"]["all_seep"]["dice"], parts[1]["classes"]["within_tolerance"]["dice_2px"]
    rows = list(parts[1]["classes"]["by_class"].values())
    assert means[0] == pytest.approx(np.mean([row["floors"]["all_seep"]["dice"] for row in rows]))
    assert means[1] == pytest.approx(np.mean([row["dice_2px"] for row in rows]))
    assert "macro_dice_before_scaling/val" in (run / "metrics.csv").read_text().splitlines()[0]


def test_classes_stand_beside_their_floors_on_the_terminal(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    summary = evaluate(EvaluateConfig(run=str(run), part="test", name="shown"))
    summary["classes"]["by_class"]["2"]["dice"] = 0.0
    print_evaluation(summary)
    printed = capsys.readouterr().out
    table = printed[printed.index("classes") :]
    heads = next(line for line in table.splitlines() if "precision" in line)
    for name in ("dice_2px", "pixels", *[floor.label for floor in FLOORS]):
        assert name in heads
    mean = next(line for line in table.splitlines() if line.startswith("│ mean"))
    assert f"{summary['classes']['macro_dice']:.3f}" in mean
    assert "Dice is not above what rules without learning reach: class 2 (0.000; all seep" in table


def test_the_page_and_tensorboard_show_the_matrix(run: Path, tmp_path: Path) -> None:
    page = report(ReportConfig(run=str(run), output=str(tmp_path / "page.html"))).read_text()
    assert "<h2>Classes</h2>" in page and "found as 2" in page
    assert "<th>Dice within 2 px</th>" in page and "<th>Floor: darker than</th>" in page
    assert "| class 2 | 1 | 0 | 7,000 |" in confusion_table(np.array([[9, 1, 1], [0, 2, 3], [1, 0, 7000]]))


@pytest.mark.parametrize("kind", ["run", pytest.param("onnx", marks=pytest.mark.slow), "torch"])
def test_polygons_have_their_class(run: Path, tmp_path: Path, kind: str) -> None:
    image, mask = bars(np.random.default_rng(4), both=1)
    scene, model = write_raster(tmp_path / "a.tif", image, **UTM), run
    if kind != "run":
        model = export(ExportConfig(str(run), str(tmp_path / {"onnx": "a.onnx", "torch": "a.pt"}[kind]), kind))
    predict(PredictConfig(run=[str(model), str(model)], input=str(scene), output=str(tmp_path / "out"), min_area=20))
    table = pyogrio.raw.read(tmp_path / "out/a.gpkg", columns=["class", "class_share"])[3]
    assert table[0].tolist() == [1, 2] and (table[1] > 0.5).all()
    found = pixels(tmp_path / "out/a.mask.tif")[0]
    assert (found == mask).mean() > 0.9 and set(np.unique(found)) == {0, 1, 2}
    shares = load(model).class_probabilities(image)
    assert (np.where(shares[0] > load(model).threshold, class_numbers(shares), 0) == found).mean() > 0.99


def test_what_does_not_go_together_is_told(run: Path, trained: Path, tmp_path: Path) -> None:
    home = run.parent / "chips"
    config = compose("train", ["data=seeps", f"data.root={home}", GRID, *TINY, "task=classes", "loss=bce_dice"])
    with pytest.raises(UserError, match="BCEDice is for task=binary, not classes"):
        train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    scene = write_raster(tmp_path / "a.tif", np.ones((32, 32), np.uint16), **UTM)
    with pytest.raises(UserError, match="trained with classes=2, the first run with 0"):
        predict(PredictConfig(run=[str(trained), str(run)], input=str(scene), output=str(tmp_path / "out")))


def test_a_checkpoint_from_before_there_were_tasks_is_of_seep_or_sea(trained: Path, tmp_path: Path) -> None:
    old = shutil.copytree(trained, tmp_path / "run")
    content = torch.load(old / "checkpoints/best.ckpt", weights_only=True)
    del content["hyper_parameters"]["facts"]["task"]
    torch.save(content, old / "checkpoints/best.ckpt")
    image = np.full((32, 32), 9, np.uint16)
    assert np.array_equal(load(old)(image), load(trained)(image))
    assert "classes" not in evaluate(EvaluateConfig(run=str(old)))
