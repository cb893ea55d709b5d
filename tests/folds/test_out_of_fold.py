"""Out-of-fold predictions: each chip by the run that did not learn from it, in its scene; mixtures are refused."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from helpers.paths import ROOT
from seep_lightning.config.commands import EvaluateConfig, PredictConfig
from seep_lightning.data.chip_maps import read_chip_map
from seep_lightning.errors import UserError
from seep_lightning.evaluation.evaluation import evaluate
from seep_lightning.folds import pooling
from seep_lightning.folds.fold_runs import Fold, find_folds
from seep_lightning.folds.out_of_fold import out_of_fold_scenes, whole_scenes
from seep_lightning.folds.part_maps import SCENES, PartMaps, Way
from seep_lightning.folds.pooling import POOL, against, interval, read_row, score_folds
from seep_lightning.mapping.scenes import predict
from seep_lightning.metrics.calibration import Reliability
from seep_lightning.metrics.counts import count_pixels
from seep_lightning.runs.directory import Run
from seep_lightning.runs.fold_folders import runs_to_map_with


@pytest.fixture(scope="module")
def home(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folds with the weights of one run: each tests every second scene, and validates on the first of the other."""
    home = tmp_path_factory.mktemp("folds")
    header, *lines = (trained / "split.csv").read_text().splitlines()
    columns = header.split(",")
    scenes = sorted({line.split(",")[columns.index("scene")] for line in lines})
    for fold in (0, 1):
        run = Path(shutil.copytree(trained, home / f"fold-{fold}"))
        config = (run / "config.yaml").read_text()
        config = config.replace("kind: scene", "kind: kfold").replace("fold: 0", f"fold: {fold}")
        (run / "config.yaml").write_text(config)
        table = [header]
        for line in lines:
            cells = line.split(",")
            number = scenes.index(cells[columns.index("scene")])
            part = "test" if number % 2 == fold else "val" if number == 1 - fold else "train"
            cells[columns.index("part")] = part
            table.append(",".join(cells))
        (run / "split.csv").write_text("\n".join([*table, ""]))
    return home


def test_each_scene_is_predicted_once_by_the_fold_that_tests_it(home: Path, trained: Path, tmp_path: Path) -> None:
    run = Run(trained)
    scenes = list(out_of_fold_scenes([home]))
    names = [scene.name for scene, _ in scenes]
    assert len(names) == len(set(names)) == 5
    assert [scene.fold.number for scene, _ in scenes] == [0, 0, 0, 1, 1]
    tested = [scene.chips.names[index] for scene, _ in scenes for index in scene.tiles.values()]
    assert sorted(tested) == sorted(run.parts())
    # the weights are the same in all folds: `predict` maps the same
    images = scenes[0][0].chips.image_paths[0].parent
    predict(PredictConfig(run=str(trained), input=str(images), output=str(tmp_path), flips=False, chips=True))
    for scene, operating_point in scenes:
        (at, index), *_ = scene.tiles.items()
        height, width = scene.chips.size
        part = np.s_[at[0] * height : (at[0] + 1) * height, at[1] * width : (at[1] + 1) * width]
        alone = read_chip_map(tmp_path / "probabilities", scene.chips.names[index])
        assert np.array_equal(scene.probability[part], alone * scene.valid[part])
        pixels = scene.chips.read(index)
        assert np.array_equal(scene.truth[part], pixels.mask * pixels.valid)
        assert np.array_equal(scene.image()[:, *part], pixels.image)
        assert np.array_equal(operating_point.predicted(scene) > 0, operating_point.mask(scene))
    pieces = {scene.name: (scene, operating_point) for scene, operating_point in scenes}
    for whole in whole_scenes([home / "fold-1", home / "fold-0"]):
        scene, operating_point = pieces[whole.name]
        assert np.array_equal(whole.predicted, operating_point.predicted(scene))
        assert np.array_equal(whole.probability, scene.probability)
        assert whole.folds == (scene.fold.number,) and len(whole.cells) == len(scene.tiles)


