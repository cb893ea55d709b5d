"""Sentinel-1 products as they are downloaded: mapped, cut into chips, and told about in a line where that cannot be."""

import shutil
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pyogrio
import pytest
import shapely

from helpers import safe_products as made
from helpers.rasters import pixels
from helpers.safe_products import NAME, GeneratedProduct, RealGrid, archived, cut_real_product
from helpers.stand_ins import DarkSpots
from seep_lightning.config.commands import PredictConfig, PrepareConfig
from seep_lightning.data.preparation import prepare
from seep_lightning.errors import UserError
from seep_lightning.mapping.jobs import SceneJob, strips_of
from seep_lightning.mapping.mapper import SceneMapper
from seep_lightning.mapping.scenes import predict
from seep_lightning.scene.inputs.kinds import scenes_in

OTHER = NAME.replace("20210401T0526", "20210413T0526").replace("ECC8", "0B1F")
METRES_A_DEGREE = 111_195


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return GeneratedProduct().write(tmp_path_factory.mktemp("products"))


def mapped(path: Path, maps: Path, **settings: object) -> list[str]:
    """The names of the scenes that were mapped."""
    rows = predict(PredictConfig(input=str(path), output=str(maps), device="cpu", **settings))  # type: ignore[arg-type]
    return [row.name for row in rows]


def features(path: Path) -> tuple[list[shapely.Geometry], dict[str, list[object]]]:
    """Outlines and columns of a layer."""
    table = pyogrio.raw.read(path)
    columns = {name: column.tolist() for name, column in zip(table[0]["fields"], table[3], strict=True)}
    return shapely.from_wkb(table[2]).tolist(), columns


def assert_slicks_are_where_they_were_planted(mask: np.ndarray, layer: Path) -> None:
    """Each planted slick is one object, whose middle is that of the slick to within one pixel."""
    count, labels = made.components(mask == 1)
    assert count == len(made.SLICKS)
    for row, column in made.SLICKS:
        label = labels[row, column]
        assert label > 0
        rows, columns = np.nonzero(labels == label)
        assert np.hypot(rows.mean() - row, columns.mean() - column) <= 1
    assert len(features(layer)[0]) == len(made.SLICKS)


def test_folder_manifest_archive_and_a_folder_of_two_give_equal_maps(
    trained: Path, product: Path, tmp_path: Path
) -> None:
    GeneratedProduct(name=OTHER).write(product.parent)
    archive = archived(product, tmp_path / "downloads")
    for name, path in {
        "folder": product,
        "manifest": product / "manifest.safe",
        "archive": archive,
        "two": product.parent,
    }.items():
        names = mapped(path, tmp_path / name, run=str(trained), polygons=False)
        assert names == ([NAME, OTHER] if name == "two" else [NAME])
    expected = pixels(tmp_path / "folder" / f"{NAME}.probability.tif")
    assert (expected[0] > 0).mean() > 0.9
    for name, scene in (("manifest", NAME), ("archive", NAME), ("two", NAME), ("two", OTHER)):
        assert (pixels(tmp_path / name / f"{scene}.probability.tif") == expected).all()


def test_the_network_of_the_package_finds_planted_slicks_in_decibels(product: Path, tmp_path: Path) -> None:
    assert mapped(product, tmp_path) == [NAME]
    layer = tmp_path / f"{NAME}.gpkg"
    assert_slicks_are_where_they_were_planted(pixels(tmp_path / f"{NAME}.mask.tif")[0], layer)
    columns = features(layer)[1]
    assert set(columns["mission"]) == {"Sentinel-1A"}
    assert set(columns["orbit_direction"]) == {"descending"}
    assert set(columns["polarisation"]) == {"VV"}
    assert set(columns["time"]) == {"2021-04-01T05:26:23Z"}
    assert set(columns["scene"]) == {NAME}
    # 7 dB by the backscatter, of which noise and the slick's rim take some
    assert all(-7 < float(value) < -3 for value in columns["contrast_db"])  # type: ignore[arg-type]


def test_a_damaged_product_does_not_stop_the_others(trained: Path, product: Path, tmp_path: Path) -> None:
    archive = archived(product, tmp_path / "in")
    cut_off = archive.with_name(f"{OTHER}.zip")
    cut_off.write_bytes(archive.read_bytes()[:9000])
    with pytest.raises(UserError, match=rf"1 of 2 scenes could not be mapped .*{OTHER}.zip is cut off or damaged"):
        mapped(archive.parent, tmp_path / "maps", run=str(trained), polygons=False)
    assert (tmp_path / "maps" / f"{NAME}.probability.tif").exists()


