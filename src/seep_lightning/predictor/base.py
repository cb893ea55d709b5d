"""A trained network as a callable on arrays, whatever runs it. Imports neither torch nor Lightning."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.data.images import valid_pixels
from seep_lightning.data.normalise import FULL_SCALE, Floats, Normaliser, histogram, quartiles_of
from seep_lightning.errors import UserError
from seep_lightning.metrics.calibration import scaled


class Predictor:
    """Probability of seep for each pixel. A sub-class runs the network: `probability`.

    threshold: tuned on the run's validation part; a pixel is seep where its (scaled) probability is above it.
    scaling: (a, b) of sigmoid(a x logit + b), and min_area: px below which an object is dropped, chosen there too.
    facts: what the checkpoint knows of its data (`SeepDataModule.facts`). name, key: see `maps.open_networks`.
    """

    name = key = ""
    precision = "32"  # or bf16, where the network runs on torch

    def __init__(self, facts: dict[str, Any], threshold: float, min_area: int | None = None) -> None:
        self.facts, self.threshold, self.min_area = facts, threshold, min_area
        self.scaling = 1.0, 0.0
        self.normalise = Normaliser(**facts["normalise"])
        self.nodata: int | None = facts["nodata"]
        self.bands: int = facts["bands"]
        self.classes: int = facts["classes"] if facts.get("task") == "classes" else 0  # told apart

    def __call__(self, image: NDArray[Any], quartiles: Floats | None = None) -> Floats:
        """Probabilities (H, W) float32 in 0..1 of raw values (H, W) or (C, H, W), uint8 or uint16; nodata gives 0.

        quartiles: (C, 3), of the scene that the image was cut from, in 0..1 of full scale; for runs that normalise by
        scene. None: those of the image itself. Raises `UserError` for another type or number of bands.
        """
        return np.asarray(self.class_probabilities(image, quartiles)[0])

    def class_probabilities(self, image: NDArray[Any], quartiles: Floats | None = None) -> Floats:
        """The same with the probabilities of the classes behind it, which add up to it: (1 + `classes`, H, W)."""
        image = np.asarray(image)
        array = image[None] if image.ndim == 2 else image
        if array.dtype.name not in FULL_SCALE or array.ndim != 3 or array.shape[0] != self.bands or not array.size:
            taken = f"this run takes uint8 or uint16, (H, W) or ({self.bands}, H, W)"
            raise UserError(f"the image is {array.dtype} with shape {image.shape}; {taken}.")
        valid = valid_pixels(array, self.nodata)
        if quartiles is None:
            quartiles = quartiles_of(histogram(array, valid))
        values = array.astype(np.float32) / np.float32(FULL_SCALE[array.dtype.name])
        batch = self.normalise(values, valid, quartiles)[None]
        return np.where(valid, self.probability(batch)[0], np.float32(0))

    def probability(self, batch: Floats) -> Floats:
        """Probabilities (B, 1 + `classes`, H, W) of network input (B, C, H, W) of any size.

        The first is that of seep; after it come those of the classes that are told apart, which add up to it.
        """
        raise NotImplementedError

    def apply_scaling(self, scaling: tuple[float, float]) -> None:
        """Give scaled probabilities from now on."""
        self.scaling, self.threshold = scaling, float(scaled(self.threshold, scaling))