def test_maps_are_used_again_and_made_anew_of_other_weights(home: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(home, tmp_path / "folds"))
    for way in (Way(), Way(by_chip=True)):
        fold = find_folds([copy])[0]
        maps = PartMaps(fold, "test", way)
        before = {path: path.stat().st_mtime_ns for path in maps.folder.rglob("*") if path.is_file()}
        assert before
        PartMaps(fold, "test", way)
        assert {path: path.stat().st_mtime_ns for path in maps.folder.rglob("*") if path.is_file()} == before
    evaluate(EvaluateConfig(run=str(fold.run.dir), part="test"))
    name = fold.chips("test")[0]
    alone = read_chip_map(fold.run.dir / "evaluate/test/probabilities", name)
    assert np.array_equal(read_chip_map(maps.folder / "probabilities", name), alone)
    shutil.copy(fold.run.checkpoints / "last.ckpt", fold.run.checkpoints / "best.ckpt")
    PartMaps(fold, "test", Way(by_chip=True))
    assert {path: path.stat().st_mtime_ns for path in maps.folder.rglob("*") if path.is_file()} != before


def test_predict_takes_the_mean_of_a_folder_of_folds_and_refuses_mixtures(
    home: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folds = [home / "fold-0", home / "fold-1"]
    caplog.set_level("INFO")
    assert runs_to_map_with(home) == folds
    assert f"run={home}: the mean of 2 of 5 folds" in caplog.text
    image = next(iter(out_of_fold_scenes([home])))[0].chips.image_paths[0]
    keys = {}
    for name, run in (("folder", str(home)), ("list", [str(fold) for fold in folds])):
        config = PredictConfig(run=run, input=str(image), output=str(tmp_path / name), polygons=False)
        keys[name] = predict(config)[0].key
        assert read_chip_map(tmp_path / name, f"{image.stem}.probability.tif").any()
    assert keys["folder"] == keys["list"]
    copy = Path(shutil.copytree(home, tmp_path / "folds"))
    summary = copy / "fold-0/summary.json"
    summary.write_text(summary.read_text().replace('"finished"', '"running"'))
    assert runs_to_map_with(copy) == [copy / "fold-1"]
    config = copy / "fold-1/config.yaml"
    config.write_text(config.read_text().replace("lr: 0.005", "lr: 0.1"))
    with pytest.raises(UserError, match=r"differ in optimizer.lr: .* Name the folds of one of them, run=\[A,B\]"):
        runs_to_map_with(copy)
    assert len(runs_to_map_with(tmp_path)) == 1
    (copy / "fold-0/config.yaml").write_text("[")
    assert runs_to_map_with(copy) == [copy / "fold-1"]
    assert f"left out of run={copy}: fold-0: {copy}/fold-0/config.yaml is not YAML" in caplog.text


def test_folds_are_pooled(home: Path) -> None:
    row = score_folds([home])
    counts = np.sum(list(row["scenes"].values()), axis=0)
    right, false, missed = counts
    assert row["dice"] == pytest.approx(2 * right / (2 * right + false + missed))
    assert (row["runs"], row["way"], len(row["scenes"]), len(row["chosen"])) == (2, "mosaic", 5, 2)
    assert against(row, row).startswith("+0.000 (")


def test_a_base_that_was_not_pooled_is_one_line_before_anything_is_predicted(tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "benchmarks/accuracy/pool.py", tmp_path / "folds", "--against", tmp_path]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    said = f"{tmp_path} was not pooled in this way: it has no pool-mosaic.json. Pool it first: {POOL} {tmp_path}\n"
    assert (result.returncode, result.stderr) == (2, said)
    (tmp_path / "pool-mosaic.json").write_text('{"scenes": {"0 a": [1, 2]}}')
    with pytest.raises(UserError, match=r"pool-mosaic\.json, scenes.*Pool the folds again"):
        read_row(tmp_path, SCENES)


def test_pieces_of_a_scene_count_as_one_and_names_may_have_blanks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # 8 scenes of 2 chips each, cut by two folds whose runs are called alike
    folds = [Fold(number, (Run(tmp_path / str(number) / "run"),), {}) for number in (0, 1)]
    names = [f"{place} bay {day}" for place in ("north", "south") for day in range(4)]
    rng = np.random.default_rng(0)
    masks = {(fold, name): rng.random((8, 8)) < 0.4 for fold in (0, 1) for name in names}

    def maps(fold: Fold, part: str, way: Way) -> SimpleNamespace:
        scenes = [
            SimpleNamespace(
                name=f"{name}.{fold.number}.tif", scene=name, seep=masks[0, name], valid=masks[0, name] >= 0
            )
            for name in names
        ]
        return SimpleNamespace(scenes=lambda: iter(scenes), fold=fold)

    monkeypatch.setattr(pooling, "find_folds", lambda folders: folds)
    monkeypatch.setattr(pooling, "PartMaps", maps)
    monkeypatch.setattr(pooling, "_origin", lambda *given: {})
    monkeypatch.setattr(pooling, "count_reliability", lambda *given: Reliability())
    operating_point = SimpleNamespace(threshold=0.5, min_area=1, scaling=(1.0, 0.0))
    operating_point.mask = lambda scene: masks[1, scene.scene]
    monkeypatch.setattr(pooling, "choose_operating_point", lambda scenes: operating_point)
    row = score_folds([tmp_path])
    counts = np.array([2 * count_pixels(masks[1, name], masks[0, name]) for name in names])
    assert row["interval"] == interval(counts) and len(row["scenes"]) == 16 and len(row["chosen"]) == 2
    assert against(row, row).endswith("paired over 8 scenes")


def test_folds_whose_first_weights_saw_the_test_chips_are_told(
    home: Path, trained: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copy = Path(shutil.copytree(home, tmp_path / "folds"))
    find_folds([copy])
    assert "NOT OUT OF FOLD" not in caplog.text
    for config in copy.glob("*/config.yaml"):
        config.write_text(config.read_text().replace("init: null", f"init: {trained}"))
    find_folds([copy])
    (told,) = [record.getMessage() for record in caplog.records if "NOT OUT OF FOLD" in record.message]
    assert f"{copy}/fold-0" in told and f"{copy}/fold-1" in told and "Train the folds with init=null" in told
    assert f"init={trained.name} HAS LEARNED FROM" in told and "test chips" in told


def test_folds_of_files_are_told_apart(home: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(home, tmp_path / "folds"))
    for config in copy.glob("*/config.yaml"):
        config.write_text(re.sub(r"fold: \d", "fold: 0", config.read_text().replace("kind: kfold", "kind: file")))
    assert [fold.number for fold in find_folds([copy])] == [0, 1]


def test_runs_that_are_no_folds_of_one_split_are_refused(home: Path, trained: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"differ in split.kind: they are not of one recipe"):
        find_folds([home / "fold-0", home / "fold-1", trained])
    other = Path(shutil.copytree(home, tmp_path / "folds")) / "fold-1"
    config = (other / "config.yaml").read_text()
    (other / "config.yaml").write_text(config.replace("lr: 0.005", "lr: 0.1"))
    with pytest.raises(UserError, match=r"differ in optimizer.lr: they are not of one recipe"):
        find_folds([tmp_path / "folds"])
    (other / "config.yaml").write_text(config.replace("\nseed: 0", "\nseed: 1"))
    with pytest.raises(UserError, match="a fold or a seed is missing"):
        find_folds([home, tmp_path / "folds/fold-0"])
    assert [len(fold.runs) for fold in find_folds([home, tmp_path / "folds"])] == [2, 2]
    split = (other / "split.csv").read_text()
    (other / "split.csv").write_text(split.replace(",train", ",test", 1))
    with pytest.raises(UserError, match=r"is a test chip of .* they are no folds of one split"):
        find_folds([tmp_path / "folds"])
