"""The commands of docs/sentinel1.md are run as they stand, on products that the test makes."""

import re
import shlex
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely

from helpers.paths import ROOT
from helpers.safe_products import NAME, SLICKS, GeneratedProduct, archived, degrees_of, sea_numbers
from seep_lightning.commands.composition import compose
from seep_lightning.data.preparation import prepare
from seep_lightning.mapping.scenes import predict

TEXT = (ROOT / "docs" / "sentinel1.md").read_text()
OTHER = NAME.replace("0401T0526", "0413T0526").replace("ECC8", "0B1F")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL)


def commands() -> Iterator[list[str]]:
    """Verb and arguments of each line of the shell blocks."""
    for line in "".join(blocks("bash")).splitlines():
        python, module, verb, *arguments = shlex.split(line)
        assert (python, module) == ("python", "-m")
        yield [verb.removeprefix("seep_lightning."), *arguments]


def write_polygon(path: Path, shape: shapely.Geometry) -> None:
    pyogrio.raw.write(path, shapely.to_wkb(np.array([shape])), [], [], geometry_type="Polygon", crs="EPSG:4326")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which a reader would be: downloads, land and outlines."""
    home = tmp_path_factory.mktemp("sentinel1")
    # a corner of them, with one slick, so that the test takes seconds
    numbers = {"vv": sea_numbers()[:128, :192], "vh": sea_numbers(2)[:128, :192]}
    archived(GeneratedProduct(numbers).write(home), home / "downloads")
    GeneratedProduct(numbers, OTHER).write(home / "downloads")
    write_polygon(home / "land.gpkg", shapely.Point(*degrees_of(0, 180)).buffer(1e-3))
    write_polygon(home / "seeps.gpkg", shapely.Point(*degrees_of(*SLICKS[0])).buffer(5e-4))
    return home


def test_the_commands_of_the_page_run_in_order(folder: Path, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    names = []
    for verb, *arguments in commands():
        if verb == "prepare":
            assert prepare(compose(verb, arguments))["with_seep"] > 0
        else:
            rows = predict(compose(verb, [*arguments, "device=cpu", f"run={trained}"]))
            names.append([row.name for row in rows])
    # the archive, then the folder that holds one more, then archives only
    assert names[:3] == [[NAME], [NAME, OTHER], [NAME]]
    assert all(mapped == [NAME, OTHER] for mapped in names[3:])
    assert sorted(path.name for path in (folder / "chips" / "images").iterdir())[0] == f"{NAME}.000000.tif"


def test_the_download_of_the_page_is_that_of_its_commands() -> None:
    (download,) = blocks("text")
    assert f"input={download.strip()}" in blocks("bash")[0]


def test_the_snippet_of_the_page_prints_what_it_says(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (snippet,) = blocks("python")
    printed = StringIO()
    with redirect_stdout(printed):
        exec(snippet, {})
    assert f"# {printed.getvalue().strip()}\n" in snippet
