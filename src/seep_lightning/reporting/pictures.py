"""A chip as a person looks at it: picture, truth, probability, errors, and a title. (H, W, 3) uint8 RGB."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from seep_lightning.data.images import ChipPixels

Rgb = NDArray[np.uint8]
Grey = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Colour = tuple[int, int, int]

# Okabe & Ito: told apart by the colour-blind
RIGHT = (0, 158, 115)
MISSED = (86, 180, 233)
FALSE = (230, 120, 0)
WHITE = (255, 255, 255)
# the value of what lies between views
GREY = 110
# the stripes over ignored pixels: their colour, and px from one to the next and across one
IGNORED_COLOUR = (204, 121, 167)
STRIPE_STEP = 6
STRIPE_WIDTH = 2
# the height of a line of text, px
LINE = 34
# between views, px
GAP = 6
# the least side of a view, px
SIDE = 256
# of small chips of a training batch
SMALL_SIDE = 128
# chips of a training batch beside each other
CHIPS_IN_ROW = 2
FONT = cv2.FONT_HERSHEY_SIMPLEX
# corners of outlines are drawn to 1/8 px
CORNER_SHIFT = 3


class Text(NamedTuple):
    """A text in a panel's header.

    Attributes:
        text: What is written.
        left: Pixels from the left.
        line: 1 or 2.
        colour: RGB.
    """

    text: str
    left: int
    line: int
    colour: Colour


def panel(chip: ChipPixels, probability: NDArray[np.float32], threshold: float, title: str) -> Rgb:
    """Draw picture | truth | probability | errors, under names and a title, large enough for a card.

    Args:
        chip: The chip's pixels; its first band is the picture.
        probability: Of seep, (H, W) in 0..1.
        threshold: Above which a probability is seep.
        title: Stands above all.

    Returns:
        The panel, two lines of text higher than a view and a little wider than four.
    """
    shown = np.where(chip.valid, probability, 0)
    levels = np.rint(255 * shown).astype(np.uint8)
    views = four_views(chip, levels, shown > threshold)
    zoom = math.ceil(SIDE / chip.mask.shape[1])
    framed = [_enlarged(view, zoom) for view in views]
    header = _header(title, framed[0].shape[1])
    drawn = np.vstack([header, np.hstack(framed)])
    # the last view needs no gap to its right
    return drawn[:, :-GAP]


def _header(title: str, step: int) -> Rgb:
    """A panel's title and the names of its four views, each `step` pixels to the right of the one before."""
    header = np.zeros((2 * LINE, 4 * step, 3), np.uint8)
    texts = [
        Text(title, 0, 1, WHITE),
        Text("picture", 0, 2, WHITE),
        Text("truth", step, 2, WHITE),
        Text("probability", 2 * step, 2, WHITE),
        Text("right", 3 * step, 2, RIGHT),
        Text("missed", 3 * step + 72, 2, MISSED),
        Text("false", 3 * step + 176, 2, FALSE),
    ]
    _write(header, texts)
    return header


def _write(header: Rgb, texts: Iterable[Text]) -> None:
    """Write texts into a header."""
    for text in texts:
        position = (text.left + 2, text.line * LINE - 10)
        cv2.putText(header, text.text, position, FONT, 0.85, text.colour, 2, cv2.LINE_AA)


def batch_panel(images: NDArray[np.float32], targets: NDArray[np.uint8], valids: NDArray[np.bool_], title: str) -> Rgb:
    """Draw some chips as a network is trained on them, two in a row, each as image | target | valid pixels.

    Args:
        images: Network input, (N, H, W).
        targets: The class of each pixel, (N, H, W).
        valids: Where there are data and labels, (N, H, W).
        title: Stands above all.

    Returns:
        The panel, which begins with two lines of text.
    """
    chips = [_training_views(*chip) for chip in zip(images, targets, valids, strict=True)]
    if len(chips) % CHIPS_IN_ROW:
        chips.append(np.full_like(chips[0], GREY))
    rows = [np.hstack(chips[k : k + CHIPS_IN_ROW]) for k in range(0, len(chips), CHIPS_IN_ROW)]
    step = chips[0].shape[1] // 3
    header = np.zeros((2 * LINE, rows[0].shape[1], 3), np.uint8)
    names = [Text(name, k * step, 2, WHITE) for k, name in enumerate(("image", "target", "valid") * CHIPS_IN_ROW)]
    _write(header, [Text(title, 0, 1, WHITE), *names])
    # the last views need no gap beside them
    return np.vstack([header, *rows])[:-GAP, :-GAP]


