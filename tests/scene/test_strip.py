"""The streaming predictor against a whole canvas, constant models, and everything that can go wrong in its threads."""

import threading
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from helpers.rasters import ArraySource
from seep_lightning.scene.plan import WindowPlan
from seep_lightning.scene.strip import predict_scene
from seep_lightning.scene.windows import Tiling, axis, cut, taper

Floats = NDArray[np.float32]
TILING = Tiling(64, 24)
SIZES = [(1, 1), (1, 200), (200, 1), (3, 3), (32, 50), (63, 64), (64, 64), (65, 65), (64, 65), (150, 203), (300, 97)]


def scene(height: int, width: int, bands: int = 1, holes: bool = True) -> ArraySource:
    rng = np.random.default_rng(height * 1000 + width)
    values = rng.integers(1, 65535, (bands, height, width), dtype=np.uint16)
    valid = rng.random((height, width)) > (0.1 if holes else -1)
    valid[0, 0] = valid[-1, -1] = True
    return ArraySource(values, valid, block_rows=7)


def scaled(values: NDArray[Any], valid: NDArray[np.bool_]) -> Floats:
    return np.where(valid, values.astype(np.float32) / 65535, np.float32(0))


def predicted(
    source: ArraySource, model: Callable[[Floats], Floats], **options: Any
) -> tuple[Floats, NDArray[np.bool_]]:
    """The canvas (K, H, W) of what was written, and what was mapped."""
    rows: list[tuple[int, Floats, NDArray[np.bool_]]] = []
    part, progress = options.pop("part", None), options.pop("progress", None)
    plan = WindowPlan(**{"tiling": TILING, "batch": 8, **options})

    def write(start: int, probability: Floats, mapped: NDArray[np.bool_]) -> None:
        rows.append((start, probability.copy(), mapped.copy()))

    predict_scene(source, model, scaled, write, plan, part, progress)
    ends = [a + p.shape[1] for a, p, _ in rows]
    assert [a for a, _, _ in rows[1:]] == ends[:-1], "rows come in order, none twice, none left out"
    assert all(p.shape[1:] == m.shape for _, p, m in rows)
    bands = max(len(p) for _, p, _ in rows)
    canvas = np.concatenate([np.broadcast_to(p, (bands, *p.shape[1:])) for _, p, _ in rows], axis=1)
    return canvas, np.concatenate([m for _, _, m in rows])


def context(inputs: Floats) -> Floats:
    """A model that sees its neighbours, its window's edges and its place in the window, and gives two classes."""
    blurred = np.stack([cv2.blur(image[0], (9, 9), borderType=cv2.BORDER_CONSTANT) for image in inputs])
    h, w = blurred.shape[1:]
    place = np.linspace(0, 0.5, h)[:, None] * np.linspace(0, 1, w)
    return np.stack([blurred, 0.5 * blurred + place], axis=1).astype(np.float32)


def whole_canvas(source: ArraySource, model: Callable[[Floats], Floats], tiling: Tiling) -> NDArray[np.float64]:
    """The textbook way: sums of weighted windows over sums of weights, in double precision, all in memory."""
    rows, columns = axis(source.height, tiling), axis(source.width, tiling)
    total = weight = np.zeros((1, source.height, source.width))
    for a in rows.starts:
        for b in columns.starts:
            window = [
                cut(cut(x, a, a + rows.window, 1), b, b + columns.window, 2)
                for x in (source.values, source.valid[None])
            ]
            p = model(scaled(window[0], window[1][0])[None])[0].astype(float)
            share = np.outer(taper(rows.window, tiling.overlap), taper(columns.window, tiling.overlap))
            inside = np.s_[max(0, -a) : source.height - a, max(0, -b) : source.width - b]
            grown = np.zeros((2, len(p), source.height, source.width))
            part = p[(slice(None), *inside)]
            at = np.s_[:, max(a, 0) : max(a, 0) + part.shape[1], max(b, 0) : max(b, 0) + part.shape[2]]
            grown[0][at], grown[1][at] = part * share[inside], share[inside]
            total, weight = total + grown[0], weight + grown[1]
    return total / weight


@pytest.mark.parametrize("size", SIZES)
def test_a_constant_model_gives_the_constant_at_every_valid_pixel(size: tuple[int, int]) -> None:
    source = scene(*size)
    canvas, mapped = predicted(source, lambda x: np.full_like(x, 0.37))
    assert canvas.shape == (1, *size)
    assert (mapped == source.valid).all()
    np.testing.assert_allclose(canvas[0][mapped], 0.37, atol=1e-6)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("bands", [1, 3])
def test_a_pixel_wise_model_gives_the_same_as_without_windows(size: tuple[int, int], bands: int) -> None:
    source = scene(*size, bands)
    canvas, mapped = predicted(source, lambda x: x.mean(axis=1, keepdims=True) ** 2)
    expected = scaled(source.values, source.valid).mean(axis=0) ** 2
    np.testing.assert_allclose(canvas[0][mapped], expected[mapped], atol=1e-6)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("tiling", [TILING, Tiling(64, 40), Tiling(32, 0), Tiling(32, 28)])
def test_strip_and_whole_canvas_agree(size: tuple[int, int], tiling: Tiling) -> None:
    source = scene(*size)
    canvas, mapped = predicted(source, context, tiling=tiling, batch=3)
    expected = whole_canvas(source, context, tiling)
    np.testing.assert_allclose(canvas[:, mapped], expected[:, mapped], atol=1e-6)


