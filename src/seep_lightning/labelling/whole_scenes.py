"""Whole scenes as candidates, made of their windows or chips."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import shapely

from seep_lightning.labelling.candidates import Candidate
from seep_lightning.scene.boxes import Box

TOP_WINDOWS = 0.1
"""The part of a scene's windows whose uncertainty counts: the rest is open sea."""


def by_scene(candidates: Sequence[Candidate]) -> list[Candidate]:
    """A candidate for each scene.

    Args:
        candidates: Windows or chips.

    Returns:
        The scenes in the order of their first windows. The features of one are the means of its windows.
    """
    groups: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        groups.setdefault(candidate.scene, []).append(candidate)
    return [_scene_of(windows) for windows in groups.values()]


def _scene_of(windows: Sequence[Candidate]) -> Candidate:
    """Windows of one scene as one candidate."""
    first = windows[0]
    uncertainty = sorted((window.uncertainty for window in windows), reverse=True)
    counted = max(1, round(TOP_WINDOWS * len(windows)))
    files = {window.path for window in windows}
    return replace(
        first,
        name=first.scene,
        path=first.path if len(files) == 1 else first.path.parent,
        box=_box_around(windows) if len(files) == 1 else Box(0, 0, 0, 0),
        cell=None,
        outline=_joined(windows),
        uncertainty=float(np.mean(uncertainty[:counted])),
        slick_share=float(np.mean([window.slick_share for window in windows])),
        features=np.mean([window.features for window in windows], axis=0),
        windows=len(windows),
    )


def _box_around(windows: Sequence[Candidate]) -> Box:
    """The box of all windows of a file."""
    boxes = [window.box for window in windows]
    return Box(
        top=min(box.top for box in boxes),
        bottom=max(box.bottom for box in boxes),
        left=min(box.left for box in boxes),
        right=max(box.right for box in boxes),
    )


def _joined(windows: Sequence[Candidate]) -> shapely.MultiPolygon:
    """The outline of all windows that lie in the coordinate system of the first."""
    outlines = [window.outline for window in windows if window.wkt == windows[0].wkt]
    joined = shapely.union_all(outlines)
    return joined if joined.geom_type == "MultiPolygon" else shapely.MultiPolygon([joined])
