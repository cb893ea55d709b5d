"""The streaming predictor: a scene of any height through a network, a strip of window height at a time.

Threads read ahead, cut and normalise windows; the network runs in the calling thread; one more thread blends and hands
finished rows on. Memory is a few strips of `width x window` pixels.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from seep_lightning.scene.interfaces import Floats, Mask, Model, Normalise, Progress, Source, Values, Write
from seep_lightning.scene.lookahead import lookahead
from seep_lightning.scene.plan import WindowPlan
from seep_lightning.scene.windows import Axis, axis, cut

# Window rows that are read, and batches that are blended, ahead of the network.
READ_AHEAD = 1
BLENDED_BEHIND = 2


class Band(NamedTuple):
    """A window row of the scene.

    Attributes:
        row: Its number.
        values: (C, h, W) as stored, h the window's height.
        valid: Which pixels hold data, (h, W).
        mapped: Which pixels are mapped, (h, W).
    """

    row: int
    values: Values
    valid: Mask
    mapped: Mask


class Batch(NamedTuple):
    """Windows of one window row that the network takes at once; one without windows ends the row.

    Attributes:
        band: The window row.
        columns: The numbers of the windows along it.
        windows: How many windows are done with it, those that are skipped included.
    """

    band: Band
    columns: Sequence[int]
    windows: int


def predict_scene(
    source: Source,
    model: Model,
    normalise: Normalise,
    write: Write,
    plan: WindowPlan,
    rows: tuple[int, int] | None = None,
    progress: Progress | None = None,
) -> None:
    """Predict probabilities, and hand them on by rows as they are finished.

    A pixel that is not mapped (nodata, or outside the plan's area) has an undefined probability. A batch never spans
    window rows, so that a run that goes on gives the same numbers. What any of the callables raises is raised here.

    Args:
        source: The scene.
        model: Called in this thread only.
        normalise: Called in several threads.
        write: Takes the finished rows, in order.
        plan: How the windows are predicted.
        rows: First row, and end; None for all of them.
        progress: Told how many pixels are done.

    Raises:
        ValueError: The model gave another size than it was given.
    """
    first, last = rows or (0, source.height)
    windows = _Windows(source, normalise, plan)
    window_rows = windows.rows_between(first, last)
    strip = _Strip(windows.rows, windows.columns, write, first, last)
    pixels = source.height * source.width
    pixels_before = first * source.width
    pixels_here = (last - first) * source.width
    total = len(window_rows) * len(windows.columns.starts)
    done = 0
    if progress is not None:
        progress(pixels_before, pixels)
    with ThreadPoolExecutor(plan.threads, "seep-read") as readers, ThreadPoolExecutor(1, "seep-write") as writer:
        # no variable holds these generators: they give up the batches that wait as soon as anything is raised
        for batch in _blended(strip, _predicted(windows, window_rows, model, readers), writer):
            done += batch.windows
            if progress is not None:
                progress(pixels_before + pixels_here * done // total, pixels)


def _predicted(
    windows: "_Windows", window_rows: Sequence[int], model: Model, readers: Executor
) -> Iterator[tuple[Batch, Floats]]:
    """All batches of window rows with their probabilities (B, K, h, w); none for the end of a row."""
    bands = (band for _, band in lookahead(readers, windows.read, window_rows, READ_AHEAD))
    # one more than there are threads, so that none waits for the network
    depth = windows.plan.threads + 1
    for batch, inputs in lookahead(readers, windows.inputs, windows.batches(bands), depth):
        if not batch.columns:
            yield batch, inputs
            continue
        probabilities = model(inputs)
        if _sizes(probabilities) != _sizes(inputs):
            raise ValueError(f"the model gave {probabilities.shape} for {inputs.shape}; expected one size")
        yield batch, probabilities


def _blended(strip: "_Strip", predicted: Iterable[tuple[Batch, Floats]], writer: Executor) -> Iterator[Batch]:
    """The batches as the strip has taken them."""
    for (batch, _), _ in lookahead(writer, strip.take, predicted, BLENDED_BEHIND):
        yield batch


def _sizes(array: Floats) -> tuple[int, ...]:
    """The size of a batch (B, channels, h, w), without its channels."""
    return len(array), *array.shape[2:]


class _Windows:
    """The windows of a scene: where they lie, and what the network is given of them."""

    def __init__(self, source: Source, normalise: Normalise, plan: WindowPlan) -> None:
        self.source, self.normalise, self.plan = source, normalise, plan
        self.rows = axis(source.height, plan.tiling)
        self.columns = axis(source.width, plan.tiling)

    def rows_between(self, first: int, last: int) -> list[int]:
        """The window rows that touch the scene's rows first..last."""
        spans = [self.rows.span(row) for row in range(len(self.rows.starts))]
        return [row for row, (top, bottom) in enumerate(spans) if bottom > first and top < last]

    def read(self, row: int) -> Band:
        """Read a window row, reflected where it sticks out at the top and bottom."""
        top, bottom = self.rows.span(row)
        values, valid = self.source.read(top, bottom)
        area = self.plan.area
        mapped = valid if area is None else valid & area(top, bottom)
        start = self.rows.starts[row] - top
        stop = start + self.rows.window
        return Band(row, cut(values, start, stop, 1), cut(valid, start, stop, 0), cut(mapped, start, stop, 0))

    def batches(self, bands: Iterable[Band]) -> Iterator[Batch]:
        """Each band's windows that hold a pixel to map, and the band's end."""
        size = self.plan.batch
        for band in bands:
            columns = self._columns_to_map(band)
            for first in range(0, len(columns), size):
                some = columns[first : first + size]
                yield Batch(band, some, len(some))
            skipped = len(self.columns.starts) - len(columns)
            yield Batch(band, (), skipped)

    def _columns_to_map(self, band: Band) -> list[int]:
        """The numbers of a band's windows that hold a pixel to map."""
        has_pixel = np.any(band.mapped, axis=0)
        spans = [self.columns.span(column) for column in range(len(self.columns.starts))]
        return [column for column, (left, right) in enumerate(spans) if has_pixel[left:right].any()]

    def inputs(self, batch: Batch) -> Floats:
        """The network's input for a batch, (B, C, h, w); empty for the end of a band."""
        if not batch.columns:
            return np.zeros((0, 0, 0, 0), np.float32)
        return np.stack([self._window(batch.band, column) for column in batch.columns])

    def _window(self, band: Band, column: int) -> Floats:
        """One normalised window, (C, h, w), reflected where it sticks out at the sides."""
        left = self.columns.starts[column]
        right = left + self.columns.window
        return self.normalise(cut(band.values, left, right, 2), cut(band.valid, left, right, 1))


class _Strip:
    """The rolling strip of blended probabilities, (K, h, W), h the window's height; rows first..last are written."""

    def __init__(self, rows: Axis, columns: Axis, write: Write, first: int, last: int) -> None:
        self.rows, self.columns, self.write, self.first, self.last = rows, columns, write, first, last
        self.blend = np.zeros((0, 0, 0), np.float32)

    def take(self, predicted: tuple[Batch, Floats]) -> None:
        """Blend a batch's probabilities (B, K, h, w) in, or end the window row."""
        batch, probabilities = predicted
        if not batch.columns:
            self._finish(batch.band)
            return
        if not len(self.blend):
            # now the number of classes is known
            self.blend = np.zeros((probabilities.shape[1], self.rows.window, self.columns.length), np.float32)
        inside = self.rows.inside(batch.band.row)
        down_shares = self.rows.shares[batch.band.row, inside, None]
        for column, window in zip(batch.columns, probabilities, strict=True):
            left, right = self.columns.span(column)
            across = self.columns.inside(column)
            part = self.blend[:, : len(down_shares), left:right]
            part += window[:, inside, across] * (down_shares * self.columns.shares[column, across])

    def _finish(self, band: Band) -> None:
        """Hand on the rows that no later window touches, and roll the strip up by as many."""
        start, end = self.rows.starts[band.row], self.rows.ends(band.row)
        top = max(start, 0)
        first, last = max(top, self.first), min(end, self.last)
        if first < last:
            finished = self._blended(end - top)[:, first - top : last - top]
            self.write(first, finished, band.mapped[first - start : last - start])
        self._roll(end - top)

    def _blended(self, rows: int) -> Floats:
        """The strip; zeros of one class where all windows were skipped so far."""
        if len(self.blend):
            return self.blend
        return np.zeros((1, rows, self.columns.length), np.float32)

    def _roll(self, rows: int) -> None:
        """Move the strip up by finished rows; the new ones at its end are 0."""
        rest = self.blend.shape[1] - rows
        self.blend[:, :rest] = self.blend[:, rows:]
        self.blend[:, rest:] = 0
