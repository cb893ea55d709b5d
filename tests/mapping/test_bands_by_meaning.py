"""A scene's bands reach the network that was trained on them, or the map is refused, or the choice is told."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from helpers.chips import TINY, make_chips
from helpers.maps import band, mapped, table, variant
from helpers.rasters import UTM, pixels, write_raster
from seep_lightning.commands.composition import compose
from seep_lightning.errors import UserError
from seep_lightning.predictor.loading import load
from seep_lightning.training.session import train

VV_FIRST, VH_FIRST = ("VV", "VH"), ("VH", "VV")


@pytest.fixture
def run_on_vv(trained: Path, tmp_path: Path) -> Path:
    return variant(trained, tmp_path / "run", **{"band meanings": ["VV"]})


def two_bands(path: Path, image: NDArray[Any], names: tuple[str, ...], order: tuple[str, str] = VV_FIRST) -> Path:
    """A scene whose VV is the image, and whose VH is something else."""
    values = {"VV": image, "VH": image[::-1]}
    return write_raster(path, np.stack([values[name] for name in order]), names=names, photometric="MINISBLACK", **UTM)


def probability_of(run: Path, scene: Path, output: Path, **options: Any) -> NDArray[np.uint8]:
    return band(mapped(run, scene, output, polygons=False, **options) / f"{scene.stem}.probability.tif")


@pytest.mark.parametrize("order", [VV_FIRST, VH_FIRST])
@pytest.mark.parametrize("naming", ["{}", "Sigma0_{}", "Amplitude_{}_db"])
def test_a_network_trained_on_vv_maps_vv_wherever_it_stands(
    run_on_vv: Path, image: NDArray[Any], scene: Path, tmp_path: Path, order: tuple[str, str], naming: str
) -> None:
    names = tuple(naming.format(name) for name in order)
    both = two_bands(tmp_path / "both.tif", image, names, order)
    expected = probability_of(run_on_vv, scene, tmp_path / "one")
    np.testing.assert_array_equal(probability_of(run_on_vv, both, tmp_path / "two"), expected)


def test_a_network_trained_on_vv_refuses_a_scene_without_it(
    run_on_vv: Path, image: NDArray[Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scene = write_raster(tmp_path / "vh.tif", image, names=("Sigma0_VH",), **UTM)
    with pytest.raises(UserError, match=r"vh\.tif has 1 band\(s\) named Sigma0_VH; the network was trained on VV"):
        mapped(run_on_vv, scene, tmp_path / "out")
    with caplog.at_level(logging.WARNING):
        mapped(run_on_vv, scene, tmp_path / "out", bands=[1], polygons=False, overwrite=True)
    assert "Band 1 is VH, but the network was trained on VV." in caplog.text


def test_what_was_taken_is_told_where_the_scene_or_the_training_named_no_band(
    run_on_vv: Path, trained: Path, image: NDArray[Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    unnamed = two_bands(tmp_path / "unnamed.tif", image, ())
    named = two_bands(tmp_path / "named.tif", image, VH_FIRST, VH_FIRST)
    with caplog.at_level(logging.WARNING):
        mapped(run_on_vv, unnamed, tmp_path / "a", polygons=False)
        mapped(trained, named, tmp_path / "b", polygons=False)
    assert "unnamed: Band 1 is taken as VV, on which the network was trained" in caplog.text
    assert "named: Band 1 (VH) is taken by its number; slicks mostly show better in band 2 (VV)" in caplog.text
    assert table(tmp_path / "b")["named"]["notes"].startswith("Band 1 (VH) is taken by its number;")


def test_colours_are_refused_by_a_network_of_one_band_and_read_as_grey_when_told(
    trained: Path, image: NDArray[Any], tmp_path: Path
) -> None:
    grey = (image // 256).astype(np.uint8)
    colours = write_raster(tmp_path / "colours.tif", np.stack([grey] * 3), photometric="RGB", **UTM)
    with pytest.raises(UserError, match=r"colours\.tif is a picture in colours.*bands=\[grey\]"):
        mapped(trained, colours, tmp_path / "out")
    one = write_raster(tmp_path / "one.tif", grey, **UTM)
    expected = probability_of(trained, one, tmp_path / "a")
    for choice in ("grey", ["grey"], [1]):
        result = probability_of(trained, colours, tmp_path / "b", bands=choice, overwrite=True)
        np.testing.assert_array_equal(result, expected)


def test_networks_of_different_polarisations_do_not_map_together(
    run_on_vv: Path, trained: Path, scene: Path, tmp_path: Path
) -> None:
    on_vh = variant(trained, tmp_path / "vh", **{"band meanings": ["VH"]})
    with pytest.raises(UserError, match="trained with bands=VH, the first run with VV"):
        mapped([run_on_vv, on_vh], scene, tmp_path / "out")
    mapped([trained, run_on_vv], scene, tmp_path / "out", polygons=False)


def test_a_training_keeps_what_its_band_is(tmp_path: Path) -> None:
    root = make_chips(tmp_path / "chips")
    for path in (root / "train_images_256").iterdir():
        write_raster(path, pixels(path), names=("Sigma0_VV",), **UTM)
    overrides = ["data=seeps", f"data.root={root}", *TINY, "trainer.max_epochs=1"]
    facts = load(train(compose("train", overrides), tmp_path / "run").run).facts
    assert facts["band names"] == [1]
    assert facts["band meanings"] == ["VV"]
