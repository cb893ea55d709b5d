"""`check`: what it says of a good folder, and that it finds every problem of a bad one."""

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from helpers.chips import GRID, make_chips, seeps_config, write_chip
from helpers.command_line import seep
from seep_lightning.check import print_audit
from seep_lightning.config.data import DataConfig, GridConfig, SplitConfig
from seep_lightning.data.audit.auditing import audit
from seep_lightning.data.loading import load_chips
from seep_lightning.errors import UserError


def config(root: Path, **more) -> DataConfig:
    return seeps_config(root, grid={"S": GridConfig(columns=4)}, **more)


def spoil(root: Path) -> Path:
    """One fault of each kind in a folder of 30 good chips."""
    images, masks = root / "train_images_256", root / "train_masks_256"
    (masks / "S0.000001.tif").unlink()
    (masks / "S0.000002.tif").unlink()
    (images / "S1.000001.tif").unlink()
    (images / "S1.000002.tif").write_bytes((images / "S1.000002.tif").read_bytes()[:900])
    cv2.imwrite(str(images / "S2.000000.tif"), np.zeros((32, 32), np.uint16))
    cv2.imwrite(str(images / "S2.000001.tif"), np.ones((32, 32), np.float32))
    cv2.imwrite(str(images / "S2.000002.tif"), np.full((32, 48), 9, np.uint16))
    cv2.imwrite(str(masks / "S3.000000.tif"), np.full((32, 32), 9, np.uint8))
    write_chip(root, "S4.000000.tif", np.full((16, 16), 9, np.uint16), np.zeros((16, 16), np.uint8))
    return root


def test_the_facts_of_a_good_folder_are_told(chips_root):
    first = cv2.imread(str(chips_root / "train_images_256" / "S1.000001.tif"), cv2.IMREAD_UNCHANGED)
    first[0, :4] = 65535
    for name in ("S1.000001.tif", "S2.000002.tif"):  # one picture twice, once without seep
        write_chip(chips_root, name, first, np.zeros((32, 32), np.uint8))
    found = audit(config(chips_root), SplitConfig())
    assert found.problems == [] and found.root == str(chips_root)
    facts = found.facts
    assert facts["chips"] == "30 pairs"
    assert facts["scenes"] == "5: S0 (6), S1 (6), S2 (6), S3 (6), S4 (6)"
    assert facts["size and type"] == "30 x 1 band, 32 x 32, uint16"
    assert facts["nodata"] == f"{5 * 5 / (30 * 32):.1%} of pixels, in 5 chips"
    assert facts["saturated"] == f"{8 / (30 * 1024):.2%} of pixels"
    assert facts["chips without seep"] == "2: S1.000001.tif, S2.000002.tif"
    assert facts["identical pictures"] == "1: S1.000001.tif = S2.000002.tif"
    low, high = (int(n) for n in facts["levels a chip"].split(" to "))
    assert 500 < low <= high <= 1024


def test_the_classes_of_all_chips_are_counted(tmp_path):
    for k, label in enumerate((3, 3, 7)):
        mask = np.zeros((16, 16), np.uint8)
        mask[4, 4:9] = label
        write_chip(tmp_path, f"S{k}.000000.tif", np.full((16, 16), 90 + k, np.uint16), mask)
    assert audit(config(tmp_path), SplitConfig()).facts["classes (chips)"] == "3: 2, 7: 1"


def test_every_problem_is_found_and_not_only_the_first(chips_root):
    problems = audit(config(spoil(chips_root)), SplitConfig()).problems
    expected = [
        "2 without mask: S0.000001, S0.000002",
        "1 without image: S1.000001",
        "cannot read .*S1.000002.tif",
        "S2.000002.tif is 32 x 48 but its mask is 32 x 32",
        "S3.000000.tif holds the value 9, but data.classes=7",
        r"1 chip\(s\) hold nodata \(0\) only: S2.000000.tif",
        "bands, size or type: 22 x 1 band, 32 x 32, uint16; 1 x 1 band, 32 x 32, float32; 1 x 1 band, 16 x 16, uint16",
    ]
    for pattern, problem in zip(expected, problems, strict=True):
        assert re.search(pattern, problem), (pattern, problem)


def test_what_each_kind_of_split_would_leak_is_told(chips_root):
    leaks = audit(config(chips_root), SplitConfig()).leaks
    assert list(leaks) == ["scene", "place", "kfold", "random"]
    for kind in ("scene", "kfold"):
        assert "6 chips: 0 touch a training chip of their scene, 0 share a scene, 6 share a place" in leaks[kind]
    assert "val 6 chips: 6 touch" in leaks["random"]


def test_a_split_that_is_not_possible_is_told_with_its_reason(tmp_path):
    make_chips(tmp_path, scenes=2, size=16)
    found = audit(seeps_config(tmp_path), SplitConfig())
    assert found.leaks["scene"].startswith("not possible: split: the test part of split=scene is empty")
    assert "has no place on a grid" in found.leaks["place"]
    assert found.problems == [found.leaks["scene"].removeprefix("not possible: ")]  # the split that was asked for


