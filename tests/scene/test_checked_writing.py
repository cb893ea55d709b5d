"""What is written is whole or not there, also on a disk that fills and has room again; tags have any names."""

import os
import resource
import signal
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from helpers.rasters import UTM, pixels, write_raster
from helpers.scene_maps import mapped
from seep_lightning import files
from seep_lightning.errors import DiskError, UserError
from seep_lightning.files import publish, sync_folder
from seep_lightning.scene.datasets import write_geotiff

NOISE = np.random.default_rng(0).integers(1, 255, (1, 256, 256), dtype=np.uint8)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB, where this machine lets us make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Files larger than so many bytes cannot be written, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_chip_on_a_full_disk_is_an_error_and_no_file(small_disk: Path) -> None:
    with pytest.raises(DiskError, match=r"The disk of .* is full"):
        for number in range(40):
            write_geotiff(small_disk / f"{number}.tif", NOISE, 0)
    written = sorted(small_disk.iterdir())
    assert 5 < len(written) < 25
    for path in written:
        assert np.array_equal(pixels(path), NOISE)


def test_chips_go_on_where_a_disk_was_full_for_a_while_and_all_that_are_there_can_be_read(small_disk: Path) -> None:
    (small_disk / "other").write_bytes(bytes(1 << 20))
    with pytest.raises(DiskError):
        write_geotiff(small_disk / "a.tif", NOISE, 0)
    assert not (small_disk / "a.tif").exists()
    (small_disk / "other").unlink()
    write_geotiff(small_disk / "a.tif", NOISE, 0)
    assert np.array_equal(pixels(small_disk / "a.tif"), NOISE)


def test_a_chip_that_the_system_does_not_take_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    write_geotiff(path, NOISE // 2, 0)
    with largest_file(1000), pytest.raises(DiskError, match=r"a\.tif is full"):
        write_geotiff(path, NOISE, 0)
    assert np.array_equal(pixels(path), NOISE // 2)
    assert [file.name for file in tmp_path.iterdir()] == ["a.tif"]


def test_a_disk_that_refuses_only_when_it_is_asked_to_keep_a_file_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    draft = tmp_path / "draft"
    draft.write_text("new")
    monkeypatch.setattr(files.os, "fsync", refuse)
    with pytest.raises(DiskError, match="is full"):
        publish(draft, tmp_path / "a.tif")
    assert not (tmp_path / "a.tif").exists()
    with pytest.raises(DiskError, match="is full"):
        sync_folder(tmp_path)


@pytest.mark.parametrize("name", ["ns", "bidx", "domain", "a b", "self", "path", "tags"])
def test_tags_may_be_called_like_keywords(name: str, tmp_path: Path) -> None:
    scene = write_raster(tmp_path / "scene.tif", NOISE[0], **UTM)
    _add_tag(scene, name, "1")
    scene_map = mapped(scene, tmp_path / "maps")
    with rasterio.open(scene_map.probability) as written:
        assert written.tags()[name] == "1"


def _add_tag(path: Path, name: str, text: str) -> None:
    """Give a raster a tag of any name, beside the file."""
    item = f'<MDI key="{name}">{text}</MDI>'
    path.with_name(f"{path.name}.aux.xml").write_text(f"<PAMDataset><Metadata>{item}</Metadata></PAMDataset>")


@pytest.mark.parametrize("kind", ["scenes", "labels", "chips"])
def test_names_that_are_not_utf8_are_one_line(kind: str, tmp_path: Path) -> None:
    from seep_lightning.data.inputs import find_scenes
    from seep_lightning.data.layouts.files import list_files

    folder = tmp_path / "images"
    folder.mkdir()
    name = os.fsdecode(b"sc\xe8ne.tif")
    write_raster(tmp_path / "a.tif", NOISE[0]).rename(folder / name)
    reading: Any = list_files if kind == "chips" else find_scenes
    with pytest.raises(UserError, match=r"The name of sc\\xe8ne\.tif in .*images is not UTF-8. Rename it"):
        reading(*((tmp_path, "images") if kind == "chips" else (kind, str(folder))))


def test_pipes_devices_and_circles_of_links_are_no_chips_and_no_scenes(tmp_path: Path) -> None:
    from seep_lightning.data.decoding import decode
    from seep_lightning.scene.raster import Raster
    from seep_lightning.scene.vector_layers import polygon_layer

    os.mkfifo(tmp_path / "pipe.tif")
    (tmp_path / "device.tif").symlink_to("/dev/zero")
    (tmp_path / "circle.tif").symlink_to("circle.tif")
    (tmp_path / "folder.tif").mkdir()
    (tmp_path / "empty.tif").touch()
    for path in sorted(tmp_path.iterdir()):
        for reading in (decode, Raster, polygon_layer):
            with pytest.raises(UserError, match=rf"{path.name}"):
                reading(path)


def test_no_file_takes_the_place_of_a_device_or_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    device = tmp_path / "null"
    paths = [pipe]
    with suppress(PermissionError):
        os.mknod(device, stat.S_IFCHR | 0o666, Path(os.devnull).stat().st_rdev)
        paths.append(device)
    for path in paths:
        with pytest.raises(UserError, match="is a device or a pipe"):
            files.write_table(path, [{"a": 1}])
        assert not path.is_file()
    assert sorted(tmp_path.iterdir()) == sorted(paths)
