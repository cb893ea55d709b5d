"""Whatever a person gets wrong is one clear sentence that names the file or key; nothing is run, nothing is lost."""

import os
import pickle
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
import tifffile
import torch
from hydra.errors import HydraException

from helpers.chips import GRID, TINY, make_chips, seeps_config, write_chip
from helpers.command_line import seep, seep_from_scratch
from helpers.rasters import write_raster
from seep_lightning.commands.composition import compose
from seep_lightning.commands.messages import error_message
from seep_lightning.config.commands import EvaluateConfig, PredictConfig
from seep_lightning.config.data import DataConfig
from seep_lightning.data.loading import load_chips
from seep_lightning.errors import UserError
from seep_lightning.evaluation.evaluation import evaluate
from seep_lightning.mapping.scenes import predict
from seep_lightning.predictor.loading import load
from seep_lightning.runs.directory import Run
from seep_lightning.training.session import train

IMAGES, MASKS = "train_images_256", "train_masks_256"
BAD = "S2.000003.tif"

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def refusal(call: Callable[[], object]) -> str:
    """The message of the `UserError` that a call ends in: one line."""
    with pytest.raises(UserError) as error:
        call()
    text = str(error.value)
    assert "\n" not in text and text.endswith((".", "?"))
    return text


# --- data ---------------------------------------------------------------------------------------------------------


def data_refusal(root: Path, **more) -> str:
    return refusal(lambda: load_chips(seeps_config(root, **more)))


def sea(dtype: type = np.uint16) -> np.ndarray:
    return np.full((32, 32), 90, dtype)


def test_a_missing_root_is_named_with_what_is_expected_below_it(tmp_path):
    text = data_refusal(tmp_path / "nowhere")
    assert f"data.root: there is no folder {tmp_path / 'nowhere'}" in text
    assert f"{IMAGES}/ and {MASKS}/" in text and "SEEP_DATA_ROOT" in text


def test_a_root_one_folder_too_high_names_the_right_one(chips_root):
    assert f"One is in {chips_root}. Expected" in data_refusal(chips_root.parent)


def test_a_root_of_a_published_split_is_told_how_all_of_it_is_read(tmp_path):
    for part in ("test", "train"):
        make_chips(tmp_path / part, scenes=2, tiles=2, size=16)
    text = data_refusal(tmp_path)
    assert f"train, test of {tmp_path} have it." in text and "split=file if they are the parts" in text
    patterns = dict(re.findall(r"'data\.(images|masks)=([^']+)'", text))
    assert len(load_chips(seeps_config(tmp_path, **patterns))) == 8
    (tmp_path / "test" / MASKS).rename(tmp_path / "test" / "labels")
    assert "'data.masks=*/NAME' to read all" in data_refusal(tmp_path)


def test_a_root_that_is_not_set_is_said_so():
    assert "data.root is not set" in refusal(lambda: load_chips(DataConfig()))


@pytest.mark.parametrize(("folder", "key"), [(IMAGES, "images"), (MASKS, "masks")])
def test_a_missing_folder_of_images_or_masks_is_named(chips_root, folder, key):
    shutil.rmtree(chips_root / folder)
    assert f"data.{key}: there is no folder {chips_root / folder}" in data_refusal(chips_root)


def test_an_empty_folder_is_named(tmp_path):
    for folder in (IMAGES, MASKS):
        (tmp_path / folder).mkdir()
    assert f"no .tif, .tiff, .png, .jp2, .jpg, .jpeg, .bmp, .webp in {tmp_path / IMAGES}" in data_refusal(tmp_path)


@pytest.mark.parametrize(("gone", "kind", "looked"), [(MASKS, "mask", MASKS), (IMAGES, "image", IMAGES)])
def test_a_chip_without_its_other_half_is_named_with_what_to_do(chips_root, gone, kind, looked):
    (chips_root / gone / BAD).unlink()
    (chips_root / gone / "S4.000001.tif").unlink()
    text = data_refusal(chips_root)
    assert f"{BAD} has no {kind} (1 more like it). Looked for {chips_root / looked / BAD}" in text
    assert "28 other chips are paired" in text and "data.unpaired=skip" in text


def test_nothing_paired_is_said_so_even_where_unpaired_chips_are_skipped(tmp_path):
    write_chip(tmp_path, "A.1.tif", sea(), sea(np.uint8) * 0)
    (tmp_path / MASKS / "A.1.tif").rename(tmp_path / MASKS / "B.1.tif")
    assert "has a mask of the same name" in data_refusal(tmp_path, unpaired="skip")


