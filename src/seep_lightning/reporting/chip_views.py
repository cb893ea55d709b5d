"""Chips as a page shows them: a row of chips.csv with four small pictures."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from seep_lightning.config.data import OtherDataConfig
from seep_lightning.errors import UserError, as_user_error
from seep_lightning.evaluation.stored import ADVICE
from seep_lightning.reporting.pictures import Rgb, four_views
from seep_lightning.runs.directory import Run

if TYPE_CHECKING:
    from seep_lightning.data.chips import Chips

# px: larger chips are made smaller, so that a page stays below 10 MB
LARGEST_VIEW = 256
# above 100: without loss
WEBP_LOSSLESS = [cv2.IMWRITE_WEBP_QUALITY, 101]


@dataclass(frozen=True)
class ChipViews:
    """A chip on the page.

    Attributes:
        row: Its row of chips.csv.
        views: Picture, truth, probability and errors, as data URIs.
    """

    row: dict[str, Any]
    views: list[str]


def view_chips(run: Run, scored: dict[str, Any], rows: Sequence[dict[str, Any]]) -> list[ChipViews]:
    """Draw scored chips.

    Args:
        run: The run that they were scored with.
        scored: The evaluation's summary.
        rows: Rows of its chips.csv.

    Returns:
        Each row with its pictures.

    Raises:
        UserError: The data set, or one of the chips, is not there any more.
    """
    from seep_lightning.data.layouts import pair_chips
    from seep_lightning.data.roots import other_data

    data = scored["data"]
    # those of the run's own data, and those of older versions, tell the root alone
    settings = data.get("settings") or {"root": data["root"]}
    problem = f"the evaluation of part={scored['part']} names settings that this version does not know"
    with as_user_error(problem, TypeError, advice=ADVICE):
        other = OtherDataConfig(**settings)
    chips = pair_chips(other_data(run.config.data, other))
    evaluation = run.dir / "evaluate" / scored["part"]
    drawn = []
    for row in rows:
        views = _views(chips, row["name"], evaluation)
        drawn.append(ChipViews(row, views))
    return drawn


def _views(chips: "Chips", name: str, evaluation: Path) -> list[str]:
    """The four pictures of a chip."""
    from seep_lightning.data.chip_maps import read_chip_map

    if name not in chips.names:
        raise UserError(f"{name} is not in {chips.root} any more. Put it back.")
    index = chips.names.index(name)
    pixels = chips.read(index)
    levels = read_chip_map(evaluation / "probabilities", name)
    predicted = read_chip_map(evaluation / "masks", name) > 0
    views = four_views(pixels, levels, predicted)
    return [_data_uri(view) for view in views]


def _data_uri(view: Rgb) -> Markup:
    """An RGB picture as a data URI, made smaller where it is large; the page takes it as it is."""
    scale = min(LARGEST_VIEW / max(view.shape), 1)
    bgr: NDArray[np.uint8] = view[..., ::-1]
    small = cv2.resize(bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".webp", small, WEBP_LOSSLESS)
    text = base64.b64encode(encoded.tobytes()).decode()
    return Markup(f"data:image/webp;base64,{text}")
