"""Masks and probabilities of chips as files: what they are called, and how they are written and read back."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.data.decoding import decode
from seep_lightning.data.images import encoded_image
from seep_lightning.errors import UserError
from seep_lightning.files import check_stays_inside, write_into_draft
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
    # a run may be a stranger's: its maps are neither other files nor larger than chips
    check_stays_inside(path)
    problem = f"{path} is not there, or cannot be read. Give the command that wrote it again."
    if not path.is_file():
        raise UserError(problem)
    try:
        return np.asarray(decode(path).values[0])
    except UserError as error:
        raise UserError(f"{problem} ({error})") from error