def test_one_chip_twice_is_refused(chips_root):
    shutil.copy(chips_root / IMAGES / BAD, chips_root / IMAGES / "S2.000003.tiff")
    assert f"{BAD} and S2.000003.tiff are one chip twice" in data_refusal(chips_root)


def test_a_mask_of_signed_numbers_below_0_is_refused(chips_root):
    mask = np.zeros((32, 32), np.int16)
    mask[3:9] = -1
    write_raster(chips_root / MASKS / BAD, mask)
    assert f"{chips_root / MASKS / BAD} holds the value -1, but data.classes=7" in data_refusal(chips_root)


def test_an_image_and_a_mask_of_different_sizes_are_refused(chips_root):
    cv2.imwrite(str(chips_root / MASKS / BAD), np.zeros((32, 30), np.uint8))
    assert f"{BAD} is 32 x 32 but its mask is 32 x 30" in data_refusal(chips_root)


@pytest.mark.parametrize(
    ("other", "described"), [(np.full((16, 16), 90, np.uint16), "16 x 16, 16 bit"), (sea(np.uint8), "32 x 32, 8 bit")]
)
def test_chips_of_different_sizes_or_types_are_refused_with_both_names(chips_root, other, described):
    write_chip(chips_root, BAD, other, np.zeros(other.shape, np.uint8))
    text = data_refusal(chips_root)
    assert f"S0.000000.tif is 1 band(s), 32 x 32, 16 bit, {BAD} is 1 band(s), {described}" in text
    if other.shape != (32, 32):
        assert "29 of 32 x 32 (S0.000000.tif, S0.000001.tif, S0.000002.tif and 26 more)" in text
        assert f"1 of 16 x 16 ({BAD})" in text and "Pass data.size=32" in text


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("folder", [IMAGES, MASKS])
def test_a_truncated_tiff_is_refused_wherever_it_was_cut(chips_root, folder, share):
    path = chips_root / folder / BAD
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole)) + 4 * (share > 0)])
    assert f"cannot read {path}" in data_refusal(chips_root)


@pytest.mark.parametrize("written_by", ["tifffile", "rasterio"])
def test_a_tiff_of_other_programs_that_was_cut_is_refused(chips_root, written_by):
    path = chips_root / IMAGES / BAD
    if written_by == "tifffile":
        tifffile.imwrite(path, sea(), compression="deflate")
    else:
        with rasterio.open(path, "w", driver="GTiff", height=32, width=32, count=1, dtype="uint16") as file:
            file.write(sea(), 1)
    whole = path.read_bytes()
    load_chips(seeps_config(chips_root))
    for size in (4, 8, len(whole) // 2, len(whole) - 9):
        path.write_bytes(whole[:size])
        assert f"cannot read {path}" in data_refusal(chips_root)


def test_a_truncated_png_and_a_text_in_disguise_are_refused(tmp_path):
    write_chip(tmp_path, "A.1.png", np.random.default_rng(0).integers(1, 999, (32, 32), np.uint16), sea(np.uint8) * 0)
    path = tmp_path / IMAGES / "A.1.png"
    path.write_bytes(path.read_bytes()[:-200])
    assert f"cannot read {path}" in data_refusal(tmp_path)
    path.write_text("not a picture")
    assert f"cannot read {path}" in data_refusal(tmp_path)


@pytest.mark.parametrize("dtype", ["int64", "bool"])
def test_a_wrong_type_is_named(chips_root, dtype):
    tifffile.imwrite(chips_root / IMAGES / BAD, sea().astype(dtype))
    text = data_refusal(chips_root)
    assert BAD in text and f"is {dtype}" in text and "8 or 16 bit unsigned is expected" in text


def test_floats_among_integers_are_refused_with_both_names(chips_root):
    tifffile.imwrite(chips_root / IMAGES / BAD, sea(np.float32))
    text = data_refusal(chips_root)
    assert f"{BAD} is 1 band(s), 32 x 32, 32 bit float" in text and "Give them one type" in text


@pytest.mark.parametrize("config", ["separate", "contig"])
def test_a_tiff_of_two_bands_is_refused_however_it_is_laid_out(chips_root, config):
    array = np.stack([sea(), sea()], 0 if config == "separate" else -1)
    tifffile.imwrite(chips_root / IMAGES / BAD, array, photometric="minisblack", planarconfig=config)
    assert f"{BAD} has 2 bands; one is expected" in data_refusal(chips_root)
    tifffile.imwrite(chips_root / IMAGES / BAD, sea())
    tifffile.imwrite(
        chips_root / MASKS / BAD, array.astype(np.uint8) % 2, photometric="minisblack", planarconfig=config
    )
    assert f"mask {chips_root / MASKS / BAD} is " in data_refusal(chips_root)


def test_a_file_of_several_pictures_is_refused(chips_root):
    path = chips_root / IMAGES / BAD
    tifffile.imwrite(path, np.stack([sea(), sea()]), photometric="minisblack")
    assert f"{path} is 2 pictures" in data_refusal(chips_root)


def test_a_chip_of_nodata_only_is_named(chips_root):
    cv2.imwrite(str(chips_root / IMAGES / BAD), sea())
    load_chips(seeps_config(chips_root))
    assert f"{BAD} holds nodata (90) only" in data_refusal(chips_root, nodata=90)


def test_a_mask_value_beyond_the_classes_is_named(chips_root):
    cv2.imwrite(str(chips_root / MASKS / BAD), np.full((32, 32), 255, np.uint8))
    text = data_refusal(chips_root)
    assert f"mask {chips_root / MASKS / BAD} holds the value 255, but data.classes=7" in text


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(", "data.pattern: '(' is not a regular expression"),
        ("Z(?P<scene>.)", "data.pattern: S0.000000.tif does not match"),
        (r"(\w+)", "The pattern needs a group (?P<scene>...)"),
        (r"(?P<scene>\w)(?P<tile>..)", "takes '0.' of S0.000000.tif for the tile"),
    ],
)
def test_a_pattern_that_does_not_fit_the_names_is_explained(chips_root, pattern, message):
    assert message in data_refusal(chips_root, pattern=pattern)


