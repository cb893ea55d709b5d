"""Scenes, chips and masks from a stranger: they reach no network, and show no other file of this computer."""

import json
import os
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
import pytest
import rasterio
import rasterio.shutil

from helpers.rasters import UTM, write_raster
from helpers.strangers import Listener, raw_vrt, secret_file, vrt, wms
from seep_lightning import compat
from seep_lightning.config.commands import PrepareConfig
from seep_lightning.data.decoding import decode
from seep_lightning.data.inputs import find_scenes
from seep_lightning.data.mask_files import read_mask_file
from seep_lightning.errors import UserError
from seep_lightning.scene.datasets import open_dataset
from seep_lightning.scene.hdf5_references import check_hdf5
from seep_lightning.scene.inputs.kinds import open_scene
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.references import FOLDERS_VARIABLE
from seep_lightning.scene.scene_file import ReadingOptions

PIXELS = np.full((64, 64), 7, np.uint8)


def refused(path: Path | str, match: str = "is not opened|is no raster") -> None:
    """A scene that is not opened, whichever reader is asked."""
    with pytest.raises(UserError, match=match):
        (scene,) = find_scenes("input", str(path))
        with open_scene(scene, ReadingOptions()) as raster:
            raster.read(0, 4)
    if Path(path).suffix not in (".zip", ".tgz"):
        with pytest.raises(UserError, match=match):
            decode(Path(path))
        with pytest.raises(UserError, match=match):
            read_mask_file(Path(path), PrepareConfig(scenes="", labels="", output=""))


NETWORK_FILES = {
    "a map service": wms("URL"),
    "a virtual raster over a file of the network": vrt("/vsicurl/URL/a.tif"),
    "a virtual raster over an address": vrt("URL/a.tif"),
    "a virtual raster over a compressed file of the network": vrt("/vsizip//vsicurl/URL/a.zip/a.tif"),
    "a virtual raster in a virtual raster": vrt(f"{vrt('/vsicurl/URL/a.tif')}".replace("<", "&lt;")),
    "a virtual raster whose metadata name overviews": vrt(
        "own.tif",
        relative=True,
        more='<Metadata domain="OVERVIEWS"><MDI key="overview_file">/vsicurl/URL/o.tif</MDI></Metadata>',
    ),
    "a virtual raster with a coordinate system at an address": vrt("own.tif", relative=True, more="<SRS>URL/crs</SRS>"),
}


@pytest.mark.parametrize("suffix", [".vrt", ".tif", ".png", ".img"])
@pytest.mark.parametrize("kind", NETWORK_FILES)
def test_a_raster_of_the_network_is_refused_under_any_suffix(
    kind: str, suffix: str, folder: Path, network: Listener
) -> None:
    write_raster(folder / "own.tif", PIXELS)
    path = folder / f"scene{suffix}"
    path.write_text(NETWORK_FILES[kind].replace("URL", network.url))
    refused(path, match="is not opened|is no raster|has no end|cannot read")
    assert not network.requests


@pytest.mark.parametrize("suffix", [".ovr", ".msk", ".OVR"])
@pytest.mark.parametrize("content", ["vrt", "wms", "bitmap"])
def test_what_lies_beside_a_raster_reaches_no_network(
    suffix: str, content: str, folder: Path, network: Listener
) -> None:
    scene = write_raster(folder / "scene.tif", PIXELS)
    texts = {
        "vrt": vrt(f"/vsicurl/{network.url}/a.tif"),
        "wms": wms(network.url),
        # two letters at the beginning of a text make no bitmap of it
        "bitmap": f"BM{wms(network.url)}",
    }
    text = texts[content]
    (folder / f"scene.tif{suffix}").write_text(text)
    refused(scene)
    assert not network.requests


@pytest.mark.parametrize("suffix", [".ovr.ovr", ".msk.ovr", ".ovr.msk.ovr", ".ovr.aux.xml", ".msk.aux.xml"])
def test_nor_does_what_lies_beside_overviews_and_masks(suffix: str, folder: Path, network: Listener) -> None:
    scene = write_raster(folder / "scene.tif", PIXELS)
    for number in range(1, suffix.count(".o") + suffix.count(".m")):
        write_raster(folder / f"scene.tif{'.'.join(suffix.split('.')[: number + 1])}", PIXELS)
    if suffix.endswith(".xml"):
        write_raster(folder / f"scene.tif{suffix[:4]}", PIXELS)
        text = f'<Metadata domain="OVERVIEWS"><MDI key="OVERVIEW_FILE">/vsicurl/{network.url}/o.tif</MDI></Metadata>'
        (folder / f"scene.tif{suffix}").write_text(f"<PAMDataset>{text}</PAMDataset>")
    else:
        (folder / f"scene.tif{suffix}").write_text(vrt(f"/vsicurl/{network.url}/a.tif"))
    refused(scene)
    assert not network.requests


