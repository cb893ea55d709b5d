"""What a stranger's run, checkpoint or exported file names is not imported: each verb, each way to name it."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from helpers.chips import IMAGES, make_chips
from helpers.command_line import seep
from helpers.stranger_runs import change_checkpoint, change_checkpoints, change_config, copied_run, plant_module
from seep_lightning import api, load
from seep_lightning.compare import compare_and_print
from seep_lightning.config import trust
from seep_lightning.config.commands import CompareConfig, EvaluateConfig, ExportConfig, PredictConfig, ReportConfig
from seep_lightning.config.schemas import SCHEMAS
from seep_lightning.config.trust import Untrusted, judge_stored, trusting
from seep_lightning.errors import UserError
from seep_lightning.evaluation.evaluation import evaluate
from seep_lightning.folds.history_tuning import tune_prior
from seep_lightning.folds.judge_teaching import judge_objects
from seep_lightning.labelling.next_labels import next_labels
from seep_lightning.labelling.review import review
from seep_lightning.mapping.scenes import predict
from seep_lightning.predictor.exporting import export
from seep_lightning.reporting.page import report
from seep_lightning.runs.directory import open_run

EVIL = {"_target_": "stranger.evil.Net"}

# every verb that reads a run, as a function of the run and an output
VERBS: dict[str, Callable[[Path, Path], Any]] = {
    "load": lambda run, out: load(run, device="cpu"),
    "open_run": lambda run, out: open_run(run),
    "evaluate": lambda run, out: evaluate(EvaluateConfig(run=str(run), device="cpu")),
    "predict": lambda run, out: predict(
        PredictConfig(run=str(run), input=str(run.parent / "chips" / IMAGES), output=str(out), device="cpu")
    ),
    "export": lambda run, out: export(ExportConfig(run=str(run), output=str(out / "net.pt"), format="torch")),
    "report": lambda run, out: report(ReportConfig(run=str(run), output=str(out / "page.html"), device="cpu")),
    "compare": lambda run, out: api.compare(str(run)),
    "train": lambda run, out: api.train(run=run),
}


@pytest.fixture
def stranger(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a run, beside a planted module that Python can import."""
    monkeypatch.syspath_prepend(tmp_path)
    make_chips(tmp_path / "chips", scenes=1, tiles=1)
    return copied_run(trained, tmp_path / "run")


@pytest.mark.parametrize("verb", VERBS)
def test_a_class_that_a_strangers_run_names_is_not_imported(verb: str, stranger: Path, tmp_path: Path) -> None:
    imported = plant_module(tmp_path)
    change_config(stranger, model=EVIL)
    change_checkpoints(stranger, model=EVIL)
    with pytest.raises(Untrusted, match=r"stranger\.evil\.Net.*trusted=\[stranger\]"):
        VERBS[verb](stranger, tmp_path / "out")
    assert not imported.exists() and "stranger" not in sys.modules


@pytest.mark.parametrize("verb", ["load", "predict", "export", "evaluate"])
def test_nor_is_one_that_its_checkpoint_alone_names(verb: str, stranger: Path, tmp_path: Path) -> None:
    imported = plant_module(tmp_path)
    change_checkpoints(stranger, model=EVIL)
    with pytest.raises(Untrusted, match=r"best\.ckpt.*stranger\.evil\.Net"):
        VERBS[verb](stranger, tmp_path / "out")
    assert not imported.exists()


def test_nor_is_one_that_an_exported_file_names(stranger: Path, tmp_path: Path) -> None:
    imported = plant_module(tmp_path)
    exported = export(ExportConfig(run=str(stranger), output=str(tmp_path / "net.pt"), format="torch"))
    change_checkpoint(exported, model=EVIL)
    for read in (load, lambda path: export(ExportConfig(run=str(path), output=str(tmp_path / "b.pt"), format="torch"))):
        with pytest.raises(Untrusted, match=r"net\.pt names"):
            read(exported)
    assert not imported.exists()


WAYS_TO_NAME: list[dict[str, Any]] = [
    {"loss": EVIL},
    {"loss": {"_target_": "seep_lightning.training.loss_sums.WeightedSum", "terms": {"a": {"loss": EVIL}}}},
    {"optimizer": EVIL},
    {"scheduler": {"_target_": "torch.optim.lr_scheduler.ChainedScheduler", "schedulers": [EVIL]}},
    {"augment": [{"_target_": "albumentations.HorizontalFlip", "p": EVIL}]},
    {"augment": [{"_target_": "albumentations.OneOf", "transforms": [[EVIL]]}]},
    {"callbacks": {"mine": EVIL}},
    {"logger": {"mine": EVIL}},
    {"logger": {"csv": {"_target_": "seep_lightning.training.loggers.Csv", "save_dir": EVIL}}},
    {"metrics": {"mine": EVIL}},
    {"figures": ["stranger.evil.Net"]},
    {"data__layout": EVIL},
    {"model": {"_target_": "torch.nn.Sequential", "args": [{"deep": [EVIL]}]}},
]