def test_files_without_a_partner_are_told_once(chips_root):
    (chips_root / "train_masks_256" / "S0.000001.tif").unlink()
    texts = [finding.text for finding in audit(config(chips_root), SplitConfig()).findings]
    told = [text for text in texts if "no mask" in text or "without mask" in text]
    assert len(told) == 1 and told[0].startswith("1 without mask: S0.000001. ")


@pytest.mark.parametrize(
    ("values", "what"),
    [
        (np.full((32, 32), np.nan, np.float32), "values that are no numbers (NaN)"),
        (np.zeros((32, 32), np.float32), "nodata (0)"),
        (np.where(np.eye(32) > 0, np.nan, 0).astype(np.float32), "pixels that are nodata by their file"),
    ],
)
def test_what_a_chip_without_data_holds_is_told(tmp_path, values, what):
    for name in ("S0.000000.tif", "S0.000001.tif"):
        write_chip(tmp_path, name, np.full((32, 32), 0.5, np.float32), np.zeros((32, 32), np.uint8))
    write_chip(tmp_path, "S1.000000.tif", values, np.zeros((32, 32), np.uint8))
    problems = audit(config(tmp_path), SplitConfig()).problems
    assert any(problem.startswith(f"1 chip(s) hold {what}") for problem in problems)
    with pytest.raises(UserError, match=re.escape(f"S1.000000.tif holds {what}")):
        load_chips(config(tmp_path))


def test_masks_that_cannot_be_read_may_hold_seep(chips_root):
    for path in (chips_root / "train_masks_256").iterdir():
        mask = np.zeros((32, 32), np.uint8)
        mask[0, 0] = 99 * path.name.startswith("S1")
        cv2.imwrite(str(path), mask)
    texts = [finding.text for finding in audit(config(chips_root), SplitConfig()).findings]
    assert any("holds the value 99" in text for text in texts)
    assert not any("no mask of" in text for text in texts)


def test_unpaired_chips_are_no_problem_where_they_are_skipped(chips_root):
    (chips_root / "train_masks_256" / "S0.000001.tif").unlink()
    found = audit(config(chips_root, unpaired="skip"), SplitConfig())
    assert found.problems == [] and found.facts["chips"] == "29 pairs"


def test_pictures_without_a_mask_are_told_with_all_cures_and_count_as_empty_where_that_is_asked_for(chips_root):
    (chips_root / "train_masks_256" / "S0.000001.tif").unlink()
    (problem,) = audit(config(chips_root), SplitConfig()).problems
    assert problem == (
        "1 without mask: S0.000001. Remove them, add their mask, or pass data.unpaired=skip to leave them out or "
        "data.unpaired=empty to read them as sea everywhere"
    )
    found = audit(config(chips_root, unpaired="empty"), SplitConfig())
    assert found.problems == [] and found.facts["chips"] == "29 pairs and 1 pictures without a mask"
    assert "1 of 30 pictures have no mask, and are read as sea everywhere" in found.facts["read as"]
    chips = load_chips(config(chips_root, unpaired="empty"))
    pixels = chips.read(chips.names.index("S0.000001.tif"))
    assert not pixels.mask.any() and pixels.labelled.all()


def test_a_name_with_brackets_is_printed_as_it_is(chips_root, capsys):
    cv2.imwrite(str(chips_root / "train_images_256" / "S0[b].tif"), np.full((32, 32), 9, np.uint16))
    print_audit(audit(config(chips_root), SplitConfig()))
    assert "stops a training: 1 without mask: S0[b]" in capsys.readouterr().out


def test_a_folder_that_is_not_there_is_an_error_of_its_own(tmp_path):
    with pytest.raises(UserError, match=f"data.root: there is no folder {tmp_path}/no"):
        audit(config(tmp_path / "no"), SplitConfig())


def test_on_the_command_line_problems_are_exit_code_2_and_all_are_printed(chips_root, tmp_path):
    done = seep("check", "data=seeps", f"data.root={spoil(chips_root)}", GRID, cwd=tmp_path)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert done.stdout.count("stops a training:") == 7
    assert done.stderr.strip().endswith("7 problem(s) would stop a training; see above.")
    assert len(done.stderr.strip().splitlines()) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["chips"]  # a check leaves nothing behind


def test_which_network_drew_the_outlines_is_told_with_the_leakage(chips_root):
    assert "any split" not in audit(config(chips_root), SplitConfig()).leaks
    facts = {"outlines": {"used": 40, "models": {"seeps": 37}}}
    (chips_root / "dataset.json").write_text(json.dumps(facts))
    leaks = audit(config(chips_root), SplitConfig()).leaks
    assert leaks["any split"] == "37 of 40 outlines WERE DRAWN BY THE NETWORK seeps"
