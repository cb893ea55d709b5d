"""What a command left: whether each file can be read, and a digest that leaves out times and versions."""

import csv
import hashlib
import json
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyogrio
import rasterio
import yaml

VOLATILE = ("seconds", "time", "date", "created", "datetime", "git", "packages", "python", "updated", "written")
"""Keys and columns of which each call has its own."""
OF_ONE_CALL = ("chips_per_second", "wait_share", "chosen", "key", "checkpoint_digest")
"""The same, by whole names; why a value was chosen is known to the call that chose it, and keys are of files' bytes."""
NO_RESULTS = (".log", ".lock", ".qml", ".db")
"""Endings of files that say nothing about a result; a study holds times."""


class Unreadable(Exception):
    """A file under its final name that is no such file."""


def result_files(folder: Path, writes: Sequence[str]) -> Iterator[Path]:
    """The files below the places where a command may write."""
    for name in writes:
        place = folder / name
        if place.is_file():
            yield place
        elif place.is_dir():
            yield from (path for path in sorted(place.rglob("*")) if path.is_file())


def digests(folder: Path, writes: Sequence[str]) -> dict[str, str]:
    """The digest of each result by its path below the working folder.

    Raises:
        Unreadable: A result cannot be read.
    """
    found = {}
    for path in result_files(folder, writes):
        is_hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if is_hidden or path.suffix in NO_RESULTS or "tfevents" in path.name:
            continue
        try:
            content = digest_of(path)
        except Exception as error:
            raise Unreadable(f"{path.relative_to(folder)}: {type(error).__name__}: {error}") from error
        found[str(path.relative_to(folder))] = content
    return found


def digest_of(path: Path) -> str:
    """The digest of what a file says."""
    read = READERS.get(path.suffix)
    content = path.read_bytes() if read is None else read(path)
    return hashlib.sha256(repr(content).encode()).hexdigest()


def without_volatile(content: Any) -> Any:
    """Nested mappings without what each call has of its own."""
    if isinstance(content, dict):
        kept = {key: value for key, value in content.items() if not _is_volatile(str(key))}
        return {key: without_volatile(value) for key, value in kept.items()}
    if isinstance(content, list):
        return [without_volatile(item) for item in content]
    return content


def _is_volatile(name: str) -> bool:
    return any(word in name for word in VOLATILE) or name in OF_ONE_CALL


def _json(path: Path) -> Any:
    return without_volatile(json.loads(path.read_text(encoding="utf-8-sig")))


def _config(path: Path) -> Any:
    # what a command left as it was given may have the line ends of Windows
    return yaml.safe_load(path.read_text(encoding="utf-8-sig"))


def _page(path: Path) -> Any:
    text = path.read_text()
    assert text.rstrip().endswith("</html>"), "it has no end"
    return "a page"


def _raster(path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(path) as dataset:
            values = dataset.read()
            return hashlib.sha256(values.tobytes()).hexdigest(), str(dataset.crs), tuple(dataset.transform)


def _layer(path: Path) -> Any:
    with warnings.catch_warnings(), TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        # pyogrio takes some names for addresses
        plain = shutil.copy(path, Path(folder) / f"a{path.suffix}")
        names = sorted(str(name) for name in pyogrio.list_layers(plain)[:, 0])
        return [(name, *_features(plain, name)) for name in names]


def _features(path: Any, layer: str) -> tuple[Any, Any]:
    """Geometries and columns of one layer."""
    meta, _, geometry, columns = pyogrio.raw.read(path, layer=layer)
    named = zip(meta["fields"], columns, strict=True)
    kept = [(name, values.tolist()) for name, values in named if not _is_volatile(name)]
    # a layer without a row has none
    return list(() if geometry is None else geometry), kept


def _table(path: Path) -> Any:
    with path.open(newline="", encoding="utf-8-sig") as file:
        # what a command left as it was given may have lines of blanks
        rows = list(csv.DictReader(line for line in file if line.strip()))
    for row in rows:
        assert None not in row and None not in row.values(), "rows of several lengths"
    return [{key: value for key, value in row.items() if not _is_volatile(key)} for row in rows]


def _arrays(path: Path) -> Any:
    with np.load(path, allow_pickle=False) as archive:
        return [(name, archive[name].tobytes()) for name in sorted(archive.files)]


def _weights(path: Path) -> Any:
    import torch

    content = torch.load(path, weights_only=True, map_location="cpu")
    weights = content["state_dict"]
    return {name: hashlib.sha256(value.numpy().tobytes()).hexdigest() for name, value in sorted(weights.items())}


def _graph(path: Path) -> Any:
    import onnx

    model = onnx.load(path)
    onnx.checker.check_model(model)
    return [(tensor.name, np.asarray(tensor.dims).tolist(), tensor.raw_data) for tensor in model.graph.initializer]


READERS: dict[str, Callable[[Path], Any]] = {
    ".tif": _raster,
    ".png": _raster,
    ".jp2": _raster,
    ".gpkg": _layer,
    ".geojson": _layer,
    ".json": _json,
    ".yaml": _config,
    ".csv": _table,
    ".ckpt": _weights,
    ".pt": _weights,
    ".onnx": _graph,
    ".html": _page,
    ".npz": _arrays,
}
"""What reads a result, by the file's suffix; others are their bytes."""
