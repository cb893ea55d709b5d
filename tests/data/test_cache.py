"""What is kept of a data set that was read once: a second start decodes none, and what is kept is never wrong."""

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.chips import MASKS, make_chips, seeps_config, write_chip
from seep_lightning.config.data import SplitConfig
from seep_lightning.data import blocks
from seep_lightning.data import chips as chips_module
from seep_lightning.data.audit.auditing import audit
from seep_lightning.data.cache import last_set
from seep_lightning.data.cache.folder import tidy
from seep_lightning.data.chips import Chips
from seep_lightning.data.datamodule import SeepDataModule
from seep_lightning.data.layouts.files import CACHE_FOLDER
from seep_lightning.data.loading import load_chips
from seep_lightning.data.pixel_stores.file import PixelFile
from seep_lightning.data.pixel_stores.memory import MemoryStore

A_DAY_AGO = 1.7e9


@pytest.fixture(autouse=True)
def _of_this_test_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No data set of another test is remembered, and the user's cache is empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user cache"))
    last_set.forget()
    yield
    last_set.forget()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Ten chips that changed long ago, as real ones have."""
    return aged(make_chips(tmp_path / "set", scenes=2, tiles=5))


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The images that are decoded from now on."""
    paths: list[Path] = []
    for name in ("read_noted_pair", "read_pair"):
        original = getattr(chips_module, name)

        def counted(image: Path, *rest: Any, original: Callable[..., Any] = original) -> Any:
            paths.append(image)
            return original(image, *rest)

        monkeypatch.setattr(chips_module, name, counted)
    return paths


def aged(root: Path) -> Path:
    for path in root.rglob("*"):
        os.utime(path, (A_DAY_AGO, A_DAY_AGO))
    return root


def restarted(config: Any, **more: Any) -> Chips:
    """The chips as another process would load them."""
    last_set.forget()
    return load_chips(config, **more)


def check_equal(first: Chips, second: Chips) -> None:
    """Everything that is known of two data sets is the same, to the bit."""
    for name in ("names", "digests", "class_counts", "bands", "band_meanings", "size", "was_fitted", "value_range"):
        assert getattr(first, name) == getattr(second, name), name
    np.testing.assert_array_equal(first.quartiles, second.quartiles)
    np.testing.assert_array_equal(first.scene_quartiles, second.scene_quartiles)
    for index in range(len(first)):
        for a, b in zip(first.read(index), second.read(index), strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)


def kept_file(root: Path, kind: str) -> Path:
    (path,) = (root / CACHE_FOLDER).glob(f"{kind}-*")
    return path


@pytest.mark.parametrize("kind", ["plain", "with holes, ignored pixels and floats"])
def test_a_second_start_decodes_none_and_finds_the_same(root: Path, decoded: list[Path], kind: str) -> None:
    config = seeps_config(root)
    if kind != "plain":
        config = seeps_config(root, mask_values={3: "ignore", "1-7": 1}, factor=0.5, size=[40, 30])
    plain = load_chips(replace(config, cache_folder="none"))
    assert isinstance(plain.store, MemoryStore)
    assert not (root / CACHE_FOLDER).exists()
    first = restarted(config)
    assert len(decoded) == 20
    decoded.clear()
    second = restarted(config)
    check_equal(first, second)
    assert not decoded
    assert isinstance(second.store, PixelFile)
    check_equal(second, plain)


def change_pixels(root: Path, image: Path, mask: Path) -> None:
    write_chip(root, image.name, np.full((32, 32), 1234, np.uint16), np.ones((32, 32), np.uint8))


def change_mask(root: Path, image: Path, mask: Path) -> None:
    shutil.copyfile(mask.with_name("S0.000004.tif"), mask)


def change_name(root: Path, image: Path, mask: Path) -> None:
    for path in (image, mask):
        path.rename(path.with_name("S0.000099.tif"))


def remove(root: Path, image: Path, mask: Path) -> None:
    image.unlink()


def add_sidecar(root: Path, image: Path, mask: Path) -> None:
    image.with_name(f"{image.name}.aux.xml").write_text("<PAMDataset></PAMDataset>")


