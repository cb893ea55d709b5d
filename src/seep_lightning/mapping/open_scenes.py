"""A scene while it is mapped: its pixels, its settings, and what is known of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.commands import PredictConfig
from seep_lightning.mapping.jobs import SceneJob
from seep_lightning.mapping.outputs import SceneOutputs
from seep_lightning.mapping.scene_history import HISTORY_TAG, SceneHistory
from seep_lightning.scene.raster import Raster


@dataclass(frozen=True)
class OpenScene:
    """A scene while it is mapped.

    Attributes:
        job: What is to be mapped.
        config: The settings of the command, with what the scene itself says of its values.
        raster: Its pixels, open for reading.
        outputs: Where its map goes.
        notes: What was assumed of its pixels, a text each.
        shared_quartiles: Of all chips of the scene of which this is one, (C, 3); None where nobody needs them.
        history: Of its place; None where nobody asks for it.
    """

    job: SceneJob
    config: PredictConfig
    raster: Raster
    outputs: SceneOutputs
    notes: tuple[str, ...]
    shared_quartiles: NDArray[np.float64] | None
    history: SceneHistory | None

    @property
    def tags(self) -> dict[str, str]:
        """What the files of the map tell of it."""
        return {} if self.added is None else {HISTORY_TAG: self.added.text}

    @property
    def added(self) -> SceneHistory | None:
        """The history that is added to logits; None where there is none, or only for the second look."""
        if self.history is None or not self.history.is_added:
            return None
        return self.history
