"""Small vector files that tests write."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely


def write_polygons(path: Path, polygons: Sequence[Any], crs: str | None, **options: Any) -> Path:
    """A file with these polygons and no attributes; options: of `pyogrio.raw.write`, such as the layer's name."""
    geometry = shapely.to_wkb(np.array(polygons))
    pyogrio.raw.write(path, geometry, [], [], crs=crs, geometry_type="Polygon", **options)
    return path