# --- config -------------------------------------------------------------------------------------------------------


def config_refusal(*overrides: str) -> str:
    """What the door says of a command line that does not even give a config."""
    with pytest.raises((UserError, HydraException)) as error:
        compose("train", list(overrides))
    text = error_message(error.value, "train", overrides)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trainer.max_epoch=3", "Did you mean trainer.max_epochs?"),
        ("data.normalise.knd=chip", "Did you mean data.normalise.kind?"),
        ("modle=unet", "Could not override 'modle'"),
        (
            "model=unett",
            "model=unett: there is no such config. Did you mean model=unet? There are: monai_basic_unet,",
        ),
        (
            "data=seep",
            "data=seep: there is no such config. Did you mean data=seeps? There are: chips, seeps, synthetic.",
        ),
        (
            "logger=[default,wand]",
            "logger=wand: there is no such config. Did you mean logger=wandb? There are: default,",
        ),
        ("+trainer.max_epoch=3", "trainer.max_epoch is not a key of this command; did you mean trainer.max_epochs?"),
        ("+data.normalise.gamma=3", "data.normalise.gamma is not a key of this command; known are kind, log."),
        (
            "trainer.max_epochs=many",
            "trainer.max_epochs=many Value 'many' of type 'str' could not be converted to Integer",
        ),
        ("trainer.limit_train_batches=few", "Value 'few' of type 'str' is incompatible"),
        ("data.batch_size=0", "data.batch_size=0: expected 1 or more."),
        ("data.num_workers=-1", "data.num_workers=-1: expected 0 to 1024."),
        ("+data.grid={X:{columns:0}}", "data.grid.X.columns=0: expected 1 or more."),
        ("seed=-1", "seed=-1: expected 0 to 4294967295."),
        ("split.seed=4294967296", "split.seed=4294967296: expected 0 to 4294967295."),
        ("trainer.accumulate_grad_batches=0", "trainer.accumulate_grad_batches=0: expected 1 or more."),
        ("early_stop=0", "early_stop=0: expected 1 or more."),
        ("split.kind=scenes", "split.kind=scenes: expected one of random, scene, place, kfold, file."),
        ("split.test=0", "split.val=0.2 and split.test=0.0: both must be above 0"),
        ("data.root=/somewhere", "data.root=/somewhere has no effect on data=synthetic. Pass data=chips"),
    ],
)
def test_a_mistake_in_the_config_names_the_key(override, message):
    assert message in config_refusal(override)


