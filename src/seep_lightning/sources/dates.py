"""Dates in the texts that maps and outlines carry."""

import datetime
import re
from typing import Any

import numpy as np

_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)([-/.]?)([01]\d)\2([0-3]\d)(?!\d)")


def date_in(text: str) -> str:
    """The first date in a text.

    Args:
        text: Such as `2018-01-14T05:44:12`, `S1A_IW_20180114T054412`, `20180114`.

    Returns:
        YYYY-MM-DD; empty where there is none.
    """
    for match in _DATE.finditer(text):
        year, _, month, day = match.groups()
        try:
            return datetime.date(int(year), int(month), int(day)).isoformat()
        except ValueError:
            continue
    return ""


def date_of(value: Any) -> str:
    """The date of a cell in a column of dates: a date of the format's own, or a text.

    Args:
        value: The cell.

    Returns:
        YYYY-MM-DD; empty where it holds none.
    """
    if isinstance(value, np.datetime64):
        return "" if np.isnat(value) else str(value.astype("datetime64[D]"))
    if isinstance(value, datetime.date):
        return value.isoformat()[:10]
    return "" if value is None else date_in(str(value))
