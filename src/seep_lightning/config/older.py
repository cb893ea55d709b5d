"""Stored configs of older versions: what they meant by keys that they did not have yet."""

from typing import Any


def with_old_meaning(stored: Any) -> Any:
    """Complete the config of a run of an older version where a default of today means something else.

    Args:
        stored: Mappings and lists, as read from a file.

    Returns:
        The same tree. Runs of several bands from before `data.nodata_bands` took nodata in any band for no data.
    """
    if not isinstance(stored, dict) or not isinstance(stored.get("data"), dict):
        return stored
    data = stored["data"]
    bands = data.get("bands")
    has_several_bands = isinstance(bands, list) and len(bands) > 1
    if not has_several_bands or "nodata_bands" in data:
        return stored
    return {**stored, "data": {**data, "nodata_bands": "any"}}