@pytest.mark.parametrize("first", [0, 1, 39, 40, 170, 211, 299])
def test_the_last_rows_alone_are_the_very_same_numbers(first: int) -> None:
    source = scene(300, 150)
    whole, _ = predicted(source, context)
    part, mapped = predicted(source, context, part=(first, 300))
    assert part.shape[1] == 300 - first
    assert (part[:, mapped] == whole[:, first:][:, mapped]).all()


def test_batches_are_cut_at_window_rows() -> None:
    sizes: list[int] = []
    source = scene(200, 300, holes=False)
    predicted(source, lambda x: (sizes.append(len(x)), x)[1], batch=5)
    columns = len(axis(300, TILING).starts)
    row = [5] * (columns // 5) + ([columns % 5] if columns % 5 else [])
    assert sizes == row * len(axis(200, TILING).starts)


def test_windows_without_a_valid_pixel_are_skipped() -> None:
    source = scene(400, 300)
    source.valid[:, :150] = False
    source.valid[:250] = False
    seen: list[int] = []
    canvas, mapped = predicted(source, lambda x: (seen.append(len(x)), np.full_like(x, 0.5))[1])
    rows, columns = axis(400, TILING), axis(300, TILING)
    expected = sum(a + rows.window > 250 for a in rows.starts) * sum(b + columns.window > 150 for b in columns.starts)
    assert sum(seen) == expected
    assert (mapped == source.valid).all()
    np.testing.assert_allclose(canvas[0][mapped], 0.5, atol=1e-6)


def test_a_scene_without_valid_pixels_asks_the_model_nothing() -> None:
    source = ArraySource(np.zeros((1, 150, 90), np.uint16), np.zeros((150, 90), bool))
    canvas, mapped = predicted(source, lambda x: pytest.fail("called"))
    assert canvas.shape == (1, 150, 90)
    assert not mapped.any()


def test_an_area_limits_what_is_mapped_but_not_what_is_seen() -> None:
    source = scene(200, 180, holes=False)
    wanted = np.zeros((200, 180), bool)
    wanted[90:120, 60:100] = True
    seen: list[int] = []
    canvas, mapped = predicted(source, lambda x: (seen.append(len(x)), context(x))[1], area=lambda a, b: wanted[a:b])
    everything, _ = predicted(source, context)
    assert (mapped == wanted).all()
    np.testing.assert_allclose(canvas[:, mapped], everything[:, mapped], atol=1e-6)
    assert sum(seen) < len(axis(200, TILING).starts) * len(axis(180, TILING).starts)


class Broken(Exception):
    pass


def _breaks(after: int) -> Callable[..., Any]:
    calls = iter(range(10**6))

    def work(*_: Any) -> None:
        if next(calls) >= after:
            raise Broken

    return work


@pytest.mark.parametrize("after", [0, 1, 3])
@pytest.mark.parametrize("part", ["read", "normalise", "model", "write", "area"])
def test_what_any_thread_raises_is_passed_on_and_nothing_hangs(part: str, after: int) -> None:
    source, fail = scene(900, 200), _breaks(after)
    before = threading.active_count()

    class Failing(ArraySource):
        def read(self, start: int, stop: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
            fail()
            return super().read(start, stop)

    def area(start: int, stop: int) -> NDArray[np.bool_]:
        if part == "area":
            fail()
        return np.ones((stop - start, 200), bool)

    def run() -> None:
        predict_scene(
            Failing(source.values, source.valid) if part == "read" else source,
            lambda x: (fail() if part == "model" else None, x)[1],
            lambda v, ok: (fail() if part == "normalise" else None, scaled(v, ok))[1],
            lambda *rows: fail() if part == "write" else None,
            WindowPlan(TILING, batch=2, threads=3, area=area),
        )

    begin = time.monotonic()
    with pytest.raises(Broken):
        run()
    assert time.monotonic() - begin < 10
    assert threading.active_count() == before


def test_reading_goes_ahead_by_a_bounded_number_of_rows() -> None:
    read: list[int] = []

    class Counting(ArraySource):
        def read(self, start: int, stop: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
            read.append(stop)
            return super().read(start, stop)

    ahead: list[int] = []
    written = [0]

    def model(x: Floats) -> Floats:
        time.sleep(0.002)
        ahead.append(max(read) - written[0])
        return x

    values = np.ones((1, 20000, 40), np.uint8)
    source = Counting(values, np.ones((20000, 40), bool), block_rows=256)
    plan = WindowPlan(Tiling(512, 64), batch=8)
    predict_scene(source, model, scaled, lambda a, p, m: written.__setitem__(0, a), plan)
    assert max(ahead) < 12 * 512


def test_the_model_runs_in_the_calling_thread_only() -> None:
    names: set[str] = set()
    predicted(scene(200, 100), lambda x: (names.add(threading.current_thread().name), x)[1])
    assert names == {threading.current_thread().name}


def test_progress_ascends_to_all_pixels() -> None:
    seen: list[tuple[int, int]] = []
    predicted(scene(200, 150), lambda x: x, progress=lambda done, total: seen.append((done, total)))
    done = [d for d, _ in seen]
    assert done == sorted(done)
    assert seen[-1] == (200 * 150, 200 * 150)


def test_a_model_of_the_wrong_shape_is_told() -> None:
    with pytest.raises(ValueError, match="expected"):
        predicted(scene(70, 70), lambda x: x[..., 1:])
