"""Figures that a run asks for beside those of every run: `figures=[soft_dice_S, my_figures.F2]`."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from seep_lightning.errors import UserError
from seep_lightning.metrics.calibration import Reliability
from seep_lightning.metrics.figures import (
    FIGURES,
    BatchFigure,
    ClassFigure,
    Figure,
    ObjectFigure,
    PixelFigure,
    ProbabilityFigure,
    ToleranceFigure,
    declared,
)
from seep_lightning.metrics.object_counts import SIZE_CLASSES, ObjectCounts


def request_figures(names: Sequence[str]) -> list[BatchFigure]:
    """Find the figures that a run asks for, and declare those that are somebody's own.

    Args:
        names: From the config's `figures`: keys of figures of batches, or `MODULE.NAME` of a `Figure`.

    Returns:
        Those of batches. The others are declared, so that everything that loops over `FIGURES` shows them.

    Raises:
        UserError: A name is no figure's, or the figure does not do what its class promises.
    """
    batch_figures = []
    for name in names:
        figure = _figure_of(name)
        if figure not in FIGURES:
            declare(figure)
        if isinstance(figure, BatchFigure):
            batch_figures.append(figure)
    return batch_figures


def declare(figure: Figure) -> None:
    """Add a figure to `FIGURES`.

    Args:
        figure: Its declaration.

    Raises:
        UserError: Its key is taken, or its function does not work on what its class promises.
    """
    if any(figure.key == other.key for other in FIGURES):
        raise UserError(f"figures: there is a figure {figure.key} already. Give yours another key.")
    try:
        _try_out(figure)
    except Exception as error:  # whatever somebody's function raises
        raise UserError(f"figures: the function of {figure.key} fails on an example: {error}.") from error
    FIGURES.append(figure)


def _figure_of(name: str) -> Figure:
    """The figure that a key or a dotted name stands for."""
    known = {figure.key: figure for figure in declared(BatchFigure)}
    if name in known:
        return known[name]
    module, _, attribute = name.rpartition(".")
    expected = f"Expected MODULE.NAME of a Figure, or one of {', '.join(known)}"
    if not module:
        raise UserError(f"figures={name}: there is no figure of batches with this key. {expected}.")
    try:
        figure = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise UserError(f"figures={name}: cannot import it ({error}). {expected}.") from error
    if not isinstance(figure, Figure):
        raise UserError(f"figures={name} is a {type(figure).__name__}. {expected}.")
    return figure


def _try_out(figure: Figure) -> None:
    """Call a figure's function on an example; raise where it does not return what it should."""
    match figure:
        case PixelFigure():
            _try_out_on_arrays(figure)
        case ToleranceFigure():
            float(figure.function(np.array([5, 6, 4, 4])))
        case ClassFigure():
            float(figure.function(np.array([[5, 1, 0], [1, 3, 1], [0, 0, 2]])))
        case ObjectFigure():
            float(figure.function(_example_objects()))
        case ProbabilityFigure():
            float(figure.function(Reliability()))
        case BatchFigure():
            float(figure.function(0.5))
        case _:
            raise TypeError("expected one of the classes of metrics/figures.py, such as PixelFigure")


def _try_out_on_arrays(figure: PixelFigure) -> None:
    """Call a figure's function on counts of two chips, as arrays and as tensors."""
    import torch

    chips = [[3, 1, 2], [0, 0, 0]]
    counts: Any
    for counts in (np.array(chips), torch.tensor(chips)):
        shape = tuple(figure.function(counts).shape)
        if shape != (2,):
            raise ValueError(f"it returns shape {shape} for counts of shape (2, 3), expected (2,)")


def _example_objects() -> ObjectCounts:
    """Counts of objects, half of which are found and right."""
    one = np.ones(len(SIZE_CLASSES), np.int64)
    return ObjectCounts(
        found=one,
        true=2 * one,
        right=one,
        predicted=2 * one,
        line_found=1,
        line=2,
        predicted_outline_near=1,
        predicted_outline=2,
        true_outline_near=1,
        true_outline=2,
        sea=100,
    )
