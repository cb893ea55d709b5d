"""A raster of recurrence is read here, whether as a history or for a page: it may be damaged, or be something else."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from seep_lightning.errors import UserError
from seep_lightning.sources.bounds import MOST_CELLS

SEEN, LOOKED = "days_seen", "days_looked"
"""Names of the bands."""
READ_ROWS = 512
"""Rows of cells that are read at once, at most."""
CELLS_AT_ONCE = 32 * 2**20
"""Cells that are read at once, at most."""
ROUNDING = 1e-3
"""Days by which more may be seen than looked at, where a raster was warped."""
Counts = NDArray[np.float32]


class RecurrenceName(NamedTuple):
    """What messages call a raster of recurrence.

    Attributes:
        text: Such as `history=PATH`.
        advice: A sentence that says what to do.
    """

    text: str
    advice: str


class RecurrenceStrip(NamedTuple):
    """Some rows of a raster of recurrence.

    Attributes:
        top: The first of them, in the raster.
        seen: Days seen, (H, W).
        looked: Days looked at, (H, W); 0 where nobody looked.
    """

    top: int
    seen: Counts
    looked: Counts


def name_of_history(path: Path) -> RecurrenceName:
    """What messages call a history.

    Args:
        path: Its raster.
    """
    return RecurrenceName(f"history={path}", "Give history=recurrence.tif of `seep sources`.")


def check_recurrence(dataset: Any, name: RecurrenceName) -> None:
    """Check the header of a raster of recurrence.

    Args:
        dataset: Open, of rasterio.
        name: For messages.

    Raises:
        UserError: It is something else, or claims too many cells.
    """
    bands = list(dataset.descriptions)
    if SEEN not in bands or LOOKED not in bands:
        found = ", ".join(str(band) for band in bands)
        raise UserError(f"{name.text} has the bands {found}; expected {SEEN} and {LOOKED}. {name.advice}")
    if any(dtype.startswith("complex") for dtype in dataset.dtypes):
        raise UserError(f"{name.text} holds complex values; expected counts of days. {name.advice}")
    if dataset.width * dataset.height > MOST_CELLS or dataset.width > CELLS_AT_ONCE:
        raise UserError(f"{name.text} claims {dataset.width:,} x {dataset.height:,} cells. {name.advice}")
    transform = dataset.transform
    is_square = transform.b == transform.d == 0 and transform.a == -transform.e and transform.a > 0
    if not is_square or (dataset.crs and not dataset.crs.is_projected):
        raise UserError(f"{name.text} has other cells than squares of an equal-area grid in metres. {name.advice}")


def whole_window(dataset: Any) -> Window:
    """All cells of an open raster."""
    return Window(0, 0, dataset.width, dataset.height)


def rows_at_once(width: int) -> int:
    """How many rows are read at once of a raster as wide as it likes."""
    return max(1, min(READ_ROWS, CELLS_AT_ONCE // width))


def recurrence_strips(dataset: Any, window: Window, rows: int, name: RecurrenceName) -> Iterator[RecurrenceStrip]:
    """Days seen and days looked at, some rows of a window at a time; 0 where there is no data.

    Args:
        dataset: Open, and checked by `check_recurrence`.
        window: Which cells.
        rows: How many rows at once.
        name: For messages.

    Raises:
        UserError: Values are no counts of days.
    """
    bands = [dataset.descriptions.index(band) + 1 for band in (SEEN, LOOKED)]
    end = window.row_off + window.height
    for top in range(window.row_off, end, rows):
        part = Window(window.col_off, top, window.width, min(rows, end - top))
        seen, looked = dataset.read(bands, window=part, masked=True).filled(0).astype(np.float32)
        _check_counts(seen, looked, name)
        yield RecurrenceStrip(top, seen, looked)


def _check_counts(seen: Counts, looked: Counts, name: RecurrenceName) -> None:
    """Raise `UserError` for days seen that are no share of those looked at: a history of them would have no effect."""
    if not ((seen >= 0) & (seen <= looked + ROUNDING) & np.isfinite(looked)).all():
        raise UserError(f"{name.text} holds values that are no counts of days, 0 <= {SEEN} <= {LOOKED}. {name.advice}")
