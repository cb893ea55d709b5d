"""A chip as a person looks at it: picture, truth, probability, errors, and a title. (H, W, 3) uint8 RGB."""

from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]
Mask = NDArray[np.bool_]
RIGHT, MISSED, FALSE = (0, 158, 115), (86, 180, 233), (230, 120, 0)  # Okabe & Ito: told apart by the colour-blind
WHITE, GREY, LINE, GAP, SIDE = (255, 255, 255), 110, 34, 6, 256  # pixels: a line of text, between views, least side


def panel(
    image: NDArray[np.generic], truth: Mask, probability: NDArray[np.float32], valid: Mask, threshold: float, title: str
) -> Rgb:
    """Picture | truth | probability | errors, under names and a title, large enough for a card. Inputs (H, W)."""
    zoom = -(-SIDE // image.shape[1])
    views = four_views(image, truth, np.rint(255 * probability).astype(np.uint8), valid, probability > threshold)
    views = [np.kron(view, np.ones((zoom, zoom, 1), np.uint8)) for view in views]
    views = [np.pad(v, ((0, 0), (0, GAP), (0, 0)), constant_values=GREY) for v in views]
    step = views[0].shape[1]
    header = np.zeros((2 * LINE, 4 * step, 3), np.uint8)
    names = [("picture", 0, WHITE), ("truth", step, WHITE), ("probability", 2 * step, WHITE)]
    names += [("right", 3 * step, RIGHT), ("missed", 3 * step + 72, MISSED), ("false", 3 * step + 176, FALSE)]
    for text, left, line, colour in [(title, 0, 1, WHITE), *((name, x, 2, colour) for name, x, colour in names)]:
        at, font = (left + 2, line * LINE - 10), cv2.FONT_HERSHEY_SIMPLEX
        cv2.putText(header, text, at, font, 0.85, colour, 2, cv2.LINE_AA)
    return np.vstack([header, np.hstack(views)])[:, :-GAP]


def stretched(image: NDArray[np.generic], valid: Mask) -> Rgb:
    """(H, W) uint8: valid values between their 1 and 99 % quantiles; nodata 0."""
    values = image.astype(np.float32)
    if not valid.any():
        return np.zeros(image.shape, np.uint8)
    low, high = np.quantile(values[valid], [0.01, 0.99])
    grey = np.clip((values - low) / max(high - low, 1e-6), 0, 1) * 255
    return np.where(valid, grey, 0).astype(np.uint8)


def four_views(image: NDArray[np.generic], truth: Mask, levels: Rgb, valid: Mask, predicted: Mask) -> list[Rgb]:
    """Picture, truth, probability (as levels), and the dimmed picture with right, missed and false seep in colours."""
    grey = stretched(image, valid)
    views = [np.repeat(view[..., None], 3, axis=2) for view in (grey, 255 * truth.astype(np.uint8), levels, grey // 2)]
    for colour, where in ((RIGHT, truth & predicted), (MISSED, truth & ~predicted), (FALSE, predicted & ~truth)):
        views[3][where] = colour
    return views


def overview(image: NDArray[np.generic], valid: Mask, rings: Iterable[tuple[NDArray[np.float64], Any]]) -> Rgb:
    """A scene (H, W) with outlines, rings (N, 2) of columns and rows coloured by probability, 0.5 to 1, and a scale."""
    # few grey levels: speckle is most of a picture file
    view = np.repeat((stretched(image, valid) // 20 * 16)[..., None], 3, axis=2)
    scale = cv2.applyColorMap(np.arange(64, 256, 2, dtype=np.uint8)[None], cv2.COLORMAP_PLASMA)[0, :, ::-1]
    for ring, probability in rings:
        colour = scale[round((len(scale) - 1) * min(max(2 * probability - 1, 0), 1))].tolist()
        corners = np.rint(ring * 8).astype(np.int32)  # to 1/8 px
        cv2.polylines(view, [corners], isClosed=True, color=colour, lineType=cv2.LINE_AA, shift=3)
    if min(view.shape[:2]) > 2 * len(scale):
        view[-18:-8, 34 : 34 + len(scale)] = scale
        for label, x in (("<.5", 4), ("1", 38 + len(scale))):
            cv2.putText(view, label, (x, len(view) - 9), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1, cv2.LINE_AA)
    return view
