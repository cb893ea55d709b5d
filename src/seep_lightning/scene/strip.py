"""The streaming predictor: a scene of any height through a network, a strip of window height at a time.

Threads read ahead, cut and normalise windows; the network runs in the calling thread; one more thread blends and hands
finished rows on. Memory is a few strips of `width x window` pixels.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np

from seep_lightning.scene.ahead import ahead
from seep_lightning.scene.raster import Floats, Mask, Raster, Values
from seep_lightning.scene.windows import Axis, Tiling, axis, cut

Model = Callable[[Floats], Floats]
"""Network input (B, C, h, w) of any size to probabilities (B, K, h, w)."""
Normalise = Callable[[Values, Mask], Floats]
"""Stored values (C, h, w) and valid (h, w) to network input (C, h, w); called from several threads."""
Write = Callable[[int, Floats, Mask], None]
"""First row, probabilities (K, n, W), mapped (n, W): finished rows, in order, from one thread. Views: copy to keep.
K is 1 until the first window that is not skipped; nothing of such rows is mapped."""
Area = Callable[[int, int], Mask]
"""Rows start..stop to what of them is wanted, (stop - start, W); called from several threads."""
Progress = Callable[[int, int], None]
"""Pixels done, pixels in all."""


class Band(NamedTuple):
    """A window row of the scene: values (C, h, W), valid and mapped (h, W), h the window's height."""

    row: int
    values: Values
    valid: Mask
    mapped: Mask


Batch = tuple[Band, Sequence[int], int]
"""Windows of a window row, by their column, and for how many they count; without columns: the row is complete."""


def predict_scene(
    source: Raster, model: Model, normalise: Normalise, write: Write, *, tiling: Tiling, batch: int, threads: int,
    first_row: int = 0, last_row: int | None = None, area: Area | None = None, progress: Progress | None = None,
) -> None:  # fmt: skip
    """Probabilities of rows first_row..last_row (the end) of `source`, handed to `write` as they are finished.

    A pixel that is not mapped (nodata, or outside `area`) has an undefined probability. A batch never spans window
    rows, so that a run that goes on gives the same numbers. What any of the callables raises is raised here.
    """
    rows, columns = axis(source.height, tiling), axis(source.width, tiling)
    last = source.height if last_row is None else last_row
    wanted = [i for i, start in enumerate(rows.starts) if start + rows.inside(i).stop > first_row and start < last]
    strip = _Strip(rows, columns, write, first_row, last)
    pixels, done, total = source.height * source.width, 0, len(wanted) * len(columns.starts)

    def read(row: int) -> Band:
        start, inside = rows.starts[row], rows.inside(row)
        top, bottom = start + inside.start, start + inside.stop
        values, valid = source.read(top, bottom)
        mapped = valid if area is None else valid & area(top, bottom)
        a, b = start - top, start - top + rows.window
        return Band(row, cut(values, a, b, 1), cut(valid, a, b, 0), cut(mapped, a, b, 0))

    def inputs(job: Batch) -> Floats:
        spans = [(columns.starts[j], columns.starts[j] + columns.window) for j in job[1]]
        parts = [normalise(cut(job[0].values, a, b, 2), cut(job[0].valid, a, b, 1)) for a, b in spans]
        return np.stack(parts) if parts else np.zeros((0, 0, 0, 0), np.float32)

    def predicted() -> Iterator[tuple[Batch, Floats]]:
        jobs = _batches((band for _, band in ahead(readers, read, wanted, 1)), columns, batch)
        for job, x in ahead(readers, inputs, jobs, threads + 1):
            p = model(x) if job[1] else x
            if (len(p), *p.shape[2:]) != (len(x), *x.shape[2:]):
                raise ValueError(f"the model gave {p.shape} for {x.shape}; expected one size")
            yield job, p

    with ThreadPoolExecutor(threads, "seep-read") as readers, ThreadPoolExecutor(1, "seep-write") as writer:
        for ((_, _, count), _), _ in ahead(writer, strip.take, predicted(), 2):
            done += count
            if progress is not None:
                progress(pixels * done // total, pixels)


def augmented(model: Model, turns: int = 4) -> Model:
    """`model` averaged over views of its input: test-time augmentation. They are the input and its mirror image (left
    to right), with `turns=1` as they are, 2 calls, else in all quarter turns, 8 calls."""

    def view(inputs: Floats, turn: int, flip: int) -> Floats:
        turned = np.rot90(inputs, turn, (2, 3))[..., ::flip].copy()  # a row of one pixel may run backwards, for torch
        return np.rot90(model(turned)[..., ::flip], -turn, (2, 3))

    return ensemble([partial(view, turn=turn, flip=flip) for turn in range(turns) for flip in (1, -1)])


def ensemble(models: Sequence[Model]) -> Model:
    """The mean of several models' probabilities."""
    return lambda inputs: np.asarray(sum(model(inputs) for model in models) / np.float32(len(models)))


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