# --- training -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.normalise.kind=zscore", "data.normalise.kind: 'zscore' is not known"),
        ("split=file", "split.path: it is not set"),
        ("split=kfold split.folds=9", "9 folds need at least 9 groups, found 5"),
        ("+optimizer.momentum=0.9", "optimizer.momentum: AdamW takes lr, betas"),
        ("optimizer.lr=fast", "optimizer: AdamW refuses its settings"),
        ("optimizer._target_=torch.optim.Adammm", "optimizer._target_=torch.optim.Adammm: cannot import it"),
        ("optimizer._target_=torch.nn.Linear", "optimizer._target_=torch.nn.Linear is not a torch.optim"),
        ("+model.wdith=4", "model.wdith: UNet takes in_channels, classes, width"),
        ("data.bands=[]", "data.bands=[]: expected a list such as [1] or [VV]"),
        ("model.patch=0", "model.patch=0: expected 1 or more."),
        ("loss.bce=abc", "loss.bce=abc: expected 0 to 1000000."),
        ("model.width=-3", "model.width=-3: expected 1 or more."),
        ("+loss.dcie=1", "loss.dcie: BCEDice takes bce, dice"),
        (
            "+scheduler.warm=0.5",
            "scheduler.warm: WarmupCosine takes total_steps, warmup, start, final; did you mean 'warmup'?",
        ),
        ("~scheduler +scheduler={factor:0.5}", "scheduler: expected a node with _target_"),
        ("init=", "init=: expected the path of a file or folder."),
        ("+callbacks.mine._target_=nowhere.Mine", "callbacks.mine._target_=nowhere.Mine: cannot import it"),
        ("trainer.precision=float13", "trainer: Precision 'float13' is invalid."),
        ("trainer.accelerator=abacus", "trainer: You selected an invalid accelerator name"),
    ],
)
def test_a_training_that_cannot_start_says_why(compose_tiny, tmp_path, override, message):
    with pytest.raises(UserError) as error:
        train(compose_tiny(*override.split()), tmp_path / "run")
    assert message in str(error.value)
    assert not list((tmp_path / "run").rglob("*.ckpt"))


@pytest.mark.parametrize("node", ["model", "loss", "optimizer", "scheduler", "callbacks.mine", "logger.mine"])
def test_a_target_that_would_run_a_program_is_not_called(compose_tiny, tmp_path, node):
    touched = tmp_path / "touched"
    override = f"+{node}={{_target_:os.system,command:'touch {touched}'}}" if "." in node else None
    config = compose_tiny(*([override] if override else []))
    if override is None:
        setattr(config, node, {"_target_": "os.system", "command": f"touch {touched}"})
    text = refusal(lambda: train(config, tmp_path / "run"))
    assert text.startswith(f"{node}._target_=os.system is not a ") and not touched.exists()


def test_bad_data_stop_a_training_before_it_leaves_anything(compose_tiny, chips_root, tmp_path):
    (chips_root / IMAGES / BAD).write_bytes(b"II*\0")
    assert f"cannot read {chips_root / IMAGES / BAD}" in refusal(lambda: train(compose_tiny(), tmp_path / "run"))
    assert not (tmp_path / "run").exists()


# --- run directories and checkpoints ------------------------------------------------------------------------------


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of a finished run that may be spoilt; tests that write nothing use `trained` itself."""
    return Path(shutil.copytree(trained, tmp_path / "copy"))


def best(run: Path) -> Path:
    return Run(run).checkpoint("best")


class Trojan:
    """Unpickling it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_checkpoint_that_would_run_code_is_not_loaded(run, tmp_path, compose_tiny, wrapped):
    touched, path = tmp_path / "touched", best(run)
    if wrapped:
        torch.save({"state_dict": {}, "seep_lightning": Trojan(touched)}, path)
    else:
        path.write_bytes(pickle.dumps(Trojan(touched)))
    text = refusal(lambda: load(run))
    assert text.startswith(f"{path} was not loaded") and "could run code" in text
    assert str(path) in refusal(lambda: train(compose_tiny(f"init={run}"), tmp_path / "new"))
    shutil.copy(path, run / "checkpoints" / "last.ckpt")
    assert "could run code" in refusal(lambda: train(Run(run).config, run))
    assert not touched.exists()
    torch.load(path, weights_only=False) if wrapped else pickle.loads(path.read_bytes())
    assert touched.exists()  # so the trojan is a real one


