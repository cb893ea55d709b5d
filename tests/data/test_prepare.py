"""Scenes and polygons to chips and masks: the truth's own polygons give back the truth's pixels."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import pytest
import rasterio
import rasterio.features
import shapely
from affine import Affine
from rasterio.control import GroundControlPoint

from helpers.command_line import seep
from helpers.rasters import write_raster
from seep_lightning.config.commands import PrepareConfig
from seep_lightning.config.data import DataConfig, GridConfig
from seep_lightning.data.loading import load_chips
from seep_lightning.data.preparation import prepare
from seep_lightning.errors import UserError
from seep_lightning.prepare import settings_of_chips
from seep_lightning.scene.ground import Ground
from seep_lightning.scene.mosaic import mosaic
from seep_lightning.scene.raster import Raster

PLACE = {"crs": "EPSG:32640", "transform": Affine(10, 0, 400_000, 0, -10, 2_750_000)}
HEIGHT, WIDTH = 120, 150
SIZE = 32  # 4 x 5 chips, the last row and column stick out


def truth() -> np.ndarray:
    """Classes 1, 5 and 7 as odd shapes, one of them over a chip's edge, one in the last column."""
    classes = np.zeros((HEIGHT, WIDTH), np.uint8)
    classes[10:14, 5:60] = 1
    classes[50:52, 70:75] = 5
    classes[51:58, 72:74] = 5
    classes[90:120, 145:] = 7
    return classes


def image(dtype: str = "uint16") -> np.ndarray:
    values = np.random.default_rng(0).integers(2, 200, (HEIGHT, WIDTH)).astype(dtype)
    values[:20, :8] = 0  # nodata, over a seep as well
    return values


def write_scene(path: Path, *bands: np.ndarray, nodata: float | None = 0, **place: Any) -> Path:
    shape = {"height": bands[0].shape[0], "width": bands[0].shape[1], "count": len(bands), "dtype": bands[0].dtype}
    with rasterio.open(path, "w", driver="GTiff", nodata=nodata, **shape, **(place or PLACE)) as out:
        out.write(np.stack(bands))
        out.descriptions = ["VV", "VH"][: len(bands)]
    return path


def write_labels(path: Path, classes: np.ndarray, crs: str | None = "EPSG:32640", **more: Any) -> Path:
    found = list(rasterio.features.shapes(classes, classes > 0, connectivity=4, transform=PLACE["transform"]))
    shapes = shapely.to_wkb(np.array([shapely.geometry.shape(s) for s, _ in found]))
    columns = {"class": np.array([int(v) for _, v in found], np.int32)}
    columns |= {name: np.array([value] * len(found), dtype=object) for name, value in more.items()}
    pyogrio.raw.write(path, shapes, list(columns.values()), list(columns), crs=crs, geometry_type="Polygon")
    return path


@pytest.fixture
def given(tmp_path: Path) -> PrepareConfig:
    scene, labels = write_scene(tmp_path / "A.1.tif", image()), write_labels(tmp_path / "seeps.gpkg", truth())
    return PrepareConfig(str(scene), str(labels), str(tmp_path / "out"), class_attribute="class", size=SIZE)


