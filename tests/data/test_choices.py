"""Settings that follow from the chips, where nobody says otherwise."""

from pathlib import Path

import numpy as np
import pytest

from helpers.chips import seeps_config, write_chip
from seep_lightning.config.data import NormaliseConfig
from seep_lightning.config.training import TrainerConfig
from seep_lightning.data.chips import Chips
from seep_lightning.data.choices import TrainingChips, choose_batch, choose_normalisation, choose_open_settings, measure
from seep_lightning.data.loading import load_chips
from seep_lightning.training.open_settings import process_count


def chips_with_bars(root: Path, rows: int) -> Path:
    """Twelve chips of which a bar of so many of 32 rows is seep."""
    for k in range(12):
        mask = np.zeros((32, 32), np.uint8)
        mask[:rows] = 1
        write_chip(root, f"S{k}.{k:06d}.tif", np.full((32, 32), 900, np.uint16), mask)
    return root


@pytest.mark.parametrize(("rows", "kind"), [(1, "chip"), (12, "chip"), (20, "scale"), (32, "scale")])
def test_a_chips_own_median_is_not_taken_where_slicks_fill_much_of_it(tmp_path, rows, kind):
    chips = load_chips(seeps_config(chips_with_bars(tmp_path, rows)))
    assert choose_normalisation(measure(chips, range(12)))[0] == kind


def test_chips_without_seep_say_nothing_about_the_share_of_slicks(tmp_path):
    chips_with_bars(tmp_path, 20)
    for k in range(30):
        write_chip(tmp_path, f"E{k}.1.tif", np.full((32, 32), 900, np.uint16), np.zeros((32, 32), np.uint8))
    chips = load_chips(seeps_config(tmp_path))
    assert measure(chips, range(len(chips))).share_of_covered_chips == 1


@pytest.mark.parametrize(
    ("count", "side", "batch"),
    [
        (444, 256, 8),
        (64, 256, 8),
        (18, 256, 2),
        (40, 256, 5),
        (3, 256, 2),
        (444, 512, 8),
        (444, 1024, 2),
        (444, 724, 4),
    ],
)
def test_a_batch_is_smaller_where_chips_are_few_or_large(count, side, batch):
    assert choose_batch(TrainingChips(count, side**2, []))[0] == batch


@pytest.mark.parametrize(
    ("devices", "nodes", "processes"),
    [(1, 1, 1), (2, 1, 2), ("2", 2, 4), ([0, 3], 1, 2), ("0,1,2", 1, 3), ("auto", 1, 1)],
)
def test_a_batch_is_smaller_where_processes_share_the_chips(tmp_path, devices, nodes, processes):
    trainer = TrainerConfig(accelerator="cpu", devices=devices, num_nodes=nodes)
    assert process_count(trainer) == processes
    chips = load_chips(seeps_config(chips_with_bars(tmp_path, 20)))
    assert measure(chips, range(12), processes).count == 12 // processes


def test_the_choices_read_no_chip_again(tmp_path, monkeypatch):
    chips = load_chips(seeps_config(chips_with_bars(tmp_path, 20), cache_gb=0))
    monkeypatch.setattr(Chips, "read", lambda chips, index: pytest.fail("read"))
    assert measure(chips, range(12)).share_of_covered_chips == 1
    assert chips.class_pixels([0, 1]).tolist()[:2] == [2 * 12 * 32, 2 * 20 * 32]


def test_what_somebody_says_stays_and_is_not_measured():
    config = seeps_config("anywhere", batch_size=3, normalise=NormaliseConfig("scene"))
    assert choose_open_settings(config, lambda: pytest.fail("measured")) == []


def test_the_training_part_alone_decides(tmp_path):
    chips_with_bars(tmp_path, 20)
    for k in range(12):
        mask = np.zeros((32, 32), np.uint8)
        mask[:1] = 1
        write_chip(tmp_path, f"T{k}.1.tif", np.full((32, 32), 900, np.uint16), mask)
    chips = load_chips(seeps_config(tmp_path))
    kinds = [choose_normalisation(measure(chips, part))[0] for part in (range(12), range(12, 24))]
    assert kinds == ["scale", "chip"]