@pytest.mark.parametrize("suffix", [".ovr", ".msk"])
def test_nor_do_metadata_inside_overviews_and_masks(suffix: str, folder: Path, network: Listener) -> None:
    scene = write_raster(folder / "scene.tif", PIXELS)
    with rasterio.open(write_raster(folder / f"scene.tif{suffix}", PIXELS), "r+") as out:
        out.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=f"/vsicurl/{network.url}/o.tif")
    refused(scene)
    packed = folder / "a.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(scene, "scene.tif")
        archive.write(folder / f"scene.tif{suffix}", f"scene.tif{suffix.upper()}")
    refused(packed)
    assert not network.requests


def test_no_file_of_the_network_is_read_until_a_person_types_an_address(folder: Path, network: Listener) -> None:
    compat.forbid_gdal_networks()
    # as if no judge had seen it
    (folder / "scene.vrt").write_text(vrt(f"/vsicurl/{network.url}/a.tif"))
    with rasterio.open(folder / "scene.vrt") as dataset, pytest.raises(rasterio.errors.RasterioError):
        dataset.read()
    assert not network.requests
    with pytest.raises(UserError, match="is no raster|is not there"):
        Raster(f"{network.url}/a.vrt")
    assert network.requests


def test_metadata_that_name_other_overviews_are_refused_beside_a_raster_and_inside_it(
    folder: Path, network: Listener
) -> None:
    scene = write_raster(folder / "scene.tif", PIXELS)
    item = f'<MDI key="OVERVIEW_FILE">/vsicurl/{network.url}/o.tif</MDI>'
    (folder / "scene.tif.aux.xml").write_text(
        f'<PAMDataset><Metadata domain="OVERVIEWS">{item}</Metadata></PAMDataset>'
    )
    refused(scene)
    (folder / "scene.tif.aux.xml").unlink()
    with rasterio.open(scene, "r+") as out:
        out.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=f"/vsicurl/{network.url}/o.tif")
    refused(scene)
    assert not network.requests


def test_an_archive_holds_no_virtual_raster_and_nothing_beside_a_raster_that_is_one(
    folder: Path, network: Listener
) -> None:
    scene = write_raster(folder / "scene.tif", PIXELS)
    for number, (name, text) in enumerate(
        {
            "scene.vrt": vrt(f"/vsicurl/{network.url}/a.tif"),
            "scene.tif.ovr": vrt(f"/vsicurl/{network.url}/a.tif"),
            "scene.tif.msk": wms(network.url),
            "scene.tif.aux.xml": f"<MDI key='OVERVIEW_FILE'>/vsicurl/{network.url}/a.tif</MDI>",
        }.items()
    ):
        path = folder / f"{number}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, text)
            if name != "scene.vrt":
                archive.write(scene, "scene.tif")
        refused(path)
    assert not network.requests


def test_what_lies_at_an_address_that_a_person_typed_is_no_virtual_raster_either(network: Listener) -> None:
    with pytest.raises(UserError, match="is no raster"):
        Raster(f"/vsicurl/{network.url}/a.vrt")
    # what was typed is asked for
    assert network.requests


@pytest.mark.parametrize("suffix", [".vrt", ".tif"])
@pytest.mark.parametrize("way", ["absolute", "upwards", "link", "beside"])
def test_the_bytes_of_another_file_are_no_pixels(way: str, suffix: str, folder: Path) -> None:
    secret = secret_file(folder.parent)
    (folder / "link").symlink_to(secret)
    secret_file(folder).rename(folder / "beside")
    name = {"absolute": str(secret), "upwards": "../passwd", "link": "link", "beside": "beside"}[way]
    path = folder / f"scene{suffix}"
    path.write_text(raw_vrt(name, relative=way != "absolute"))
    refused(path, match="may not be a VRTRawRasterBand|cannot read")


