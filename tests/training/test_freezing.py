"""Parts of a net that are frozen or learn more slowly, and that such a run resumes bit for bit."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from helpers.trainings import assert_equal_runs, break_off, weights
from seep_lightning.errors import UserError
from seep_lightning.nets.unet import UNet
from seep_lightning.training.freezing import frozen_parts
from seep_lightning.training.optimisation import build_optimizer
from seep_lightning.training.session import train

Compose = Callable[..., object]
PLAIN = ("ema_decay=null", "trainer.max_epochs=2")


def changed(run: Path, before: dict[str, torch.Tensor]) -> set[str]:
    """First names of the net's parts that are not as they were."""
    after = weights(run)
    names = {name for name, value in before.items() if name.startswith("net.") and not torch.equal(value, after[name])}
    return {name.split(".")[1] for name in names}


def test_a_frozen_part_keeps_weights_and_running_means(compose_tiny: Compose, trained: Path, tmp_path: Path) -> None:
    run = train(compose_tiny(*PLAIN, f"init='{trained}'", "model.freeze=[encoder]"), tmp_path / "run").run
    assert changed(run.dir, weights(trained, "best")) == {"ups", "decoder", "head"}


def test_a_part_thaws_at_its_epoch_and_the_run_resumes_bit_for_bit(
    compose_tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = compose_tiny("trainer.max_epochs=4", "model.freeze={encoder:2}", "optimizer.parts={encoder:0.1}")
    train(config, tmp_path / "whole")
    for epoch in (1, 2, 3):
        with pytest.raises(RuntimeError, match="power cut"):
            break_off(config, tmp_path / "broken", monkeypatch, epoch, RuntimeError("power cut"))
        if epoch == 1:
            first = weights(tmp_path / "broken")
        if epoch == 2:
            assert changed(tmp_path / "broken", first) == {"ups", "decoder", "head"}
    train(config, tmp_path / "broken")
    assert "encoder" in changed(tmp_path / "broken", first)
    assert_equal_runs(tmp_path / "whole", tmp_path / "broken")


def test_parts_learn_at_their_own_rates() -> None:
    net = UNet(width=4, depth=2)
    node = {"_target_": "torch.optim.AdamW", "lr": 0.01, "parts": {"encoder": 0.1, "encoder.0": 0.5}}
    groups = build_optimizer(net, node).param_groups
    assert [group["lr"] for group in groups] == pytest.approx([0.01, 0.001, 0.005])
    assert [len(group["params"]) for group in groups] == [
        len(list(net.parameters())) - len(list(net.encoder.parameters())),
        len(list(net.encoder[1:].parameters())),
        len(list(net.encoder[0].parameters())),
    ]


@pytest.mark.parametrize("freeze", ["encoder", {"encoder": -1}, {"encoder": "late"}, [3]])
def test_something_else_than_parts_is_refused(freeze: object) -> None:
    with pytest.raises(UserError, match="model.freeze=.*expected a list of parts"):
        frozen_parts({"freeze": freeze})


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.freeze=[encodr]", "has no part 'encodr' .* parts: encoder, ups, decoder, head"),
        ("model.freeze=[encoder,ups,decoder,head]", "nothing is left to train"),
        ("optimizer.parts={encodr:0.1}", "has no part 'encodr'"),
        ("optimizer.parts={encoder:fast}", "optimizer.parts.encoder=fast: expected a number"),
    ],
)
def test_parts_that_the_net_lacks_are_one_line(
    override: str, message: str, compose_tiny: Compose, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        train(compose_tiny(override), tmp_path / "run")