@pytest.mark.parametrize("changes", WAYS_TO_NAME, ids=[str(number) for number in range(len(WAYS_TO_NAME))])
def test_wherever_a_config_names_it(changes: dict[str, Any], stranger: Path, tmp_path: Path) -> None:
    imported = plant_module(tmp_path)
    change_config(stranger, **changes)
    with pytest.raises(Untrusted, match="stranger.evil.Net"):
        open_run(stranger)
    with pytest.raises(Untrusted):
        api.train(run=stranger)
    assert not imported.exists()


DANGEROUS = [
    "os.system",
    "posix.system",
    "subprocess.Popen",
    "builtins.eval",
    "builtins.__import__",
    "antigravity.fly",
    "torch.hub.load",
    "torch.load",
    "torch.jit.load",
    "torch.serialization.load",
    "torch.utils.cpp_extension.load",
    "seep_lightning.train.main",
    "seep_lightning.__main__.main",
    "seep_lightning.files.write_text",
    "seep_lightning.qgis_scripts.map_oil_seeps.MapOilSeeps",
    "lightning.pytorch.Trainer",
    "lightning.pytorch.loggers.CometLogger",
    "lightning.pytorch.callbacks.lambda_function.LambdaCallback",
    "torchmetrics.text.bert.BERTScore",
    "monai.apps.download_url",
    "monai.bundle.load",
    "segmentation_models_pytorch_evil.Net",
    "torch.nnevil.Net",
    "albumentations_evil.Flip",
    "torch.nn._reduction.Reduction",
]
NO_NAMES = ["", "Net", ".Net", "..stranger.Net", "torch.nn.", "torch.nn..Net", "torch.nn.Конв", "torch.nn.Conv2d\n",
            "torch nn.Conv2d", "torch/nn.Conv2d", "torch.nn.Conv2d;os", "torch.nn.\x1b[31mNet", 3, None,
            ["torch.nn.Conv2d"], {"a": 1}]  # fmt: skip


@pytest.mark.parametrize("name", DANGEROUS)
def test_a_name_of_no_known_package_is_refused(name: str) -> None:
    with pytest.raises(Untrusted):
        judge_stored("run/config.yaml", {"model": {"_target_": name}})


@pytest.mark.parametrize("name", NO_NAMES, ids=range(len(NO_NAMES)))
def test_what_is_no_plain_dotted_name_is_refused_and_cannot_be_trusted(name: Any) -> None:
    with pytest.raises(UserError, match="no name of a class") as error, trusting(["torch", "Net"]):
        judge_stored("run/config.yaml", {"model": {"_target_": name}})
    assert str(error.value).isprintable()


@pytest.mark.parametrize(
    "name", ["torch.nn.functional.relu", "torch.nn.init.zeros_", "torch.nn.modules.module.register_module_forward_hook"]
)
def test_a_function_of_a_known_package_is_not_called(name: str, stranger: Path) -> None:
    change_checkpoints(stranger, model={"_target_": "torch.nn.Sequential", "args": {"_target_": name}})
    with pytest.raises(UserError, match="Sequential|is not a torch.nn"):
        load(stranger, device="cpu")


@pytest.mark.parametrize("address", ["https://evil.example/weights.pt", "file:/etc/passwd", "FILE:weights.pt"])
def test_an_address_in_a_stored_network_is_refused(address: str, stranger: Path) -> None:
    net = {"_target_": "monai.networks.nets.HoVerNet", "pretrained_url": address}
    change_checkpoints(stranger, model=net)
    with pytest.raises(UserError, match="is an address"):
        load(stranger, device="cpu")


@pytest.mark.parametrize("package", ["segmentation_models_pytorch", "monai"])
def test_a_package_of_the_working_folder_does_not_pass_for_the_installed_one(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported = plant_module(tmp_path, f"{package}/__init__.py")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, package, raising=False)
    with pytest.raises(Untrusted, match="which here is"):
        judge_stored("run/config.yaml", {"model": {"_target_": f"{package}.networks.nets.Unet"}})
    assert not imported.exists()


