"""What the tests of files of strangers share."""

from collections.abc import Iterator
from pathlib import Path

import pyogrio
import pytest

from helpers.strangers import Listener, listening
from seep_lightning import compat


@pytest.fixture
def network() -> Iterator[Listener]:
    """A web server; GDAL may fetch from it, so that the judge of each kind of file is tested by itself."""
    compat.allow_gdal_networks()
    pyogrio.set_gdal_config_options({"CPL_VSIL_CURL_ALLOWED_FILENAME": None})
    with listening() as listener:
        yield listener
    compat.forbid_gdal_networks()
    pyogrio.set_gdal_config_options({"CPL_VSIL_CURL_ALLOWED_FILENAME": "none"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder that the stranger sent."""
    (tmp_path / "sent").mkdir()
    return tmp_path / "sent"
