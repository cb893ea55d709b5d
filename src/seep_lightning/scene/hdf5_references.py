"""Other files that a file of HDF5, NetCDF 4 or Zarr would show as its own pixels: found before GDAL opens it.

HDF5 may keep an array as raw bytes of any file (external storage), take it from other files (virtual datasets), and
link to what lies in them. `/etc/passwd` would be a picture.
"""

import os
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from seep_lightning.documents.regular_files import check_regular, entries_below
from seep_lightning.errors import UserError, as_user_error
from seep_lightning.files import real_path

SIGNATURE = b"\x89HDF\r\n\x1a\n"
# HDF5 may begin at 0, 512, 1024, 2048 ... bytes, after what another program put there
FIRST_BLOCK = 512
THIS_FILE = "."
"""How a virtual dataset names its own file."""
COPY_AGAIN = "Copy it again, without other files: h5repack, or nccopy"
# files whose references are kept, since a scene is opened several times
KEPT_ANSWERS = 256


def check_hdf5(path: Path) -> None:
    """Check a file that may be HDF5, whatever its suffix.

    Args:
        path: The file.

    Raises:
        UserError: It is HDF5 and damaged, or shows what lies in other files.
    """
    if not _is_hdf5(path):
        return
    status = path.stat()
    reference = _reference(str(real_path(path)), status.st_ino, status.st_mtime_ns, status.st_size)
    if reference:
        raise UserError(f"{path} is not opened: {reference}. {COPY_AGAIN}.")


def check_zarr(folder: Path) -> None:
    """Check a folder of Zarr: no file in it is a link that leads out of it, or no regular file.

    Args:
        folder: The folder.

    Raises:
        UserError: One is.
    """
    real = folder.resolve()
    for path in entries_below(real):
        _check_zarr_entry(path, real)


def _check_zarr_entry(path: Path, real: Path) -> None:
    """Raise `UserError` for a link out of a folder of Zarr, and for a pipe in it."""
    if path.is_symlink() and not path.resolve().is_relative_to(real):
        raise UserError(f"{path} is not opened: it is a link to {path.resolve()}, outside of {real.name}.")
    if not path.is_dir():
        check_regular(path)


def _is_hdf5(path: Path) -> bool:
    """Whether HDF5 begins anywhere where it may."""
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        place = 0
        while place < size:
            file.seek(place)
            if file.read(len(SIGNATURE)) == SIGNATURE:
                return True
            place = 2 * place or FIRST_BLOCK
    return False


@lru_cache(maxsize=KEPT_ANSWERS)
def _reference(path: str, *_version: int) -> str:
    """What a file of HDF5 takes from another file, in words; empty for nothing."""
    # only those who read such files need it
    import h5py

    # of a damaged one, h5py raises whatever it comes upon, SystemError too
    damaged = as_user_error(f"{path} is damaged", Exception, advice="Copy it again.")
    with damaged, h5py.File(path, "r", locking=False) as file:
        _read_attributes(file["/"].id, file)
        found: str | Exception | None = file.id.links.visit(partial(_answer, file), info=True)
        if isinstance(found, Exception):
            raise found
    return found or ""


def _answer(file: Any, name: bytes, info: Any) -> str | Exception | None:
    """What `_reference_of` says or raises: of an error in a visit, h5py loses what it said."""
    try:
        return _reference_of(file, name, info)
    except Exception as error:
        return error


def _read_attributes(thing: Any, file: Any) -> None:
    """Read the attributes of a thing in a file of HDF5, all of which GDAL reads: one that it cannot ends the process.

    Raises:
        OSError: One cannot be read, or claims more than the file holds.
    """
    import h5py

    for index in range(h5py.h5a.get_num_attrs(thing)):
        attribute = h5py.h5a.open(thing, index=index)
        # numpy lacks a type for a few, such as times
        with suppress(TypeError):
            _read_attribute(attribute, file.id.get_filesize())


def _read_attribute(attribute: Any, size: int) -> None:
    """Read an attribute of a file of so many bytes, without making texts of its bytes."""
    import h5py

    space = attribute.get_space()
    if space.get_simple_extent_npoints() * attribute.get_type().get_size() > size:
        raise OSError("an attribute claims more than the file holds")
    if space.get_simple_extent_type() != h5py.h5s.NULL:
        values = np.zeros(attribute.shape, attribute.dtype)
        attribute.read(values, mtype=h5py.h5t.py_create(attribute.dtype))


def _reference_of(file: Any, name: bytes, info: Any) -> str | None:
    """What one name in a file of HDF5 takes from another file; None for nothing, at which the visit goes on."""
    import h5py

    if info.type == h5py.h5l.TYPE_SOFT:
        # within the file; what it leads through is visited, too
        return None
    shown = name.decode(errors="replace")[:80]
    if info.type != h5py.h5l.TYPE_HARD:
        return f"{shown} in it is a link to another file"
    thing = h5py.h5o.open(file.id, name)
    _read_attributes(thing, file)
    if not isinstance(thing, h5py.h5d.DatasetID):
        return None
    storage = thing.get_create_plist()
    if storage.get_external_count():
        other = os.fsdecode(storage.get_external(0)[0])
        return f"{shown} in it shows the bytes of another file, {other[:200]}"
    if storage.get_layout() != h5py.h5d.VIRTUAL:
        return None
    others = {storage.get_virtual_filename(number) for number in range(storage.get_virtual_count())} - {THIS_FILE}
    return f"{shown} in it shows another file, {min(others)[:200]}" if others else None