@pytest.mark.parametrize("change", [change_pixels, change_mask, change_name, remove, add_sidecar])
def test_a_changed_file_is_noticed(root: Path, decoded: list[Path], change: Callable[[Path, Path, Path], None]) -> None:
    config = seeps_config(root, unpaired="skip")
    first = restarted(config)
    decoded.clear()
    change(root, first.image_paths[3], first.mask_of(3))
    aged(root)
    second = restarted(config)
    assert decoded
    fresh = restarted(seeps_config(root, unpaired="skip", cache_folder="none"))
    check_equal(second, fresh)
    if change is not add_sidecar:
        assert second.fingerprint != first.fingerprint


def test_a_file_that_was_changed_in_secret_is_noticed(root: Path, decoded: list[Path]) -> None:
    config = seeps_config(root)
    first = restarted(config)
    decoded.clear()
    path = first.image_paths[3]
    # of the same size, and with the old times: those of its inode tell
    path.write_bytes(path.read_bytes())
    aged(root)
    restarted(config)
    assert decoded


@pytest.mark.parametrize(
    "settings",
    [
        {"nodata": 5}, {"size": 16}, {"mask_values": {7: "ignore", "1-6": 1}}, {"factor": 2.0}, {"bands": "grey"},
        {"classes": 9},
    ],
    ids=str,
)  # fmt: skip
def test_another_way_to_read_is_another_entry(root: Path, decoded: list[Path], settings: dict[str, Any]) -> None:
    restarted(seeps_config(root))
    decoded.clear()
    other = restarted(seeps_config(root, **settings))
    assert len(set(decoded)) == 10
    check_equal(other, restarted(seeps_config(root, **settings, cache_folder="none")))


def test_files_that_changed_a_moment_ago_are_not_kept(tmp_path: Path) -> None:
    make_chips(tmp_path, scenes=1, tiles=4)
    newest = tmp_path / MASKS / "S0.000003.tif"
    aged(tmp_path)
    os.utime(newest)
    assert load_chips(seeps_config(tmp_path)).key == ""
    assert not (tmp_path / CACHE_FOLDER).exists()


@pytest.mark.parametrize("kind", ["measured", "pixels"])
@pytest.mark.parametrize("damage", ["empty", "cut off", "other bytes", "another file", "folder", "gone"])
def test_a_damaged_file_is_made_again(root: Path, decoded: list[Path], kind: str, damage: str) -> None:
    config = seeps_config(root)
    first = restarted(seeps_config(root, cache_folder="none"))
    restarted(config)
    path = kept_file(root, kind)
    whole = path.read_bytes()
    if damage in ("folder", "gone"):
        path.unlink()
    match damage:
        case "empty":
            path.write_bytes(b"")
        case "cut off":
            path.write_bytes(whole[:-100])
        case "other bytes":
            path.write_bytes(bytes(byte ^ 0x55 for byte in whole))
        case "another file":
            path.write_bytes(pickle.dumps(["anything"]) * 100)
        case "folder":
            path.mkdir()
    check_equal(first, restarted(config))
    decoded.clear()
    if damage == "folder":
        return
    check_equal(first, restarted(config))
    assert not decoded


