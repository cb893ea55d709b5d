"""Archives of scenes from a stranger: GDAL opens no other file in them than the one that was judged."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from helpers.rasters import write_raster
from helpers.strangers import Listener, vrt
from seep_lightning.data.inputs import find_scenes
from seep_lightning.errors import UserError
from seep_lightning.scene import archive_members
from seep_lightning.scene.datasets import open_dataset
from seep_lightning.scene.inputs.kinds import open_scene
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.scene_file import ReadingOptions

PIXELS = np.full((512, 512), 7, np.uint8)
NAME = "scene.tif"
OVERVIEWS = f"{NAME}.ovr"


def seen(location: Path | str) -> None:
    """Open what a person named, and read its overviews and its mask, as pictures of it do."""
    (scene,) = find_scenes("input", str(location))
    with open_scene(scene, ReadingOptions()) as raster:
        raster.read(0, 4)
    with open_dataset(scene.location) as dataset:
        dataset.read(1, out_shape=(16, 16))
        dataset.read_masks(1, out_shape=(16, 16))


@pytest.fixture
def raster(tmp_path: Path) -> bytes:
    return write_raster(tmp_path / NAME, PIXELS).read_bytes()


@pytest.fixture
def overviews(tmp_path: Path) -> bytes:
    """Those that a judge likes."""
    return write_raster(tmp_path / "own.tif", PIXELS[:256, :256]).read_bytes()


@pytest.fixture
def evil(network: Listener) -> bytes:
    """Overviews that would be fetched."""
    return vrt(f"/vsicurl/{network.url}/a.tif").encode()


Planting = Callable[[zipfile.ZipFile, bytes, bytes], None]


def dotted(archive: zipfile.ZipFile, evil: bytes, _: bytes) -> None:
    archive.writestr(f"./{OVERVIEWS}", evil)


def backslash(archive: zipfile.ZipFile, evil: bytes, _: bytes) -> None:
    archive.writestr(f".\\{OVERVIEWS}", evil)


def capitals(archive: zipfile.ZipFile, evil: bytes, _: bytes) -> None:
    archive.writestr("scene.tif.OVR", evil)


def twice(archive: zipfile.ZipFile, evil: bytes, good: bytes) -> None:
    archive.writestr(OVERVIEWS, evil)
    archive.writestr(f"./{OVERVIEWS}", good)


def second_name(archive: zipfile.ZipFile, evil: bytes, _: bytes) -> None:
    info = zipfile.ZipInfo("harmless.txt")
    name = b"\1\0\0\0\0" + OVERVIEWS.encode()
    info.extra = b"up" + len(name).to_bytes(2, "little") + name
    archive.writestr(info, evil)


@pytest.mark.parametrize("planting", [dotted, backslash, capitals, twice, second_name])
def test_a_zip_hides_no_overviews(
    planting: Planting, raster: bytes, overviews: bytes, evil: bytes, folder: Path, network: Listener
) -> None:
    path = folder / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(NAME, raster)
        planting(archive, evil, overviews)
    with pytest.raises(UserError, match="is not opened"):
        seen(path)
    assert not network.requests


def entry(name: str, content: bytes = b"", **attributes: object) -> tuple[tarfile.TarInfo, bytes]:
    """A file for a tar."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in attributes.items():
        setattr(info, key, value)
    return info, content


def write_tar(path: Path, *entries: tuple[tarfile.TarInfo, bytes]) -> None:
    """A tar of its files, as their headers stand."""
    content = b""
    for info, data in entries:
        header = info.tobuf(tarfile.PAX_FORMAT)
        content += header + data + bytes(-len(data) % tarfile.BLOCKSIZE)
    content += bytes(2 * tarfile.BLOCKSIZE)
    path.write_bytes(gzip.compress(content) if path.suffix == ".tgz" else content)


TAR_TRICKS = {
    "a dot": lambda evil, _: [entry(f"./{OVERVIEWS}", evil)],
    "capitals": lambda evil, _: [entry("scene.tif.Ovr", evil)],
    "twice": lambda evil, good: [entry(OVERVIEWS, evil), entry(OVERVIEWS, good)],
    "renamed": lambda evil, _: [entry(OVERVIEWS, evil, pax_headers={"path": "harmless.txt"})],
    "a link with bytes": lambda evil, _: [entry("link", linked(evil), type=tarfile.SYMTYPE)],
    "a length of its own": lambda evil, _: [entry("b.txt", pax_headers={"size": str(len(linked(evil)))}, size=0)],
}


def linked(evil: bytes) -> bytes:
    """A file for a tar within what another reader takes for the content of a file."""
    info, content = entry(OVERVIEWS, evil)
    return info.tobuf() + content + bytes(-len(content) % tarfile.BLOCKSIZE)


@pytest.mark.parametrize("suffix", [".tar", ".tgz"])
@pytest.mark.parametrize("trick", TAR_TRICKS)
def test_nor_does_a_tar(
    trick: str, suffix: str, raster: bytes, overviews: bytes, evil: bytes, folder: Path, network: Listener
) -> None:
    path = folder / f"a{suffix}"
    write_tar(path, *TAR_TRICKS[trick](evil, overviews), entry(NAME, raster))
    with pytest.raises(UserError, match="is not opened"):
        seen(path)
    assert not network.requests


def test_nor_does_a_damaged_one_whose_end_python_does_not_see(
    raster: bytes, evil: bytes, folder: Path, network: Listener
) -> None:
    path = folder / "a.tar"
    write_tar(path, entry(NAME, raster), entry(OVERVIEWS, evil))
    content = bytearray(path.read_bytes())
    at = content.index(OVERVIEWS.encode())
    # the check sum
    content[at + 148 : at + 154] = b"000000"
    path.write_bytes(content)
    # what Python cannot list is read by itself
    seen(f"/vsitar/{{{path}}}/{NAME}")
    assert not network.requests


def test_a_compressed_file_has_nothing_beside_it(raster: bytes, evil: bytes, folder: Path, network: Listener) -> None:
    (folder / "scene.tif.gz").write_bytes(gzip.compress(raster))
    (folder / "scene.tif.gz.ovr").write_bytes(gzip.compress(evil))
    seen(folder / "scene.tif.gz")
    assert not network.requests


def test_what_lies_in_an_archive_in_an_archive_is_read_alone_and_by_no_virtual_raster(
    raster: bytes, evil: bytes, folder: Path, network: Listener
) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr(NAME, raster)
        archive.writestr(OVERVIEWS, evil)
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr("b.zip", inner.getvalue())
    location = f"/vsizip/{{/vsizip/{{{folder}/a.zip}}/b.zip}}/{NAME}"
    seen(location)
    (folder / "scene.vrt").write_text(vrt(location))
    with pytest.raises(UserError, match="cannot be found in the archive"):
        Raster(folder / "scene.vrt")
    assert not network.requests


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tgz"])
def test_own_overviews_and_long_names_are_read(suffix: str, raster: bytes, overviews: bytes, folder: Path) -> None:
    path = folder / f"a{suffix}"
    long = f"{'in a folder/' * 9}readme.txt"
    files = {NAME: raster, OVERVIEWS: overviews, f"{NAME}.aux.xml": b"<PAMDataset/>", long: b"text"}
    if suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
    else:
        write_tar(path, *(entry(name, content, mtime=0.5) for name, content in files.items()))
    assert len(list(archive_members.read_members(path))) == 4
    seen(path)
