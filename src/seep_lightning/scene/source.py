"""Where pixels come from: rows of a scene, read ahead by threads, and statistics over all of them."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from seep_lightning.errors import UserError

Values = NDArray[Any]
Mask = NDArray[np.bool_]
Item = TypeVar("Item")
Result = TypeVar("Result")

ROWS = 256  # rows read in one go, at least: 13 MB of a 25,000 px wide uint16 scene
FLOAT_BITS = 20  # of a float's 32 that make its histogram bin: sign, exponent, 11 bits of mantissa


class Source(Protocol):
    """A scene by rows. `read` is called from several threads at once."""

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def height(self) -> int: ...  # noqa: D102

    @property
    def width(self) -> int: ...  # noqa: D102

    @property
    def block_rows(self) -> int:
        """Rows that are cheapest read together (the height of the file's blocks)."""
        ...

    def read(self, start: int, stop: int) -> tuple[Values, Mask]:
        """Rows start..stop: values (C, n, width) as they are stored, valid (n, width)."""
        ...


@dataclass(frozen=True)
class ArraySource:
    """A scene that is in memory: values (C, H, W), valid (H, W). For chips, mosaics of them, and tests."""

    values: Values
    valid: Mask
    name: str = "array"
    block_rows: int = 1

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.values.shape[1])

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.values.shape[2])

    def read(self, start: int, stop: int) -> tuple[Values, Mask]:
        """Rows start..stop, as views."""
        return self.values[:, start:stop], self.valid[start:stop]


def chunks(source: Source, first: int = 0, last: int | None = None) -> list[tuple[int, int]]:
    """Row ranges that cover first..last, cut at whole blocks of the file so that no block is decoded twice."""
    block = source.block_rows if source.block_rows <= 4 * ROWS else ROWS
    step = max(1, ROWS // block) * block
    stop = source.height if last is None else last
    return [(a, min(a + step, source.height)) for a in range(first // step * step, stop, step)]


def ahead(
    pool: Executor, work: Callable[[Item], Result], items: Iterable[Item], depth: int
) -> Iterator[tuple[Item, Result]]:
    """Each item with `work(item)`, in order, computed up to `depth` items ahead by the threads of `pool`.

    What a thread raises is raised here, at its item's turn. The queue is bounded: `items` is only drawn from while
    there is room.
    """
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    try:
        for item in items:
            waiting.append((item, pool.submit(work, item)))
            if len(waiting) > depth:
                done, future = waiting.popleft()
                yield done, future.result()
        while waiting:
            done, future = waiting.popleft()
            yield done, future.result()
    finally:
        for _, future in waiting:
            future.cancel()


def scene_quantiles(source: Source, q: Sequence[float] = (0.25, 0.5, 0.75), threads: int = 2) -> NDArray[np.float64]:
    """Quantiles of each band's valid pixels in one streaming pass: (C, len(q)), in the scene's own units.

    The q-quantile is the smallest value that at least q of the pixels do not exceed (`numpy.quantile`'s
    `inverted_cdf`). 8 and 16 bit: exact, from a histogram of all values. float32: the histogram's bins are the upper
    20 bits of the number (they sort like the number itself), 1/2048 of a power of two wide, and the quantile is
    interpolated in its bin; for speckle of 30 looks, whose quartiles lie a quarter of the median apart, the bin is
    0.2 % of that distance, and the memory (8 MB a band) does not depend on the range of values, dB or linear.

    Raises `UserError` where the scene has no valid pixel.
    """
    counts: dict[int, NDArray[np.int64]] = {}
    dtype = np.dtype(np.uint8)
    with ThreadPoolExecutor(threads) as pool:
        for _, (values, valid) in ahead(pool, lambda rows: source.read(*rows), chunks(source), threads):
            dtype = values.dtype
            for band, plane in enumerate(values):
                total = counts.setdefault(band, np.zeros(_bins(dtype), np.int64))
                # a few rows at a time: bincount makes 64-bit copies
                step = max(1, (1 << 22) // plane.shape[1])
                for a in range(0, len(plane), step):
                    keys = _keys(plane[a : a + step][valid[a : a + step]])
                    if keys.size:
                        total += np.bincount(keys, minlength=len(total))
    if not any(total.any() for total in counts.values()):
        raise UserError(
            f"{source.name} has no valid pixel: all of it is nodata. Check the file, and the nodata value that is "
            "declared in it or in data.nodata."
        )
    return np.array([_quantiles_of(counts[band], dtype, q) for band in sorted(counts)])


def _bins(dtype: np.dtype[Any]) -> int:
    if dtype.kind in "ui" and dtype.itemsize <= 2:
        return 1 << (8 * dtype.itemsize)
    if dtype == np.float32:
        return 1 << FLOAT_BITS
    raise ValueError(f"quantiles of {dtype} are not known; expected 8 or 16 bit integers or float32")


def _keys(values: Values) -> NDArray[Any]:
    """Values (N,) to histogram bins that sort like them."""
    if values.dtype.kind == "u":
        return values
    if values.dtype.kind == "i":
        return values.astype(np.int32) - np.iinfo(values.dtype).min
    # IEEE 754: positive floats sort like their bits, negative ones the other way round below them
    bits = values.view(np.uint32) if values.flags.c_contiguous else values.copy().view(np.uint32)
    ordered = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))
    return (ordered >> np.uint32(32 - FLOAT_BITS)).astype(np.int32)


def _edges(keys: NDArray[np.int64]) -> NDArray[np.float64]:
    """The smallest float32 of each float bin."""
    ordered = (keys << (32 - FLOAT_BITS)).astype(np.uint32)
    bits = np.where(ordered >> 31, ordered & np.uint32(0x7FFFFFFF), ~ordered)
    return bits.astype(np.uint32).view(np.float32).astype(np.float64)


def _quantiles_of(counts: NDArray[np.int64], dtype: np.dtype[Any], q: Sequence[float]) -> NDArray[np.float64]:
    total = np.cumsum(counts)
    wanted = np.asarray(q) * total[-1]
    keys = np.searchsorted(total, wanted).astype(np.int64)
    if dtype.kind in "ui":
        return np.asarray(keys + np.iinfo(dtype).min, np.float64)
    low, high = _edges(keys), _edges(keys + 1)
    share = (wanted - (total[keys] - counts[keys])) / counts[keys]
    with np.errstate(invalid="ignore", over="ignore"):  # the bin above the largest float is not finite
        values: NDArray[np.float64] = np.where(np.isfinite(high), low + share * (high - low), low)
    return values
