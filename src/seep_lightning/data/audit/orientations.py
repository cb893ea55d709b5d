"""The eight ways to lay a picture: mirrored and turned."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Orientation(NamedTuple):
    """One of the eight ways to lay a picture: transposed first, then turned upside down, then mirrored."""

    transposed: bool
    upside_down: bool
    mirrored: bool

    def __str__(self) -> str:
        steps = [name.replace("_", " ") for name, is_done in self._asdict().items() if is_done]
        return " and ".join(steps) or "as they are"


ORIENTATIONS = tuple(
    Orientation(transposed, upside_down, mirrored)
    for transposed in (False, True)
    for upside_down in (False, True)
    for mirrored in (False, True)
)
"""The first one leaves a picture as it is."""


def oriented(picture: NDArray[Any], orientation: Orientation) -> NDArray[Any]:
    """Lay a picture in another way.

    Args:
        picture: (..., H, W).
        orientation: The way.

    Returns:
        A view of it, (..., W, H) where it is transposed.
    """
    if orientation.transposed:
        picture = np.swapaxes(picture, -1, -2)
    if orientation.upside_down:
        picture = picture[..., ::-1, :]
    if orientation.mirrored:
        picture = picture[..., ::-1]
    return picture
