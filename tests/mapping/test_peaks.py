"""What a map without seeps tells of how near the network was."""

from pathlib import Path

import pytest

from helpers.maps import mapped, probability
from seep_lightning.config.commands import PredictConfig
from seep_lightning.mapping.peaks import Peak, highest_peak, peak_of
from seep_lightning.mapping.table import SceneRow
from seep_lightning.predict import print_summary


def test_a_map_without_seeps_says_the_highest_probability(
    trained: Path, scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = mapped(trained, scene, tmp_path / "out", min_area=100_000)
    highest = probability(out / "a.probability.tif").max()
    assert highest > 0.5
    config = PredictConfig(input=str(scene), output=str(out))
    print_summary([SceneRow("a", "done", seeps=0, area=0, unit="m2")], config, 3)
    assert (
        f"0 seeps; the highest probability met is {highest:.2f}, above the threshold of 0.5, but nothing there is"
        in (capsys.readouterr().out)
    )
    assert peak_of(out / "a.probability.tif") == Peak(round(254 * highest) + 1, 0.5)


def test_of_several_maps_the_one_that_came_nearest_is_told() -> None:
    peaks = [Peak(0, 0.43), Peak(100, 0.43), Peak(50, 0.43)]
    assert highest_peak(peaks).text == "the highest probability met is 0.39, below the threshold of 0.43"
    # maps of earlier versions
    assert Peak(128, None).text == "the highest probability met is 0.50"
