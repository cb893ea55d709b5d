"""The streaming predictor: a scene of any height through a network, a strip of window height at a time.

Threads read ahead, cut and normalise windows; the network runs in the calling thread; one more thread blends and hands
finished rows on. Memory is a few strips of `width x window` pixels.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.scene.source import Mask, Source, Values, ahead, chunks
from seep_lightning.scene.windows import Axis, Tiling, axis, cut

Floats = NDArray[np.float32]
Model = Callable[[Floats], Floats]
"""Network input (B, C, h, w) to probabilities (B, K, h, w)."""
Normalise = Callable[[Values, Mask], Floats]
"""Stored values (C, h, w) and valid (h, w) to network input (C, h, w); called from several threads."""
Write = Callable[[int, Floats, Mask], None]
"""First row, probabilities (K, n, W), mapped (n, W): finished rows, in order, from one thread. Views: copy to keep.
K is 1 until the first window that is not skipped; nothing of such rows is mapped."""
Area = Callable[[int, int], Mask]
"""Rows start..stop to what of them is wanted, (stop - start, W); called from several threads."""
Progress = Callable[[int, int], None]
"""Pixels done, pixels in all."""


@dataclass(frozen=True)
class Band:
    """A window row of the scene: values (C, h, W), valid and mapped (h, W), h the window's height."""

    row: int
    values: Values
    valid: Mask
    mapped: Mask


@dataclass(frozen=True)
class Batch:
    """Windows of one window row, by their column; without columns it says that the row is complete."""

    band: Band
    columns: tuple[int, ...]
    done: int


