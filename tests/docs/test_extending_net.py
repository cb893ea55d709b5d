"""The template of a net in docs/extending.md trains as it stands, as do MONAI's; what does not fit is one line."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from helpers.chips import GRID, TINY, make_chips
from helpers.command_line import seep
from helpers.documents import code_blocks, write_blocks
from helpers.trainings import curve
from seep_lightning import load
from seep_lightning.commands.composition import compose
from seep_lightning.config.commands import EvaluateConfig, ExportConfig
from seep_lightning.errors import UserError
from seep_lightning.evaluation.evaluation import evaluate
from seep_lightning.predictor.exporting import export
from seep_lightning.training.session import train

SECTION = "A net"
TINY_DATA = [setting for setting in TINY if not setting.startswith("model.")]
Compose = Callable[..., object]


ODD_NETS = """

class Sigmoid(Dilated):
    def forward(self, image):
        return super().forward(image).sigmoid()


class ThreeBands(Dilated):
    def __init__(self):
        super().__init__(3, 1)


class TwoOutputs(Dilated):
    def __init__(self):
        super().__init__(1, 2)


class Words(Dilated):
    def forward(self, image):
        return {"mask": super().forward(image)}


class Quarter(Dilated):
    def __init__(self, in_chans: int, num_classes: int):
        super().__init__(in_chans, num_classes)

    stride = 4

    def forward(self, image):
        return super().forward(image)[..., ::4, ::4]


class Heads(Dilated):
    def forward(self, image):
        logits = super().forward(image)
        return [logits, logits[..., ::2, ::2]]


class Flat(Dilated):
    def forward(self, image):
        return super().forward(image)[:, 0]


class Named(Dilated):
    def forward(self, image):
        return {"aux": image, "out": super().forward(image)}


class Nested(Dilated):
    def __init__(self, settings: dict):
        super().__init__(settings["inputs"], settings["outputs"])
"""


@pytest.fixture
def compose_net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Compose:
    """A config on tiny chips, with the template's module and odd nets on the path; `compose_net(model={...})`."""
    write_blocks("extending.md", SECTION, tmp_path)
    module = tmp_path / "my_nets.py"
    module.write_text(module.read_text() + ODD_NETS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_nets", raising=False)
    # the runs are read back
    monkeypatch.setenv("SEEP_TRUSTED", "my_nets")
    root = make_chips(tmp_path / "chips")

    def composed(*overrides: str, model: object = None) -> object:
        fixed = ["data=seeps", f"data.root={root}", GRID, *TINY_DATA, "trainer.max_epochs=2"]
        config = compose("train", [*fixed, *overrides])
        config.model = model or config.model
        return config

    return composed


@pytest.mark.slow
def test_the_template_is_trained_with_by_its_own_command(tmp_path: Path) -> None:
    write_blocks("extending.md", SECTION, tmp_path)
    root = make_chips(tmp_path / "chips")
    [command] = [text.split() for language, text in code_blocks("extending.md", SECTION) if language == "bash"]
    tiny = ["data=seeps", f"data.root={root}", GRID, *TINY_DATA, "trainer.max_epochs=2", "hydra.run.dir=run"]
    done = seep("train", *command[3:], *tiny, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(curve(tmp_path / "run")) == 2


@pytest.mark.parametrize("model", ["monai_unet", "monai_basic_unet", "monai_segresnet"])
def test_nets_of_monai_train_and_predict_by_config_only(model: str, compose_net: Compose, tmp_path: Path) -> None:
    run = train(compose_net(f"model={model}"), tmp_path / "run").run
    assert len(curve(run.dir)) == 2
    evaluate(EvaluateConfig(run=str(run.dir), device="cpu"))
    image = torch.randint(0, 60000, (45, 70)).numpy().astype("uint16")
    assert load(run.dir, device="cpu")(image).shape == (45, 70)


def test_a_net_of_monai_tells_classes_apart(compose_net: Compose, tmp_path: Path) -> None:
    run = train(compose_net("model=monai_unet", "task=classes"), tmp_path / "run").run
    assert Path(run.checkpoint("best")).is_file()


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"_target_": "my_nets.Sigmoid"}, r"Sigmoid gives probabilities .* expected logits. Leave out its sigmoid"),
        ({"_target_": "my_nets.ThreeBands"}, r"ThreeBands refuses an image of 1 x 1 x .*3 channels"),
        ({"_target_": "my_nets.TwoOutputs"}, r"TwoOutputs gives 2 channels of logits, expected 1"),
        ({"_target_": "my_nets.Words"}, r"the network gives a dict without logits"),
        ({"_target_": "no_such.Unet"}, r"cannot import it .*pip install no-such"),
        ({"_target_": "my_nets.Dilated", "wdith": 3}, r"model.wdith: Dilated takes .* did you mean 'width'"),
        ({"_target_": "my_nets.Dilated", "freeze": ["encoder"]}, r"has no part 'encoder' .* parts: body, head"),
    ],
)
def test_a_net_that_does_not_fit_is_one_line_before_the_training(
    node: dict[str, object], message: str, compose_net: Compose, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message) as error:
        train(compose_net(model=node), tmp_path / "run")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run" / "config.yaml").exists()


@pytest.mark.parametrize("name", ["Quarter", "Heads", "Flat", "Named", "Nested"])
def test_nets_may_give_their_logits_in_any_usual_form(name: str, compose_net: Compose, tmp_path: Path) -> None:
    node = {"_target_": f"my_nets.{name}"}
    if name == "Nested":
        node["settings"] = {"inputs": "{bands}", "outputs": "{classes}"}
    run = train(compose_net(model=node), tmp_path / "run").run
    image = torch.randint(0, 60000, (45, 70)).numpy().astype("uint16")
    assert load(run.dir, device="cpu")(image).shape == (45, 70)


def test_a_run_whose_net_read_a_file_works_where_that_file_is_gone(compose_net: Compose, tmp_path: Path) -> None:
    import my_nets

    body = my_nets.Dilated(1, 1).body.state_dict()
    file = tmp_path / "body.pt"
    torch.save(body, file)
    node = {"_target_": "my_nets.Dilated", "weights_file": str(file)}
    config = compose_net("optimizer.lr=1e-9", "ema_decay=null", "trainer.max_epochs=1", model=node)
    run = train(config, tmp_path / "run").run
    weights = torch.load(run.last, weights_only=True)["state_dict"]
    assert all(torch.allclose(weights[f"net.body.{name}"], value, atol=1e-6) for name, value in body.items())
    file.unlink()
    config.trainer.max_epochs = 2
    train(config, run.dir)
    evaluate(EvaluateConfig(run=str(run.dir), device="cpu"))
    exported = export(ExportConfig(str(run.dir), str(tmp_path / "net.pt"), "torch"))
    image = torch.randint(0, 60000, (32, 32)).numpy().astype("uint16")
    for source in (run.dir, exported):
        assert load(source, device="cpu")(image).shape == (32, 32)
