"""The kinds of inputs that hold scenes, in one table: a new kind is one entry and one module beside this one."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from seep_lightning.scene.inputs import archives, beam_dimap, containers, raster_files
from seep_lightning.scene.inputs.sentinel1 import scenes as sentinel1
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.scene_file import RASTER, ReadingOptions, SceneFile

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SceneKind:
    """A kind of input.

    Attributes:
        name: Of the kind; `SceneFile.kind` holds it.
        label: What messages call it, in the plural.
        recognise: Function of a text that says whether it names an input of this kind: a file, a folder, or a name of
            GDAL's. It is asked of whatever lies in a folder, so it looks at the name before it opens a file.
        scenes: Function of such a text that lists the scenes in it, with their facts. Raises `UserError` where the
            input is damaged.
        open: Function of a scene and of how it is read that opens it.
        comes_packed: Whether an input may lie beside itself, unpacked and as an archive: it is one scene then.
        tells_noise: Whether its scenes tell their thermal noise, so that it can be subtracted.
    """

    name: str
    label: str
    recognise: Callable[[str], bool]
    scenes: Callable[[str], Sequence[SceneFile]]
    open: Callable[[SceneFile, ReadingOptions], Raster]
    comes_packed: bool = False
    tells_noise: bool = False


# the first that recognises an input has it
SCENE_KINDS: tuple[SceneKind, ...] = (
    SceneKind(
        name=sentinel1.SENTINEL1,
        label="Sentinel-1 products (.SAFE folders, their .zip archives)",
        recognise=sentinel1.recognise,
        scenes=sentinel1.scenes,
        open=sentinel1.open_scene,
        comes_packed=True,
        tells_noise=True,
    ),
    SceneKind(
        name=beam_dimap.BEAM_DIMAP,
        label="products of SNAP (.dim beside .data)",
        recognise=beam_dimap.recognise,
        scenes=beam_dimap.scenes,
        open=beam_dimap.open_scene,
        comes_packed=True,
    ),
    SceneKind(
        name=containers.CONTAINER,
        label="NetCDF, HDF5 and Zarr (.nc, .h5, .zarr)",
        recognise=containers.recognise_container,
        scenes=containers.container_scenes,
        open=containers.open_container,
    ),
    SceneKind(
        name=containers.SUBDATASET,
        label="GDAL's names of rasters in files (NETCDF:FILE:NAME, GTIFF_DIR:2:FILE)",
        recognise=containers.recognise_subdataset,
        scenes=containers.subdataset_scenes,
        open=containers.open_subdataset,
    ),
    SceneKind(
        name=archives.ARCHIVE,
        label="archives of rasters (.zip, .tar, .tgz, .gz)",
        recognise=archives.recognise,
        scenes=archives.scenes,
        open=archives.open_scene,
        comes_packed=True,
    ),
    SceneKind(
        name=RASTER,
        label="raster files",
        recognise=raster_files.recognise,
        scenes=raster_files.scenes,
        open=raster_files.open_scene,
    ),
)


def kind_of(text: str) -> SceneKind | None:
    """The kind of an input; None for what is none, such as a folder of scenes or a pattern.

    Args:
        text: A path, or a name of GDAL's.
    """
    matching = (kind for kind in SCENE_KINDS if kind.recognise(text))
    return next(matching, None)


def is_product(path: Path) -> bool:
    """Whether a file or folder holds scenes that its suffix alone does not tell of: any kind but a raster file."""
    kind = kind_of(str(path))
    return kind is not None and kind.name != RASTER


def product_labels() -> list[str]:
    """What messages call the kinds of inputs but raster files."""
    return [kind.label for kind in SCENE_KINDS if kind.name != RASTER]


def scenes_in(text: str | Path) -> list[SceneFile]:
    """The scenes in one input.

    Args:
        text: A path, or a name of GDAL's; of no known kind, it is taken for a raster file.

    Raises:
        UserError: The input is damaged.
    """
    kind = kind_of(str(text))
    if kind is None:
        return [SceneFile.of_raster(text)]
    return list(kind.scenes(str(text)))


def open_scene(scene: SceneFile, options: ReadingOptions) -> Raster:
    """Open a scene, by its kind.

    Args:
        scene: The scene.
        options: How it is read.

    Returns:
        The raster, which bears the scene's name and facts; the caller closes it.

    Raises:
        UserError: It cannot be used.
    """
    kinds = {kind.name: kind for kind in SCENE_KINDS}
    kind = kinds[scene.kind]
    if not kind.tells_noise:
        options.check_noise_stays(scene.path)
    raster = kind.open(scene, options)
    raster.name = scene.name
    return raster


def each_once(scenes: Sequence[SceneFile]) -> list[SceneFile]:
    """The scenes without those that lie beside themselves in one folder, unpacked and as an archive."""
    packed_kinds = {kind.name for kind in SCENE_KINDS if kind.comes_packed}
    chosen: list[SceneFile] = []
    places: set[tuple[str, Path]] = set()
    locations: set[str] = set()
    for scene in scenes:
        # a product of SNAP is in its folder twice, as .dim and as .data
        if scene.location in locations:
            continue
        locations.add(scene.location)
        place = (scene.name, scene.path.parent)
        if scene.kind in packed_kinds and place in places:
            log.info("%s lies beside itself: %s is not read.", scene.name, scene.path.name)
            continue
        chosen.append(scene)
        places.add(place)
    return chosen
