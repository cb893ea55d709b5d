"""The streaming predictor: a scene of any height through a network, a strip of window height at a time.

Threads read ahead, cut and normalise windows; the network runs in the calling thread; one more thread blends and hands
finished rows on. Memory is a few strips of `width x window` pixels.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from seep_lightning.scene.interfaces import Floats, Mask, Model, Normalise, Progress, Source, Values, Write
from seep_lightning.scene.lookahead import lookahead
from seep_lightning.scene.plan import WindowPlan
from seep_lightning.scene.windows import Axis, axis, cut


class Band(NamedTuple):
    """A window row of the scene: values (C, h, W), valid and mapped (h, W), h the window's height."""

    row: int
    values: Values
    valid: Mask
    mapped: Mask


Batch = tuple[Band, Sequence[int], int]
"""Windows of a window row, by their column, and for how many they count; without columns: the row is complete."""


def predict_scene(
    source: Source, model: Model, normalise: Normalise, write: Write, plan: WindowPlan,
    rows: tuple[int, int] | None = None, progress: Progress | None = None,
) -> None:  # fmt: skip
    """Probabilities of `rows` (first and end; None for all) of `source`, handed to `write` as they are finished.

    A pixel that is not mapped (nodata, or outside the plan's area) has an undefined probability. A batch never spans
    window rows, so that a run that goes on gives the same numbers. What any of the callables raises is raised here.
    """
    tiling, batch, threads, area = plan.tiling, plan.batch, plan.threads, plan.area
    first_row, last = rows or (0, source.height)
    down, columns = axis(source.height, tiling), axis(source.width, tiling)
    wanted = [i for i, start in enumerate(down.starts) if start + down.inside(i).stop > first_row and start < last]
    strip = _Strip(down, columns, write, first_row, last)
    pixels, done, total = source.height * source.width, 0, len(wanted) * len(columns.starts)

    def read(row: int) -> Band:
        start, inside = down.starts[row], down.inside(row)
        top, bottom = start + inside.start, start + inside.stop
        values, valid = source.read(top, bottom)
        mapped = valid if area is None else valid & area(top, bottom)
        a, b = start - top, start - top + down.window
        return Band(row, cut(values, a, b, 1), cut(valid, a, b, 0), cut(mapped, a, b, 0))

    def inputs(job: Batch) -> Floats:
        spans = [(columns.starts[j], columns.starts[j] + columns.window) for j in job[1]]
        parts = [normalise(cut(job[0].values, a, b, 2), cut(job[0].valid, a, b, 1)) for a, b in spans]
        return np.stack(parts) if parts else np.zeros((0, 0, 0, 0), np.float32)

    def predicted() -> Iterator[tuple[Batch, Floats]]:
        jobs = _batches((band for _, band in lookahead(readers, read, wanted, 1)), columns, batch)
        for job, x in lookahead(readers, inputs, jobs, threads + 1):
            p = model(x) if job[1] else x
            if (len(p), *p.shape[2:]) != (len(x), *x.shape[2:]):
                raise ValueError(f"the model gave {p.shape} for {x.shape}; expected one size")
            yield job, p

    with ThreadPoolExecutor(threads, "seep-read") as readers, ThreadPoolExecutor(1, "seep-write") as writer:
        for ((_, _, count), _), _ in lookahead(writer, strip.take, predicted(), 2):
            done += count
            if progress is not None:
                progress(pixels * done // total, pixels)


def _batches(bands: Iterable[Band], columns: Axis, size: int) -> Iterator[Batch]:
    """Each band's windows that hold a pixel to map, `size` at a time, and the band's end."""
    for band in bands:
        some = np.any(band.mapped, axis=0)
        wanted = [j for j, start in enumerate(columns.starts) if some[max(start, 0) : start + columns.window].any()]
        for part in (wanted[k : k + size] for k in range(0, len(wanted), size)):
            yield band, part, len(part)
        yield band, (), len(columns.starts) - len(wanted)


class _Strip:
    """The rolling strip of blended probabilities, (K, h, W), h the window's height; rows first..last are written."""

    def __init__(self, rows: Axis, columns: Axis, write: Write, first: int, last: int) -> None:
        self.rows, self.columns, self.write, self.first, self.last = rows, columns, write, first, last
        self.blend = np.zeros((0, 0, 0), np.float32)

    def take(self, predicted: tuple[Batch, Floats]) -> None:
        """Blend a batch's probabilities (B, K, h, w) in, or end the window row."""
        (band, columns, _), probabilities = predicted
        if not columns:
            self._finish(band)
            return
        if not len(self.blend):
            self.blend = np.zeros((probabilities.shape[1], self.rows.window, self.columns.length), np.float32)
        inside = self.rows.inside(band.row)
        height = self.rows.shares[band.row, inside, None]
        for j, window in zip(columns, probabilities, strict=True):
            start, across = self.columns.starts[j], self.columns.inside(j)
            part = self.blend[:, : len(height), start + across.start : start + across.stop]
            part += window[:, inside, across] * (height * self.columns.shares[j, across])

    def _finish(self, band: Band) -> None:
        """Hand on the rows that no later window touches, and roll the strip up by as many."""
        start, end = self.rows.starts[band.row], self.rows.ends(band.row)
        top, a, b = max(start, 0), max(start, self.first, 0), min(end, self.last)
        if a < b:
            # windows skipped so far: the number of classes is not known yet
            blend = self.blend if len(self.blend) else np.zeros((1, end - top, self.columns.length), np.float32)
            self.write(a, blend[:, a - top : b - top], band.mapped[a - start : b - start])
        rest = self.blend.shape[1] - (end - top)
        self.blend[:, :rest] = self.blend[:, end - top :]
        self.blend[:, rest:] = 0
