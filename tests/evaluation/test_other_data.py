"""A run is scored on chips that lie, are called or are read in another way than its own."""

import shutil
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from helpers.chips import IMAGES, MASKS, make_chips, seeps_config
from helpers.command_line import seep
from helpers.maps import variant
from helpers.rasters import pixels, write_raster
from seep_lightning.config.commands import EvaluateConfig
from seep_lightning.config.data import OF_THE_RUN, DataConfig, GridConfig, OtherDataConfig
from seep_lightning.data.roots import other_data
from seep_lightning.errors import UserError
from seep_lightning.evaluation.evaluation import evaluate
from seep_lightning.reporting.chip_views import view_chips
from seep_lightning.runs.directory import open_run


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the trained run that a test may write into."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


@pytest.fixture
def held_out(tmp_path: Path) -> Path:
    """Chips of two scenes in one folder called `test`: a_sar.tif and a_mask.tif."""
    made = make_chips(tmp_path / "made", scenes=2, seed=5)
    root = tmp_path / "sos" / "test"
    root.mkdir(parents=True)
    for image in (made / IMAGES).iterdir():
        name = image.name.replace(".", "-", 1)
        shutil.copy(image, root / name.replace(".tif", "_sar.tif"))
        shutil.copy(made / MASKS / image.name, root / name.replace(".tif", "_mask.tif"))
    return root


def test_every_key_of_the_data_may_be_another_or_is_the_runs() -> None:
    """A new key of `DataConfig` needs a place in `OtherDataConfig`, or in `OF_THE_RUN` if it makes the network."""
    own = {entry.name for entry in fields(DataConfig)}
    other = {entry.name for entry in fields(OtherDataConfig)}
    assert other | set(OF_THE_RUN) == own
    assert not other & set(OF_THE_RUN)


def test_nothing_given_is_the_runs_own_data(trained: Path) -> None:
    own = open_run(trained).config.data
    assert OtherDataConfig().changes() == {}
    assert other_data(own, OtherDataConfig()) == own


def test_null_is_a_value_of_its_own(trained: Path) -> None:
    own = open_run(trained).config.data
    other = other_data(own, OtherDataConfig(nodata=None, mask_suffix="_gt", unpaired="skip"))
    assert (other.nodata, other.mask_suffix, other.unpaired, other.images) == (None, "_gt", "skip", own.images)


def test_masks_of_other_data_may_mean_something_else(trained: Path) -> None:
    own = replace(open_run(trained).config.data, mask_values={255: 1}, grid={"S": GridConfig(4)})
    other = other_data(own, OtherDataConfig(mask_values={7: 2}, grid={"T": {"columns": 5}}))
    assert (other.mask_values, other.grid) == ({7: 2}, {"T": GridConfig(5)})


def test_a_value_of_another_type_or_one_that_is_not_allowed_is_told(trained: Path) -> None:
    own = open_run(trained).config.data
    with pytest.raises(UserError, match=r"data\.nodata=none is of another type"):
        other_data(own, OtherDataConfig(nodata="none"))
    with pytest.raises(UserError, match=r"data\.unpaired=maybe: expected one of"):
        other_data(own, OtherDataConfig(unpaired="maybe"))


@pytest.mark.slow
def test_the_command_takes_the_keys_of_the_layout(run: Path, held_out: Path) -> None:
    pattern = r"data.pattern=(?P<scene>\w+)-(?P<tile>\d+)_sar"
    keys = [f"data.root={held_out}", "data.images=.", "data.masks=.", "data.mask_suffix=_mask", pattern]
    done = seep("evaluate", f"run={run}", *keys, "data.grid={S:{columns:4}}", "device=cpu", cwd=run.parent)
    assert done.returncode == 0, done.stderr
    assert ": NAME_sar.tif with NAME_mask.tif (data.image_suffix=_sar, found)" in done.stdout
    # `test` is the name of the run's own part
    out = run / "evaluate" / "sos-test"
    assert (out / "names.txt").read_text().split()[0] == "S0-000000_sar.tif"
    assert not (run / "evaluate" / "test").exists()
    again = seep("evaluate", f"run={run}", *keys, "name=test", "device=cpu", cwd=run.parent)
    assert again.returncode == 2 and "name=test: evaluate/test is that of the run's own data" in again.stderr


def test_the_same_chips_in_another_layout_have_the_same_figures_and_are_drawn(run: Path, held_out: Path) -> None:
    made = held_out.parents[1] / "made"
    expected = evaluate(EvaluateConfig(run=str(run), data=OtherDataConfig(root=str(made)), device="cpu"))
    grid = {"S": {"columns": 4}}
    data = OtherDataConfig(
        root=str(held_out),
        images="*_sar.tif",
        masks="*_mask.tif",
        pattern=r"(\w+-)?(?P<scene>S\d)-(?P<tile>\d+)",
        grid=grid,
    )
    summary = evaluate(EvaluateConfig(run=str(run), data=data, device="cpu", name="other"))
    assert summary["figures"] == expected["figures"]
    assert summary["data"]["settings"]["images"] == "*_sar.tif"
    names = [{"name": name} for name in ("S0-000000_sar.tif", "S1-000003_sar.tif")]
    drawn = view_chips(open_run(run), summary | {"part": "other"}, names)
    assert [len(chip.views) for chip in drawn] == [4, 4]


