"""What a window is like, as a few numbers: what a network makes of it, its pixels, and its map."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.data.normalise import Floats

BOTTLENECK_FEATURES = 32
"""So many numbers are kept of a network's deepest stage: distances stay as they are, to about a tenth."""
# of the projection, which is the same for all windows
PROJECTION_SEED = 0
QUANTILES = (0.01, 0.05, 0.95, 0.99)
# a window's large forms are the means of so many squares a side
SQUARES = 8


class Bottleneck:
    """What the deepest stage of a network's encoder said of the last batch.

    Args:
        network: A `Predictor`. One without torch, or whose network has no `encoder`, says nothing.
    """

    def __init__(self, network: Any) -> None:
        self._last: NDArray[np.float32] | None = None
        stage = _deepest_stage(getattr(network, "net", None))
        self._hook = None if stage is None else stage.register_forward_hook(self._keep)

    def features(self, windows: int) -> Floats:
        """Features of the last batch, (B, K); K is 0 where the network says nothing.

        Args:
            windows: B.
        """
        if self._last is None or len(self._last) != windows:
            return np.zeros((windows, 0), np.float32)
        channels = self._last.shape[1]
        if channels <= BOTTLENECK_FEATURES:
            return self._last
        # Johnson and Lindenstrauss 1984: a random projection keeps distances
        rng = np.random.default_rng(PROJECTION_SEED)
        projection = rng.standard_normal((channels, BOTTLENECK_FEATURES), np.float32)
        return self._last @ (projection / np.float32(np.sqrt(channels)))

    def close(self) -> None:
        """Leave the network as it was."""
        if self._hook is not None:
            self._hook.remove()

    def _keep(self, _module: Any, _inputs: Any, output: Any) -> None:
        """Keep the mean and the maximum of each channel: of the sea, and of what stands out in it."""
        deepest = _deepest_tensor(output)
        if deepest is not None:
            maps = deepest.detach().float()
            mean = maps.mean(dim=(2, 3)).cpu().numpy()
            largest = maps.amax(dim=(2, 3)).cpu().numpy()
            self._last = np.concatenate([mean, largest], axis=1)


def _deepest_stage(net: Any) -> Any:
    """The module whose output is the bottleneck; None where nobody can tell."""
    if net is None:
        return None
    from torch import nn

    encoder = getattr(net, "encoder", None)
    if isinstance(encoder, nn.ModuleList) and len(encoder):
        return encoder[-1]
    # encoders of segmentation_models.pytorch return the maps of all stages
    return encoder if isinstance(encoder, nn.Module) else None


def _deepest_tensor(output: Any) -> Any:
    """The map (B, C, h, w) of fewest pixels in what a module returned; None where there is none."""
    values = output if isinstance(output, list | tuple) else [output]
    maps = [value for value in values if getattr(value, "ndim", 0) == 4]
    return min(maps, key=lambda value: value.shape[2] * value.shape[3], default=None)


def picture_features(inputs: Floats, valid: NDArray[np.bool_]) -> Floats:
    """Statistics of a window's pixels.

    Args:
        inputs: Network input (C, h, w).
        valid: Which pixels hold data, (h, w); at least one.

    Returns:
        (K,): spread and quantiles of each band, its large forms, its edges; and the share with data.
    """
    numbers: list[float] = [float(valid.mean())]
    for band in inputs:
        values = band[valid]
        numbers += [float(values.std()), *np.quantile(values, QUANTILES).tolist()]
        numbers += [_large_forms(band), float(np.abs(np.diff(band, axis=1)).mean())]
    return np.array(numbers, np.float32)


def _large_forms(band: Floats) -> float:
    """The spread of the means of a window's squares."""
    height, width = band.shape
    rows = np.array_split(np.arange(height), min(SQUARES, height))
    columns = np.array_split(np.arange(width), min(SQUARES, width))
    means = [band[row[0] : row[-1] + 1, column[0] : column[-1] + 1].mean() for row in rows for column in columns]
    return float(np.std(means))


def map_features(probability: Floats, uncertainty: Floats, valid: NDArray[np.bool_], threshold: float) -> Floats:
    """Statistics of a window's map.

    Args:
        probability: Of seep, the mean over networks, (h, w).
        uncertainty: Of each pixel, (h, w).
        valid: Which pixels hold data, (h, w); at least one.
        threshold: Above it, a pixel is seep.

    Returns:
        (3,): the roots of mean probability, of the share that is seep and of the mean uncertainty; slicks are small.
    """
    inside = probability[valid]
    shares = [inside.mean(), (inside > threshold).mean(), uncertainty[valid].mean()]
    return np.sqrt(np.array(shares, np.float32))
