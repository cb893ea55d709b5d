"""Masks and probabilities of chips as files: what they are called, and how they are written and read back."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from seep_lightning.data.images import encoded_image
from seep_lightning.errors import UserError
from seep_lightning.files import write_into_draft
from seep_lightning.scene.raster_formats import chip_map_name


def chip_map_path(folder: Path, chip: str) -> Path:
    """The file in a folder, such as `masks` of an evaluation, that holds the map of a chip, by the chip's name."""
    return folder / chip_map_name(chip)


def write_chip_map(folder: Path, chip: str, values: NDArray[np.uint8]) -> None:
    """Write the map of a chip, (H, W), see `chip_map_path`, into a folder that is a draft or in one."""
    path = chip_map_path(folder, chip)
    write_into_draft(path, encoded_image(values, path.suffix))


def read_chip_map(folder: Path, chip: str) -> NDArray[Any]:
    """Read the map of a chip, (H, W).

    Raises:
        UserError: It is not there, or cannot be read.
    """
    path = chip_map_path(folder, chip)
    # `imread` would warn, and give None
    encoded = np.fromfile(path, np.uint8) if path.is_file() else np.zeros(0, np.uint8)
    values = None
    # of a header that claims more than OpenCV reads, nothing is read either
    with suppress(cv2.error):
        values = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED) if encoded.size else None
    if values is None:
        raise UserError(f"{path} is not there, or cannot be read. Give the command that wrote it again.")
    return np.asarray(values)
