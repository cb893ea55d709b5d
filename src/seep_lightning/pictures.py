"""A chip as a person looks at it: picture, truth, probability, errors, and a title. (H, W, 3) uint8 RGB."""

import cv2
import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]
RIGHT, MISSED, FALSE = (0, 158, 115), (86, 180, 233), (230, 120, 0)  # Okabe & Ito: told apart by the colour-blind
HEADER = 20  # pixels


def panel(
    image: NDArray[np.generic],
    truth: NDArray[np.bool_],
    probability: NDArray[np.float32],
    valid: NDArray[np.bool_],
    threshold: float,
    title: str,
) -> Rgb:
    """Picture | truth | probability | errors side by side under a title; all (H, W). Nodata is black."""
    grey = stretched(image, valid)
    views = [grey, (255 * truth).astype(np.uint8), np.rint(255 * probability).astype(np.uint8)]
    strip = np.hstack(
        [*(np.repeat(view[..., None], 3, axis=2) for view in views), errors(grey, truth, probability > threshold)]
    )
    header = np.zeros((HEADER, strip.shape[1], 3), np.uint8)
    cv2.putText(header, title, (4, HEADER - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255), 1, cv2.LINE_AA)
    return np.vstack([header, strip])


def stretched(image: NDArray[np.generic], valid: NDArray[np.bool_]) -> Rgb:
    """(H, W) uint8: valid values between their 1 and 99 % quantiles; nodata 0."""
    values = image.astype(np.float32)
    if not valid.any():
        return np.zeros(image.shape, np.uint8)
    low, high = np.quantile(values[valid], [0.01, 0.99])
    grey = np.clip((values - low) / max(high - low, 1e-6), 0, 1) * 255
    return np.where(valid, grey, 0).astype(np.uint8)


def errors(grey: Rgb, truth: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> Rgb:
    """The dimmed picture (H, W) with right, missed and false seep pixels in three colours."""
    view = np.repeat((grey // 2)[..., None], 3, axis=2)
    for colour, where in ((RIGHT, truth & predicted), (MISSED, truth & ~predicted), (FALSE, predicted & ~truth)):
        view[where] = colour
    return view
