"""The precision of a map: what the machine is fast at, unless the settings or a map that lies there say otherwise."""

import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import rasterio

from seep_lightning.config.commands import PredictConfig
from seep_lightning.errors import Interrupted, UserError
from seep_lightning.mapping import networks
from seep_lightning.mapping.networks import in_other_precision, open_networks
from seep_lightning.mapping.scenes import predict
from seep_lightning.predict import _mapped
from seep_lightning.predictor.base import Predictor
from seep_lightning.predictor.loading import load
from seep_lightning.scene import scene_map


def multiplies_bf16(accelerator: str) -> bool:
    return True


def settings(run: Path, scene: Path, out: Path, **more: Any) -> PredictConfig:
    return PredictConfig(run=[str(run)], input=str(scene), output=str(out), window=64, polygons=False, **more)


def pixels(out: Path) -> bytes:
    with rasterio.open(out / "a.probability.tif") as raster:
        return raster.read().tobytes()


def half(run: Path, monkeypatch: pytest.MonkeyPatch, config: PredictConfig) -> Predictor:
    monkeypatch.setattr(networks, "has_fast_bf16", multiplies_bf16)
    return open_networks(config)[0]


def test_map_is_in_bf16_where_the_cpu_multiplies_it_and_nothing_else_is_asked_for(
    trained: Path, scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = settings(trained, scene, tmp_path)
    single = open_networks(config)[0]
    assert (single.precision, " 32 " in single.key) == ("32", True)
    assert half(trained, monkeypatch, config).precision == "bf16"
    assert open_networks(settings(trained, scene, tmp_path, precision="32"))[0].key == single.key
    # a worker takes the caller's, whatever its own CPU is fast at
    assert open_networks(config, "32")[0].key == single.key


def test_network_in_its_other_precision_has_the_key_of_one_opened_so(
    trained: Path, scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = settings(trained, scene, tmp_path)
    single = open_networks(config)[0]
    opened = half(trained, monkeypatch, config)
    assert in_other_precision(opened).key == single.key
    assert in_other_precision(single).key == opened.key
    assert opened.precision == "bf16"


def test_finished_map_keeps_its_precision(
    trained: Path, scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "maps"
    predict(settings(trained, scene, out))
    before = pixels(out)
    monkeypatch.setattr(networks, "has_fast_bf16", multiplies_bf16)
    predict(settings(trained, scene, out))
    assert pixels(out) == before
    with pytest.raises(UserError, match="another model, input or settings"):
        predict(settings(trained, scene, out, precision="bf16"))


def test_begun_map_is_finished_in_the_precision_that_it_was_begun_with(
    trained: Path, scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "seep_lightning.mapping")
    predict(settings(trained, scene, tmp_path / "alone"))
    assert re.match(r"network: .*run, epoch \d, val Dice 0\.\d+.*; seep is above probability 0\.", caplog.messages[0])

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "maps"
    with monkeypatch.context() as patch, pytest.raises(Interrupted, match=f"with 0 of 1 scene mapped to {out}. Go on"):
        patch.setattr(scene_map, "write_cog", killed)
        _mapped(settings(trained, scene, out))
    monkeypatch.setattr(networks, "has_fast_bf16", multiplies_bf16)
    predict(settings(trained, scene, out))
    assert pixels(out) == pixels(tmp_path / "alone")


def test_bf16_leaves_the_masks_what_they_are(trained: Path, image: Any, tmp_path: Path) -> None:
    config = settings(trained, tmp_path, tmp_path)
    network = open_networks(config)[0]
    other = in_other_precision(network)
    p, q = network(image), other(image)
    assert not np.array_equal(p, q)
    assert np.abs(p - q).max() < 0.05
    assert share_that_differs(p, q, network.threshold) <= 0.001


@pytest.mark.real
def test_bf16_changes_no_more_than_a_thousandth_of_the_pixels_of_real_masks(real_root: Path) -> None:
    network = load("seeps", device="cpu")
    shares = []
    for path in sorted((real_root / "train_images_256").iterdir())[::80]:
        image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        network.precision = "32"
        exact = network(image)
        network.precision = "bf16"
        shares.append(share_that_differs(exact, network(image), network.threshold))
    assert 0 < np.mean(shares) <= 0.001


def share_that_differs(p: Any, q: Any, threshold: float) -> float:
    """The share of pixels that are seep in one of two maps of probabilities only."""
    return float(np.mean((p > threshold) != (q > threshold)))
