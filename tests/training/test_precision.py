"""Networks whose weights are of 64 or 16 bit are trained, resumed, scored, exported and mapped with as others are."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from helpers.chips import IMAGES
from helpers.trainings import assert_equal_runs, break_off, weights
from seep_lightning.config.commands import EvaluateConfig, ExportConfig, PredictConfig
from seep_lightning.errors import UserError
from seep_lightning.evaluation.evaluation import evaluate
from seep_lightning.mapping.scenes import predict
from seep_lightning.predictor.exporting import export
from seep_lightning.training.session import train

Compose = Callable[..., object]

PRECISIONS = {"64-true": torch.float64, "bf16-true": torch.bfloat16, "16-true": torch.float16}


@pytest.mark.slow
@pytest.mark.parametrize("precision", PRECISIONS)
def test_weights_of_any_precision_are_averaged_resumed_and_used(
    precision: str, compose_tiny: Compose, chips_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = compose_tiny(f"trainer.precision={precision}", "+optimizer.eps=1e-4", "trainer.max_epochs=3")
    train(config, tmp_path / "whole")
    run = tmp_path / "run"
    with pytest.raises(RuntimeError, match="power cut"):
        break_off(config, run, monkeypatch, 1, RuntimeError("power cut"))
    summary = train(config, run).run.summary()
    assert_equal_runs(tmp_path / "whole", run)
    assert summary["device"].endswith(precision)

    last = weights(run)
    current = {name for name in last if name.startswith("current.net.") and last[name].is_floating_point()}
    assert {last[name].dtype for name in current} == {PRECISIONS[precision]}
    # an average of 16 bit would lose most of its steps
    wide = torch.promote_types(PRECISIONS[precision], torch.float32)
    assert {last[name.removeprefix("current.")].dtype for name in current} == {wide}

    assert evaluate(EvaluateConfig(run=str(run), part="val", device="cpu"))["figures"]["dice"] >= 0
    for name, kind in (("seep.onnx", "onnx"), ("seep.pt", "torch")):
        export(ExportConfig(run=str(run), output=str(tmp_path / name), format=kind))
        out = tmp_path / f"maps {name}"
        [row, *_] = predict(PredictConfig(run=str(tmp_path / name), input=str(chips_root / IMAGES), output=str(out)))
        assert row.status == "done"


def test_a_mean_over_16_bit_is_not_rounded_by_validation(compose_tiny: Compose, tmp_path: Path) -> None:
    config = compose_tiny("trainer.precision=bf16-true", "trainer.max_epochs=1")
    run = train(config, tmp_path / "run").run
    average = {name: value for name, value in weights(run.dir).items() if name.startswith("net.")}
    floating = [value for value in average.values() if value.is_floating_point()]
    assert any(not torch.equal(value, value.bfloat16().float()) for value in floating)


def test_an_optimiser_that_would_divide_by_0_in_16_bit_is_refused(compose_tiny: Compose, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"16-true: eps=1e-08 .* Pass \+optimizer.eps=0.0001"):
        train(compose_tiny("trainer.precision=16-true"), tmp_path / "run")
    assert not (tmp_path / "run").exists()
