"""Masks as labels of `prepare`: paired with scenes by name, laid on their grid, with values that mean something."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from numpy.typing import NDArray
from rasterio.control import GroundControlPoint

from helpers.command_line import seep
from helpers.rasters import pixels, write_raster
from seep_lightning.config.commands import PrepareConfig
from seep_lightning.config.data import DataConfig
from seep_lightning.config.rules import check_config
from seep_lightning.data.label_sources import label_lines
from seep_lightning.data.loading import load_chips
from seep_lightning.data.preparation import prepare
from seep_lightning.errors import UserError

SIDE = 64
CRS = "EPSG:32640"
PLACE = {"crs": CRS, "transform": Affine(10, 0, 400_000, 0, -10, 2_750_000)}

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def truth() -> NDArray[np.uint8]:
    """Two slicks, of class 1."""
    classes = np.zeros((SIDE, SIDE), np.uint8)
    classes[10:14, 5:50] = 1
    classes[40:60, 30:33] = 1
    return classes


def sea() -> NDArray[np.uint16]:
    return np.random.default_rng(0).integers(2, 200, (SIDE, SIDE)).astype(np.uint16)


@pytest.fixture
def config(tmp_path: Path) -> PrepareConfig:
    """A scene, whose mask the test writes."""
    scene = write_raster(tmp_path / "A.tif", sea(), **PLACE)
    return PrepareConfig(str(scene), str(tmp_path / "drawn.tif"), str(tmp_path / "out"), size=SIDE, empty_share=1.0)


def cut(config: PrepareConfig, folder: str = "masks", scene: str = "A") -> NDArray[Any]:
    """The one chip of a scene."""
    (chip,) = pixels(Path(config.output, folder, f"{scene}.000000.tif"))
    return chip


@pytest.mark.parametrize("place", [PLACE, {}], ids=["placed", "without a place"])
@pytest.mark.parametrize("white", [1, 255])
def test_a_mask_of_the_same_pixels_is_the_truth_of_the_chips(config, place, white):
    write_raster(Path(config.labels), truth() * white, **place)
    facts = prepare(config)
    assert (cut(config) == truth()).all() and (cut(config, "images") == sea()).all()
    assert facts["masks"]["used"] == 1 and facts["masks"]["pixels"] == {0: 3856, 1: 240}
    assert label_lines(facts) == ["1 mask(s) used: 240 px of class 1, 0 px ignored"]
    chips = load_chips(DataConfig(root=config.output))
    assert (chips.read(0)[1] == truth()).all()


def test_a_larger_finer_mask_of_another_projection_is_taken_by_its_nearest_pixels(config):
    # the truth in degrees, drawn at a third of the pixel's size with a border of sea
    import rasterio.warp

    fine = np.kron(np.pad(truth(), 20), np.ones((3, 3), np.uint8))
    corner = PLACE["transform"] @ Affine.translation(-20, -20) @ Affine.scale(1 / 3)
    bounds = rasterio.transform.array_bounds(*fine.shape, corner)
    to_degrees = (CRS, "EPSG:4326", fine.shape[1], fine.shape[0], *bounds)
    transform, width, height = rasterio.warp.calculate_default_transform(*to_degrees)
    degrees = np.zeros((height, width), np.uint8)
    places = {"src_transform": corner, "src_crs": CRS, "dst_transform": transform, "dst_crs": "EPSG:4326"}
    rasterio.warp.reproject(fine, degrees, **places)
    write_raster(Path(config.labels), degrees, crs="EPSG:4326", transform=transform)
    facts = prepare(config)
    assert facts["masks"]["on_another_grid"] == 1
    assert (cut(config) != truth()).mean() < 0.002


def test_a_mask_shifted_by_whole_pixels_lies_where_its_georeference_says(config):
    moved = PLACE["transform"] @ Affine.translation(8, 0)
    write_raster(Path(config.labels), truth(), crs=CRS, transform=moved)
    prepare(config)
    assert (cut(config)[:, 8:] == truth()[:, :-8]).all()
    # nobody looked where the mask does not reach
    assert (cut(config, "images")[:, :8] == 0).all() and (cut(config, "images")[:, 8:] == sea()[:, 8:]).all()


def test_a_scene_placed_by_control_points_takes_a_mask_of_a_map_s_grid(config, tmp_path):
    corners = [(row, column) for row in (0, SIDE) for column in (0, SIDE)]
    points = [GroundControlPoint(row, column, 400_000 + 10 * column, 2_750_000 - 10 * row) for row, column in corners]
    write_raster(tmp_path / "A.tif", sea(), gcps=(points, CRS))
    larger = PLACE["transform"] @ Affine.translation(-5, -5)
    write_raster(Path(config.labels), np.pad(truth(), 5), crs=CRS, transform=larger)
    prepare(config)
    assert (cut(config) == truth()).all()


def test_values_mean_what_mask_values_says(config):
    values = truth() * 7
    values[0] = 9
    write_raster(Path(config.labels), values, **PLACE)
    config.mask_values = {7: 2, 9: "ignore"}
    facts = prepare(config)
    assert (cut(config) == 2 * truth()).all() and (cut(config, "images")[0] == 0).all()
    assert facts["classes"] == 2 and facts["masks"]["ignored"] == SIDE


def test_colours_mean_what_mask_values_says_on_the_command_line(config, tmp_path):
    red = np.stack([truth() * 255, truth() * 0, truth() * 0])
    mask = write_raster(tmp_path / "drawn.png", red, driver="PNG")
    typed = [f"scenes={config.scenes}", f"labels={mask}", f"output={config.output}", f"size={SIDE}", "empty_share=1"]
    done = seep("prepare", *typed, 'mask_values={"255,0,0": 1}', cwd=tmp_path)
    assert "1 mask(s) used: 240 px of class 1" in done.stdout, done.stderr
    assert (cut(config) == truth()).all()


def test_what_a_mask_declares_as_nodata_is_ignored_unless_it_is_0(config):
    values = truth()
    values[:4] = 255
    write_raster(Path(config.labels), values, nodata=255, **PLACE)
    prepare(config)
    assert (cut(config) == truth()).all() and (cut(config, "images")[:4] == 0).all()
    write_raster(Path(config.labels), truth(), nodata=0, **PLACE)
    config.output += "2"
    prepare(config)
    assert (cut(config, "images") == sea()).all()


def write_pairs(folder: Path, names: Sequence[str], ending: str, masks: str = "masks") -> None:
    """Scenes beside each other in `scenes`, and masks of them: that of number k has k + 1 more rows of seep."""
    (folder / "scenes").mkdir(exist_ok=True)
    (folder / masks).mkdir(exist_ok=True)
    for number, name in enumerate(names):
        place = {"crs": CRS, "transform": PLACE["transform"] @ Affine.translation(number * SIDE, 0)}
        write_raster(folder / "scenes" / f"{name}.tif", sea(), **place)
        classes = truth()
        classes[60 : 61 + number] = 1
        write_raster(folder / masks / f"{name}{ending}.tif", classes, **place)


NAMES = ("S1A_20180113T054412", "S1A_20180125T054412", "S1B.x")


@pytest.mark.parametrize("masks", ["masks", "scenes"])
@pytest.mark.parametrize("ending", ["_mask", "-labels"])
def test_a_folder_or_a_pattern_of_masks_is_paired_by_the_scenes_names(config, tmp_path, masks, ending):
    write_pairs(tmp_path, NAMES, ending, masks)
    config.scenes = str(tmp_path / "scenes")
    config.labels = str(tmp_path / masks / f"*{ending}.tif")
    facts = prepare(config)
    assert facts["masks"]["used"] == facts["chips"] == 3
    for number, name in enumerate(NAMES):
        assert cut(config, scene=name.replace(".", "_"))[60:].sum() == SIDE * (number + 1)


def test_masks_of_the_same_names_in_a_folder_of_their_own(config, tmp_path):
    write_pairs(tmp_path, NAMES, "")
    config.scenes = str(tmp_path / "scenes")
    config.labels = str(tmp_path / "masks")
    assert prepare(config)["masks"]["used"] == 3


def test_maps_of_predict_that_were_corrected_are_masks(config, tmp_path):
    write_pairs(tmp_path, NAMES, ".mask")
    config.scenes = str(tmp_path / "scenes")
    config.labels = str(tmp_path / "masks" / "*.mask.tif")
    assert prepare(config)["masks"]["used"] == 3


def test_a_scene_without_a_mask_is_no_sea_but_refused_or_left_out(config, tmp_path):
    write_pairs(tmp_path, NAMES, "_mask")
    config.scenes = str(tmp_path / "scenes")
    config.labels = str(tmp_path / "masks")
    (tmp_path / "masks" / f"{NAMES[0]}_mask.tif").rename(tmp_path / "masks" / "other_mask.tif")
    with pytest.raises(
        UserError, match=r"1 mask\(s\) are called like no scene \(other_mask.tif\); 1 scene\(s\) have no"
    ):
        prepare(config)
    config.unplaced = "skip"
    facts = prepare(config)
    assert facts["chips"] == 2 and facts["masks"]["scenes_without"] == [NAMES[0]]
    assert "scenes left out, without a mask" in label_lines(facts)[-1]


def test_one_mask_may_be_of_several_scenes_where_its_place_says_so(config, tmp_path):
    write_pairs(tmp_path, NAMES, "_mask")
    wide = np.concatenate([truth(), truth()], axis=1)
    write_raster(Path(config.labels), wide, **PLACE)
    config.scenes = str(tmp_path / "scenes")
    with pytest.raises(UserError, match=r"1 scene\(s\) have no mask \(S1B.x\)"):
        prepare(config)
    config.unplaced = "skip"
    prepare(config)
    assert (cut(config, scene=NAMES[1]) == truth()).all()


def far_away(config: PrepareConfig) -> str:
    write_raster(Path(config.labels), truth(), crs=CRS, transform=Affine(10, 0, 0, 0, -10, 0))
    return "does not overlap"


def another_size_without_a_place(config: PrepareConfig) -> str:
    write_raster(Path(config.labels), truth()[:40])
    return "drawn.tif is 64 x 40 px, .*A.tif is 64 x 64 px, and .*drawn.tif has no georeference"


def unknown_values(config: PrepareConfig) -> str:
    write_raster(Path(config.labels), truth() * 7, **PLACE)
    return r"holds the value 7, but nothing says what it means. Met are 0 \(3,856 px\), 7 \(240 px\).*'mask_values="


def values_not_listed(config: PrepareConfig) -> str:
    write_raster(Path(config.labels), truth() * 7, **PLACE)
    config.mask_values = {1: 1}
    return "holds the value 7, but mask_values does not list it"


def probabilities(config: PrepareConfig) -> str:
    write_raster(Path(config.labels), truth() * np.float32(0.3), **PLACE)
    return "Expected whole numbers"


def no_seep(config: PrepareConfig) -> str:
    write_raster(Path(config.labels), truth() * 0, **PLACE)
    return "no mask shows seep"


def keys_of_polygons(config: PrepareConfig) -> str:
    write_raster(Path(config.labels), truth(), **PLACE)
    config.class_attribute = "class"
    return "class_attribute is a key for polygons"


def the_scene_itself(config: PrepareConfig) -> str:
    config.labels = config.scenes
    return "scenes and labels both name A.tif"


MISTAKES = (
    far_away,
    another_size_without_a_place,
    unknown_values,
    values_not_listed,
    probabilities,
    no_seep,
    keys_of_polygons,
    the_scene_itself,
)


@pytest.mark.parametrize("spoil", MISTAKES)
def test_a_mask_that_cannot_be_used_is_one_sentence_and_leaves_nothing(config, spoil):
    message = spoil(config)
    with pytest.raises(UserError, match=message) as error:
        prepare(config)
    assert "\n" not in str(error.value)
    assert not Path(config.output).exists()


def test_values_that_mean_no_seep_are_refused(config):
    config.mask_values = {1: "ignore"}
    with pytest.raises(
        UserError, match=r"mask_values={1: 'ignore'}: no value means seep. Map one to a class, 1 to 254"
    ):
        check_config(config)