def test_what_contradicts_a_product_is_told(trained: Path, product: Path, tmp_path: Path) -> None:
    for setting, told in (("scale", "db"), ("calibration", "db")):
        with pytest.raises(UserError, match=rf"{setting}={told}: the values of {NAME} are"):
            mapped(product, tmp_path, run=str(trained), **{setting: told})
    with pytest.raises(UserError, match=r"factor=2.* are known. Leave factor= out"):
        mapped(product, tmp_path, run=str(trained), factor=2.0)
    with pytest.raises(UserError, match=r"nodata=5: .* itself tells where it has no data. Leave nodata= out"):
        mapped(product, tmp_path, run=str(trained), nodata=5)


def test_strips_need_no_other_band_than_the_one_that_is_asked_for(product: Path, tmp_path: Path) -> None:
    without_vv = shutil.copytree(product, tmp_path / product.name)
    next(without_vv.glob("measurement/*-vv-*")).unlink()
    (scene,) = scenes_in(without_vv)
    strips = strips_of(SceneJob(NAME, {scene: (0, 0)}), made.HEIGHT * made.WIDTH // 2, ["VH"])
    assert strips == [(0, made.HEIGHT // 2), (made.HEIGHT // 2, made.HEIGHT)]


def test_a_network_of_power_takes_a_product_as_power(product: Path, tmp_path: Path) -> None:
    network = DarkSpots(values={"low": [0.0], "high": [2.5 * made.SEA], "scale": None})
    (scene,) = scenes_in(product)
    config = PredictConfig(run="", input="", output=str(tmp_path), polygons=False, flips=False, overlap=0)
    job = SceneJob(NAME, {scene: (0, 0)})
    # the amplitude lies where the training saw nothing
    with pytest.raises(UserError, match=r"its values lie at .* but the network was trained on"):
        SceneMapper([network], config).map(job)
    row = SceneMapper([network], replace(config, calibration="power")).map(job)
    assert row is not None and "It is read as power, for networks that were trained on it" in row.notes
    seep = pixels(tmp_path / f"{NAME}.mask.tif")[0] == 1
    # the stand-in sees pixels by themselves, and speckle with them
    assert seep[made.slick_mask()].mean() > 0.8
    assert seep[~made.slick_mask()].mean() < 0.1


def test_a_product_and_outlines_become_chips(product: Path, tmp_path: Path) -> None:
    # where the annotation of the generated product puts the middle of the first slick
    row, column = made.SLICKS[0]
    outline = shapely.Point(*made.degrees_of(row, column)).buffer(5e-4)
    labels = tmp_path / "labels.geojson"
    pyogrio.raw.write(
        labels, shapely.to_wkb(np.array([outline])), [], [], geometry_type="Polygon", crs="EPSG:4326", driver="GeoJSON"
    )
    config = PrepareConfig(
        scenes=str(product), labels=str(labels), output=str(tmp_path / "set"), size=128, empty_share=1.0
    )
    facts = prepare(config)
    assert facts["with_seep"] == 1 and facts["remove_noise"] is False
    chip = tmp_path / "set" / "images" / f"{NAME}.000000.tif"
    image = pixels(chip)[0]
    assert image.dtype == np.uint16
    assert (image[:, : made.BORDER] == 0).all() and (image[:, made.BORDER :] > 0).all()
    mask = pixels(tmp_path / "set" / "masks" / chip.name)[0]
    rows, columns = np.nonzero(mask)
    assert np.hypot(rows.mean() + 0.5 - row, columns.mean() + 0.5 - column) < 1


def test_an_empty_folder_named_like_a_product_is_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.SAFE").mkdir()
    with pytest.raises(UserError, match=r"is not complete: it has no manifest.safe. Download the product again"):
        mapped(tmp_path / f"{NAME}.SAFE", tmp_path / "maps")


@pytest.mark.real
def test_with_the_annotation_of_a_real_product_slicks_lie_where_they_were_planted(
    sentinel1_annotation: Path, tmp_path: Path
) -> None:
    top, left = 9000, 12000
    real_product = sentinel1_annotation.parents[1]
    grid = RealGrid.of(ElementTree.parse(sentinel1_annotation).getroot())
    product = cut_real_product(real_product, tmp_path, made.sea_numbers(), top, left)
    (name,) = mapped(product, tmp_path / "maps")
    assert f"{name}.SAFE" == real_product.name
    layer = tmp_path / "maps" / f"{name}.gpkg"
    assert_slicks_are_where_they_were_planted(pixels(tmp_path / "maps" / f"{name}.mask.tif")[0], layer)
    outlines, columns = features(layer)
    assert set(columns["mission"]) == {"Sentinel-1B"}
    assert set(columns["orbit_direction"]) == {"descending"}
    for outline, (row, column) in zip(outlines, made.SLICKS, strict=True):
        longitude, latitude = grid.at(row + 0.5 + top, column + 0.5 + left)
        east = (outline.centroid.x - longitude) * np.cos(np.radians(latitude)) * METRES_A_DEGREE
        north = (outline.centroid.y - latitude) * METRES_A_DEGREE
        # a pixel is 10 m
        assert np.hypot(east, north) <= 10
