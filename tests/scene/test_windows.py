"""Geometry of windows: they cover the scene, and their shares add up to one everywhere."""

import numpy as np
import pytest

from seep_lightning.scene.windows import Tiling, axis, cut, taper

TILINGS = [Tiling(64, 16), Tiling(64, 32), Tiling(64, 0), Tiling(64, 48), Tiling(64, 63), Tiling(32, 8)]
LENGTHS = [1, 2, 31, 32, 33, 63, 64, 65, 96, 127, 128, 129, 500]


@pytest.mark.parametrize("tiling", TILINGS)
@pytest.mark.parametrize("length", LENGTHS)
def test_shares_add_up_to_one_at_every_pixel(length: int, tiling: Tiling) -> None:
    line = axis(length, tiling)
    total = np.zeros(length)
    for start, share in zip(line.starts, line.shares, strict=True):
        inside = np.arange(line.window)[(np.arange(start, start + line.window) >= 0)]
        inside = inside[inside + start < length]
        assert (share[inside] > 0).all(), "a weight of zero leaves a pixel to chance"
        total[inside + start] += share[inside]
        assert share.sum() == pytest.approx(share[inside].sum())  # nothing beyond the scene
    np.testing.assert_allclose(total, 1, atol=1e-6)


@pytest.mark.parametrize("tiling", TILINGS)
@pytest.mark.parametrize("length", LENGTHS)
def test_windows_reach_from_margin_to_margin(length: int, tiling: Tiling) -> None:
    line = axis(length, tiling)
    if length <= tiling.window:
        assert len(line.starts) == 1
        assert (line.starts[0], line.window) == (0, length)
    else:
        assert line.starts[0] == -(tiling.overlap // 2)
        assert line.starts[-1] + line.window == length + tiling.overlap // 2
        assert max(np.diff(line.starts)) <= tiling.window - tiling.overlap
        assert min(np.diff(line.starts)) > 0


def test_a_chip_of_the_window_s_size_is_one_window_without_padding() -> None:
    assert axis(256, Tiling(256, 64)).starts == (0,)
    assert axis(250, Tiling(512, 128)).window == 250


def test_rows_before_the_next_window_are_finished() -> None:
    line = axis(200, Tiling(64, 16))
    assert [line.ends(i) for i in range(len(line.starts))] == [*(max(start, 0) for start in line.starts[1:]), 200]


def test_taper_is_hann_at_half_overlap_and_flat_in_between() -> None:
    np.testing.assert_allclose(taper(64, 32), np.sin(np.pi * (np.arange(64) + 0.5) / 64) ** 2)
    flat = taper(64, 16)
    assert (flat[16:48] == 1).all()
    np.testing.assert_allclose(flat[:16] + flat[-16:], 1)


@pytest.mark.parametrize("length", [1, 2, 5, 40])
def test_reflection_is_numpy_s(length: int) -> None:
    pixels = np.arange(length)
    expected = np.pad(pixels, (7, 9), mode="reflect") if length > 1 else np.zeros(17, int)
    assert (cut(pixels[None], -7, length + 9, 1) == expected).all()


def test_cut_inside_is_a_view() -> None:
    pixels = np.zeros((3, 10, 10))
    assert np.shares_memory(cut(pixels, 2, 8, 2), pixels)
    assert cut(pixels, 2, 8, 1).shape == (3, 6, 10)
