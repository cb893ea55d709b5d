"""Bands are found by what they hold, however a file says it and whatever their order is."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
import tifffile
from PIL import Image

from helpers.rasters import UTM, write_raster
from seep_lightning.errors import UserError
from seep_lightning.scene.band_names import BandLabel, TrainedBand, band_numbers, choice_notes, polarisation_in
from seep_lightning.scene.raster import Raster

VV = TrainedBand(1, "VV")
FIRST = TrainedBand(1)


def as_descriptions(*names: str) -> Callable[[Path], Path]:
    return lambda folder: write_raster(folder / "scene.tif", two_bands(), names=names, photometric="MINISBLACK")


def as_band_metadata(key: str, *values: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = write_raster(folder / "scene.tif", two_bands(), photometric="MINISBLACK", **UTM)
        with rasterio.open(path, "r+") as file:
            for number, value in enumerate(values, 1):
                file.update_tags(number, **{key: value})
        return path

    return write


def two_bands() -> np.ndarray:
    """Band 1 holds 1 and band 2 holds 2."""
    return np.stack([np.full((4, 4), value, np.uint16) for value in (1, 2)])


# how a file says VV, VH
NAMINGS = {
    "plain": as_descriptions,
    "lower case": lambda first, second: as_descriptions(first.lower(), second.lower()),
    "SNAP": lambda first, second: as_descriptions(f"Sigma0_{first}", f"Sigma0_{second}"),
    "SNAP in dB": lambda first, second: as_descriptions(f"Intensity_{first}_db", f"Intensity_{second}_db"),
    "amplitude": lambda first, second: as_descriptions(f"Amplitude_{first}", f"Amplitude_{second}"),
    "SAFE": lambda *order: as_descriptions(*(f"s1a-iw-grd-{name.lower()}-20210401t052623" for name in order)),
    "metadata": lambda first, second: as_band_metadata("POLARISATION", first, second),
    "metadata in American": lambda first, second: as_band_metadata("polarization", first.lower(), second.lower()),
}


@pytest.mark.parametrize("naming", NAMINGS)
@pytest.mark.parametrize("order", [("VV", "VH"), ("VH", "VV")])
def test_vv_is_found_in_both_orders_however_it_is_named(tmp_path: Path, naming: str, order: tuple[str, str]) -> None:
    path = NAMINGS[naming](*order)(tmp_path)
    for band in ("VV", "vv", "Gamma0_VV", VV):
        with Raster(path, [band]) as raster:
            assert raster.indexes == [order.index("VV") + 1]
            assert raster.labels[raster.indexes[0] - 1].meaning == "VV"
    with Raster(path, ["VH", "VV"]) as raster:
        assert [order[index - 1] for index in raster.indexes] == ["VH", "VV"]


@pytest.mark.parametrize("is_big", [False, True])
@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_the_private_tag_of_snap_names_the_bands_of_its_exports(tmp_path: Path, byte_order: str, is_big: bool) -> None:
    bands = "".join(
        f"<Spectral_Band_Info><BAND_INDEX>{index}</BAND_INDEX><BAND_NAME>{name}</BAND_NAME>{more}</Spectral_Band_Info>"
        for index, (name, more) in enumerate(
            [("Amplitude_VH", ""), ("Intensity_VV", "<VIRTUAL_BAND>true</VIRTUAL_BAND>"), ("Sigma0_VV", "")]
        )
    )
    header = f"<Dimap_Document><Image_Interpretation>{bands}</Image_Interpretation></Dimap_Document>"
    facts = {"photometric": "minisblack", "planarconfig": "separate", "metadata": None, "description": "S1A_product"}
    tifffile.imwrite(
        tmp_path / "a.tif",
        two_bands(),
        **facts,
        byteorder=byte_order,
        bigtiff=is_big,
        extratags=[(65000, 2, 0, header)],
    )
    with Raster(tmp_path / "a.tif", ["VV"]) as raster:
        assert raster.indexes == [2]
        assert [label.name for label in raster.labels] == ["Amplitude_VH", "Sigma0_VV"]
    tifffile.imwrite(tmp_path / "b.tif", two_bands(), **facts)
    with Raster(tmp_path / "b.tif") as raster:
        assert [label.name for label in raster.labels] == ["", ""]


@pytest.mark.parametrize("name", ["s1a-iw-grd-vv-20210401t052623.tif", "S1A_VV.tif", "scene.VV.tif"])
def test_the_name_of_a_file_of_one_band_tells_its_polarisation(tmp_path: Path, name: str) -> None:
    with Raster(write_raster(tmp_path / name, two_bands()[0]), ["VV"]) as raster:
        assert raster.band_names == ["VV"]
    two = write_raster(tmp_path / f"two_{name}", two_bands(), photometric="MINISBLACK")
    with pytest.raises(UserError, match=r"2 band\(s\); wanted VV"):
        Raster(two, ["VV"])


def test_the_metadata_of_a_file_of_one_band_tell_its_polarisation(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", two_bands()[0], tags={"POLARIZATION": "V/H"})
    with pytest.raises(UserError, match=r"1 band\(s\) named VH; the network was trained on VV"):
        Raster(path, [VV])


@pytest.mark.parametrize(
    ("name", "polarisation"),
    [
        ("Sigma0_VV", "VV"),
        ("Intensity_IW1_HV_db", "HV"),
        ("SENTINEL1_CALIB:SIGMA0:manifest.safe:IW_VH:INTENSITY", "VH"),
        ("hh", "HH"),
        ("VV/VH", ""),
        ("VVVH", ""),
        ("savvy", ""),
        ("VV_mask", ""),
        ("phase_VV", ""),
        ("localIncidenceAngle_VV", ""),
        ("masked_VV_noise_removed", "VV"),
    ],
)
def test_a_name_tells_one_polarisation_or_none(name: str, polarisation: str) -> None:
    assert polarisation_in(name) == polarisation


def test_an_exact_name_wins_and_two_bands_of_one_meaning_are_refused() -> None:
    labels = [BandLabel("Sigma0_VV", "VV"), BandLabel("Gamma0_VV", "VV"), BandLabel("VH", "VH")]
    assert band_numbers("a.tif", labels, ["Gamma0_VV"]) == [2]
    assert band_numbers("a.tif", labels, ["gamma0_vv"]) == [2]
    assert band_numbers("a.tif", labels, [VV]) == [1]
    with pytest.raises(UserError, match=r"several bands for VV: 1 \(Sigma0_VV\), 2 \(Gamma0_VV\)\. Choose with"):
        band_numbers("a.tif", labels, ["VV"])
    with pytest.raises(UserError, match="several bands for VV"):
        band_numbers("a.tif", labels, [TrainedBand(3, "VV")])


def test_a_band_known_by_number_is_taken_where_the_file_does_not_say_that_it_is_another() -> None:
    unnamed = [BandLabel(), BandLabel()]
    assert band_numbers("a.tif", unnamed, [VV]) == [1]
    (note,) = choice_notes(unnamed, [VV], [1])
    assert "as VV, on which the network was trained" in note
    named = [BandLabel("VH", "VH"), BandLabel("VV", "VV")]
    assert band_numbers("a.tif", named, [FIRST]) == [1]
    (note,) = choice_notes(named, [FIRST], [1])
    assert note == (
        "Band 1 (VH) is taken by its number; slicks mostly show better in band 2 (VV), which bands=[VV] takes."
    )
    (note,) = choice_notes(named, [TrainedBand(2)], [2])
    assert note == "Band 2 (VV) is taken by its number; bands=[...] chooses others."
    (note,) = choice_notes(named[:1], [FIRST], [1])
    assert note == "Band 1 (VH) is taken by its number; bands=[...] chooses others."
    (note,) = choice_notes(named, [VV], [2])
    assert note.startswith("Band 2 (VV) is taken, the VV on which the network was trained")
    assert choice_notes(named, ["VV"], [2]) == []
    assert choice_notes(unnamed[:1], [FIRST], [1]) == []
    with pytest.raises(UserError, match=r"2 band\(s\) named VH, HH; the network was trained on VV"):
        band_numbers("a.tif", [BandLabel("VH", "VH"), BandLabel("HH", "HH")], [VV])


@pytest.mark.parametrize("bands", [3, 4])
def test_the_red_band_of_a_picture_is_not_taken_for_the_only_one(tmp_path: Path, bands: int) -> None:
    values = np.stack([np.full((4, 4), 50 * band, np.uint8) for band in range(bands)])
    alpha = {"alpha": "YES"} if bands == 4 else {}
    path = write_raster(tmp_path / "a.tif", values, photometric="RGB", **alpha)
    for band in (FIRST, VV):
        with pytest.raises(UserError, match=r"picture in colours.*bands=\[grey\]"):
            Raster(path, [band])
    for chosen in (
        [1],
        ["grey"],
        [TrainedBand(number, is_only=False) for number in (1, 2, 3)],
        [TrainedBand(1, "red")],
    ):
        Raster(path, chosen).close()


def test_the_indices_of_a_palette_are_not_taken_for_values(tmp_path: Path) -> None:
    picture = Image.fromarray(np.ones((4, 4), np.uint8), mode="P")
    picture.putpalette([0, 0, 0, 200, 200, 200])
    picture.save(tmp_path / "a.png")
    with pytest.raises(UserError, match="picture in colours"):
        Raster(tmp_path / "a.png", [FIRST])
    Raster(tmp_path / "a.png", ["grey"]).close()
