"""The kind of input that is an archive of rasters: .zip, .tar, .tar.gz, .tgz, or one compressed raster (.tif.gz).

Each raster in it is a scene, which GDAL reads where it lies in the archive.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from seep_lightning.errors import UserError, shortened
from seep_lightning.scene.archive_contents import members_of
from seep_lightning.scene.archive_members import GZIP_SUFFIX, TAR_SUFFIXES, ZIP_SUFFIXES, Member, archive_kind
from seep_lightning.scene.inputs import raster_files
from seep_lightning.scene.inputs.beam_dimap import HEADER_SUFFIX
from seep_lightning.scene.inputs.containers import CONTAINER_SUFFIXES
from seep_lightning.scene.raster import Raster
from seep_lightning.scene.raster_formats import MAP_SUFFIXES, picture_suffixes, scene_suffixes
from seep_lightning.scene.scene_file import ReadingOptions, SceneFile

ARCHIVE = "archive"
"""The name of this kind."""


def recognise(text: str) -> bool:
    """Whether it is an archive that holds a raster, or what is a scene when it is unpacked."""
    path = Path(text)
    is_archive = path.name.lower().endswith((*ZIP_SUFFIXES, *TAR_SUFFIXES, GZIP_SUFFIX))
    if not is_archive or not path.is_file():
        return False
    # why one is refused is told where it is opened, and only if a person named it
    with suppress(UserError):
        return bool(_packed_products(path) or _rasters(path))
    return False


def scenes(text: str) -> list[SceneFile]:
    """The rasters in an archive, each a scene of its own name."""
    path = Path(text).absolute()
    if _packed_products(path):
        return [SceneFile(path.name.partition(".")[0], str(path), path, ARCHIVE)]
    return [SceneFile(PurePosixPath(name).stem, _location(path, name), path, ARCHIVE) for name in _rasters(path)]


def open_scene(scene: SceneFile, options: ReadingOptions) -> Raster:
    """Open a raster in an archive; `UserError` where it holds what is read unpacked only."""
    packed = _packed_products(scene.path)
    if packed:
        raise UserError(f"{scene.path} holds {shortened(packed)}, which is read unpacked only. Unpack it.")
    return raster_files.open_scene(scene, options)


def _location(path: Path, name: str) -> str:
    """GDAL's name of a file in an archive; in braces, since a name may hold anything."""
    match archive_kind(path):
        case "zip":
            return f"/vsizip/{{{path}}}/{name}"
        case "tar":
            return f"/vsitar/{{{path}}}/{name}"
        case _:
            return f"/vsigzip/{path}"


def _rasters(path: Path) -> list[str]:
    """The names of the rasters in an archive, sorted; pictures only where there is nothing else."""
    names = [name for name in _names(path) if _is_visible(name) and not name.endswith(MAP_SUFFIXES)]
    return _with_suffix(names, scene_suffixes()) or _with_suffix(names, picture_suffixes())


def _packed_products(path: Path) -> list[str]:
    """What an archive holds of kinds that consist of several files, or that GDAL does not read in archives."""
    return _with_suffix(_names(path), (HEADER_SUFFIX, *CONTAINER_SUFFIXES))


def _names(path: Path) -> Sequence[str]:
    """What an archive holds; nothing of one that cannot be read."""
    return [member.name for member in _members(path)]


def _members(path: Path) -> Sequence[Member]:
    """The files in an archive; nothing of one that cannot be read."""
    with suppress(OSError):
        return members_of(path, path.stat().st_mtime_ns)
    return ()


def _is_visible(name: str) -> bool:
    """Whether a file is none that a system hides, such as those of `__MACOSX`."""
    return not any(part.startswith((".", "__")) for part in PurePosixPath(name).parts)


def _with_suffix(names: Sequence[str], suffixes: tuple[str, ...]) -> list[str]:
    """The names that end in one of some suffixes, sorted."""
    return sorted(name for name in names if name.lower().endswith(suffixes))
