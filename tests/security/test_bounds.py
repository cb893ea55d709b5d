"""What claims to be huge, or would take endlessly, is refused before memory or time is spent."""

import re
import resource
import time
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from helpers.stranger_runs import change_checkpoints, change_config, copied_run
from seep_lightning import api, load
from seep_lightning.data.layouts.names import split_name
from seep_lightning.errors import UserError
from seep_lightning.nets.bounds import check_activations
from seep_lightning.predictor.weights import read_weights
from seep_lightning.runs.checkpoints import read_checkpoint
from seep_lightning.runs.directory import Run

CATASTROPHIC = [
    r"(?P<scene>(\w|\w\w|\w+)+)!\.tif$",
    r"^(([a-z])+.)+[A-Z]([a-z])+$",
    r"(?P<scene>(x+x+)+)y",
    r"(?P<scene>(?:(x*)*\2)*)b\2",
    r"(?P<scene>((((x*)*)*)*)*)[^x].$z",
]


class BlowsUpInside(nn.Module):
    """Gives an image of the size of its input, after one that is much larger."""

    def forward(self, image: Tensor) -> Tensor:
        return functional.pad(image, (0, 9000, 0, 90_000))[..., : image.shape[-2], : image.shape[-1]]


class NeedsValues(nn.Module):
    """Works with tensors that have values alone."""

    def forward(self, image: Tensor) -> Tensor:
        return image / image.max().item()


@pytest.mark.parametrize("pattern", CATASTROPHIC, ids=range(len(CATASTROPHIC)))
def test_a_pattern_that_backtracks_endlessly_ends(pattern: str) -> None:
    started = time.process_time()
    with pytest.raises(UserError, match="does not match|takes longer than"):
        split_name("x" * 60 + ".tif", pattern)
    assert time.process_time() - started < 9


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        (r"(?P<scene>.+)_(?P<tile>\d+)", "S1_a_007.tif"),
        (r"(?P<scene>[^_.]+)", "a.b.tif"),
        (r"(?P<scene>(?<!x)\w+?)(?P<tile>(?=\d)\d+)(?i:\.TIF)", "scene12.tif"),
        (r"(?P<letter>\w)(?P<scene>\w+)(?P=letter)\.", "abca.tif"),
    ],
)
def test_other_patterns_mean_what_they_mean_to_python(pattern: str, name: str) -> None:
    expected = re.match(pattern, name)
    assert expected is not None
    groups = expected.groupdict()
    assert split_name(name, pattern) == (groups["scene"], int(groups.get("tile") or -1))


@pytest.fixture
def stranger(trained: Path, tmp_path: Path) -> Path:
    return copied_run(trained, tmp_path / "run")


def test_a_network_that_is_larger_than_its_weights_takes_no_memory(stranger: Path) -> None:
    change_checkpoints(stranger, model__width=20_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError, match="differs from model|refuses its settings|memory") as error:
        load(stranger, device="cpu")
    more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert more < 300_000 and "\n" not in str(error.value)


def test_nor_does_one_of_endlessly_many_parts(stranger: Path) -> None:
    parts = {"_target_": "monai.networks.nets.UNet", "spatial_dims": 2, "num_res_units": 10**9}
    channels = {"in_channels": 1, "out_channels": 1, "channels": [4, 4], "strides": [2]}
    change_checkpoints(stranger, model={**parts, **channels})
    started = time.process_time()
    with pytest.raises(UserError, match="differs from model|more than 10000 parts"):
        load(stranger, device="cpu")
    assert time.process_time() - started < 30


def test_nor_is_a_resumed_run_built_larger_than_its_checkpoint(stranger: Path) -> None:
    change_config(stranger, model__width=4000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError, match="differs from model"):
        api.train(run=stranger, trainer={"max_epochs": 7})
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000


def test_nor_do_buffers_that_are_no_weights(stranger: Path) -> None:
    change_checkpoints(
        stranger, model={"_target_": "torch.nn.BatchNorm2d", "num_features": 700_000_000, "affine": False}
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError, match="differs from model"):
        load(stranger, device="cpu")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000


ENDLESS_LAYERS = [
    nn.Upsample(scale_factor=100),
    nn.ZeroPad2d(6000),
    nn.Unfold(128),
    nn.AdaptiveAvgPool2d(40_000),
    nn.Sequential(nn.Upsample(scale_factor=100), nn.AdaptiveAvgPool2d(1)),
    BlowsUpInside(),
]


@pytest.mark.parametrize("net", ENDLESS_LAYERS, ids=range(len(ENDLESS_LAYERS)))
def test_a_forward_pass_without_measure_is_refused_before_it_takes_memory(net: nn.Module) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError, match="makes more than 2048 values of each pixel") as error:
        check_activations(net, "torch.nn.Sequential", 1, 32, "seeps.pt")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000 and "\n" not in str(error.value)


def test_a_network_is_tried_on_a_copy_and_one_that_needs_values_is_not_judged() -> None:
    norm = nn.BatchNorm2d(1)
    check_activations(norm, "torch.nn.BatchNorm2d", 1, 32, "seeps.pt")
    assert norm.training and norm.weight.device.type == "cpu"
    check_activations(NeedsValues(), "mynets.NeedsValues", 1, 32, "seeps.pt")


