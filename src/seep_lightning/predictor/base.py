"""A trained network as a callable on arrays, whatever runs it. Imports neither torch nor Lightning."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.data.normalise import FULL_SCALE, Floats, Normaliser, ValueRange, image_quartiles
from seep_lightning.errors import UserError
from seep_lightning.metrics.calibration import scaled
from seep_lightning.scene.band_names import polarisation_in
from seep_lightning.scene.colours import luminance
from seep_lightning.scene.nodata import nodata_values, pixels_with_data
from seep_lightning.scene.options import GREY
from seep_lightning.scene.scaling import Scaling

# bands of a picture in colours, without alpha and with it
COLOUR_BANDS = (3, 4)


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
        nodata_bands: Whether a pixel has no data where `all` bands have this value, or `any`.
        factor: What stored integers were multiplied by in training, before anything else; None: nothing.
        value_range: Which values of floats and signed integers become 0 and 1; None for a network that was trained on
            8 or 16 bit unsigned, which takes no others.
        is_grey: Whether it takes the luminance of colours.
        bands: Number of bands of an image.
        band_names: The bands of the training: numbers from 1, or names.
        band_meanings: What each of these was, such as `VV`; empty where it is not known.
        classes: Number of classes that the network tells apart; 0 for seep or sea.
        precision: `32`, or `bf16` where the network runs on torch: multiplied in 16 bit, added in 32.
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
        self.nodata: int | float | None = facts["nodata"]
        # checkpoints of older versions lack what follows
        self.nodata_bands: str = facts.get("nodata bands", "any")
        self.factor: float | None = facts.get("factor")
        self.value_range = ValueRange.of_facts(facts.get("values"))
        self.is_grey = facts.get("band names") == [GREY]
        self.bands: int = facts["bands"]
        self.band_names: list[int | str] = list(facts.get("band names", [1]))
        self.band_meanings = _meanings_of(self.band_names, facts.get("band meanings"))
        self.classes = told_apart(facts)

    def __call__(self, image: NDArray[Any], quartiles: Floats | None = None) -> Floats:
        """Probabilities of seep in an image.

        Args:
            image: Raw values, (H, W) or (C, H, W), uint8 or uint16; floats or signed integers for a network that was
                trained on such. A network for grey takes colours, too: (H, W, 3), or with alpha (H, W, 4).
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
        array, alpha = self._as_bands(np.asarray(image))
        nodatas = nodata_values([self.nodata], array.dtype)
        valid = pixels_with_data(array, nodatas, self.nodata_bands, alpha)
        if self.factor is not None and array.dtype.kind != "f":
            array = Scaling.by_factor(self.factor, self.bands).apply(array)
        value_range = self._range_of(array)
        if quartiles is None:
            quartiles = image_quartiles(array, valid, value_range)
        inputs = self.normalise(value_range.in_unit_range(array, valid), valid, quartiles)
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

    def _as_bands(self, image: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any] | None]:
        """An image as (C, H, W), and its alpha band; `UserError` where this network cannot take it."""
        array = image
        alpha = None
        if image.ndim == 2:
            array = image[None]
        elif self.is_grey and image.ndim == 3:
            array, alpha = _grey(image)
        fits_shape = array.ndim == 3 and array.shape[0] == self.bands
        if self._fits_type(array.dtype) and fits_shape and array.size > 0:
            return array, alpha
        types = "takes uint8 or uint16"
        if self.value_range is not None:
            types = f"was trained on {self.value_range}, and takes such values"
        expected = f"this run {types}, (H, W) or ({self.bands}, H, W)"
        raise UserError(f"the image is {image.dtype} with shape {image.shape}; {expected}.")

    def _fits_type(self, dtype: np.dtype[Any]) -> bool:
        """Whether values of a type can be what the network was trained on: 8 and 16 bit unsigned have a full scale."""
        is_counted = dtype.name in FULL_SCALE
        if self.value_range is None:
            return is_counted
        return dtype.kind in "uif" and (not is_counted or self.factor is not None)

    def _range_of(self, array: NDArray[Any]) -> ValueRange:
        """Which values of an image become 0 and 1."""
        if array.dtype.name in FULL_SCALE or self.value_range is None:
            return ValueRange.of_type(array.dtype)
        return self.value_range


def _meanings_of(names: Sequence[int | str], stored: Sequence[str] | None) -> list[str]:
    """What bands are: as it was stored, or else as their names tell; networks of older versions stored nothing."""
    meanings = stored or [""] * len(names)
    return [meaning or polarisation_in(str(name)) for name, meaning in zip(names, meanings, strict=True)]


def _grey(image: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """A picture as its luminance (1, H, W), and its alpha band; as it is where it has one band, or no colours."""
    bands = image
    if image.shape[0] not in COLOUR_BANDS and image.shape[-1] in COLOUR_BANDS:
        bands = np.moveaxis(image, -1, 0)
    if bands.shape[0] not in COLOUR_BANDS:
        return image, None
    alpha = bands[3] if len(bands) == max(COLOUR_BANDS) else None
    return luminance(bands)[None], alpha
