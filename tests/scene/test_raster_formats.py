"""The table of raster formats: GDAL reads each of them, and chips survive being written in theirs."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import rasterio

from seep_lightning.data.images import read_image, write_image
from seep_lightning.scene.raster_formats import (
    RASTER_FORMATS,
    RasterFormat,
    chip_map_suffixes,
    format_of,
    scene_suffixes,
)


@pytest.mark.parametrize("raster_format", RASTER_FORMATS, ids=lambda entry: entry.name)
def test_gdal_has_the_driver_and_suffixes_are_written_as_they_are_compared(raster_format: RasterFormat) -> None:
    with rasterio.Env() as environment:
        assert raster_format.driver in environment.drivers()
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in raster_format.suffixes)


def test_a_suffix_belongs_to_one_format() -> None:
    assert max(Counter(scene_suffixes()).values()) == 1
    for raster_format in RASTER_FORMATS:
        for suffix in raster_format.suffixes:
            assert format_of(Path(f"a{suffix.upper()}")) == raster_format
    assert format_of(Path("a.gif")) is None


@pytest.mark.parametrize("suffix", chip_map_suffixes())
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_what_is_made_of_a_chip_is_written_without_loss(suffix: str, dtype: str, tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (40, 30), dtype=dtype, endpoint=True)
    write_image(tmp_path / f"a{suffix}", values)
    assert (read_image(tmp_path / f"a{suffix}")[0] == values).all()
