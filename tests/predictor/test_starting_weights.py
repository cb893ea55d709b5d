"""`init=` takes what fits of a file, whatever its names begin with, and tells what does not."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from seep_lightning.errors import UserError
from seep_lightning.nets.unet import UNet
from seep_lightning.predictor.weights import start_from
from seep_lightning.training.session import train

Compose = Callable[..., object]


@pytest.mark.parametrize("prefix", ["", "module.", "model.", "net."])
@pytest.mark.parametrize("key", [None, "state_dict", "model_state_dict"])
def test_a_plain_state_dict_is_found_under_usual_names(prefix: str, key: str | None, tmp_path: Path) -> None:
    source, net = UNet(width=4, depth=2), UNet(width=4, depth=2)
    weights = {prefix + name: value for name, value in source.state_dict().items()}
    torch.save(weights if key is None else {key: weights, "epoch": 3}, tmp_path / "w.pt")
    start_from(net, tmp_path / "w.pt")
    assert all(torch.equal(value, source.state_dict()[name]) for name, value in net.state_dict().items())


def test_weights_of_one_part_go_to_that_part_and_the_rest_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source, net = UNet(width=4, depth=2), UNet(width=4, depth=2)
    torch.save(source.encoder.state_dict(), tmp_path / "encoder.pt")
    with caplog.at_level(logging.INFO):
        start_from(net, tmp_path / "encoder.pt")
    assert all(
        torch.equal(value, source.encoder.state_dict()[name]) for name, value in net.encoder.state_dict().items()
    )
    assert "init=encoder.pt: ups.0.weight" in caplog.text
    assert "and 24 more keep their own weights" in caplog.text or "more keep their own weights" in caplog.text


def test_another_head_keeps_its_own_weights(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    torch.save(UNet(width=4, depth=2).state_dict(), tmp_path / "w.pt")
    with caplog.at_level(logging.INFO):
        start_from(UNet(width=4, depth=2, classes=3), tmp_path / "w.pt")
    assert "init=w.pt: head.weight, head.bias keep their own weights" in caplog.text


@pytest.mark.parametrize("content", [UNet(width=16, depth=2).state_dict(), {"a": torch.zeros(3)}])
def test_weights_of_another_net_are_refused(content: dict[str, torch.Tensor], tmp_path: Path) -> None:
    torch.save(content, tmp_path / "w.pt")
    with pytest.raises(UserError, match="its network differs from model .* or init=null"):
        start_from(UNet(width=4, depth=2), tmp_path / "w.pt")


def test_a_training_starts_from_them_and_says_that_their_data_are_not_known(
    compose_tiny: Compose, tmp_path: Path
) -> None:
    torch.save(UNet(width=4, depth=2).state_dict(), tmp_path / "w.pt")
    run = train(compose_tiny(f"init='{tmp_path / 'w.pt'}'", "trainer.max_epochs=1"), tmp_path / "run").run
    assert run.summary()["leakage"].endswith("what init=w.pt HAS LEARNED FROM is not known")
