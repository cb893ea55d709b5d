"""Runs side by side, ranked by validation: `python -m seep_lightning.compare runs=outputs/...`."""

import csv
from pathlib import Path
from typing import Any


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of `chips.csv` or `metrics.csv`, numbers as floats and NaN where there is none; no file, no rows."""
    texts = ("name", "scene", "tile")
    rows = csv.DictReader(path.read_text().splitlines() if path.is_file() else ())
    return [{k: v if k in texts else float(v or "nan") for k, v in row.items()} for row in rows]
