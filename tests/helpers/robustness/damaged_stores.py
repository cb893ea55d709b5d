"""Damages of what NumPy's archives hold, in which `sources` stores what it read of a map."""

import io
import json
import struct
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from helpers.robustness.damage import Damage, always
from helpers.robustness.damaged_documents import Format, Trojan, is_subtle_value

NPZ = "npz"
HEAD = "head"


def _read(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _write(path: Path, arrays: dict[str, Any]) -> None:
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)


def _read_head(path: Path) -> Any:
    return json.loads(_read(path)[HEAD].tobytes())


def _write_head(path: Path, head: Any) -> None:
    content = np.frombuffer(json.dumps(head).encode(), np.uint8)
    _write(path, {**_read(path), HEAD: content})


def _objects(_: Any) -> Any:
    # what a reader that allows pickles would run
    return np.array([Trojan()], dtype=object)


OTHER_ARRAYS: dict[str, Callable[[Any], Any]] = {
    "no values": lambda array: array[:0],
    "one value": lambda array: array.ravel()[:1],
    "a scalar": lambda array: np.asarray(7),
    "one more": lambda array: np.concatenate([array, array[-1:]]) if array.ndim else array,
    "one dimension more": lambda array: array[None],
    "objects": _objects,
    "texts": lambda array: np.full(array.shape, "é"),
    "dates": lambda array: np.full(array.shape, "2018-01-01", "M8[D]"),
    "complex": lambda array: array.astype(complex) + 1j,
    "nan": lambda array: np.full(array.shape, np.nan),
    "negative": lambda array: np.full(array.shape, -7, np.int64),
    "huge": lambda array: np.full(array.shape, 2**62, np.int64),
    "fields": lambda array: np.zeros(array.shape, [("a", "i4")]),
}


def _names(path: Path) -> Sequence[str]:
    return sorted(_read(path))


def drop_array(path: Path, name: str, _: Random) -> None:
    arrays = _read(path)
    del arrays[name]
    _write(path, arrays)


def _names_and_arrays(path: Path) -> Sequence[str]:
    return [f"{name}={what}" for name in _names(path) for what in OTHER_ARRAYS]


def change_array(path: Path, variant: str, _: Random) -> None:
    name, _, what = variant.partition("=")
    arrays = _read(path)
    arrays[name] = OTHER_ARRAYS[what](arrays[name])
    _write(path, arrays)


def claim_much(path: Path, name: str, _: Random) -> None:
    """A header that claims 32 GB over the bytes of a sound array."""
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (4000000000,), }\n"
    claimed = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    _replace_member(path, name, claimed + bytes(100))


def pack_zeros(path: Path, name: str, _: Random) -> None:
    """An array of a gigabyte of zeros, which pack into a megabyte."""
    content = io.BytesIO()
    np.save(content, np.zeros(2**24, np.float64))
    content.seek(0)
    header = content.read(128).replace(b"(16777216,)", b"(134217728,)"[:12])
    with zipfile.ZipFile(path) as archive:
        members = {entry: archive.read(entry) for entry in archive.namelist() if entry != f"{name}.npy"}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, held in members.items():
            archive.writestr(entry, held)
        with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
            member.write(header[:128])
            for _ in range(64):
                member.write(bytes(2**24))


def _replace_member(path: Path, name: str, content: bytes) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {entry: archive.read(entry) for entry in archive.namelist()}
    members[f"{name}.npy"] = content
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, held in members.items():
            archive.writestr(entry, held)


def _is_subtle(variant: str) -> bool:
    # any text may be a time, and the source is for people
    return variant.startswith(("time", "source")) or is_subtle_value(variant)


HEADS = Format(_read_head, _write_head)
DAMAGES = (
    Damage("an array missing", (NPZ,), drop_array, _names),
    Damage("another array", (NPZ,), change_array, _names_and_arrays, subtle=always),
    Damage("a huge array claimed", (NPZ,), claim_much, _names),
    Damage("a gigabyte of zeros", (NPZ,), pack_zeros, _names),
    Damage("a key of the head missing", (NPZ,), HEADS.drop, HEADS.places),
    Damage("a wrong value in the head", (NPZ,), HEADS.change, HEADS.places_and_values, subtle=_is_subtle),
)
