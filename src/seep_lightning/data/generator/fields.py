"""Random fields and what shapes them: spectra, fields on a grid, noise along a line, soft thresholds."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.floating[Any]]
Rng = np.random.Generator
Shape = tuple[int, int]
Spectrum = Callable[[Float, Float], Float]
"""Frequencies along and across a heading, cycles a pixel, to power."""

# How much coarser smooth fields are made, before they are enlarged.
COARSENESS = 8

# After so many pixels fine structure repeats, which nobody sees under fresh speckle.
FINE_PERIOD = 1024

# How far a Gaussian kernel reaches, in standard deviations.
KERNEL_REACH = 3


def turned(x: Float, y: Float, heading: float) -> tuple[Float, Float]:
    """Components of vectors along a heading and across it, a quarter turn further.

    Args:
        x: Along a row.
        y: Down the rows.
        heading: Radians from x towards y.

    Returns:
        Along, and across.
    """
    along = x * np.cos(heading) + y * np.sin(heading)
    across = y * np.cos(heading) - x * np.sin(heading)
    return along, across


def power_law(slope: float, outer: float, stretch: float = 1.0) -> Spectrum:
    """Power that falls with frequency: k**-slope.

    Args:
        slope: How steeply it falls.
        outer: The wavelength beyond which it is flat, px.
        stretch: How much longer than wide structures are.

    Returns:
        The spectrum.
    """

    def power(along: Float, across: Float) -> Float:
        squared: Float = (stretch * along) ** 2 + across**2 + outer**-2
        return np.asarray(squared ** (-slope / 2))

    return power


def wave_train(wavelength: float, spread: float) -> Spectrum:
    """Waves of about one length and direction.

    Args:
        wavelength: In px.
        spread: The relative spread of their wave vector.

    Returns:
        The spectrum.
    """
    frequency = 1 / wavelength

    def power(along: Float, across: Float) -> Float:
        distance: Float = (np.abs(along) - frequency) ** 2 + across**2
        return np.asarray(np.exp(-distance / (2 * (spread * frequency) ** 2)))

    return power


def gaussian_field(rng: Rng, shape: Shape, spectrum: Spectrum, heading: float = 0.0, unit: float = 1.0) -> Float:
    """A periodic Gaussian random field of zero mean and unit variance: coloured noise (Shinozuka and Deodatis 1996).

    Args:
        rng: The source of noise.
        shape: Rows and columns of the field.
        spectrum: Its power.
        heading: The direction along which the spectrum counts, radians.
        unit: How many px wide a value of the field is.

    Returns:
        The field, float32.
    """
    rows, columns = shape
    y_frequency = np.fft.fftfreq(rows, unit)[:, None]
    x_frequency = np.fft.rfftfreq(columns, unit)[None]
    noise = rng.standard_normal((rows, x_frequency.size, 2), dtype=np.float32).view(np.complex64)[..., 0]
    noise *= np.sqrt(spectrum(*turned(x_frequency, y_frequency, heading)))
    noise[0, 0] = 0
    field = np.fft.irfft2(noise, s=shape).astype(np.float32)
    return np.asarray(field / field.std())


def large_scale(rng: Rng, shape: Shape, spectrum: Spectrum, heading: float = 0.0) -> Float:
    """A smooth field: made on a coarse grid and enlarged, which is cheap."""
    rows, columns = (-(-length // COARSENESS) + 1 for length in shape)
    coarse = gaussian_field(rng, (rows, columns), spectrum, heading, unit=COARSENESS)
    return np.asarray(cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32)


def fine_scale(rng: Rng, shape: Shape, spectrum: Spectrum, heading: float) -> Float:
    """A field of fine structure: it repeats, which is cheap."""
    field = gaussian_field(rng, (FINE_PERIOD, FINE_PERIOD), spectrum, heading)
    repeats = [-(-length // FINE_PERIOD) for length in shape]
    return np.tile(field, repeats)[: shape[0], : shape[1]]


def soft_step(field: Float, threshold: float, softness: float) -> Float:
    """0 below the threshold, 1 above it, with a logistic flank of about `softness`."""
    return np.asarray(0.5 + 0.5 * np.tanh((field - threshold) / (2 * softness)))


def smooth_noise(rng: Rng, n: int, scale: float) -> Float:
    """Gaussian noise of unit variance, (n,), correlated over about `scale` values."""
    reach = int(KERNEL_REACH * scale)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / scale) ** 2)
    kernel = kernel / np.sqrt((kernel**2).sum())
    return np.convolve(rng.standard_normal(n + 2 * reach), kernel, mode="valid")
