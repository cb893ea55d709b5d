"""The two pictures of a suspect: what the radar saw, and the same with the label and with what the network sees."""

import base64
import math

import cv2
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from seep_lightning.labelling.review_candidates import Sighting
from seep_lightning.labelling.suspects import Mask
from seep_lightning.reporting.pictures import FALSE, MISSED, Colour, stretched

# px of the longer side of a picture, before the page fits it to the window
SIDE = 360
LARGEST_ZOOM = 4
LABEL_COLOUR = MISSED
NETWORK_COLOUR = FALSE
OWN_WIDTH = 2
OTHER_WIDTH = 1
QUALITY = 70
# of WebP, more than 100 means so
WITHOUT_LOSS = 101
SEEP = 0.5


def pictures_of(sighting: Sighting) -> list[Markup]:
    """Draw a suspect.

    Args:
        sighting: The suspect with what lies around it.

    Returns:
        Two data URIs. The plain picture, pixel by pixel; and rims to lay over it, enlarged: all labels in blue and what
        the network sees in orange, the suspect's own label and suggestion thicker.
    """
    view = sighting.view
    grey = stretched(view.image, view.data)
    plain = np.repeat(grey[..., None], 3, axis=2)
    zoom = _zoom(*grey.shape)
    # transparent: an enlarged copy of the picture would be most of the page
    rims = np.zeros((grey.shape[0] * zoom, grey.shape[1] * zoom, 4), np.uint8)
    suspect = sighting.suspect
    masks = (
        (view.probability > SEEP, NETWORK_COLOUR, OTHER_WIDTH),
        (view.truth, LABEL_COLOUR, OTHER_WIDTH),
        (_placed(suspect.suggestion, sighting), NETWORK_COLOUR, OWN_WIDTH),
        (_placed(suspect.label, sighting), LABEL_COLOUR, OWN_WIDTH),
    )
    for mask, colour, width in masks:
        _draw_rim(rims, mask, colour, width)
    return [_data_uri(plain[..., ::-1], QUALITY), _data_uri(rims[..., [2, 1, 0, 3]], WITHOUT_LOSS)]


def _placed(mask: Mask, sighting: Sighting) -> Mask:
    """A suspect's mask as its view has it."""
    box, shown = sighting.suspect.box, sighting.view.box
    height, width = sighting.view.truth.shape
    placed = np.zeros((height, width), bool)
    rows, columns = np.nonzero(mask)
    rows += box.top - shown.top
    columns += box.left - shown.left
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    placed[rows[inside], columns[inside]] = True
    return placed


def _zoom(height: int, width: int) -> int:
    """By how much a picture is enlarged."""
    fitting = math.ceil(SIDE / max(height, width))
    return min(max(fitting, 1), LARGEST_ZOOM)


def _draw_rim(picture: NDArray[np.uint8], mask: Mask, colour: Colour, width: int) -> None:
    """Draw the rim of a mask into an enlarged picture (H, W, 4) of rims."""
    zoom = _zoom(*mask.shape)
    large = np.asarray(np.kron(mask, np.ones((zoom, zoom))), np.uint8)
    rims, _ = cv2.findContours(large, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, rims, -1, (*colour, 255), width)


def _data_uri(picture: NDArray[np.uint8], quality: int) -> Markup:
    """A picture in the order of OpenCV (B, G, R, alpha) as a data URI, which the page takes as it is."""
    _, encoded = cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, quality])
    text = base64.b64encode(encoded.tobytes()).decode()
    return Markup(f"data:image/webp;base64,{text}")
