"""A trained network as a callable on arrays, whatever runs it. Imports neither torch nor Lightning."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.calibration import scaled
from seep_lightning.data.chips import valid_pixels
from seep_lightning.errors import UserError
from seep_lightning.normalise import FULL_SCALE, Normaliser, full_scale, histogram, quartiles_of
from seep_lightning.run import SHIPPED, Run

Floats = NDArray[np.float32]


class ArrayPredictor:
    """Probability of seep for each pixel. A sub-class runs the network: `probability`.

    threshold: tuned on the run's validation part; a pixel is seep where its probability is above it.
    scaling: (a, b) of sigmoid(a x logit + b), fitted there too, so that a probability means what it says; the threshold
    is one of scaled probabilities. min_area: px below which a predicted object is dropped, chosen on the same chips.
    facts: what the checkpoint knows of its data (`SeepDataModule.facts`).
    """

    def __init__(self, facts: dict[str, Any], threshold: float, min_area: int | None = None) -> None:
        self.facts, self.threshold, self.min_area = facts, threshold, min_area
        self.scaling = 1.0, 0.0
        self.normalise = Normaliser(**facts["normalise"])
        self.nodata: int | None = facts["nodata"]
        self.bands: int = facts["bands"]
        self.classes: int = facts["classes"] if facts.get("task") == "classes" else 0  # told apart
        self.precision = "32"  # or bf16, where the network runs on torch

    def __call__(self, image: NDArray[Any], quartiles: Floats | None = None) -> Floats:
        """Probabilities (H, W) float32 in 0..1 of raw values (H, W) or (C, H, W), uint8 or uint16; nodata gives 0.

        quartiles: (C, 3), of the scene that the image was cut from, in 0..1 of full scale; for runs that normalise by
        scene. None: those of the image itself. Raises `UserError` for another type or number of bands.
        """
        return np.asarray(self.shares(image, quartiles)[0])

    def shares(self, image: NDArray[Any], quartiles: Floats | None = None) -> Floats:
        """The same with the probabilities of the classes behind it, which add up to it: (1 + `classes`, H, W)."""
        array = image[None] if image.ndim == 2 else image
        if array.dtype.name not in FULL_SCALE or array.ndim != 3 or array.shape[0] != self.bands:
            taken = f"this run takes uint8 or uint16, (H, W) or ({self.bands}, H, W)"
            raise UserError(f"the image is {array.dtype} with shape {image.shape}; {taken}.")
        valid = valid_pixels(array, self.nodata)
        if quartiles is None:
            quartiles = np.stack([quartiles_of(histogram(band, valid)) for band in array])
        values = array.astype(np.float32) / np.float32(full_scale(array.dtype))
        batch = self.normalise(values, valid, quartiles)[None]
        return np.where(valid, self.probability(batch)[0], np.float32(0))

    def probability(self, batch: Floats) -> Floats:
        """Probabilities (B, 1 + `classes`, H, W) of network input (B, C, H, W) of any size.

        The first is that of seep; after it come those of the classes that are told apart, which add up to it.
        """
        raise NotImplementedError

    def scale(self, scaling: tuple[float, float]) -> None:
        """Give scaled probabilities from now on."""
        self.scaling, self.threshold = scaling, float(scaled(self.threshold, scaling))


def load(run: str | Path | Run = SHIPPED, checkpoint: str = "best", device: str = "auto") -> ArrayPredictor:
    """The network of a run directory, or of a file that `export` wrote, as a callable on arrays, for notebooks.

    Without `run` it is the one that comes with the package; see `weights/README.md` for what it may be used for.
    Raises `UserError` where there is none, or it cannot be trusted or read. An .onnx file needs no torch.
    """
    if not isinstance(run, Run) and Path(run).suffix == ".onnx":
        from seep_lightning.onnx_predictor import OnnxPredictor

        return OnnxPredictor(run, device)
    from seep_lightning import predictor

    return predictor.load(run, checkpoint, device)