def test_a_list_of_other_chips_is_scored_under_its_name(run: Path, tmp_path: Path) -> None:
    made = make_chips(tmp_path / "made", scenes=1, seed=6)
    rows = [f"{IMAGES}/S0.{tile:06d}.tif,{MASKS}/S0.{tile:06d}.tif,other" for tile in range(4)]
    (made / "held_out.csv").write_text("\n".join(["image,mask,scene", *rows]))
    data = OtherDataConfig(pairs=str(made / "held_out.csv"))
    summary = evaluate(EvaluateConfig(run=str(run), data=data, device="cpu"))
    assert summary["data"]["chips"] == 4 and list(summary["scenes"]) == ["other"]
    assert Path(summary["out"]).name == "held_out"


def test_the_runs_own_chips_read_in_another_way_are_its_part_by_another_name(run: Path) -> None:
    own = evaluate(EvaluateConfig(run=str(run), device="cpu", name="own"))
    meanings: dict[int, int | str] = dict.fromkeys(range(2, 8), "ignore")
    data = OtherDataConfig(mask_values={**meanings, 1: 1}, nodata=None)
    summary = evaluate(EvaluateConfig(run=str(run), data=data, device="cpu"))
    assert Path(summary["out"]).name == "test-mask_values-nodata"
    assert (summary["part"], summary["data"]["chips"]) == ("test", own["data"]["chips"])
    assert summary["figures"] != own["figures"]
    with pytest.raises(UserError, match=r"name=test: .* or read in another way"):
        evaluate(EvaluateConfig(run=str(run), data=data, device="cpu", name="test"))


def test_chips_of_other_bands_are_refused(run: Path, tmp_path: Path) -> None:
    for image in make_chips(tmp_path / "made", scenes=1).glob(f"{IMAGES}/*"):
        write_raster(image, np.ones((2, 32, 32), np.uint16))
    data = OtherDataConfig(root=str(tmp_path / "made"), bands=[1, 2])
    with pytest.raises(UserError, match=r"have 2 band\(s\), but the network was trained on 1"):
        evaluate(EvaluateConfig(run=str(run), data=data, device="cpu"))


def test_chips_of_another_polarisation_are_scored_and_told(
    run: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for path in make_chips(tmp_path / "made", scenes=1).glob(f"{IMAGES}/*"):
        write_raster(path, pixels(path), names=("VH",))
    on_vv = variant(run, tmp_path / "on_vv", **{"band meanings": ["VV"]})
    evaluate(EvaluateConfig(run=str(on_vv), data=OtherDataConfig(root=str(tmp_path / "made")), device="cpu"))
    assert "is VH, but the network was trained on VV" in caplog.text


def test_another_root_moves_absolute_folders_of_the_run_that_lie_in_its_own(tmp_path: Path) -> None:
    own = seeps_config(tmp_path / "own", images=str(tmp_path / "own" / "sar"), masks=str(tmp_path / "own" / "oil"))
    other = other_data(own, OtherDataConfig(root=str(tmp_path / "other")))
    assert (other.images, other.masks) == ("sar", "oil")
    outside = seeps_config(tmp_path / "own", images=str(tmp_path / "elsewhere"))
    assert other_data(outside, OtherDataConfig(root=str(tmp_path / "own"))) == outside
    with pytest.raises(UserError, match=r"lies outside its own root.*Pass data\.images and data\.masks too"):
        other_data(outside, OtherDataConfig(root=str(tmp_path / "other")))


def test_the_runs_list_is_not_taken_for_that_of_another_root(tmp_path: Path) -> None:
    own = DataConfig(root=str(tmp_path / "own"), pairs=str(tmp_path / "own" / "pairs.csv"))
    other = tmp_path / "other"
    other.mkdir()
    assert other_data(own, OtherDataConfig(root=str(other))).pairs is None
    (other / "pairs.csv").write_text("image,mask\n")
    assert other_data(own, OtherDataConfig(root=str(other))).pairs == str(other / "pairs.csv")


def test_no_part_takes_the_place_of_another_part(run: Path) -> None:
    with pytest.raises(UserError, match=r"name=test: evaluate/test is that of part=test, and this is part=val"):
        evaluate(EvaluateConfig(run=str(run), part="val", name="test", overwrite=True, device="cpu"))
    assert not (run / "evaluate").exists()


def test_overwriting_does_not_replace_the_figures_of_other_chips_of_one_name(run: Path, tmp_path: Path) -> None:
    roots = [make_chips(tmp_path / place / "chips", scenes=1, seed=seed) for seed, place in enumerate(("a", "b"))]
    first, second = (OtherDataConfig(root=str(root)) for root in roots)
    summary = evaluate(EvaluateConfig(run=str(run), data=first, device="cpu"))
    assert Path(summary["out"]).name == "chips"
    with pytest.raises(UserError, match=r"evaluate/chips holds the figures of other chips .part=all of .*/a/chips."):
        evaluate(EvaluateConfig(run=str(run), data=second, overwrite=True, device="cpu"))
    # the same chips again, and others that are asked for by name
    evaluate(EvaluateConfig(run=str(run), data=first, overwrite=True, device="cpu"))
    named = EvaluateConfig(run=str(run), data=second, overwrite=True, device="cpu", name="chips")
    assert evaluate(named)["data"]["root"] == str(roots[1])


def test_a_part_called_test_of_other_data_leaves_the_runs_own(run: Path, held_out: Path) -> None:
    evaluate(EvaluateConfig(run=str(run), device="cpu"))
    own = (run / "evaluate" / "test" / "summary.json").read_bytes()
    made = make_chips(held_out / "more" / "test", scenes=1)
    summary = evaluate(EvaluateConfig(run=str(run), data=OtherDataConfig(root=str(made)), overwrite=True, device="cpu"))
    assert Path(summary["out"]).name == "more-test"
    assert (run / "evaluate" / "test" / "summary.json").read_bytes() == own