@pytest.mark.parametrize("aliases", [30, 300])
def test_references_within_a_config_that_stand_for_endless_values_are_refused(
    aliases: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trust, "MOST_VALUES", 2_000)
    bomb: list[Any] = [{"_target_": "torch.nn.ReLU"}]
    for _ in range(aliases):
        bomb = [bomb, bomb]
    with pytest.raises(UserError, match="more values, or deeper ones"):
        judge_stored("run/config.yaml", {"model": bomb})


def test_what_is_trusted_is_read_and_built(stranger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    imported = plant_module(tmp_path)
    change_config(stranger, model=EVIL)
    assert open_run(stranger, trusted=["stranger"]).config.model == EVIL
    with pytest.raises(Untrusted):
        open_run(stranger)
    monkeypatch.setenv("SEEP_TRUSTED", "another, stranger")
    assert open_run(stranger).config.model == EVIL
    assert not imported.exists()
    change_checkpoints(stranger, model=EVIL)
    with pytest.raises(UserError, match="differs from model"):
        load(stranger, device="cpu")
    assert imported.exists()
    sys.modules.pop("stranger.evil")


@pytest.mark.parametrize("trusted", ["*", "", "strang", "stranger.evil.Other", "a b"])
def test_what_does_not_name_the_package_does_not_trust_it(
    trusted: str, stranger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_config(stranger, model=EVIL)
    with pytest.raises(UserError):
        open_run(stranger, trusted=[trusted])
    monkeypatch.setenv("SEEP_TRUSTED", trusted)
    with pytest.raises(UserError):
        open_run(stranger)


def test_what_a_stored_config_says_that_it_trusts_counts_for_nothing(stranger: Path) -> None:
    change_config(stranger, model=EVIL, trusted=["stranger"])
    with pytest.raises(Untrusted):
        open_run(stranger)
    change_config(stranger, model={"_target_": "torch.nn.Identity"})
    assert open_run(stranger).config.trusted == []


def test_all_that_conf_names_may_be_stored() -> None:
    import yaml

    from seep_lightning.commands.config_folder import conf_dir

    for path in sorted(conf_dir().rglob("*.yaml")):
        named = yaml.safe_load(path.read_text())
        # Hydra's own section is about the command: no run stores it
        named.pop("hydra", None)
        judge_stored(str(path), {path.parent.name: named})


def test_the_command_line_names_the_command_to_repeat_and_repeats_it(
    chips_root: Path, tmp_path: Path, trained: Path
) -> None:
    imported = plant_module(tmp_path)
    run = copied_run(trained, tmp_path / "a run")
    change_checkpoints(run, model=EVIL)
    arguments = ["run=a run", f"input={chips_root / IMAGES}", "output=maps", "device=cpu"]
    refused = seep("predict", *arguments, cwd=tmp_path)
    assert refused.returncode == 2 and refused.stderr.count("\n") == 1
    assert not imported.exists()
    expected = f"python -m seep_lightning.predict 'run=a run' input={chips_root / IMAGES} output=maps device=cpu"
    assert f"{expected} 'trusted=[stranger]'" in refused.stderr
    trusted = seep("predict", *arguments, "trusted=[stranger]", cwd=tmp_path)
    assert imported.exists() and "differs from model" in trusted.stderr
    assert os.environ.get("SEEP_TRUSTED") is None


# what each verb of `trusted` does; `train` trusts in a way of its own
WORKERS: dict[str, Callable[[Any], Any]] = {
    "evaluate": evaluate,
    "predict": predict,
    "next": next_labels,
    "judge": judge_objects,
    "prior": tune_prior,
    "compare": compare_and_print,
    "report": report,
    "review": review,
    "export": export,
    "train": lambda config: api.train(trusted=config.trusted),
}


@pytest.mark.parametrize("verb", [verb for verb, schema in SCHEMAS.items() if hasattr(schema(), "trusted")])
def test_every_verb_that_has_trusted_reads_it(verb: str) -> None:
    config = SCHEMAS[verb](trusted=["../stranger"])
    with pytest.raises(UserError, match=r"trusted=\.\./stranger: expected the name of a package"):
        WORKERS[verb](config)


def test_compare_and_prepare_take_no_path_for_a_package() -> None:
    with pytest.raises(UserError, match="expected the name of a package"):
        api.compare("outputs", trusted=["../stranger"])
    assert CompareConfig(runs="x").trusted == []