@pytest.mark.parametrize("content", [{"state_dict": {}}, {"model": 3}, [1, 2], torch.zeros(3)])
def test_a_checkpoint_of_another_program_is_refused(run, content):
    torch.save(content, best(run))
    assert refusal(lambda: load(run)).startswith(f"{best(run)} is a checkpoint of another program")


@pytest.mark.parametrize("key", ["state_dict", "hyper_parameters", "seep_lightning"])
def test_a_checkpoint_that_lacks_a_part_is_refused(run, key):
    content = torch.load(best(run), weights_only=True)
    content.pop(key)
    torch.save(content, best(run))
    assert refusal(lambda: load(run)).startswith(f"{best(run)} is a checkpoint of another program")


@pytest.mark.parametrize("size", [0, 10, 3000, -1])
def test_a_checkpoint_that_was_cut_off_is_refused(run, size):
    best(run).write_bytes(best(run).read_bytes()[:size])
    assert refusal(lambda: load(run)).startswith(f"{best(run)} cannot be read as a checkpoint; it may be cut off")


def test_a_checkpoint_of_a_later_format_or_another_net_is_refused(run, compose_tiny, tmp_path):
    assert "its network differs from model" in refusal(
        lambda: train(compose_tiny(f"init={run}", "model.width=8"), tmp_path / "wider")
    )
    content = torch.load(best(run), weights_only=True)
    content["seep_lightning"]["format"] = 99
    torch.save(content, best(run))
    assert f"{best(run)} has format 99" in refusal(lambda: load(run))


def test_a_stored_target_that_would_run_a_program_is_not_called(run, tmp_path):
    content = torch.load(best(run), weights_only=True)
    content["hyper_parameters"]["model"] = {"_target_": "os.system", "command": f"touch {tmp_path / 'touched'}"}
    torch.save(content, best(run))
    assert refusal(lambda: load(run)).startswith(f"{best(run)} names model._target_=os.system, and importing it runs")
    assert not (tmp_path / "touched").exists()


def test_a_directory_that_is_no_run_is_refused_by_every_command(tmp_path):
    for path, message in ((tmp_path / "no", "there is no such directory"), (tmp_path, "there is no config.yaml")):
        for call in (
            lambda path=path: load(path),
            lambda path=path: evaluate(EvaluateConfig(run=str(path))),
            lambda path=path: predict(PredictConfig(run=str(path), input=__file__, output=str(tmp_path / "out"))),
        ):
            assert refusal(call).startswith(f"run={path}: {message}")
    assert list(tmp_path.iterdir()) == []


def test_a_run_without_a_checkpoint_is_refused(run):
    shutil.rmtree(run / "checkpoints")
    for which in ("best", "last"):
        text = refusal(lambda which=which: evaluate(EvaluateConfig(run=str(run), checkpoint=which)))
        assert text.startswith(f"run={run}: there is no checkpoints/{which}.ckpt")


# --- evaluate and predict -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("threshold=2", "threshold=2.0: expected a probability between 0 and 1."),
        ("part=nonsense", "part=nonsense: expected one of train, val, test, all."),
        ("device=nonsense", "device=nonsense cannot be used here"),
        ("device=meta", "device=meta cannot be used here"),
        ("checkpoint=newest", "checkpoint=newest: expected one of best, last."),
        ("batch_size=0", "batch_size=0: expected 1 or more."),
        ("name='../..'", "name=../..: expected the name of a folder"),
        ("data.root=/nowhere", "data.root: there is no folder /nowhere"),
    ],
)
def test_evaluate_refuses_what_it_cannot_do_and_writes_nothing(trained, setting, message):
    before = sorted(trained.rglob("*"))
    assert message in refusal(lambda: evaluate(compose("evaluate", [f"run={trained}", setting])))
    assert sorted(trained.rglob("*")) == before


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"threshold": 2.0}, "threshold=2.0: expected a probability between 0 and 1."),
        ({"device": "nonsense"}, "device=nonsense cannot be used here"),
        ({"checkpoint": "newest"}, "checkpoint=newest: expected one of best, last."),
        ({"input": "/nowhere"}, "input=/nowhere: there is no such file or folder, nor any like it."),
        ({"output": "/proc/x"}, "/proc/x cannot be written: No such file or directory. Choose another folder."),
        ({"output": ""}, "output=: expected the path of a file or folder."),
        (
            {"input": "/proc/self/fdinfo"},
            "input=/proc/self/fdinfo: no .tif, .tiff, .png, .vrt, .img, .jp2 in it, and no product. It holds ",
        ),
    ],
)
def test_predict_refuses_what_it_cannot_do_and_writes_nothing(trained, tmp_path, setting, message):
    given = {"input": str(trained.parent / "chips" / IMAGES), "output": str(tmp_path / "out"), **setting}
    assert message in refusal(lambda: predict(PredictConfig(run=str(trained), **given)))
    assert list(tmp_path.iterdir()) == []


