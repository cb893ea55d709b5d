"""The line of each epoch that stays, and which of them a long training leaves out."""

import logging
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from helpers.chips import GRID, TINY
from helpers.command_line import seep, seep_in_terminal
from seep_lightning import counted as counting
from seep_lightning.commands.progress import progress_of
from seep_lightning.commands.tables import print_table
from seep_lightning.config.training import DEFAULT_MONITOR, seconds_of
from seep_lightning.counted import counted
from seep_lightning.durations import in_words
from seep_lightning.runs.directory import Run
from seep_lightning.runs.records import read_history
from seep_lightning.training import epoch_lines
from seep_lightning.training.criterion import ConstantMonitors
from seep_lightning.training.epoch_lines import EpochLines
from seep_lightning.training.process import quieten_console
from seep_lightning.training.session import train

Compose = Callable[..., Any]


def test_each_epoch_of_a_short_training_and_of_a_resumed_one_is_told(
    compose_tiny: Compose, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # on a busy machine the final scoring takes seconds
    monkeypatch.setattr(epoch_lines, "WORTH_TELLING", 3600)
    caplog.set_level(logging.INFO, "seep_lightning")
    train(compose_tiny("checkpoint_every=2"), tmp_path / "run")
    messages = caplog.messages
    start = messages[:-2]
    assert start[0].startswith("data: 30 pairs in ") and len(start) <= 10
    steps = "steps: 4 an epoch, 8 in 2 epochs, in batches of 4 chips: few for new weights. "
    # the packaged network does not fit this one
    assert f"{steps}Pass trainer.max_epochs=130 for some 500" in messages
    split = "split=scene: 30 chips of 32 x 32 px, 5 scenes: train 18; val 6, 6 at places seen in training, on"
    assert any(message.startswith(split) for message in messages)
    assert f"run directory: {tmp_path / 'run'}, new" in messages
    assert any(re.match(r"net: UNet, [\d,]+ parameters, stride \d, new weights .seed 0.", text) for text in messages)
    first, second = messages[-2:]
    assert messages[-3].endswith("| at 0.5; the epoch with the best Dice at 0.5 is kept")
    assert first.startswith("epoch 1/2  loss ") and "best" not in first and " left" in first  # nothing is kept yet
    row = read_history(Run(tmp_path / "run").metrics_path)[1]
    assert f"  dice {row['dice/val']:.3f} | {row[DEFAULT_MONITOR]:.3f}  best {row[DEFAULT_MONITOR]:.3f} (ep" in second
    assert second.startswith("epoch 2/2  loss ") and "(epoch 2)" in second and " left" not in second
    caplog.clear()
    config = compose_tiny("checkpoint_every=2", "trainer.max_epochs=3", "trainer.check_val_every_n_epoch=2")
    train(config, tmp_path / "run")
    messages = caplog.messages
    assert f"run directory: {tmp_path / 'run'}, resumed after epoch 2" in messages
    third = messages[-1]
    assert third.startswith("epoch 3/3  loss ") and "|" not in third and "best 0." in third and "(epoch 2)" in third


def test_a_long_training_of_short_epochs_is_thinned_by_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, epoch_lines.__name__)
    clock = iter(range(100_000))
    monkeypatch.setattr(epoch_lines, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr(epoch_lines, "epochs_in_all", lambda trainer: 1000)
    monkeypatch.setattr(epoch_lines, "_figures", lambda trainer, module: {"loss/train": 0.5})
    trainer: Any = SimpleNamespace(
        current_epoch=0, checkpoint_callbacks=[], should_stop=False, callbacks=[], is_global_zero=True
    )
    lines = EpochLines("dice/val", Run(tmp_path), every=60)
    lines.on_train_start(trainer, trainer)
    caplog.clear()
    for trainer.current_epoch in range(1000):
        lines.on_train_epoch_start(trainer, trainer)
        lines.on_train_epoch_end(trainer, trainer)
    assert 30 < len(caplog.messages) < 100
    assert caplog.messages[0].startswith("epoch    1/1000") and caplog.messages[-1].startswith("epoch 1000/1000")
    caplog.clear()
    trainer.is_global_zero = False
    lines.on_train_epoch_end(trainer, trainer)
    assert caplog.messages == []


def test_what_is_no_error_is_told_by_the_first_process_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    handlers = [logging.StreamHandler(), logging.FileHandler(tmp_path / "train.log")]
    root = logging.Logger("root")
    root.handlers = handlers
    monkeypatch.setattr("seep_lightning.training.process.logging.getLogger", lambda: root)
    quieten_console()
    root.warning("monitor=dice/val was 0")
    root.error("no memory")
    handlers[1].close()
    assert capsys.readouterr().err == "no memory\n"
    assert (tmp_path / "train.log").read_text() == "monitor=dice/val was 0\nno memory\n"


def test_times_are_short_words() -> None:
    words = [in_words(seconds) for seconds in (0.31, 18.2, 480, 4800, 100_000)]
    assert words == ["0.3 s", "18 s", "8 min", "80 min", "27 h 47 min"]
    assert [seconds_of(t) for t in ("10s", "2min", "1.5h", 3, "7")] == [10, 120, 5400, 3, 7]


def test_a_table_leaves_out_the_last_columns_where_they_have_no_room(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = ["dice", "dice_2px", "jaccard", "precision", "recall", "dice_per_chip"]
    rows = {"darker than 0.83 x median (floor)": dict.fromkeys(columns, 0.5)}
    monkeypatch.delenv("COLUMNS", raising=False)
    print_table("title", rows, columns)
    in_file = capsys.readouterr().out
    assert "\x1b" not in in_file and "│ darker than 0.83 x median (floor) │ 0.500 │" in in_file
    monkeypatch.setenv("COLUMNS", "80")
    print_table("title", rows, columns)
    narrow = capsys.readouterr().out
    assert max(map(len, narrow.splitlines())) == 80 and "┃ recall ┃" in narrow
    assert narrow.endswith("no room for dice_per_chip: a wider terminal, or a file, shows all\n")


def test_what_lasts_tells_how_much_of_it_is_done(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, "seep_lightning")
    clock = iter(range(0, 10_000, 4))
    monkeypatch.setattr(counting, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    assert list(counted(range(8), "checked", "chips")) == list(range(8))
    assert caplog.messages == ["checked 3 of 8 chips, 20 s left", "checked 6 of 8 chips, 8.0 s left"]
    caplog.clear()
    with progress_of(2) as start:
        for name in ("a", "b"):
            report = start(name)
            for done in (0, 25, 50, 75, 100):
                report(done, 100)
    lefts = [message.removeprefix("mapped ") for message in caplog.messages]
    assert lefts == ["0 of 2 scenes, 36 s left", "1 of 2 scenes, 24 s left", "1 of 2 scenes, 5.1 s left"]
    with progress_of(3) as start:
        start("finished by an earlier call, which takes no time")
        report = start("half done by it")
        for done in (50, 60, 75):
            report(done, 100)
    # a quarter of a scene in 12 s, and 1.25 to go
    assert caplog.messages[-1] == "mapped 1 of 3 scenes, 60 s left"
    with progress_of(1) as start:
        report = start("100%d.tif")
        for done in (1, 2, 3):
            report(done, 4)
    assert caplog.messages[-1] == "mapped 75 % of 100%d.tif, 6.0 s left"


@pytest.mark.slow
def test_lines_stay_below_them_is_a_bar_and_a_file_gets_neither_codes_nor_bars(
    chips_root: Path, tmp_path: Path
) -> None:
    arguments = ["data=seeps", f"data.root={chips_root}", GRID, *TINY, "trainer.max_epochs=2"]
    arguments += ["trainer.enable_progress_bar=true"]
    shown = seep_in_terminal(80, "train", *arguments, f"hydra.run.dir={tmp_path / 'a'}")
    assert "\x1b[2Kepoch 1/2 " in shown and shown.count("epoch 1/2  loss") == shown.count("epoch 2/2  loss") == 1
    plain = seep_in_terminal(160, "train", *arguments, f"hydra.run.dir={tmp_path / 'b'}", env={"NO_COLOR": "1"})
    assert "\x1b" not in plain and "epoch 2/2  loss" in plain
    redirected = seep("train", *arguments, f"hydra.run.dir={tmp_path / 'c'}").stdout
    assert "\x1b" not in redirected and redirected.count("\nepoch ") == 2
    assert "epoch 2/2  loss" in (tmp_path / "c" / "train.log").read_text()


def test_a_kept_epoch_far_below_the_best_one_is_told_at_the_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = EpochLines(DEFAULT_MONITOR, Run(tmp_path), every=0)
    for epoch, dice in enumerate((0.471, 0.545, 0.5)):
        lines._note_figure({"dice/val": dice}, epoch)
    lines.best_epoch, lines.best_figure = 0, 0.471
    constant = ConstantMonitors([DEFAULT_MONITOR])
    trainer: Any = SimpleNamespace(is_global_zero=True, callbacks=[constant])
    with caplog.at_level("INFO"):
        lines.on_train_end(trainer, trainer)
        constant.told = [DEFAULT_MONITOR]
        lines.on_train_end(trainer, trainer)
        constant.told = []
        lines.best_figure = 0.54
        lines.on_train_end(trainer, trainer)
    (told,) = caplog.messages
    assert told.endswith("of epoch 1 (tuned Dice 0.471); epoch 2 had 0.545. Try monitor=dice/val.")