def test_a_header_of_envi_makes_no_raster_of_a_file_elsewhere(folder: Path) -> None:
    secret = secret_file(folder.parent)
    (folder / "scene.img").symlink_to(secret)
    (folder / "scene.hdr").write_text("ENVI\nsamples = 8\nlines = 4\nbands = 1\ndata type = 1\ninterleave = bsq\n")
    refused(folder / "scene.img", match="it is a link to .*passwd, and its header scene.hdr lies elsewhere")
    (folder / "scene.vrt").write_text(vrt("scene.img", relative=True))
    refused(folder / "scene.vrt")


@pytest.mark.parametrize("way", ["absolute", "upwards", "link"])
def test_a_virtual_raster_draws_on_files_below_its_folder_unless_a_person_allows_others(
    way: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = write_raster(folder.parent / "elsewhere" / "other.tif", PIXELS)
    (folder / "link.tif").symlink_to(other)
    name = {"absolute": str(other), "upwards": "../elsewhere/other.tif", "link": "link.tif"}[way]
    path = folder / "scene.vrt"
    path.write_text(vrt(name, relative=way != "absolute"))
    refused(path, match=rf"does not lie below its folder.*{FOLDERS_VARIABLE}={other.parent}")
    monkeypatch.setenv(FOLDERS_VARIABLE, os.pathsep.join(["/nowhere", str(other.parent)]))
    with Raster(path) as raster:
        assert (raster.read(0, 64)[0] == 7).all()


def test_a_virtual_raster_over_its_own_files_is_read_also_through_another_one(folder: Path) -> None:
    write_raster(folder / "tiles" / "a.tif", PIXELS)
    (folder / "tiles" / "inner.vrt").write_text(vrt("a.tif", relative=True))
    (folder / "scene.vrt").write_text(vrt("tiles/inner.vrt", relative=True))
    with Raster(folder / "scene.vrt") as raster:
        assert (raster.read(0, 64)[0] == 7).all()


PREFIXES = (
    "GTIFF_DIR:off:8:FILE",
    "GTIFF_RAW:FILE",
    "DERIVED_SUBDATASET:AMPLITUDE:FILE",
    "DERIVED_SUBDATASET:AMPLITUDE:raw.xml",
    "vrt://raw.xml",
    "STACIT:&quot;/vsicurl?url=URL/a.json&quot;",
    "WCS:URL?coverage=1",
    "IIP:URL",
    "NITF_IM:0:/vsicurl?url=URL/a.ntf",
    "NETCDF:URL/a.nc",
    "RASTERLITE:a.sqlite,table=a",
    "./GTIFF_RAW:FILE",
    " GTIFF_RAW:FILE",
    "of_a_driver_of_tomorrow:FILE",
    "URL/?SERVICE=WMS",
    "[::1]/?SERVICE=WMS",
    "{&quot;stac_version&quot;: &quot;1.0.0&quot;}",
)


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("name", PREFIXES)
def test_a_source_is_the_path_of_a_file_whatever_gdal_calls_by_such_a_name(
    name: str, relative: bool, folder: Path, network: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = write_raster(folder.parent / "elsewhere.tif", PIXELS)
    (folder / "raw.xml").write_text(raw_vrt(str(secret_file(folder.parent))))
    # with a folder of this name, it would be a path, too
    (folder / name.partition("FILE")[0] / "tmp").mkdir(parents=True, exist_ok=True)
    named = name.replace("FILE", str(elsewhere)).replace("URL", network.url)
    (folder / "scene.vrt").write_text(vrt(named, relative=relative))
    refused(folder / "scene.vrt", match="is not opened")
    monkeypatch.chdir(folder)
    refused("scene.vrt", match="is not opened")
    assert not network.requests


@pytest.mark.parametrize(
    "source",
    [
        '<SourceFilename relativeToVRT="1">evil<!-- -->.tif</SourceFilename>',
        '<SourceFilename relativeToVRT="1">evil<![CDATA[.tif]]></SourceFilename>',
        '<SourceFilename relativeToVRT="1">evil.tif </SourceFilename>',
        '<SourceFilename relativeToVRT="true">evil.tif</SourceFilename>',
        '<SourceFilename relativeToVRT="0" RELATIVETOVRT="1">evil.tif</SourceFilename>',
    ],
)
def test_a_source_is_the_file_that_was_judged(source: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = raw_vrt(str(secret_file(folder.parent)))
    for name in ("evil", "evil.tif "):
        (folder / name).write_text(raw)
    write_raster(folder / "evil.tif", PIXELS)
    (folder / "cwd").mkdir()
    (folder / "cwd" / "evil.tif").write_text(raw)
    (folder / "scene.vrt").write_text(vrt("").replace('<SourceFilename relativeToVRT="0"></SourceFilename>', source))
    monkeypatch.chdir(folder / "cwd")
    refused(folder / "scene.vrt", match="is not opened")


def test_names_with_colons_and_rasters_in_containers_are_still_sources(folder: Path) -> None:
    write_raster(folder / "2021-04-01T05:26.tif", PIXELS)
    (folder / "scene.vrt").write_text(vrt("2021-04-01T05:26.tif", relative=True))
    with Raster(folder / "scene.vrt") as raster:
        assert (raster.read(0, 64)[0] == 7).all()
    with h5py.File(folder / "a.h5", "w") as file:
        file["own"] = PIXELS
    for name in ("HDF5:a.h5://own", "NETCDF:&quot;a.h5&quot;:own", f"HDF5:&quot;{folder}/a.h5&quot;://own"):
        (folder / "scene.vrt").write_text(vrt(name, relative=True))
        with Raster(folder / "scene.vrt") as raster:
            assert (raster.read(0, 64)[0] == 7).all()


@pytest.mark.parametrize(
    "beginning", ["RIFF", "GIF89a", "PRODUCT=", "EHFA_HEADER_TAG", "\xff\xd8\xff", "\x89PNG\r\n\x1a\n"]
)
def test_a_text_that_begins_like_a_raster_is_no_source(beginning: str, folder: Path) -> None:
    label = ' = 1\nPDS_VERSION_ID = PDS3\n^IMAGE = "../passwd"\nEND\n'
    (folder / "a.webp").write_bytes((beginning + label).encode("latin-1"))
    (folder / "scene.vrt").write_text(vrt("a.webp", relative=True))
    refused(folder / "scene.vrt", match=r"a\.webp, which is no raster of a known format")


def test_a_source_that_is_not_there_is_told_before_pixels_are_read(folder: Path) -> None:
    (folder / "scene.vrt").write_text(vrt("a.tif", relative=True))
    refused(folder / "scene.vrt", match=r"it draws on a\.tif, which is not there")


def test_virtual_rasters_that_draw_on_each_other_come_to_an_end(folder: Path) -> None:
    (folder / "a.vrt").write_text(vrt("b.vrt", relative=True))
    (folder / "b.vrt").write_text(vrt("a.vrt", relative=True))
    with pytest.raises(UserError), Raster(folder / "a.vrt") as raster:
        raster.read(0, 4)
    for number in range(40):
        sources = "".join(
            f'<SimpleSource><SourceFilename relativeToVRT="1">{number + 1}.vrt</SourceFilename></SimpleSource>'
            for _ in range(50)
        )
        (folder / f"{number}.vrt").write_text(
            f'<VRTDataset rasterXSize="4" rasterYSize="4"><VRTRasterBand dataType="Byte" band="1">{sources}'
            "</VRTRasterBand></VRTDataset>"
        )
    refused(folder / "0.vrt", match="virtual rasters draw on each other")


BAND = '<VRTRasterBand dataType="Byte" band="1" {}>{}</VRTRasterBand>'


@pytest.mark.parametrize(
    "band",
    [
        BAND.format(
            'subClass="VRTDerivedRasterBand"',
            "<PixelFunctionType>f</PixelFunctionType><PixelFunctionLanguage>Python</PixelFunctionLanguage>"
            "<PixelFunctionCode>import os</PixelFunctionCode>",
        ),
        BAND.format("", '<SimpleSource sourcefilename="/etc/passwd"/>'),
        BAND.format("", "<SubClass>VRTRawRasterBand</SubClass>"),
        '<Input><SourceFilename relativeToVRT="1">a.tif</SourceFilename></Input><ProcessingSteps/>',
        BAND.format("", "<SimpleSource><OpenOptions><OOI key='A'>b</OOI></OpenOptions></SimpleSource>"),
        "<GDALWarpOptions><Transformer><RPCTransformer><DEMPath>/etc/passwd</DEMPath></RPCTransformer></Transformer>"
        "</GDALWarpOptions>",
    ],
)
def test_what_else_may_stand_in_a_virtual_raster_is_known(band: str, folder: Path) -> None:
    path = folder / "scene.vrt"
    path.write_text(f'<VRTDataset rasterXSize="8" rasterYSize="4">{band}</VRTDataset>')
    refused(path, match="may not hold")


def test_entities_and_other_encodings_hide_nothing(folder: Path) -> None:
    path = folder / "scene.vrt"
    path.write_text('<!DOCTYPE a [<!ENTITY b "c">]>' + vrt("own.tif"))
    refused(path, match="declares a document type")
    path.write_bytes(vrt("/etc/passwd\xe9").encode("latin-1"))
    refused(path, match="it is not UTF-8")


def test_a_product_of_snap_names_no_files_outside_its_folder(folder: Path) -> None:
    secret = secret_file(folder.parent)
    secret.rename(secret.with_suffix(".img"))
    secret.with_suffix(".hdr").write_text("ENVI\nsamples = 8\nlines = 4\nbands = 1\ndata type = 1\n")
    for href in (str(secret.with_suffix(".hdr")), "../passwd.hdr", "scene.data/../../passwd.hdr"):
        (folder / "scene.dim").write_text(
            "<Dimap_Document><Raster_Dimensions><NCOLS>8</NCOLS><NROWS>4</NROWS></Raster_Dimensions><Data_Access>"
            f'<Data_File><DATA_FILE_PATH href="{href}"/><BAND_INDEX>0</BAND_INDEX></Data_File></Data_Access>'
            "<Image_Interpretation><Spectral_Band_Info><BAND_INDEX>0</BAND_INDEX><BAND_NAME>a</BAND_NAME>"
            "<DATA_TYPE>uint8</DATA_TYPE></Spectral_Band_Info></Image_Interpretation></Dimap_Document>"
        )
        (scene,) = find_scenes("input", str(folder / "scene.dim"))
        with pytest.raises(UserError, match="none of its bands lies in"):
            open_scene(scene, ReadingOptions())


ERDAS_NAME = "n" * 90


@pytest.mark.parametrize("suffix", [".ige", ".rrd"])
@pytest.mark.parametrize("place", ["URL", "secret", "/etc/passwd"])
def test_files_that_an_image_of_erdas_names_are_not_fetched_and_are_no_plain_bytes(
    place: str, suffix: str, folder: Path, network: Listener
) -> None:
    path = folder / f"{ERDAS_NAME}.img"
    pixels = np.full((1, 512, 512), 7, np.uint8)
    with rasterio.Env(HFA_USE_RRD="YES"):
        spill = {"USE_SPILL": "YES"} if suffix == ".ige" else {}
        write_raster(path, pixels, driver="HFA", **spill)
        with rasterio.open(path, "r+") as out:
            out.build_overviews([2])
    named = f"{ERDAS_NAME}{suffix}"
    (folder / named).unlink()
    name = {"URL": f"/vsicurl/{network.url}/a{suffix}", "secret": str(secret_file(folder.parent))}.get(place, place)
    assert named.encode() in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(named.encode(), name.encode().ljust(len(named), b"\0")))
    with suppress(UserError, rasterio.errors.RasterioError), open_dataset(path) as dataset:
        for shape in ((512, 512), (64, 64)):
            assert set(np.unique(dataset.read(1, out_shape=shape))) <= {0, 7}
    assert not network.requests


def test_nor_are_they_another_image_of_the_person(folder: Path) -> None:
    path = write_raster(folder / f"{ERDAS_NAME}.img", PIXELS, driver="HFA", USE_SPILL="YES")
    own = folder.parent / "own.ige"
    (folder / f"{ERDAS_NAME}.ige").rename(own)
    named = f"{ERDAS_NAME}.ige".encode()
    path.write_bytes(path.read_bytes().replace(named, b"../own.ige".ljust(len(named), b"\0")))
    refused(path, match=r"it names \.\./own\.ige, which does not lie below its folder")


def external_bytes(file: h5py.File, elsewhere: Path) -> None:
    """An array that is kept as the raw bytes of another file."""
    file.create_dataset("a", (4, 8), np.uint8, external=[(str(secret_file(elsewhere)), 0, 32)])


def external_link(file: h5py.File, elsewhere: Path) -> None:
    """A name for what lies in another file, reached through a name of its own."""
    file["a"] = h5py.SoftLink("/group/a")
    file["group"] = h5py.ExternalLink(str(other_hdf5(elsewhere)), "/")


def virtual_array(file: h5py.File, elsewhere: Path) -> None:
    """An array that is taken from another file."""
    layout = h5py.VirtualLayout((16, 16), np.uint8)
    layout[:] = h5py.VirtualSource(str(other_hdf5(elsewhere)), "a", (16, 16))
    file.create_virtual_dataset("a", layout)


def other_hdf5(folder: Path) -> Path:
    """A file that the stranger did not send."""
    with h5py.File(folder / "other.h5", "w") as file:
        file["a"] = np.full((16, 16), 7, np.uint8)
    return folder / "other.h5"


@pytest.mark.parametrize("user_block", [0, 1024])
@pytest.mark.parametrize("suffix", [".h5", ".nc", ".tif"])
@pytest.mark.parametrize("way", [external_bytes, external_link, virtual_array])
def test_hdf5_shows_no_bytes_of_another_file(
    way: Callable[[h5py.File, Path], None], suffix: str, user_block: int, folder: Path
) -> None:
    path = folder / f"scene{suffix}"
    with h5py.File(path, "w", userblock_size=user_block) as file:
        way(file, folder.parent)
    with pytest.raises(UserError, match="is not opened: .* in it (shows|is a link to).*another file"):
        open_scene(find_scenes("input", str(path))[0], ReadingOptions())
    (folder / "scene.vrt").write_text(vrt(f"HDF5:&quot;{path}&quot;://a"))
    with pytest.raises(UserError, match="is not opened"):
        Raster(folder / "scene.vrt")


# a mark (10: dimensions, 11: variables, 12: attributes), a count, and what is claimed
NETCDF_LISTS = {
    "dimensions": (10, 0x0FFFFFFF),
    "attributes": (0, 0, 12, 0x0FFFFFFF),
    "variables": (0, 0, 0, 0, 11, 0x0FFFFFFF),
    "more than": (10, 1, 0x7FFFFFF0),
}


@pytest.mark.parametrize("suffix", [".nc", ".tif"])
@pytest.mark.parametrize("claim", NETCDF_LISTS)
def test_a_header_of_netcdf_claims_no_more_than_its_file_holds(claim: str, suffix: str, folder: Path) -> None:
    path = folder / f"scene{suffix}"
    numbers = (0, *NETCDF_LISTS[claim])
    path.write_bytes(b"CDF\x01" + b"".join(number.to_bytes(4) for number in numbers) + bytes(64))
    refused(path, match=f"scene{suffix} is not opened: its header claims .*{claim}")


@pytest.mark.parametrize("layout", ["NC", "NC2"])
def test_netcdf_of_honest_headers_is_read(layout: str, folder: Path) -> None:
    raster = write_raster(folder / "own.tif", PIXELS, **UTM)
    rasterio.shutil.copy(raster, folder / "scene.nc", driver="netCDF", FORMAT=layout)
    assert (folder / "scene.nc").read_bytes().startswith(b"CDF")
    (folder / "scene.vrt").write_text(vrt("scene.nc", relative=True))
    assert pixels_of(folder / "scene.nc") == pixels_of(folder / "scene.vrt") == PIXELS.tobytes()


@pytest.mark.parametrize("layout", ["NC", "NC4"])
def test_netcdf_whose_name_leads_elsewhere_for_its_library_is_refused(layout: str, folder: Path) -> None:
    raster = write_raster(folder / "own.tif", PIXELS, **UTM)
    elsewhere = folder.parent / "elsewhere.nc"
    path = folder / "..\\elsewhere.nc"
    for place in (elsewhere, path):
        rasterio.shutil.copy(raster, folder / "plain.nc", driver="netCDF", FORMAT=layout)
        (folder / "plain.nc").rename(place)
    refused(path, match="only where no backslash is in their path. Rename the file")
    (folder / "scene.vrt").write_text(vrt(path.name, relative=True))
    refused(folder / "scene.vrt", match="backslash")


@pytest.mark.parametrize("error", [SystemError("an exception set"), TypeError("no"), OSError("no")])
def test_hdf5_that_is_damaged_in_any_way_is_one_line(
    error: Exception, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other_hdf5(folder)

    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(h5py.h5o, "open", fails)
    refused(folder / "other.h5", match=r"other\.h5 is damaged \(.*\)\. Copy it again")


@pytest.mark.parametrize("place", ["/", "group/a"])
def test_an_attribute_that_cannot_be_read_does_not_end_the_process(place: str, folder: Path) -> None:
    path = folder / "scene.h5"
    with h5py.File(path, "w") as file:
        file["group/a"] = PIXELS
        file[place].attrs["v"] = np.array(["a", "text"], dtype=h5py.string_dtype())
    content = path.read_bytes()
    assert b"GCOL" in content
    # where texts of any length lie
    path.write_bytes(content.replace(b"GCOL", b"LOST"))
    refused(path, match=r"scene\.h5 is damaged \(.*\)\. Copy it again")


def test_attributes_of_all_types_are_no_damage(folder: Path) -> None:
    path = folder / "scene.h5"
    numbers = np.array([np.arange(3), np.arange(2)], dtype=object)
    with h5py.File(path, "w") as file:
        file["a"] = PIXELS
        attributes = file["a"].attrs
        attributes["empty"], attributes["none"] = h5py.Empty("f4"), np.zeros(0)
        attributes["record"], attributes["bytes"] = np.zeros(3, [("a", "i4"), ("b", "S3")]), np.void(b"abc")
        attributes["place"], attributes["region"] = file["a"].ref, file["a"].regionref[0:1]
        attributes.create("lists", numbers, dtype=h5py.vlen_dtype(np.int64))
        attributes.create("no UTF-8", b"\xff\xfe", dtype=h5py.string_dtype())
        h5py.h5a.create(file["a"].id, b"\xff", h5py.h5t.UNIX_D32LE, h5py.h5s.create(h5py.h5s.SCALAR))
    check_hdf5(path)


@pytest.mark.parametrize("suffix", [".ovr", ".msk"])
def test_what_lies_beside_a_raster_is_no_container(suffix: str, folder: Path) -> None:
    scene = write_raster(folder / "scene.tif", PIXELS)
    with h5py.File(folder / f"scene.tif{suffix}", "w") as file:
        external_bytes(file, folder.parent)
    refused(scene, match="is no plain raster itself")
    packed = folder / "a.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(scene, "scene.tif")
        archive.write(folder / f"scene.tif{suffix}", f"scene.tif{suffix}")
    refused(packed, match="is no plain raster itself")


LISTED = [
    "GTIFF_DIR:off:8:/vsicurl/URL/a.tif",
    "NETCDF:URL/a.nc:a",
    "HDF5:/vsicurl/URL/a.h5://a",
    "ZARR:/vsicurl/URL/a.zarr:/a",
    "vrt:///vsicurl/URL/a.tif",
    "GTIFF_RAW:/vsicurl/URL/a.tif",
]


@pytest.mark.parametrize("listed", LISTED)
def test_the_rasters_that_metadata_list_lie_in_the_file_itself(listed: str, folder: Path, network: Listener) -> None:
    compat.forbid_gdal_networks()
    path = write_raster(folder / "scene.nc", PIXELS, driver="PNG")
    item = f'<MDI key="SUBDATASET_1_NAME">{listed.replace("URL", network.url)}</MDI>'
    (folder / "scene.nc.aux.xml").write_text(
        f'<PAMDataset><Metadata domain="SUBDATASETS">{item}<MDI key="SUBDATASET_1_DESC">a</MDI></Metadata></PAMDataset>'
    )
    with pytest.raises(UserError, match="holds no raster of numbers"):
        open_scene(find_scenes("input", str(path))[0], ReadingOptions())
    assert not network.requests


def test_hdf5_in_an_archive_or_at_an_address_is_not_opened(folder: Path, network: Listener) -> None:
    packed = folder / "a.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(other_hdf5(folder.parent), "a.h5")
    with pytest.raises(UserError, match="is HDF5 in an archive.*Unpack"):
        Raster(f"/vsizip/{packed}/a.h5")
    with pytest.raises(UserError, match="is no raster"):
        Raster(f"/vsicurl/{network.url}/a.h5")


def test_hdf5_of_its_own_arrays_is_read(folder: Path) -> None:
    with h5py.File(folder / "scene.h5", "w") as file:
        file["own"] = np.full((16, 16), 7, np.uint8)
        layout = h5py.VirtualLayout((16, 16), np.uint8)
        layout[:] = h5py.VirtualSource(".", "own", (16, 16))
        file.create_virtual_dataset("same", layout)
    with open_scene(find_scenes("input", str(folder / "scene.h5"))[0], ReadingOptions()) as raster:
        assert (raster.read(0, 16)[0] == 7).all()


def test_zarr_has_no_links_out_of_its_folder(folder: Path) -> None:
    scene = folder / "scene.zarr"
    scene.mkdir()
    array = {"zarr_format": 2, "shape": [4, 8], "chunks": [4, 8], "dtype": "|u1", "order": "C"}
    (scene / ".zarray").write_text(json.dumps({**array, "compressor": None, "fill_value": 0, "filters": None}))
    (scene / "0.0").symlink_to(secret_file(folder.parent))
    with pytest.raises(UserError, match=r"0\.0 is not opened: it is a link to .*passwd, outside of scene.zarr"):
        open_scene(find_scenes("input", str(scene))[0], ReadingOptions())


def test_other_drivers_of_gdal_open_nothing(folder: Path) -> None:
    path = folder / "scene.asc"
    path.write_text("ncols 4\nnrows 4\nxllcorner 0\nyllcorner 0\ncellsize 1\n" + "1 2 3 4\n" * 4)
    refused(path, match="is no raster|cannot read")


PDS_LABEL = """PDS_VERSION_ID = PDS3
RECORD_TYPE = FIXED_LENGTH
RECORD_BYTES = 64
FILE_RECORDS = 64
^IMAGE = ("{secret}", 1)
OBJECT = IMAGE
 LINES = 64
 LINE_SAMPLES = 64
 SAMPLE_TYPE = MSB_UNSIGNED_INTEGER
 SAMPLE_BITS = 8
END_OBJECT = IMAGE
END
"""
DIMAP = """<Dimap_Document><Metadata_Id><METADATA_FORMAT version="1.1">DIMAP</METADATA_FORMAT></Metadata_Id>
<Raster_Dimensions><NCOLS>64</NCOLS><NROWS>64</NROWS><NBANDS>1</NBANDS></Raster_Dimensions>
<Raster_Encoding><NBITS>8</NBITS></Raster_Encoding>
<Data_Access><Data_File><DATA_FILE_PATH href="own.dat"/></Data_File></Data_Access></Dimap_Document>"""
ENVI_HEADER = "ENVI\nsamples = 64\nlines = 64\nbands = 1\ndata type = 1\ninterleave = bsq\nbyte order = 0\n"


def pixels_of(path: Path) -> bytes:
    """The pixels of a scene; none where it is not opened or not read."""
    with suppress(UserError, rasterio.errors.RasterioError):
        (scene,) = find_scenes("input", str(path))
        with open_scene(scene, ReadingOptions()) as raster:
            return raster.read(0, 64)[0].astype(np.uint8).tobytes()
    return b""


@pytest.mark.parametrize("content", ["label", "service"])
def test_a_header_of_envi_opens_a_source_to_no_other_driver(content: str, folder: Path, network: Listener) -> None:
    secret_file(folder.parent)
    text = PDS_LABEL.format(secret="../passwd") if content == "label" else wms(network.url)
    (folder / "own.dat").write_text(text + " " * 4096)
    (folder / "own.hdr").write_text(ENVI_HEADER)
    (folder / "scene.vrt").write_text(vrt("own.dat", relative=True))
    # the file's own bytes are what its header makes of them
    assert pixels_of(folder / "scene.vrt").startswith(text[:40].encode())
    assert not network.requests


def test_a_folder_is_zarr_or_nothing(folder: Path) -> None:
    secret_file(folder.parent)
    (folder / "own.zarr").mkdir()
    (folder / "own.zarr/METADATA.DIM").write_text(DIMAP)
    (folder / "own.zarr/own.dat").write_text(PDS_LABEL.format(secret="../../passwd") + " " * 4096)
    (folder / "scene.vrt").write_text(vrt("own.zarr", relative=True))
    assert pixels_of(folder / "scene.vrt") == b""


def test_chips_of_the_usual_formats_are_still_read(folder: Path) -> None:
    for suffix, driver in ((".tif", "GTiff"), (".png", "PNG"), (".bmp", "BMP"), (".jpg", "JPEG"), (".webp", "WEBP")):
        bands = PIXELS if driver != "WEBP" else np.stack([PIXELS] * 3)
        path = write_raster(folder / f"a{suffix}", bands, driver=driver, **(UTM if driver == "GTiff" else {}))
        assert decode(path).size == (64, 64)