def test_pixels_that_are_damaged_in_one_place_are_decoded_and_the_file_is_removed(
    root: Path, decoded: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    config = seeps_config(root)
    plain = restarted(seeps_config(root, cache_folder="none"))
    restarted(config)
    path = kept_file(root, "pixels")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    decoded.clear()
    second = restarted(config)
    assert not decoded
    check_equal(plain, second)
    assert "damaged" in caplog.text
    assert not path.exists()


def test_a_file_of_another_data_set_is_not_taken(root: Path, tmp_path: Path, decoded: list[Path]) -> None:
    restarted(seeps_config(root))
    other = aged(make_chips(tmp_path / "other", scenes=2, tiles=5, seed=1))
    restarted(seeps_config(other))
    for kind in ("measured", "pixels"):
        shutil.copyfile(kept_file(root, kind), kept_file(other, kind))
    decoded.clear()
    second = restarted(seeps_config(other))
    assert len(decoded) == 10
    check_equal(second, restarted(seeps_config(other, cache_folder="none")))


def test_a_copy_of_a_data_set_brings_no_results_along(root: Path, tmp_path: Path, decoded: list[Path]) -> None:
    restarted(seeps_config(root))
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    decoded.clear()
    restarted(seeps_config(copy))
    assert len(decoded) == 10


def test_a_data_set_that_cannot_be_written_to_uses_the_users_cache(
    root: Path, tmp_path: Path, decoded: list[Path]
) -> None:
    # a file of this name: root may write into any folder
    (root / CACHE_FOLDER).write_text("")
    first = restarted(seeps_config(root))
    assert list((tmp_path / "user cache/seep_lightning/chips").glob("*/pixels-*"))
    decoded.clear()
    check_equal(first, restarted(seeps_config(root)))
    assert not decoded


def test_a_link_beside_a_data_set_leads_nowhere(root: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (root / CACHE_FOLDER).symlink_to(victim)
    restarted(seeps_config(root))
    assert not list(victim.iterdir())


def test_a_folder_of_ones_own_is_used_and_none_keeps_nothing(root: Path, tmp_path: Path, decoded: list[Path]) -> None:
    config = seeps_config(root, cache_folder=str(tmp_path / "fast disk"))
    restarted(config)
    restarted(config)
    assert len(decoded) == 10
    assert list((tmp_path / "fast disk").glob("*/measured-*"))
    restarted(seeps_config(root, cache_folder="none"))
    assert len(decoded) == 20
    assert not (root / CACHE_FOLDER).exists()


def test_without_room_on_the_disk_chips_stay_in_memory_and_without_memory_they_are_decoded_at_each_use(
    root: Path, decoded: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seep_lightning.data.loading.has_room", lambda *_: False)
    in_memory = restarted(seeps_config(root))
    assert isinstance(in_memory.store, MemoryStore)
    nowhere = restarted(seeps_config(root, cache_gb=0))
    assert nowhere.store is None
    decoded.clear()
    check_equal(in_memory, nowhere)
    assert len(decoded) == 10
    decoded.clear()
    # what was measured is known all the same
    restarted(seeps_config(root, cache_gb=0))
    assert not decoded


def test_a_full_disk_costs_no_more_than_the_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(PixelFile, "write", write)
    chips = restarted(seeps_config(root))
    assert chips.store is None
    assert not list((root / CACHE_FOLDER).glob("*pixels*"))
    check_equal(chips, restarted(seeps_config(root, cache_folder="none")))


def test_jobs_of_one_process_share_chips_and_another_data_set_takes_their_place(
    root: Path, tmp_path: Path, decoded: list[Path]
) -> None:
    config = seeps_config(root, cache_folder="none")
    first = load_chips(config)
    second = load_chips(seeps_config(root, cache_folder="none", num_workers=2))
    assert len(decoded) == 10
    assert second.store is first.store
    check_equal(first, second)
    load_chips(seeps_config(aged(make_chips(tmp_path / "other", scenes=1, tiles=4)), cache_folder="none"))
    assert last_set.recall(first.key) is None


def test_a_network_takes_what_a_training_has_measured_of_whole_numbers(root: Path, decoded: list[Path]) -> None:
    chips = restarted(seeps_config(root))
    decoded.clear()
    restarted(seeps_config(root), value_range=chips.value_range)
    assert not decoded


def audited(root: Path, seed: int) -> SeepDataModule:
    module = SeepDataModule(seeps_config(root), SplitConfig(kind="random", seed=seed), [], audited=True)
    last_set.forget()
    module.setup()
    return module


def test_findings_are_kept_for_each_split_and_found_without_decoding(root: Path, decoded: list[Path]) -> None:
    # all test chips are copies of training chips
    for kind in ("train_images_256", MASKS):
        for tile in range(5):
            shutil.copyfile(root / kind / f"S0.{tile:06d}.tif", root / kind / f"S1.{tile:06d}.tif")
    aged(root)
    first = audited(root, seed=0).findings()
    assert any("twin" in finding.text or "picture of a training chip" in finding.text for finding in first)
    decoded.clear()
    again = audited(root, seed=0)
    assert again.findings() == first
    assert again.auditor is not None
    assert again.auditor.read_chips == 0
    other_split = audited(root, seed=3)
    other_split.findings()
    assert other_split.auditor is not None
    assert other_split.auditor.read_chips == 10
    assert not decoded


def test_damaged_findings_are_found_again(root: Path) -> None:
    first = audited(root, seed=0).findings()
    path = kept_file(root, "findings")
    for content in (b"", b"[[1]]", b'[["NONE", "x"]]', b"\xff", json.dumps({"a": 1}).encode()):
        path.write_bytes(content)
        assert audited(root, seed=0).findings() == first


def test_the_oldest_results_and_abandoned_parts_go(tmp_path: Path) -> None:
    for number in range(6):
        path = tmp_path / f"pixels-{number}.raw"
        path.write_bytes(b"x")
        os.utime(path, (number, number))
    abandoned = tmp_path / ".pixels-a-1.part"
    abandoned.write_bytes(b"x")
    strangers = tmp_path / ".notes.part"
    strangers.write_bytes(b"x")
    layout = load_chips(seeps_config(make_chips(tmp_path / "set", scenes=1, tiles=3), cache_folder="none")).store.layout
    being_written = PixelFile.create(tmp_path / ".pixels-b-2.part", "key", layout)
    tidy(tmp_path, "pixels-*.raw", 4)
    assert sorted(path.name for path in tmp_path.glob("pixels-*")) == [
        f"pixels-{number}.raw" for number in (2, 3, 4, 5)
    ]
    assert not abandoned.exists()
    assert strangers.exists()
    assert being_written.path.exists()


def test_layouts_and_check_overlook_the_folder(root: Path) -> None:
    # images and masks in the data set's own folder
    for image in (root / "train_images_256").iterdir():
        image.rename(root / image.name)
        (root / MASKS / image.name).rename(root / f"{image.stem}_mask.tif")
    config = seeps_config(root, images=".", masks=".")
    before = audit(config, SplitConfig())
    first = restarted(config)
    assert (root / CACHE_FOLDER).is_dir()
    assert restarted(config).left_out == first.left_out
    assert audit(config, SplitConfig()) == before


@pytest.mark.parametrize("killed", [False, True])
def test_processes_find_the_same_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed: bool) -> None:
    # more than one block, of several scenes, floats too
    root = aged(make_chips(tmp_path / "set", scenes=4, tiles=12, size=24))
    for settings in ({"factor": 0.5}, {}):
        alone = restarted(seeps_config(root, cache_folder="none", **settings))
        observer = _Observer()
        monkeypatch.setattr(blocks, "LEAST_PIXELS", 1)
        monkeypatch.setattr(blocks, "BLOCK", 5)
        monkeypatch.setattr(blocks, "process_count", lambda _: 2)
        if killed:
            monkeypatch.setattr(blocks, "_read_in_process", _be_killed)
        for gigabytes in (1.0, 0.0):
            config = seeps_config(root, cache_folder="none", cache_gb=gigabytes, **settings)
            together = restarted(config, observer_of=lambda chips, observer=observer: observer)
            check_equal(alone, together)
        assert observer.seen == 2 * [(index, int(alone.read(index).mask.sum())) for index in range(len(alone))]
        monkeypatch.undo()


def _be_killed(start: int) -> None:
    os._exit(9)


class _Observer:
    """Notes each chip that it sees, with the sum of its mask."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []

    def add(self, index: int, pixels: Any) -> None:
        self.seen.append((index, int(pixels.mask.sum())))


def test_processes_tell_the_first_chip_that_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_chips(tmp_path / "set", scenes=2, tiles=12, size=24)
    for name in ("S0.000007.tif", "S1.000003.tif"):
        (root / "train_images_256" / name).write_bytes(b"II*\0")
    monkeypatch.setattr(blocks, "BLOCK", 4)
    messages = []
    for processes in (1, 2):
        monkeypatch.setattr(blocks, "process_count", lambda _, processes=processes: processes)
        with pytest.raises(blocks.UserError) as caught:
            load_chips(seeps_config(root))
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert "S0.000007.tif" in messages[0]
    assert not list(root.rglob(f"{CACHE_FOLDER}/*"))


READ_AT_THE_END = """
import atexit, sys
# what is registered first runs last, as a thread does that reads ahead
atexit.register(lambda: print(store.read(0).image.sum()))
import numpy as np
from pathlib import Path
from seep_lightning.data.images import ChipPixels
from seep_lightning.data.pixel_stores.file import PixelFile
from seep_lightning.data.pixel_stores.layout import PixelLayout
store = PixelFile.create(Path(sys.argv[1]), "key", PixelLayout((1, 4, 4), "uint8", 1))
everywhere = np.ones((4, 4), bool)
store.write(0, ChipPixels(np.ones((1, 4, 4), np.uint8), np.zeros((4, 4), np.uint8), everywhere, everywhere))
"""


def test_a_thread_that_reads_ahead_as_the_process_ends_finds_nothing_damaged(tmp_path: Path) -> None:
    command = [sys.executable, "-c", READ_AT_THE_END, str(tmp_path / "pixels.raw")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("16", "")