def laid_back(config: PrepareConfig, folder: str) -> np.ndarray:
    """The scene from its chips; what no chip covers is -1."""
    step, columns = config.size - config.overlap, -(-(WIDTH - config.overlap) // (config.size - config.overlap))
    canvas = np.full((HEIGHT + 2 * SIZE, WIDTH + 2 * SIZE), -1)
    for path in sorted((Path(config.output) / folder).iterdir()):
        with rasterio.open(path) as chip:
            row, column = divmod(int(path.name.split(".")[1]), columns)
            canvas[row * step :, column * step :][: config.size, : config.size] = chip.read(1)
            assert chip.transform.c == 400_000 + 10 * step * column and chip.crs == PLACE["crs"]
    return canvas


@pytest.mark.parametrize("overlap", [0, 8])
def test_the_truths_polygons_give_back_the_truths_pixels(given, overlap):
    given.overlap, given.empty_share = overlap, 1.0
    facts = prepare(given)
    pixels, classes = (laid_back(given, folder) for folder in ("images", "masks"))
    assert (pixels[:HEIGHT, :WIDTH] == image()).all()
    assert (classes[:HEIGHT, :WIDTH] == truth() * (image() > 0)).all()
    assert pixels[HEIGHT:].max() <= 0 and pixels[:, WIDTH:].max() <= 0
    assert facts["columns"] == ({} if overlap else {"A_1": 5})
    chips = load_chips(DataConfig(root=given.output, classes=7))
    assert len(chips) == facts["chips"] and set(chips.scenes) == {"A_1"}
    assert chips.cells()[-1] == (None if overlap else divmod(chips.tiles[-1], 5))
    of_others = load_chips(DataConfig(root=given.output, classes=7, grid={"A": GridConfig(3)}))
    assert of_others.cells()[-1] == chips.cells()[-1]


def test_every_chip_with_seep_and_a_seeded_share_of_the_others_are_kept(given, tmp_path):
    names = {}
    for share in (0.0, 0.5, 1.0, 0.5):
        given.empty_share, given.output = share, str(tmp_path / f"{share}{len(names)}")
        facts = prepare(given)
        names.setdefault(share, []).append(sorted(p.name for p in Path(given.output, "masks").iterdir()))
        assert facts["with_seep"] == len(names[0.0][0]) == 5
    assert names[0.5][0] == names[0.5][1]
    assert set(names[0.0][0]) < set(names[0.5][0]) < set(names[1.0][0])


@pytest.mark.parametrize("suffix", [".gpkg", ".shp", ".fgb"])
def test_doubtful_polygons_become_nodata_and_not_sea(given, tmp_path, suffix):
    given.labels = str(write_labels(tmp_path / f"drawn{suffix}", truth()))
    given.ignore, given.empty_share, given.class_attribute = '"class" = 5', 1.0, "class"
    prepare(given)
    pixels, classes = (laid_back(given, f)[:HEIGHT, :WIDTH] for f in ("images", "masks"))
    assert (pixels[truth() == 5] == 0).all() and (pixels == 0).sum() == (image() == 0).sum() + (truth() == 5).sum()
    assert set(np.unique(classes)) == {0, 1, 7}


def test_a_polygon_counts_in_its_own_scene_only_where_that_is_named(given, tmp_path):
    write_scene(tmp_path / "B.tif", image())
    write_labels(tmp_path / "seeps.gpkg", truth(), scene="B")
    given.scenes, given.scene_attribute = str(tmp_path / "*.tif"), "scene"
    prepare(given)
    chips = load_chips(DataConfig(root=given.output, classes=7))
    assert {s for k, s in enumerate(chips.scenes) if chips.read(k)[1].any()} == {"B"}


@pytest.mark.parametrize("scene", ["A.1", "A_1"])  # of the file, and of its chips and map
def test_a_scene_goes_by_both_of_its_names(given, tmp_path, scene):
    write_labels(tmp_path / "named.gpkg", truth(), scene=scene)
    given.labels, given.scene_attribute = str(tmp_path / "named.gpkg"), "scene"
    assert prepare(given)["with_seep"] == 5


def test_crossed_outlines_and_empty_parts_are_repaired(given, tmp_path):
    bow = shapely.Polygon([(20, 40), (60, 80), (60, 40), (20, 80)])  # its lobes cancel out
    parted = shapely.MultiPolygon([shapely.box(100, 20, 120, 30), shapely.Polygon()])
    line = shapely.LineString([(0, 110), (80, 110)])
    drawn = np.array([bow, parted, shapely.GeometryCollection([shapely.box(80, 90, 90, 95), line])])
    drawn = shapely.transform(drawn, lambda at: np.column_stack(PLACE["transform"] @ tuple(at.T)))
    path, ones = tmp_path / "drawn.gpkg", np.ones(3, np.int32)
    pyogrio.raw.write(path, shapely.to_wkb(drawn), [ones], ["class"], crs="EPSG:32640", geometry_type="Unknown")
    given.labels = str(path)
    prepare(given)
    found = laid_back(given, "masks")[:HEIGHT, :WIDTH] > 0
    assert found[40:80, 20:60].sum() == pytest.approx(800, abs=40)
    assert found.sum() - found[40:80, 20:60].sum() == 20 * 10 + 10 * 5


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_scenes_placed_by_control_points_only_are_labelled_through_them(given, tmp_path):
    corners = [(r, c, 400_000 + 10 * c, 2_750_000 - 10 * r) for r in (0, HEIGHT) for c in (0, WIDTH)]
    points = [GroundControlPoint(r, c, x, y) for r, c, x, y in corners]
    write_scene(tmp_path / "A.1.tif", image(), gcps=points, crs=PLACE["crs"])
    given.empty_share = 1.0
    prepare(given)
    chips = load_chips(DataConfig(root=given.output, classes=7))
    assert sum(int((chips.read(k)[1] > 0).sum()) for k in range(len(chips))) == (truth() * image() > 0).sum()
    tiles = dict(zip(chips.image_paths, chips.cells(), strict=True))
    with Raster(chips.image_paths[7]) as chip, mosaic(tiles, "A_1", nodata=0) as scene, Raster(given.scenes) as whole:
        middle, (row, column) = np.array([[5.0, 6.0]]), chips.cells()[7]
        expected = Ground.of(whole).place(middle + np.array([column, row]) * SIZE)
        for ground, at in ((Ground.of(chip), middle), (Ground.of(scene), middle + np.array([column, row]) * SIZE)):
            np.testing.assert_allclose(ground.place(at), expected, atol=0.01)


@pytest.mark.parametrize("scale", ["linear", "db"])
def test_float_bands_are_scaled_as_declared(given, tmp_path, scale):
    db = np.linspace(-40, 10, HEIGHT * WIDTH, dtype=np.float32).reshape(HEIGHT, WIDTH)
    db[0, 0] = np.nan
    values = db if scale == "db" else 10 ** (db / 10)
    write_scene(tmp_path / "A.1.tif", values / 3, values, nodata=None)
    given.scale, given.bands, given.empty_share = scale, ["VH"], 1.0
    prepare(given)
    pixels = laid_back(given, "images")[:HEIGHT, :WIDTH]
    power = 10 ** (db / 10)
    expected = np.rint((power / np.nanmedian(power) / 2).clip(1 / 65535, 1) * 65535)
    expected[0, 0] = 0
    assert np.abs(pixels - expected).max() <= 2e-3 * 65535 and np.abs(pixels - expected)[expected < 99].max() <= 1
    with rasterio.open(next(Path(given.output, "images").iterdir())) as chip:
        assert chip.descriptions == ("VH",) and chip.nodata == 0


def test_the_command_that_checks_chips_reads_all_of_their_bands_and_classes(given, tmp_path):
    scene = write_scene(tmp_path / "A.1.tif", image(), image() + 1)
    with rasterio.open(scene, "r+") as file:
        file.descriptions = ["Sigma0_VH", "Sigma0_VV"]
    facts = prepare(replace(given, bands=["VV", "VH"], output=str(tmp_path / "two")))
    assert "data.bands=[1,2]" in settings_of_chips("two", facts)
    for one in ([2], "grey"):
        assert settings_of_chips("a", {"classes": 1, "bands": one}) == "data.root=a"


def test_bands_are_cut_by_meaning_and_the_choice_of_the_first_is_told(given, tmp_path, caplog):
    scene = write_scene(tmp_path / "A.1.tif", image(), image() + 1)
    with rasterio.open(scene, "r+") as file:
        file.descriptions = ["Sigma0_VH", "Sigma0_VV"]
    facts = prepare(replace(given, output=str(tmp_path / "first")))
    assert facts["bands"] == [1]
    assert "A.1: Band 1 (Sigma0_VH) is taken by its number" in caplog.text
    prepare(replace(given, bands=["VV"], output=str(tmp_path / "vv")))
    chips = load_chips(DataConfig(root=str(tmp_path / "vv"), classes=7))
    assert chips.band_meanings == ["VV"]


def test_a_picture_in_colours_is_cut_as_grey_only_when_told(given, tmp_path):
    grey = image("uint8")
    write_raster(tmp_path / "A.1.tif", np.stack([grey] * 3), photometric="RGB", **PLACE)
    with pytest.raises(UserError, match=r"A\.1\.tif is a picture in colours.*bands=\[grey\]"):
        prepare(given)
    prepare(replace(given, bands="grey", empty_share=1.0, nodata=0))
    np.testing.assert_array_equal(laid_back(given, "images")[:HEIGHT, :WIDTH], grey)


@pytest.mark.parametrize("declared", [True, False])
def test_undeclared_fill_is_pointed_out(given, tmp_path, caplog, declared):
    values = image()
    values[:, :8] = 0
    write_scene(Path(given.scenes), values, nodata=None)
    given.nodata = 0 if declared else None
    prepare(given)
    assert ("pass nodata=0" in caplog.text) is not declared


def scene_path(given: PrepareConfig) -> Path:
    return Path(given.output).parent / "A.1.tif"


def labels_path(given: PrepareConfig) -> Path:
    return Path(given.output).parent / "seeps.gpkg"


# Each spoils the input in one way, and returns what the message must say


def spoil_by_elsewhere(given: PrepareConfig) -> str:
    scene = scene_path(given)
    given.scenes = str(write_scene(scene, image(), crs="EPSG:32640", transform=Affine(10, 0, 0, 0, -10, 0)))
    return "none of its polygons lies in one of the 1 scene(s)"


def spoil_by_no_crs_of_the_labels(given: PrepareConfig) -> str:
    labels = labels_path(given)
    write_labels(labels, truth(), crs=None)
    return f"{labels} has no coordinate system"


def spoil_by_no_crs_of_the_scene(given: PrepareConfig) -> str:
    scene = scene_path(given)
    labels = labels_path(given)
    write_scene(scene, image(), transform=Affine.identity())
    return f"{scene} has no CRS, {labels} has one"


def spoil_by_attribute(given: PrepareConfig) -> str:
    labels = labels_path(given)
    given.class_attribute = "klass"
    return f"{labels} has no attribute klass; those that it has: class."


def spoil_by_class(given: PrepareConfig) -> str:
    labels = labels_path(given)
    write_labels(labels, truth().astype(np.int32) * 40)
    return "is 280; expected 1 to 255"


def spoil_by_float(given: PrepareConfig) -> str:
    scene = scene_path(given)
    write_scene(scene, image("float32"))
    return f"{scene} stores float32: pass scale=linear, or scale=db"


def spoil_by_condition(given: PrepareConfig) -> str:
    labels = labels_path(given)
    given.ignore = "no such thing"
    return f"ignore='no such thing' is no SQL condition on the attributes of {labels} (near"


def spoil_by_output(given: PrepareConfig) -> str:
    Path(given.output).mkdir()
    return f"output={given.output} exists"


def spoil_by_scenes(given: PrepareConfig) -> str:
    home = Path(given.output).parent
    given.scenes = str(home / "*.png")
    return f"scenes={home / '*.png'}: there is no such file"


def spoil_by_no_scenes(given: PrepareConfig) -> str:
    given.scenes = []
    return "scenes=[]: expected a path, or a list of paths such as [A,B]."


def spoil_by_a_number(given: PrepareConfig) -> str:
    given.scenes = [1]
    return "scenes=[1]: expected a path, or a list of paths such as [A,B]."


def spoil_by_db_as_linear(given: PrepareConfig) -> str:
    scene = scene_path(given)
    write_scene(scene, np.full((HEIGHT, WIDTH), -20, np.float32))
    given.scale = "linear"
    return f"{scene}: scale=linear, but 100% of its values are below 0"


def spoil_by_scale_of_integers(given: PrepareConfig) -> str:
    scene = scene_path(given)
    given.scale = "db"
    return f"scale=db is for float32 and int16; {scene} stores uint16"


def spoil_by_no_bands(given: PrepareConfig) -> str:
    given.bands = []
    return "bands=[]: expected a list such as [1] or [VV], grey, or null"


def spoil_by_linear_as_db(given: PrepareConfig) -> str:
    scene = scene_path(given)
    write_scene(scene, np.full((HEIGHT, WIDTH), 40_000, np.float32))
    given.scale = "db"
    return f"{scene}: scale=db, but its values lie at 4e+04 to 4e+04"


def spoil_by_overlap(given: PrepareConfig) -> str:
    given.overlap = SIZE
    return "overlap=32: expected 0 or more, and less than size=32"


MISTAKES = {
    "elsewhere": spoil_by_elsewhere,
    "no crs of the labels": spoil_by_no_crs_of_the_labels,
    "no crs of the scene": spoil_by_no_crs_of_the_scene,
    "attribute": spoil_by_attribute,
    "class": spoil_by_class,
    "float": spoil_by_float,
    "condition": spoil_by_condition,
    "output": spoil_by_output,
    "scenes": spoil_by_scenes,
    "no scenes": spoil_by_no_scenes,
    "a number": spoil_by_a_number,
    "dB as linear": spoil_by_db_as_linear,
    "scale of integers": spoil_by_scale_of_integers,
    "no bands": spoil_by_no_bands,
    "linear as dB": spoil_by_linear_as_db,
    "overlap": spoil_by_overlap,
}


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning", "ignore:'crs' was not provided")
@pytest.mark.parametrize("spoil", MISTAKES.values(), ids=MISTAKES)
def test_what_cannot_be_prepared_is_one_sentence_and_leaves_nothing(given, spoil):
    message = spoil(given)
    before = sorted(Path(given.output).parent.rglob("*"))
    with pytest.raises(UserError) as error:
        prepare(given)
    assert message in str(error.value) and "\n" not in str(error.value)
    assert sorted(Path(given.output).parent.rglob("*")) == before


def test_killed_on_the_way_nothing_stands_under_the_final_name(given, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("seep_lightning.scene.datasets.write_geotiff", full)
    with pytest.raises(OSError, match="No space"):
        prepare(given)
    assert not list(Path(given.output).parent.glob("*out*"))


def test_the_command_says_what_it_made(given, tmp_path):
    arguments = [f"scenes={given.scenes}", f"labels={given.labels}", f"output={given.output}", "size=32"]
    done = seep("prepare", *arguments, cwd=tmp_path)
    assert "5 of them with seep" in done.stdout, done.stderr
    assert json.loads(Path(given.output, "dataset.json").read_text())["with_seep"] == 5
    again = seep("prepare", *arguments, cwd=tmp_path)
    assert again.returncode == 2 and again.stderr.count("\n") == 1


def test_a_scene_with_brackets_in_its_name_is_found(given, tmp_path):
    given.scenes = str(Path(given.scenes).rename(tmp_path / "a[1].tif"))
    assert prepare(given)["with_seep"] == 5