def predict_scene(
    source: Source,
    model: Model,
    normalise: Normalise,
    write: Write,
    *,
    tiling: Tiling | None = None,
    batch: int = 8,
    threads: int = 2,
    first_row: int = 0,
    last_row: int | None = None,
    area: Area | None = None,
    progress: Progress | None = None,
) -> None:
    """Probabilities of rows first_row..last_row of `source`, handed to `write` as they are finished.

    A pixel that is not mapped (nodata, or outside `area`) has an undefined probability; windows without a pixel to map
    are skipped. A batch never spans window rows, so that a part of a scene, or a run that goes on where another
    stopped, gives the same numbers. The model is called in the calling thread, one call at a time.
    What `source`, `normalise`, `area`, `model` or `write` raise ends the run and is raised here.
    """
    tiling = tiling or Tiling()
    rows, columns = axis(source.height, tiling), axis(source.width, tiling)
    stop = source.height if last_row is None else last_row
    wanted = [i for i, a in enumerate(rows.starts) if a < stop and a + rows.inside(i).stop > first_row]
    if not wanted:
        return
    strip = _Strip(rows, columns, write, first_row, stop)
    done, total = 0, len(wanted) * len(columns.starts)
    with ThreadPoolExecutor(threads, "seep-read") as readers, ThreadPoolExecutor(1, "seep-write") as writer:
        blended: deque[Future[None]] = deque()
        try:
            bands = _bands(source, rows, wanted, readers, threads, area)
            jobs = _batches(bands, columns, batch)
            for job, inputs in ahead(readers, lambda job: _inputs(job, columns, normalise), jobs, threads + 1):
                if job.columns:
                    probabilities, (b, _, h, w) = model(inputs), inputs.shape
                    if np.delete(probabilities.shape, 1).tolist() != [b, h, w]:
                        raise ValueError(f"the model gave {probabilities.shape}; expected ({b}, K, {h}, {w})")
                    blended.append(writer.submit(strip.add, job, probabilities))
                else:
                    blended.append(writer.submit(strip.finish, job.band))
                while len(blended) > 2:
                    blended.popleft().result()
                done += job.done
                if progress is not None:
                    progress(source.height * source.width * done // total, source.height * source.width)
            for future in blended:
                future.result()
        finally:
            writer.shutdown(wait=False, cancel_futures=True)
            readers.shutdown(wait=False, cancel_futures=True)


def augmented(model: Model) -> Model:
    """`model` averaged over the flips and quarter turns of its input (8 calls): test-time augmentation."""

    def view(turn: int, flip: int) -> Model:
        def run(inputs: Floats) -> Floats:
            turned = np.ascontiguousarray(np.rot90(inputs, turn, (2, 3))[..., ::flip])
            return np.rot90(model(turned)[..., ::flip], -turn, (2, 3))

        return run

    return ensemble([view(turn, flip) for turn in range(4) for flip in (1, -1)])


def ensemble(models: Sequence[Model]) -> Model:
    """The mean of several models' probabilities."""

    def run(inputs: Floats) -> Floats:
        total = np.array(models[0](inputs), order="C")
        for model in models[1:]:
            total += model(inputs)
        return np.divide(total, np.float32(len(models)), out=total)

    return run


def _bands(
    source: Source, rows: Axis, wanted: Sequence[int], readers: Executor, depth: int, area: Area | None
) -> Iterator[Band]:
    """The window rows `wanted`, each row of the scene read once, `depth` chunks ahead."""
    spans = [(max(rows.starts[i], 0), min(rows.starts[i] + rows.window, source.height)) for i in wanted]

    def read(span: tuple[int, int]) -> tuple[Values, Mask, Mask]:
        values, valid = source.read(*span)
        return values, valid, valid if area is None else valid & area(*span)

    chunk = ahead(readers, read, chunks(source, spans[0][0], spans[-1][1]), depth)
    pieces: deque[Any] = deque()  # of (first row, end), (values, valid, mapped)
    for index, (top, bottom) in zip(wanted, spans, strict=True):
        while not pieces or pieces[-1][0][1] < bottom:
            pieces.append(next(chunk))
        while pieces[0][0][1] <= top:
            pieces.popleft()
        here = [(slice(max(top - a, 0), min(bottom, b) - a), parts) for (a, b), parts in pieces if a < bottom]
        # fresh arrays, never written to again: batches of the row before may still be in work
        values = np.concatenate([parts[0][:, part] for part, parts in here], axis=1)
        valid, mapped = (np.concatenate([parts[k][part] for part, parts in here]) for k in (1, 2))
        a, b = rows.starts[index] - top, rows.starts[index] + rows.window - top
        yield Band(index, cut(values, a, b, 1), cut(valid, a, b, 0), cut(mapped, a, b, 0))


def _batches(bands: Iterator[Band], columns: Axis, size: int) -> Iterator[Batch]:
    """Each band's windows that hold a pixel to map, `size` at a time, and the band's end."""
    for band in bands:
        some: Mask = np.any(band.mapped, axis=0)
        wanted = [j for j, a in enumerate(columns.starts) if some[max(a, 0) : a + columns.window].any()]
        for k in range(0, len(wanted), size):
            yield Batch(band, tuple(wanted[k : k + size]), len(wanted[k : k + size]))
        yield Batch(band, (), len(columns.starts) - len(wanted))


def _inputs(job: Batch, columns: Axis, normalise: Normalise) -> Floats:
    """Network input of a batch, (B, C, h, w)."""
    spans = [(columns.starts[j], columns.starts[j] + columns.window) for j in job.columns]
    parts = [normalise(cut(job.band.values, a, b, 2), cut(job.band.valid, a, b, 1)) for a, b in spans]
    return np.stack(parts) if parts else np.zeros((0, 0, 0, 0), np.float32)


class _Strip:
    """The rolling strip of blended probabilities, (K, h, W), h the window's height; rows first..stop are written."""

    def __init__(self, rows: Axis, columns: Axis, write: Write, first: int, stop: int) -> None:
        self.rows, self.columns, self.write, self.first, self.stop = rows, columns, write, first, stop
        self.blend: Floats | None = None

    def add(self, job: Batch, probabilities: Floats) -> None:
        """Blend a batch's probabilities (B, K, h, w) in."""
        if self.blend is None:
            shape = (probabilities.shape[1], min(self.rows.window, self.rows.length), self.columns.length)
            self.blend = np.zeros(shape, np.float32)
        inside = self.rows.inside(job.band.row)
        height = self.rows.shares[job.band.row, inside, None]
        for j, window in zip(job.columns, probabilities, strict=True):
            a, across = self.columns.starts[j], self.columns.inside(j)
            share = height * self.columns.shares[j, across]
            part = self.blend[:, : share.shape[0], a + across.start : a + across.stop]
            part += window[:, inside, across] * share

    def finish(self, band: Band) -> None:
        """Hand on the rows that no later window touches, and roll the strip up by as many."""
        start = self.rows.starts[band.row]
        top, end = max(start, 0), max(self.rows.ends(band.row), 0)
        a, b = max(top, self.first), min(end, self.stop)
        if a < b:  # skipped windows so far: the number of classes is not known yet
            blend = np.zeros((1, end - top, self.columns.length), np.float32) if self.blend is None else self.blend
            self.write(a, blend[:, a - top : b - top], band.mapped[a - start : b - start])
        if self.blend is not None and end > top:
            height, shift = self.blend.shape[1], end - top
            for k in range(0, height - shift, shift):  # steps that do not overlap need no second strip
                moved = self.blend[:, k + shift : min(k + 2 * shift, height)]
                self.blend[:, k : k + moved.shape[1]] = moved
            self.blend[:, height - shift :] = 0