def test_the_forward_pass_of_a_stored_network_is_tried(stranger: Path) -> None:
    change_checkpoints(stranger, model={"_target_": "torch.nn.Upsample", "scale_factor": 100})
    for path in (stranger / "checkpoints").iterdir():
        content = torch.load(path, weights_only=True)
        torch.save({**content, "state_dict": {}}, path)
    with pytest.raises(UserError, match="makes more than 2048 values"):
        load(stranger, device="cpu")


def test_a_packed_checkpoint_is_not_unpacked(stranger: Path) -> None:
    path = stranger / "checkpoints" / "best.ckpt"
    with zipfile.ZipFile(path) as archive:
        entries = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
        archive.writestr("best/data/bomb", b"\0" * 50_000_000)
    assert path.stat().st_size < 2_000_000
    with pytest.raises(UserError, match="packed; no checkpoint is so"):
        read_checkpoint(path)


@pytest.mark.parametrize("kind", ["expanded", "shared"])
def test_weights_that_claim_more_than_the_file_holds_are_refused(kind: str, stranger: Path) -> None:
    path = stranger / "checkpoints" / "best.ckpt"
    content = torch.load(path, weights_only=True)
    weight = torch.zeros(1_000_000)
    claims = {
        "expanded": {"net.a": torch.zeros(1).expand(100_000, 100_000)},
        "shared": {f"net.{number}": weight for number in range(50)},
    }
    content["state_dict"].update(claims[kind])
    torch.save(content, path)
    with pytest.raises(UserError, match="claims|cannot be read|was not loaded"):
        read_checkpoint(path)


@pytest.mark.parametrize("kind", ["meta", "sparse", "compressed", "sparse claim"])
def test_weights_that_are_no_plain_tensors_are_refused(kind: str, stranger: Path) -> None:
    path = stranger / "checkpoints" / "best.ckpt"
    content = torch.load(path, weights_only=True)
    first = next(iter(content["state_dict"]))
    claimed = torch.sparse_coo_tensor(torch.zeros(2, 1, dtype=torch.long), torch.ones(1), (10**6, 10**6))
    weights = {
        "meta": torch.zeros(10**6, 10**6, device="meta"),
        "sparse": torch.eye(3).to_sparse(),
        "compressed": torch.eye(3).to_sparse_csr(),
        "sparse claim": claimed,
    }
    content["state_dict"][first] = weights[kind]
    torch.save(content, path)
    for read in (read_checkpoint, lambda path: load(path.parents[1], device="cpu")):
        with pytest.raises(UserError, match="holds fewer values|cannot be read|was not loaded") as error:
            read(path)
        assert "\n" not in str(error.value)


def test_aliases_in_a_config_are_bounded(stranger: Path) -> None:
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60))]
    path = stranger / "config.yaml"
    path.write_text("\n".join([*lines, path.read_text()]))
    started = time.process_time()
    with pytest.raises(UserError, match="aliases"):
        _ = Run(stranger).config
    assert time.process_time() - started < 5


def text(value: str) -> bytes:
    """A text in a pickle."""
    content = value.encode()
    return b"X" + len(content).to_bytes(4, "little") + content


LONG_TEXT = "".join(chr(0x4E00 + number % 20_000) for number in range(60_000))
CALLS = {
    "a slow encoding": b"c_codecs\nencode\n" + text(LONG_TEXT) + text("punycode") + b"\x86R",
    "40 GiB of zeros": b"c__builtin__\nbytearray\n\x8a\x05" + (40 << 30).to_bytes(5, "little") + b"\x85R",
}


@pytest.mark.parametrize("is_zip", [True, False])
@pytest.mark.parametrize("call", CALLS)
def test_bytes_in_a_checkpoint_are_not_made(call: str, is_zip: bool, stranger: Path) -> None:
    path = stranger / "checkpoints" / "best.ckpt"
    pickled = b"\x80\x02" + CALLS[call] + b"."
    with zipfile.ZipFile(path) as archive:
        entries = {info.filename: archive.read(info) for info in archive.infolist()}
    if is_zip:
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in entries.items():
                archive.writestr(name, pickled if name.endswith("data.pkl") else content)
    else:
        path.write_bytes(pickled)
    for read in (read_checkpoint, read_weights):
        with pytest.raises(UserError, match="holds bytes beside tensors"):
            read(path)


def test_a_checkpoint_that_repeats_itself_is_not_unfolded(stranger: Path) -> None:
    path = stranger / "checkpoints" / "best.ckpt"
    content = torch.load(path, weights_only=True)
    nested: list[object] = ["x"]
    for _ in range(60):
        nested = [nested, nested]
    places = {
        "hyper_parameters": content["hyper_parameters"],
        "model": content["hyper_parameters"]["model"],
        "facts": content["hyper_parameters"]["facts"],
        "seep_lightning": content["seep_lightning"],
        "file": content,
    }
    for name, place in places.items():
        place["nested"] = nested
        torch.save(content, path)
        del place["nested"]
        started = time.process_time()
        with suppress(UserError):
            load(stranger, device="cpu")
        assert time.process_time() - started < 5, name
