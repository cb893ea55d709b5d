"""What was measured of a data set, in one file of arrays: plain numbers and text, so that reading it runs nothing."""

import io
import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.data.chips import Chips
from seep_lightning.data.normalise import ValueRange
from seep_lightning.data.statistics import ValueStatistics
from seep_lightning.documents.regular_files import read_bytes

# bytes that a chip and a scene may take at most, of so many bands; far more than they do
_MOST_BYTES_OF_CHIP = 1 << 14
_MOST_BYTES_OF_FILE = 1 << 20


@dataclass(frozen=True)
class MeasuredSet:
    """What `load_chips` finds out of a data set. The attributes of `Chips` say more of each.

    Attributes:
        digests: Of each chip.
        class_counts: Of each chip.
        statistics: Of chips and scenes.
        bands: That a network takes.
        band_meanings: What they are.
        image_shape: (C, H, W) of each chip.
        dtype: The type of the images.
        was_fitted: Whether `data.size` changed any.
        lines: What a person is told.
    """

    digests: list[str]
    class_counts: list[dict[int, int]]
    statistics: ValueStatistics
    bands: list[int | str]
    band_meanings: list[str]
    image_shape: tuple[int, int, int]
    dtype: str
    was_fitted: bool
    lines: list[str]

    def give_to(self, chips: Chips) -> None:
        """Fill in what chips know once they were read."""
        chips.digests = self.digests
        chips.class_counts = self.class_counts
        chips.statistics = self.statistics
        chips.bands = self.bands
        chips.band_meanings = self.band_meanings
        chips.size = self.image_shape[1:]
        chips.was_fitted = self.was_fitted


def packed(measured: MeasuredSet, key: str) -> bytes:
    """Write what was measured as the bytes of a file.

    Args:
        measured: What was measured.
        key: What it depends on.
    """
    statistics = measured.statistics
    facts = {
        "key": key,
        "value_range": asdict(statistics.value_range),
        "scenes": list(statistics.scene_quartiles),
        "bands": measured.bands,
        "band_meanings": measured.band_meanings,
        "image_shape": measured.image_shape,
        "dtype": measured.dtype,
        "was_fitted": measured.was_fitted,
        "lines": measured.lines,
    }
    counts = [(index, *item) for index, of_chip in enumerate(measured.class_counts) for item in of_chip.items()]
    hashes = [digest.rsplit(":", 2)[1:] for digest in measured.digests]
    arrays: dict[str, NDArray[Any]] = {
        "facts": np.frombuffer(json.dumps(facts).encode(errors="surrogateescape"), np.uint8),
        "hashes": np.array(hashes, "S16"),
        "counts": np.array(counts, np.int64).reshape(-1, 3),
        "quartiles": statistics.quartiles,
        "scene_quartiles": np.stack(list(statistics.scene_quartiles.values())),
    }
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    return content.getvalue()


def read_measured(path: Path, key: str, chips: Chips) -> MeasuredSet | None:
    """Read what was measured of a data set.

    Args:
        path: The file.
        key: What it must depend on.
        chips: The data set.

    Returns:
        What was measured; None where there is no such file, or it is damaged, or of another data set.
    """
    try:
        content = read_bytes(path, largest=_MOST_BYTES_OF_FILE + len(chips) * _MOST_BYTES_OF_CHIP)
        return _unpacked(content, key, chips)
    # of what may be wrong with a file that anybody may have damaged there is no list, and the cure is always the same
    except Exception:
        return None


def _unpacked(content: bytes, key: str, chips: Chips) -> MeasuredSet:
    """The inverse of `packed`; any error where the content is not as it should be."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        # what is not compressed cannot be larger than the file
        if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
            raise ValueError("compressed")
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    facts = json.loads(arrays["facts"].tobytes().decode(errors="surrogateescape"))
    if facts["key"] != key:
        raise ValueError("another data set")
    bands, height, width = facts["image_shape"]
    quartiles = _of_shape(arrays["quartiles"], (len(chips), bands, 3))
    scene_quartiles = _of_shape(arrays["scene_quartiles"], (len(facts["scenes"]), bands, 3))
    value_range = facts["value_range"]
    # JSON has no tuples
    value_range |= {"low": tuple(value_range["low"]), "high": tuple(value_range["high"])}
    hashes = arrays["hashes"].reshape(len(chips), 2).astype(str).tolist()
    return MeasuredSet(
        digests=[":".join([name, *of_chip]) for name, of_chip in zip(chips.names, hashes, strict=True)],
        class_counts=_class_counts(arrays["counts"], len(chips)),
        statistics=ValueStatistics(
            ValueRange(**value_range), quartiles, dict(zip(facts["scenes"], scene_quartiles, strict=True))
        ),
        bands=list(facts["bands"]),
        band_meanings=list(facts["band_meanings"]),
        image_shape=(int(bands), int(height), int(width)),
        dtype=np.dtype(facts["dtype"]).name,
        was_fitted=bool(facts["was_fitted"]),
        lines=[str(line) for line in facts["lines"]],
    )


def _of_shape(array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """An array of floats; an error where its shape is another."""
    if array.shape != shape or array.dtype != np.float32:
        raise ValueError("another shape")
    return array


def _class_counts(rows: NDArray[Any], chips: int) -> list[dict[int, int]]:
    """The counts of each chip, of rows (chip, class, pixels)."""
    counts: list[dict[int, int]] = [{} for _ in range(chips)]
    for index, label, pixels in rows.tolist():
        counts[index][label] = pixels
    return counts