def test_one_unreadable_chip_costs_its_own_scene_only(trained, chips_root, tmp_path):
    (chips_root / IMAGES / BAD).write_bytes(b"II*\0")
    config = PredictConfig(run=str(trained), input=str(chips_root), output=str(tmp_path / "out"), polygons=False)
    text = refusal(lambda: predict(config))
    assert text.startswith("1 of 5 scenes could not be mapped") and f"{chips_root / IMAGES / BAD} is no raster" in text
    made = {path.name for path in (tmp_path / "out").glob("*.mask.tif")}
    assert made == {f"S{scene}.mask.tif" for scene in (0, 1, 3, 4)}


def test_an_output_that_exists_is_kept(run, chips_root, tmp_path):
    (tmp_path / "out").mkdir()
    mine = tmp_path / "out" / "mine.txt"
    mine.write_text("keep me")
    config = PredictConfig(run=str(run), input=str(chips_root / IMAGES), output=str(tmp_path / "out"))
    assert f"output={tmp_path / 'out'} exists and is not empty" in refusal(lambda: predict(config))
    config.output = str(mine)
    assert f"output={mine} is a file" in refusal(lambda: predict(config))
    assert mine.read_text() == "keep me"
    shutil.rmtree(run / "evaluate", ignore_errors=True)
    (run / "evaluate" / "test").mkdir(parents=True)
    (run / "evaluate" / "test" / "mine.txt").write_text("keep me")
    text = refusal(lambda: evaluate(EvaluateConfig(run=str(run))))
    assert f"{run / 'evaluate' / 'test'} exists and is not empty" in text and "overwrite=true" in text
    assert [p.name for p in (run / "evaluate").rglob("*.txt")] == ["mine.txt"]


# --- the command line ---------------------------------------------------------------------------------------------


def said(*arguments: str, cwd: Path) -> str:
    """The one line that a command says before it exits with 2."""
    done = seep(*arguments, cwd=cwd)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr + done.stdout and done.stderr.count("\n") == 1
    return done.stderr


def test_a_root_without_its_data_group_is_one_line_and_a_traceback_where_that_is_asked_for(tmp_path):
    command = ("train", f"data.root={tmp_path}")
    line = f"data.root={tmp_path} has no effect on data=synthetic"
    assert said(*command, cwd=tmp_path).startswith(f"seep train: {line}")
    done = seep_from_scratch(*command, cwd=tmp_path, env={"HYDRA_FULL_ERROR": "1"})
    assert done.returncode != 0 and "Traceback" in done.stderr and f"UserError: {line}" in done.stderr


def test_a_directory_that_holds_a_run_is_not_trained_into(trained, tmp_path):
    before = {p: p.stat().st_mtime_ns for p in trained.rglob("*") if p.is_file()}
    text = said("train", f"hydra.run.dir={trained}", *TINY, cwd=tmp_path)
    assert f"{trained} holds a run already. Resume it with run={trained}" in text
    after = {p: p.stat().st_mtime_ns for p in trained.rglob("*") if p.is_file()}
    assert before.items() <= after.items()


def test_bad_data_are_one_line_on_the_command_line(chips_root, tmp_path):
    (chips_root / MASKS / BAD).unlink()
    text = said("train", "data=seeps", f"data.root={chips_root}", GRID, *TINY, cwd=tmp_path)
    assert text.startswith(f"seep train: data: {BAD} has no mask. Looked for")


def test_a_group_that_is_null_is_one_line(tmp_path):
    assert "a group of configs cannot be null" in said("train", "scheduler=null", cwd=tmp_path)


def test_a_run_that_is_not_there_is_one_line(tmp_path):
    assert said("train", "run=nowhere", cwd=tmp_path).startswith("seep train: run=")