def _training_views(image: NDArray[np.float32], target: NDArray[np.uint8], valid: Mask) -> Rgb:
    """Image, target and valid pixels of a chip side by side, with a gap to the right and below."""
    views = (stretched(image, valid), 255 * (target > 0).astype(np.uint8), 255 * valid.astype(np.uint8))
    framed = np.hstack([_enlarged(_of_side(_rgb(view)), 1) for view in views])
    return np.pad(framed, ((0, GAP), (0, 0), (0, 0)), constant_values=GREY)


def _of_side(view: Rgb) -> Rgb:
    """A view as wide as any, or as small ones, without new values."""
    side = SIDE if view.shape[1] > SMALL_SIDE else SMALL_SIDE
    height = max(round(side * view.shape[0] / view.shape[1]), 1)
    return np.asarray(cv2.resize(view, (side, height), interpolation=cv2.INTER_NEAREST), np.uint8)


def stretched(image: NDArray[np.generic], valid: Mask) -> Grey:
    """Stretch values for the eye.

    Args:
        image: Raw values, (H, W).
        valid: Where there are data, (H, W).

    Returns:
        (H, W) uint8: valid values between their 1 and 99 % quantiles; 0 elsewhere.
    """
    values = image.astype(np.float32)
    if not valid.any():
        return np.zeros(image.shape, np.uint8)
    low, high = np.quantile(values[valid], [0.01, 0.99])
    span = max(high - low, 1e-6)
    grey = np.clip((values - low) / span, 0, 1) * 255
    return np.where(valid, grey, 0).astype(np.uint8)


def four_views(chip: ChipPixels, levels: Grey, predicted: Mask) -> list[Rgb]:
    """Draw picture, truth, probability, and the dimmed picture with right, missed and false seep in colours.

    Pixels that are ignored are hatched in the truth and among the errors.

    Args:
        chip: The chip's pixels; its first band is the picture.
        levels: Probabilities as grey levels, (H, W).
        predicted: Where seep was predicted, (H, W).
    """
    truth = (chip.mask > 0) & chip.valid
    grey = stretched(chip.image[0], chip.data)
    errors = _rgb(grey // 2)
    errors[truth & predicted] = RIGHT
    errors[truth & ~predicted] = MISSED
    errors[predicted & ~truth] = FALSE
    white_truth = _rgb(255 * truth.astype(np.uint8))
    hatched = ~chip.labelled & _stripes(truth.shape)
    for view in (white_truth, errors):
        view[hatched] = IGNORED_COLOUR
    return [_rgb(grey), white_truth, _rgb(levels), errors]


def _stripes(size: Sequence[int]) -> Mask:
    """Diagonal stripes, (H, W)."""
    rows, columns = np.indices(size)
    return np.asarray((rows + columns) % STRIPE_STEP < STRIPE_WIDTH)


def overview(image: NDArray[np.generic], valid: Mask, rings: Iterable[tuple[NDArray[np.float64], Colour]]) -> Rgb:
    """Draw a scene with outlines.

    Args:
        image: Raw values, (H, W).
        valid: Where there are data, (H, W).
        rings: Outlines (N, 2) of columns and rows, each with its colour.

    Returns:
        The picture.
    """
    # few grey levels: speckle is most of a picture file
    view = _rgb(stretched(image, valid) // 20 * 16)
    for ring, colour in rings:
        corners = np.rint(ring * 2**CORNER_SHIFT).astype(np.int32)
        cv2.polylines(view, [corners], isClosed=True, color=colour, lineType=cv2.LINE_AA, shift=CORNER_SHIFT)
    return view


def _rgb(grey: Grey) -> Rgb:
    """Grey values (H, W) as RGB."""
    return np.repeat(grey[..., None], 3, axis=2)


def _enlarged(view: Rgb, zoom: int) -> Rgb:
    """A view with each pixel as a square of `zoom` pixels, and a gap to its right."""
    large = np.kron(view, np.ones((zoom, zoom, 1), np.uint8))
    return np.pad(large, ((0, 0), (0, GAP), (0, 0)), constant_values=GREY)
