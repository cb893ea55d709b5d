"""Classes of outlines: words that are mapped, and the files that keep them."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pyogrio.raw
import pytest
import shapely
from affine import Affine

from helpers.command_line import seep
from helpers.rasters import pixels, write_raster
from seep_lightning import api
from seep_lightning.config.commands import PrepareConfig
from seep_lightning.config.rules import check_config
from seep_lightning.data.preparation import prepare
from seep_lightning.errors import UserError

DEGREE = 0.0001
PLACE = {"crs": "EPSG:4326", "transform": Affine(DEGREE, 0, 54, 0, -DEGREE, 24)}
SIDE = 32


def box(left: int) -> shapely.Polygon:
    """Four columns of five rows, from column `left` on."""
    west = 54 + DEGREE * left
    return shapely.box(west, 24 - DEGREE * 10, west + DEGREE * 4, 24 - DEGREE * 5)


BOXES = (box(2), box(10), box(20))


@pytest.fixture
def config(tmp_path: Path) -> PrepareConfig:
    values = np.full((SIDE, SIDE), 100, np.uint8)
    scene = write_raster(tmp_path / "A.tif", values, **PLACE)
    return PrepareConfig(str(scene), "", str(tmp_path / "out"), size=SIDE, class_attribute="kind")


def write_labels(path: Path, kinds: Sequence[Any], **options: Any) -> Path:
    column = np.array(kinds, dtype=object if isinstance(kinds[0], str) else None)
    shapes = shapely.to_wkb(np.array(BOXES[: len(kinds)]))
    pyogrio.raw.write(path, shapes, [column], ["kind"], crs="EPSG:4326", geometry_type="Polygon", **options)
    return path


def class_counts(config: PrepareConfig) -> dict[int, int]:
    """The pixels of each class in the one chip."""
    (mask,) = (pixels(path) for path in Path(config.output, "masks").iterdir())
    values, counts = np.unique(mask[mask > 0], return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


@pytest.mark.parametrize("classes", [{"thin": 1, "very thick, old": 2}, '{thin: 1, "very thick, old": 2}'])
def test_words_become_the_classes_that_they_are_said_to_mean(config, tmp_path, classes):
    config.labels = str(write_labels(tmp_path / "a.gpkg", ["thin", "very thick, old", " thin "]))
    config.classes = classes
    facts = prepare(config)
    assert class_counts(config) == {1: 40, 2: 20}
    assert facts["classes"] == 2


def test_a_word_may_mean_that_nobody_is_sure(config, tmp_path):
    config.labels = str(write_labels(tmp_path / "a.gpkg", ["thin", "unsure"]))
    config.classes = {"thin": 1, "unsure": "ignore"}
    facts = prepare(config)
    assert class_counts(config) == {1: 20}
    (image,) = (pixels(path) for path in Path(config.output, "images").iterdir())
    assert (image == 0).sum() == 20
    assert facts["outlines"]["ignored"]["count"] == 1


def test_words_of_any_language_are_typed_and_passed_from_python(config, tmp_path):
    labels = write_labels(tmp_path / "a.gpkg", ["mince", "épais", "厚"])
    words = "{mince: 1, épais: 2, 厚: 3}"
    typed = [f"scenes={config.scenes}", f"labels={labels}", "class_attribute=kind", f"classes={words}", f"size={SIDE}"]
    done = seep("prepare", *typed, f"output={config.output}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert class_counts(config) == {1: 20, 2: 20, 3: 20}
    passed = {"mince": 1, "épais": 2, "厚": 3}
    chips = api.prepare(
        scenes=config.scenes, labels=labels, output=tmp_path / "b", class_attribute="kind", classes=passed, size=SIDE
    )
    assert chips.classes == 3


def test_words_without_a_meaning_are_listed_with_their_counts(config, tmp_path):
    config.labels = str(write_labels(tmp_path / "a.gpkg", ["thin", "thik", "thin"]))
    with pytest.raises(UserError, match="kind of polygon 1 is thin; expected 1 to 255") as error:
        prepare(config)
    assert "holds thin (2), thik (1)" in str(error.value) and "'classes={thin: 1, thik: 2}'" in str(error.value)
    config.classes = {"thin": 1}
    with pytest.raises(UserError, match=r"polygon 2 is thik, which classes does not list. The column holds thin \(2\)"):
        prepare(config)


MISTAKES = {
    "no class": ({"thin": 0}, "classes: thin is mapped to 0; expected a class, 1 to 255, or ignore"),
    "no word": ("{thin: 1", "expected a class for each word, such as"),
    "a list": ([1], "expected a class for each word, such as"),
    "no seep": ({"thin": "ignore"}, "no word means a class of seep"),
}


@pytest.mark.parametrize(("classes", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mapping_that_means_nothing_is_refused(config, classes, message):
    config.classes = classes
    config.labels = "labels.gpkg"
    with pytest.raises(UserError, match=message):
        check_config(config)


def test_a_mapping_needs_the_column_of_its_words(config):
    config.classes = {"thin": 1}
    config.labels = "labels.gpkg"
    config.class_attribute = None
    with pytest.raises(UserError, match="class_attribute=COLUMN"):
        check_config(config)


def test_labels_are_read_in_an_archive_by_their_absolute_path(config, tmp_path):
    plain = write_labels(tmp_path / "a.fgb", [1, 5])
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.write(plain, "in/a.fgb")
    config.labels = f"/vsizip/{tmp_path}/b.zip/in/a.fgb"
    prepare(config)
    assert class_counts(config) == {1: 20, 5: 20}


KEEPING_FORMATS = {"LIBKML": ".kml", "KML": ".kml", "KMZ": ".kmz", "GML": ".gml", "MapInfo File": ".tab"}


@pytest.mark.parametrize(("driver", "suffix"), KEEPING_FORMATS.items())
def test_formats_of_other_programs_keep_numbers_and_words(config, tmp_path, driver, suffix):
    written_by = "LIBKML" if driver == "KMZ" else driver
    config.labels = str(write_labels(tmp_path / f"numbers{suffix}", [1, 5], driver=written_by))
    prepare(config)
    assert class_counts(config) == {1: 20, 5: 20}
    config.labels = str(write_labels(tmp_path / f"words{suffix}", ["thin", "thick"], driver=written_by))
    config.classes = {"thin": 1, "thick": 2}
    config.output += "2"
    prepare(config)
    assert class_counts(config) == {1: 20, 2: 20}


def placemark(facts: str, polygon: shapely.Polygon) -> str:
    corners = " ".join(f"{x:.6f},{y:.6f}" for x, y in polygon.exterior.coords)
    ring = f"<LinearRing><coordinates>{corners}</coordinates></LinearRing>"
    return f"<Placemark>{facts}<Polygon><outerBoundaryIs>{ring}</outerBoundaryIs></Polygon></Placemark>"


def write_kml(path: Path, content: str) -> Path:
    path.write_text(
        dedent(f"""\
        <?xml version="1.0" encoding="UTF-8"?>
        <kml xmlns="http://www.opengis.net/kml/2.2"><Document>{content}</Document></kml>
        """)
    )
    return path


def data_of(kind: str) -> str:
    return f'<ExtendedData><Data name="kind"><value>{kind}</value></Data></ExtendedData>'


def test_kml_without_a_schema_keeps_its_classes(config, tmp_path):
    content = placemark(data_of("1"), BOXES[0]) + placemark(data_of("5"), BOXES[1])
    config.labels = str(write_kml(tmp_path / "a.kml", content))
    prepare(config)
    assert class_counts(config) == {1: 20, 5: 20}


def test_kml_that_was_drawn_by_hand_has_its_classes_in_the_names_of_its_placemarks(config, tmp_path):
    content = placemark("<name>thin</name>", BOXES[0]) + placemark("<name>thick</name>", BOXES[1])
    config.labels = str(write_kml(tmp_path / "a.kml", content))
    config.class_attribute = "Name"
    config.classes = {"thin": 1, "thick": 2}
    prepare(config)
    assert class_counts(config) == {1: 20, 2: 20}


def test_kml_of_several_folders_is_refused_with_the_way_to_keep_them(config, tmp_path):
    folders = zip(("thin", "thick"), BOXES, strict=False)
    content = "".join(f"<Folder><name>{name}</name>{placemark('', polygon)}</Folder>" for name, polygon in folders)
    config.labels = str(write_kml(tmp_path / "a.kml", content))
    with pytest.raises(UserError, match="has several layers: thin, thick") as error:
        prepare(config)
    assert "class_attribute=layer" in str(error.value)
