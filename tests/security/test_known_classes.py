"""The packages whose classes a stored config may name: what in them downloads, imports, opens or calls is refused."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from helpers.stranger_runs import change_checkpoints, change_config, copied_run
from seep_lightning import api, load
from seep_lightning.config.known_classes import KNOWN_AT_THE_TOP, KNOWN_MODULES, is_known
from seep_lightning.config.trust import Untrusted, judge_stored, trusting
from seep_lightning.nets.once import without_first_weights

RISKY = re.compile(
    r"torch\.hub|load_url|from_url\(|urlopen|urlretrieve|download_url\(|hf_hub_download|cached_file|\.from_pretrained\("
    r"|torch\.load\(|(?<![.\w])open\(|pickle\.loads?\(|np\.load\(|truetype\(|read_fn|imread\("
    r"|import_module\(|__import__|(?<![.\w`])(?<!def )(eval|exec|locate)\((?!\))|load_module\("
    r"|cpp_extension|ctypes|subprocess|os\.system"
)
# Each file of the known modules that has such a word, and why it harms nobody.
REFUSED = "its classes are refused"
NO_WEIGHTS = "networks are built without first weights"
A_FUNCTION = "in a function: classes alone are built"
FIXED = "imports a module of its own package, whatever it is given"
READ = {
    "albumentations/augmentations/mixing/domain_adaptation.py": REFUSED,
    "albumentations/augmentations/pixel/functional.py": "imread: in an example",
    "albumentations/augmentations/text/transforms.py": REFUSED,
    "albumentations/augmentations/utils.py": A_FUNCTION,
    "monai/losses/perceptual.py": REFUSED,
    "monai/networks/nets/cell_sam_wrapper.py": REFUSED,
    "monai/networks/nets/densenet.py": NO_WEIGHTS,
    "monai/networks/nets/efficientnet.py": NO_WEIGHTS,
    "monai/networks/nets/flexible_unet.py": "locate: in the registry of encoders, which is no class of torch",
    "monai/networks/nets/hovernet.py": NO_WEIGHTS,
    "monai/networks/nets/resnet.py": NO_WEIGHTS,
    "monai/networks/nets/senet.py": NO_WEIGHTS,
    "monai/networks/nets/swin_unetr.py": A_FUNCTION,
    "monai/networks/nets/transchex.py": REFUSED,
    "torch/nn/attention/_fa3.py": "private",
    "torch/nn/attention/_fa4.py": "private",
    "torch/nn/functional.py": FIXED,
    "torch/nn/modules/sparse.py": "from_pretrained: a method that takes a tensor",
    "torch/nn/utils/_deprecation_utils.py": "private",
    "torch/optim/optimizer.py": "in an example",
}


def sources_of(module: str) -> list[Path]:
    """The source files of a module and what lies below it; none where it is not installed."""
    top = module.partition(".")[0]
    if find_spec(top) is None:
        return []
    spec = find_spec(module)
    assert spec is not None and spec.origin is not None, module
    path = Path(spec.origin)
    return sorted(path.parent.rglob("*.py")) if path.name == "__init__.py" else [path]


def test_nothing_in_a_known_module_downloads_imports_or_opens_unless_it_was_read() -> None:
    risky: dict[str, str] = {}
    for module in KNOWN_MODULES:
        if module.startswith("seep_lightning"):
            continue
        for path in sources_of(module):
            found = RISKY.search(path.read_text(errors="replace"))
            name = str(path).rpartition("site-packages/")[2]
            # not installed with the tests' packages; all of its networks are built without first weights
            if found and not name.startswith("segmentation_models_pytorch/"):
                risky[name] = found.group()
    unread = {name: word for name, word in risky.items() if name not in READ}
    assert not unread, f"an upgrade brought these: read them, then refuse their classes or say why not: {unread}"


@pytest.mark.parametrize("package", KNOWN_AT_THE_TOP)
def test_nor_does_a_class_at_the_top_of_a_package(package: str) -> None:
    import importlib
    import inspect

    top = importlib.import_module(package)
    classes = [item for name, item in vars(top).items() if inspect.isclass(item) and is_known(f"{package}.{name}")]
    own = [item for item in classes if item.__module__.startswith(package)]
    sources = {Path(inspect.getfile(item)) for item in own}
    risky = {str(path).rpartition("site-packages/")[2] for path in sources if RISKY.search(path.read_text())}
    assert own and risky <= {*READ}


REFUSED_CLASSES = [
    "monai.losses.PerceptualLoss",
    "monai.losses.perceptual.RadImageNetPerceptualSimilarity",
    "monai.losses.perceptual.LPIPS",
    "monai.networks.blocks.text_embedding.TextEncoder",
    "monai.networks.layers.gmm.GaussianMixtureModel",
    "monai.networks.nets.CellSamWrapper",
    "monai.networks.nets.Transchex",
    "monai.networks.trt_compiler.TrtCompiler",
    "torchmetrics.SacreBLEUScore",
    "torchmetrics.text.ROUGEScore",
    "albumentations.FDA",
    "albumentations.TextImage",
    "albumentations.Lambda",
    "albumentations.core.hub_mixin.HubMixin",
]


@pytest.mark.parametrize("name", REFUSED_CLASSES)
def test_a_class_that_does_more_than_to_compute_is_refused(name: str) -> None:
    with pytest.raises(Untrusted):
        judge_stored("run/config.yaml", {"model": {"_target_": name}})
    with trusting([name]):
        judge_stored("run/config.yaml", {"model": {"_target_": name}})


HUB = "Project-MONAI_perceptual-models_main"
PLANTED = "from pathlib import Path\nPath(__file__).with_name('RAN').touch()\n"


def test_no_code_of_torch_hub_runs(trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache" / HUB
    folder.mkdir(parents=True)
    (folder / "hubconf.py").write_text(PLANTED)
    run = copied_run(trained, tmp_path / "run")
    settings = {"spatial_dims": 2, "network_type": "radimagenet_resnet50", "cache_dir": str(tmp_path / "cache")}
    node = {"_target_": "monai.losses.PerceptualLoss", **settings}
    change_config(run, loss=node)
    with pytest.raises(Untrusted, match=r"runs code of GitHub.*trusted=\[monai\.losses\.PerceptualLoss\]") as error:
        api.train(run=run)
    assert "\n" not in str(error.value)
    change_checkpoints(run, model=node)
    with pytest.raises(Untrusted):
        load(run, device="cpu")
    assert not (folder / "RAN").exists()


DOWNLOADS: list[dict[str, Any]] = [
    {"_target_": "monai.networks.nets.EfficientNetBN", "model_name": "efficientnet-b0"},
    {"_target_": "monai.networks.nets.ResNetFeatures", "model_name": "resnet18"},
    {"_target_": "monai.networks.nets.DenseNet121", "spatial_dims": 2, "pretrained": True},
    {"_target_": "monai.networks.nets.HoVerNet", "pretrained_url": "weights.pt"},
    {"_target_": "torch.nn.Sequential", "weights": "DEFAULT"},
]


@pytest.mark.parametrize("node", DOWNLOADS, ids=range(len(DOWNLOADS)))
def test_a_stored_network_is_built_without_first_weights(node: dict[str, Any]) -> None:
    emptied = without_first_weights(node, [])
    keys = {"pretrained", "pretrained_url", "weights"} & emptied.keys()
    assert keys and not any(emptied[key] for key in keys)


@pytest.mark.parametrize("section", ["loss", "metrics.mine", "callbacks.mine"])
def test_a_network_that_would_download_weights_stands_nowhere_else(section: str) -> None:
    node = {"_target_": "monai.networks.nets.EfficientNetBN", "model_name": "efficientnet-b0"}
    top, _, name = section.partition(".")
    stored = {top: {name: node} if name else node}
    with pytest.raises(Untrusted, match="may download weights"):
        judge_stored("run/config.yaml", stored)
