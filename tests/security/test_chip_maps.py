"""Maps of chips in a stranger's run: no larger than chips, and no other files of this computer."""

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from seep_lightning.data.chip_maps import chip_map_path, read_chip_map
from seep_lightning.errors import UserError

CHIP = "S1.0.png"


def png(side: int) -> bytes:
    """A picture of zeros with four bands of 16 bits, packed a thousand to one."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    packer = zlib.compressobj(1)
    rows = b"".join(packer.compress(bytes(1 + 8 * side)) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 16, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a_map_that_claims_gigabytes_is_refused(tmp_path: Path) -> None:
    chip_map_path(tmp_path, CHIP).write_bytes(png(6000))
    with pytest.raises(UserError, match=r"cannot be read.*a chip has at most 256 MiB"):
        read_chip_map(tmp_path, CHIP)


def test_a_map_that_is_a_link_to_a_picture_elsewhere_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    cv2.imwrite(str(tmp_path / "private.png"), np.full((4, 4), 77, np.uint8))
    chip_map_path(tmp_path / "masks", CHIP).symlink_to(tmp_path / "private.png")
    with pytest.raises(UserError, match="is a link that leads out of its folder"):
        read_chip_map(tmp_path / "masks", CHIP)
