"""Headers that claim more memory than there is are refused by what they say, before a pixel is read."""

import gzip
import resource
import struct
import tarfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from helpers.rasters import write_raster
from seep_lightning.config.commands import PrepareConfig
from seep_lightning.data.decoding import decode
from seep_lightning.data.inputs import find_scenes
from seep_lightning.data.mask_files import read_mask_file
from seep_lightning.errors import UserError
from seep_lightning.scene import archive_contents
from seep_lightning.scene.inputs.kinds import open_scene
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.scene_file import ReadingOptions

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, OFFSETS, BANDS, ROWS, COUNTS = (
    256,
    257,
    258,
    259,
    262,
    273,
    277,
    278,
    279,
)
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_COUNTS = 322, 323, 324, 325


def tiff_header(path: Path, width: int, height: int, bands: int = 1, tile: int = 0) -> Path:
    """A TIFF of 142 bytes or so that claims any size; tile: the side of the squares that are decoded at once."""
    entries = {WIDTH: width, HEIGHT: height, BITS: 8, COMPRESSION: 1, PHOTOMETRIC: 1}
    if tile:
        entries |= {BANDS: bands, TILE_WIDTH: tile, TILE_HEIGHT: tile, TILE_OFFSETS: 8, TILE_COUNTS: 1}
    else:
        entries |= {OFFSETS: 8, BANDS: bands, ROWS: 1, COUNTS: 1}
    fields = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries.items())
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, len(entries)) + fields + bytes(4))
    return path


def png_header(path: Path, width: int, height: int) -> Path:
    """A PNG without any pixel that claims a size, and has its end."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )
    return path


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    """Each test takes little time and memory."""
    begin = time.monotonic()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert peak - before < 300 << 10
    assert time.monotonic() - begin < 10


CLAIMS = {
    "a picture of 40 gigapixels": lambda path: tiff_header(path, 200_000, 200_000),
    "a row of 2 gigapixels": lambda path: tiff_header(path, 2**31 - 1, 4),
    "a column of 2 gigapixels": lambda path: tiff_header(path, 4, 2**31 - 1),
    "a tile of the whole picture": lambda path: tiff_header(path, 48_000, 48_000, tile=48_000),
    "a PNG of 10 gigapixels": lambda path: png_header(path, 100_000, 100_000),
    "60,000 bands": lambda path: tiff_header(path, 64, 64, bands=60_000),
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_header_that_claims_too_much_is_one_line_for_scenes_chips_and_masks(claim: str, tmp_path: Path) -> None:
    path = CLAIMS[claim](tmp_path / ("a.png" if "PNG" in claim else "a.tif"))
    assert path.stat().st_size < 200
    with pytest.raises(UserError, match="by its header.*It is damaged") as error:
        Raster(path)
    assert str(error.value).count(". ") <= 2
    with pytest.raises(UserError, match="by its header"):
        decode(path)
    with pytest.raises(UserError, match="by its header"):
        read_mask_file(path, PrepareConfig(scenes="", labels="", output=""))


def test_a_chip_of_many_megabytes_is_a_scene(tmp_path: Path) -> None:
    path = tiff_header(tmp_path / "a.tif", 30_000, 30_000)
    with pytest.raises(UserError, match=r"a.tif is 30,000 x 30,000 px of 1 band.*858 MiB; a chip has at most 256 MiB"):
        decode(path)
    # strip by strip it is read like any other
    with Raster(path) as raster:
        assert (raster.height, raster.width) == (30_000, 30_000)


def test_a_virtual_raster_that_claims_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.vrt"
    path.write_text(
        '<VRTDataset rasterXSize="2000000000" rasterYSize="2000000000"><VRTRasterBand dataType="Byte" band="1"/>'
        "</VRTDataset>"
    )
    with pytest.raises(UserError, match="by its header"):
        Raster(path)


def opened(path: Path) -> None:
    """Open the scenes in an input, and read a row of each."""
    for scene in find_scenes("input", str(path)):
        with open_scene(scene, ReadingOptions()) as raster:
            raster.read(0, 1)


def test_an_archive_that_claims_more_than_a_scene_has_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_contents, "LEAST_TO_DOUBT", 1 << 20)
    zeros = bytes(1 << 20)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"{number}.tif", zeros)
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as tar:
        (tmp_path / "zeros.tif").write_bytes(zeros * 3)
        tar.add(tmp_path / "zeros.tif", "a.tif")
    with gzip.open(tmp_path / "a.tif.gz", "wb") as file:
        file.write(zeros * 3)
    for name in ("a.zip", "a.tgz", "a.tif.gz"):
        with pytest.raises(UserError, match=rf"{name} has [\d,]+ bytes and claims to hold [\d,]+: no scene packs so"):
            opened(tmp_path / name)


def test_an_archive_of_very_many_files_is_refused_if_it_is_named_and_passed_over_in_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_contents, "MOST_MEMBERS", 3)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number in range(5):
            archive.writestr(f"{number}.tif", b"")
    with pytest.raises(UserError, match="holds more than 3 files. Unpack it"):
        opened(tmp_path / "a.zip")
    write_raster(tmp_path / "b.tif", np.ones((4, 4), np.uint8))
    assert [scene.name for scene in find_scenes("input", str(tmp_path))] == ["b"]


@pytest.mark.parametrize("name", ["../../a.tif", "/etc/a.tif", "b/../../a.tif"])
def test_an_archive_whose_names_lead_out_of_it_is_refused(name: str, tmp_path: Path) -> None:
    write_raster(tmp_path / "a.tif", np.ones((4, 4), np.uint8))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "a.tif", "placeholder__")
        archive.infolist()[0].filename = name
    with pytest.raises(UserError, match="which leads out of it"):
        opened(tmp_path / "a.zip")


def test_an_encrypted_archive_says_so(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.tif", b"II*\0")
    content = bytearray((tmp_path / "a.zip").read_bytes())
    # the flag of encryption, in the file's own header and in the directory
    for mark, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.index(mark) + offset] |= 1
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(UserError, match="a.zip is encrypted"):
        opened(tmp_path / "a.zip")
