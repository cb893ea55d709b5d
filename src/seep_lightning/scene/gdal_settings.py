"""Settings of GDAL for the whole process: rasterio and pyogrio bring one copy each, and both are told the same."""

import os

# GDAL's own: who sets one of them wants to see what GDAL says
_WANTS_TO_SEE = ("CPL_LOG", "CPL_DEBUG")


def gdal_settings() -> dict[str, str]:
    """The settings by name: nothing is written beside what is read, and nothing on the terminal."""
    settings = {"CPL_VSIL_GZIP_WRITE_PROPERTIES": "NO"}
    if not any(name in os.environ for name in _WANTS_TO_SEE):
        # where neither library listens, GDAL prints; what matters stands in the errors that are raised
        settings["CPL_LOG"] = os.devnull
    return settings
