"""Models made of models: their mean, and one model's mean over views of its input."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from seep_lightning.scene.interfaces import Floats, Model

QUARTER_TURNS = 4


def ensemble(models: Sequence[Model]) -> Model:
    """The mean of several models' probabilities."""
    count = np.float32(len(models))

    def mean(inputs: Floats) -> Floats:
        return np.asarray(sum(model(inputs) for model in models) / count)

    return mean


def augmented(model: Model, turns: int = QUARTER_TURNS) -> Model:
    """A model averaged over views of its input: test-time augmentation.

    Args:
        model: The model to ask for each view.
        turns: Quarter turns, each with its mirror image: 1 leaves the input and its mirror image (2 calls), 4 takes
            all turns (8 calls).

    Returns:
        The mean over all views, each brought back to its place.
    """
    steps = [(turn, step) for turn in range(turns) for step in (1, -1)]
    return ensemble([partial(_from_view, model, turn=turn, column_step=step) for turn, step in steps])


def _from_view(model: Model, inputs: Floats, turn: int, column_step: int) -> Floats:
    """The model's answer to one view, brought back; a column step of -1 mirrors left to right."""
    turned = np.rot90(inputs, turn, (2, 3))[..., ::column_step]
    # torch takes no arrays whose rows run backwards
    answer = model(turned.copy())
    return np.rot90(answer[..., ::column_step], -turn, (2, 3))
