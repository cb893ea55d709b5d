"""A trained network as a callable on arrays, whatever runs it. Imports neither torch nor Lightning."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.data.images import valid_pixels
from seep_lightning.data.normalise import FULL_SCALE, Floats, Normaliser, histogram, quartiles_of
from seep_lightning.errors import UserError
from seep_lightning.metrics.calibration import scaled


def told_apart(facts: dict[str, Any]) -> int:
    """Number of classes that a network of these facts tells apart; 0 for seep or sea."""
    if facts.get("task") != "classes":
        return 0
    return int(facts["classes"])


class Predictor:
    """Probability of seep for each pixel. A sub-class runs the network: `probability`.

    Args:
        facts: What the checkpoint knows of its data (`SeepDataModule.facts`).
        threshold: Tuned on the run's validation part.
        min_area: Chosen there too.

    Attributes:
        facts: As given.
        threshold: A pixel is seep where its (scaled) probability is above it.
        min_area: Pixels below which an object is dropped; None where nothing was chosen.
        scaling: (a, b) of sigmoid(a x logit + b).
        normalise: From values in 0..1 to network input.
        nodata: The value of pixels without data; None where there is none.
        bands: Number of bands of an image.
        classes: Number of classes that the network tells apart; 0 for seep or sea.
        precision: `32`, or `bf16` where the network runs on torch.
        name: Of its run or file; set where several are mapped together.
        key: A hash of all that its probabilities depend on; set likewise.
    """

    name = ""
    key = ""
    precision = "32"

    def __init__(self, facts: dict[str, Any], threshold: float, min_area: int | None = None) -> None:
        self.facts = facts
        self.threshold = threshold
        self.min_area = min_area
        self.scaling = (1.0, 0.0)
        self.normalise = Normaliser(**facts["normalise"])
        self.nodata: int | None = facts["nodata"]
        self.bands: int = facts["bands"]
        self.classes = told_apart(facts)

    def __call__(self, image: NDArray[Any], quartiles: Floats | None = None) -> Floats:
        """Probabilities of seep in an image.

        Args:
            image: Raw values, (H, W) or (C, H, W), uint8 or uint16.
            quartiles: For runs that normalise by scene: those of the scene that the image was cut from, (C, 3), in
                0..1 of full scale. None: those of the image itself.

        Returns:
            (H, W) float32, 0 to 1; 0 where there is no data.

        Raises:
            UserError: The image has another type or number of bands.
        """
        return np.asarray(self.class_probabilities(image, quartiles)[0])

    def class_probabilities(self, image: NDArray[Any], quartiles: Floats | None = None) -> Floats:
        """Probabilities of seep in an image, and of each class.

        Args:
            image: See `__call__`.
            quartiles: See `__call__`.

        Returns:
            (1 + `classes`, H, W) float32: that of seep, then those of the classes, which add up to it.

        Raises:
            UserError: The image has another type or number of bands.
        """
        array = self._as_bands(np.asarray(image))
        valid = valid_pixels(array, self.nodata)
        if quartiles is None:
            quartiles = quartiles_of(histogram(array, valid))
        full_scale = np.float32(FULL_SCALE[array.dtype.name])
        values = array.astype(np.float32) / full_scale
        inputs = self.normalise(values, valid, quartiles)
        probabilities = self.probability(inputs[None])[0]
        return np.where(valid, probabilities, np.float32(0))

    def probability(self, batch: Floats) -> Floats:
        """Probabilities of network input; what a sub-class must do.

        Args:
            batch: Network input (B, C, H, W) of any size.

        Returns:
            (B, 1 + `classes`, H, W) float32. The first is that of seep; after it come those of the classes, which add
            up to it.
        """
        raise NotImplementedError

    def apply_scaling(self, scaling: tuple[float, float]) -> None:
        """Give scaled probabilities from now on, with the threshold scaled likewise.

        Args:
            scaling: (a, b) of sigmoid(a x logit + b).
        """
        self.scaling = scaling
        self.threshold = float(scaled(self.threshold, scaling))

    def _as_bands(self, image: NDArray[Any]) -> NDArray[Any]:
        """An image as (C, H, W); `UserError` where this network cannot take it."""
        array = image
        if image.ndim == 2:
            array = image[None]
        fits_type = array.dtype.name in FULL_SCALE
        fits_shape = array.ndim == 3 and array.shape[0] == self.bands
        if fits_type and fits_shape and array.size > 0:
            return array
        expected = f"this run takes uint8 or uint16, (H, W) or ({self.bands}, H, W)"
        raise UserError(f"the image is {image.dtype} with shape {image.shape}; {expected}.")
