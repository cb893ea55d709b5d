"""Augmentation: geometry, a random state of (seed, epoch, chip), and nodata that stays out."""

from itertools import chain

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from helpers.chips import seeps_config, write_chip
from seep_lightning.config.data import NormaliseConfig, SplitConfig
from seep_lightning.data.augment import Augment
from seep_lightning.data.batches import ChipDataset, EpochSampler
from seep_lightning.data.datamodule import SeepDataModule
from seep_lightning.data.loading import load_chips
from seep_lightning.data.normalise import Normaliser
from seep_lightning.errors import UserError

FLIP = {"_target_": "albumentations.HorizontalFlip", "p": 1.0}
UPSIDE_DOWN = {"_target_": "albumentations.VerticalFlip", "p": 1.0}
TURN = {"_target_": "albumentations.Rotate", "limit": [30, 45], "border_mode": 4, "p": 1.0}
MIXED = [{**FLIP, "p": 0.5}, {**UPSIDE_DOWN, "p": 0.5}, {**TURN, "limit": 45}]


def corner_picture() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image (1, 6, 9), mask and valid pixels, each with its mark in a place of its own."""
    image, mask, valid = np.zeros((1, 6, 9), np.float32), np.zeros((6, 9), np.uint8), np.ones((6, 9), bool)
    image[0, 0, 1], mask[1, 0], valid[4, 2] = 0.75, 5, False
    return image, mask, valid


@pytest.mark.parametrize(("node", "axis"), [(FLIP, 1), (UPSIDE_DOWN, 0)])
def test_a_flip_flips_image_mask_and_valid_pixels_alike(node, axis):
    given = corner_picture()
    image, mask, valid = Augment([node], seed=0)(*given, epoch=0, index=0)
    assert image.shape == (1, 6, 9) and image.dtype == np.float32 and valid.dtype == bool
    np.testing.assert_array_equal(image[0], np.flip(given[0][0], axis))
    np.testing.assert_array_equal(mask, np.flip(given[1], axis))
    np.testing.assert_array_equal(valid, np.flip(given[2], axis))


def test_no_augmentation_changes_nothing():
    given = corner_picture()
    for before, after in zip(corner_picture(), Augment([], seed=0)(*given, epoch=3, index=1), strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_turned_mask_holds_no_class_that_it_did_not_hold():
    image, mask, valid = np.random.default_rng(0).random((1, 40, 40), np.float32), np.zeros((40, 40), np.uint8), None
    mask[10:30, 15:25], valid = 7, np.ones((40, 40), bool)
    turned = Augment([TURN], seed=0)(image, mask, valid, epoch=0, index=0)[1]
    assert set(np.unique(turned)) == {0, 7} and (turned != mask).any()


def test_chips_that_are_not_square_keep_their_shape_when_they_are_turned():
    quarter = {"_target_": "albumentations.RandomRotate90", "p": 1.0}
    given = corner_picture()
    seen = set()
    for epoch in range(20):
        image, mask, valid = Augment([quarter], seed=0)(*given, epoch=epoch, index=0)
        assert image.shape == (1, 6, 9) and mask.shape == valid.shape == (6, 9)
        seen.add(tuple(np.argwhere(mask)[0].tolist()))
    assert seen == {(1, 0), (4, 8)}


def draws(seed: int = 0, epoch: int = 0, index: int = 0) -> np.ndarray:
    image = np.random.default_rng(5).random((1, 24, 24), np.float32)
    flat = np.zeros((24, 24), np.uint8)
    return Augment(MIXED, seed)(image, flat, flat == 0, epoch=epoch, index=index)[0]


def test_draws_are_a_function_of_seed_epoch_and_chip():
    np.testing.assert_array_equal(draws(1, 2, 3), draws(1, 2, 3))
    for other in ({"seed": 9}, {"epoch": 9}, {"index": 9}):
        assert (draws(**{"seed": 1, "epoch": 2, "index": 3, **other}) != draws(1, 2, 3)).any()


def test_draws_do_not_depend_on_what_was_drawn_before_or_on_global_seeds():
    image, flat = np.random.default_rng(5).random((1, 24, 24), np.float32), np.zeros((24, 24), np.uint8)
    augment = Augment(MIXED, 1)
    np.random.seed(7)  # noqa: NPY002
    for index in range(4):
        augment(image, flat, flat == 0, epoch=0, index=index)
    np.testing.assert_array_equal(augment(image, flat, flat == 0, epoch=2, index=3)[0], draws(1, 2, 3))


def test_batches_do_not_depend_on_the_number_of_workers(chips_root):
    chips = load_chips(seeps_config(chips_root))
    batches = {}
    for workers in (0, 2):
        dataset = ChipDataset(chips, Normaliser(), Augment(MIXED, seed=3))
        sampler = EpochSampler(list(range(12)), shuffle=True, seed=3)
        loader = DataLoader(dataset, 4, sampler=sampler, num_workers=workers, persistent_workers=workers > 0)
        epochs = []
        for epoch in (0, 1):
            sampler.set_epoch(epoch)
            epochs.append(list(loader))
        batches[workers] = epochs
    for ours, theirs in zip(chain(*batches[0]), chain(*batches[2]), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    first, second = ({int(c): im for b in e for c, im in zip(b.chip, b.image, strict=True)} for e in batches[2])
    assert first.keys() == second.keys()
    assert all(not torch.equal(first[c], second[c]) for c in first)


def test_workers_of_a_resumed_run_begin_with_its_epoch(chips_root):
    data = SeepDataModule(seeps_config(chips_root, num_workers=1), SplitConfig(), [FLIP], seed=0)
    data.first_epoch = 5
    assert {epoch for epoch, _ in data.train_dataloader().sampler} == {5}


def test_nodata_stays_out_after_a_rotation(tmp_path):
    image = np.full((64, 64), 30000, np.uint16)
    image[:, :20] = 0
    write_chip(tmp_path, "A.0.tif", image, (image > 0).astype(np.uint8))
    chips = load_chips(seeps_config(tmp_path))
    dataset = ChipDataset(chips, Normaliser("scale", log=False), Augment([TURN], seed=0))
    for epoch in range(5):
        batch = dataset[epoch, 0]
        valid, values = batch.valid[0], batch.image[0]
        assert 0.3 < valid.float().mean() < 0.9  # some of each, and not as it was
        assert not torch.equal(valid, torch.from_numpy(image > 0))
        torch.testing.assert_close(values[valid], torch.full_like(values[valid], 30000 / 65535))  # no dark fringe
        assert (values[~valid] == 0).all() and (batch.target[0][~valid] == 0).all()


def test_training_chips_are_augmented_and_validation_chips_never(chips_root):
    plain = seeps_config(chips_root, normalise=NormaliseConfig("scale", log=False), batch_size=2)
    data = SeepDataModule(plain, SplitConfig(), [FLIP], seed=0)
    data.setup()

    def as_on_disk(batch, flipped: bool) -> bool:
        raw = np.stack([data.chips.read(i)[0] for i in batch.chip.tolist()]) / np.float32(65535)
        return np.allclose(batch.image.numpy(), raw[..., ::-1] if flipped else raw, atol=1e-6)

    assert all(as_on_disk(batch, flipped=True) for batch in data.train_dataloader())
    found = [as_on_disk(batch, flipped=False) for batch in data.val_dataloader()]
    assert found and all(found)


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"_target_": "albumentations.HorizontalFlop"}, r"augment\[1\]\._target_=albumentations\.HorizontalFlop"),
        ({"_target_": "albumentations.Rotate", "limt": 3}, r"augment\[1\]\.limt: .*did you mean 'limit'"),
        ({"_target_": "albumentations.Rotate", "p": 7}, r"augment\[1\]: Rotate refuses its settings"),
        ({"_target_": "os.system", "command": "true"}, r"augment\[1\]\._target_=os\.system is not a"),
        ({"_target_": "fractions.Fraction"}, r"augment\[1\]\._target_=fractions\.Fraction is neither .* called with"),
        ({"_target_": "torch.nn.Dropout"}, r"augment\[1\]\._target_=torch\.\S*Dropout is neither .*Albumentations"),
        ({"p": 0.5}, r"augment\[1\]: expected a node with _target_"),
    ],
)
def test_a_wrong_augmentation_is_named(node, message):
    with pytest.raises(UserError, match=message):
        Augment([FLIP, node], seed=0)


class Darken:
    """An augmentation of one's own: some chips become darker, by chance."""

    def __init__(self, least: float = 0.5) -> None:
        self.least = least

    def __call__(self, image, mask, valid, rng):
        return image * np.float32(rng.uniform(self.least, 1)), mask, valid


class Halve:
    def __call__(self, image, mask, valid, rng):
        return image[:, ::2], mask, valid


class Doubled:
    def __call__(self, image, mask, valid, rng):
        return image.astype(np.float64), mask, valid


class Alone:
    def __call__(self, image, mask, valid, rng):
        return image


class Broken:
    def __call__(self, image, mask, valid, rng):
        raise ZeroDivisionError("no pixels")


def own(augmentation: type, **settings: float) -> dict:
    return {"_target_": f"{augmentation.__module__}.{augmentation.__qualname__}", **settings}


def darkened(nodes: list, epoch: int = 0, index: int = 0) -> np.ndarray:
    image, flat = np.random.default_rng(5).random((2, 24, 36), np.float32), np.zeros((24, 36), np.uint8)
    return Augment(nodes, 1)(image, flat, flat == 0, epoch=epoch, index=index)[0]


def test_an_augmentation_of_ones_own_draws_by_seed_epoch_and_chip():
    nodes = [FLIP, own(Darken, least=0.1), *MIXED]
    np.testing.assert_array_equal(darkened(nodes, 2, 3), darkened(nodes, 2, 3))
    assert (darkened(nodes, 2, 3) != darkened(nodes, 2, 4)).any()
    flipped = darkened([FLIP])
    factors = darkened([FLIP, own(Darken)]) / flipped
    assert factors.min() >= 0.5 and np.ptp(factors) < 1e-5


def test_own_augmentations_leave_the_draws_of_those_before_them():
    class_free = darkened(MIXED, 1, 1)
    np.testing.assert_allclose(darkened([*MIXED, own(Darken, least=1.0)], 1, 1), class_free)


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (
            {"_target_": "albumentations.RandomCrop", "height": 16, "width": 16},
            "makes a ndarray of 16 x 16 x 1 float32",
        ),
        ({"_target_": "albumentations.pytorch.ToTensorV2"}, "makes a Tensor of 1 x 32 x 32 torch.float32"),
        ({"_target_": "albumentations.FromFloat"}, "uint8 of the image, which is a ndarray of 32 x 32 x 1 float32"),
        ({"_target_": "albumentations.RandomCrop", "height": 64, "width": 64}, "fails on a chip of 32 x 32"),
        (own(Halve), "makes a ndarray of 1 x 16 x 32 float32 of the image, which is a ndarray of 1 x 32 x 32"),
        (own(Doubled), "float64 of the image"),
        (own(Alone), "returns ndarray; expected a tuple"),
        (own(Broken), "fails on a chip of 32 x 32: no pixels"),
    ],
)
def test_an_augmentation_that_changes_shape_or_type_is_named_when_it_is_tried(node, message):
    name = node["_target_"].rpartition(".")[2]
    with pytest.raises(UserError) as error:
        Augment([FLIP, node, UPSIDE_DOWN], seed=0).check((32, 32))
    assert str(error.value).startswith(f"augment[1]: {name} ") and message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_crop_that_is_brought_back_to_size_is_fine():
    crop = {"_target_": "albumentations.RandomCrop", "height": 16, "width": 16}
    resize = {"_target_": "albumentations.Resize", "height": 32, "width": 32}
    Augment([FLIP, crop, resize], seed=0).check((32, 32))


def test_an_augmentation_that_does_not_fit_stops_a_training_before_it_starts(chips_root):
    crop = {"_target_": "albumentations.RandomCrop", "height": 16, "width": 16, "p": 0.5}
    data = SeepDataModule(seeps_config(chips_root), SplitConfig(), [crop], seed=0)
    with pytest.raises(UserError, match=r"augment\[0\]: RandomCrop makes"):
        data.setup()


def of(name: str, **settings: object) -> dict:
    return {"_target_": f"albumentations.{name}", "p": 1.0, **settings}


IMAGENET = {"mean": [0.485], "std": [0.229]}
SCALES = r"makes .* of the values 0.3 and 0.7, in training alone: validation and prediction see chips as they are"


class Rescale:
    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, image, mask, valid, rng):
        return image * np.float32(self.gain), mask, valid


class FlipImageOnly:
    def __call__(self, image, mask, valid, rng):
        return np.ascontiguousarray(image[..., ::-1]), mask, valid


class PasteSlick:
    """Draws a slick into some chips."""

    def __call__(self, image, mask, valid, rng):
        if rng.random() < 0.5:
            return image, mask, valid
        image, mask = image.copy(), mask.copy()
        image[:, 20:24], mask[20:24] = 0.2, 1
        return image, mask, valid


class WrongLabel(PasteSlick):
    def __call__(self, image, mask, valid, rng):
        image, mask, valid = super().__call__(image, mask, valid, rng)
        return image, np.where(mask > 0, np.uint8(9), mask), valid


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (of("Normalize", **IMAGENET), SCALES),
        (of("Normalize", **IMAGENET, max_pixel_value=1.0), SCALES),
        (of("Normalize", **IMAGENET, p=0.5), SCALES),
        (of("Normalize", mean=[0.5], std=[0.5], max_pixel_value=1.0), SCALES),
        (of("Normalize", normalization="image"), SCALES),
        (of("Normalize", normalization="min_max"), "of the values 0.42 and 0.48, in training alone"),
        (of("FromFloat"), "uint8 of the image, which is a ndarray of 64 x 64 x 1 float32"),
        (of("InvertImg"), SCALES),
        (of("Equalize"), "of the values 0.42 and 0.48, in training alone"),
        (of("RandomBrightnessContrast", brightness_limit=[0.3, 0.4]), SCALES),
        (own(Rescale, gain=0.1), SCALES),
        (own(Rescale, gain=255.0), SCALES),
        (own(FlipImageOnly), SCALES),
        (of("Affine", rotate=[-30, 30], fill_mask=255), "writes 255 into a mask of 0 and 7: what it fills"),
        (of("Affine", rotate=[-30, 30], fill_mask=255, p=0.1), "writes 255 into a mask of 0 and 7: what it fills"),
        (of("Affine", rotate=[-30, 30], fill_mask=7), "makes seep where the mask holds none"),
        (of("Rotate", border_mode=0, fill_mask=7, p=0.2), "makes seep where the mask holds none"),
        (of("CoarseDropout", fill_mask=7), "makes seep where the mask holds none"),
        (of("Rotate", mask_interpolation=1), r"into a mask of 0 and 7: .* mask_interpolation at nearest"),
        (own(WrongLabel), "writes 9 into a mask of 0 and 7"),
    ],
)
def test_a_setting_that_spoils_training_alone_is_refused(node, message):
    with pytest.raises(UserError, match=message) as error:
        Augment([FLIP, node, UPSIDE_DOWN], seed=0).check((64, 64), classes=7)
    assert str(error.value).startswith(f"augment[1]: {node['_target_'].rpartition('.')[2]} ")
    assert "\n" not in str(error.value)


HARMLESS = [
    *(of(name) for name in ("AdditiveNoise", "GaussNoise", "MultiplicativeNoise", "SaltAndPepper", "PixelDropout")),
    *(of(name) for name in ("GaussianBlur", "MedianBlur", "MotionBlur", "Downscale", "Sharpen", "Emboss")),
    *(of(name) for name in ("RandomBrightnessContrast", "RandomGamma", "RandomToneCurve", "Illumination")),
    *(of(name) for name in ("Rotate", "Affine", "ShiftScaleRotate", "SafeRotate", "Perspective", "D4", "Transpose")),
    *(of(name) for name in ("ElasticTransform", "GridDistortion", "OpticalDistortion", "ThinPlateSpline")),
    *(of(name) for name in ("CoarseDropout", "GridDropout", "Erasing", "XYMasking", "RandomGridShuffle")),
    of("RandomResizedCrop", size=[64, 64]),
    of("RandomSizedCrop", size=[64, 64], min_max_height=[32, 64]),
    of("Rotate", border_mode=0),
    # which leaves what is a float
    of("ToFloat", max_value=255),
    of("CLAHE", p=0.5),
    of("Equalize", p=0.5),
    of("InvertImg", p=0.5),
    {
        "_target_": "albumentations.OneOf",
        "transforms": [of("GaussianBlur"), of("RandomGamma")],
        "p": 0.5,
    },
    own(PasteSlick),
]


@pytest.mark.parametrize("node", HARMLESS, ids=[node["_target_"].rpartition(".")[2] for node in HARMLESS])
def test_a_usual_augmentation_passes(node):
    Augment([FLIP, node], seed=0).check((64, 64))


def test_a_training_is_stopped_before_it_starts_and_an_older_one_goes_on(chips_root):
    node = of("Affine", rotate=[-30, 30], fill_mask=7)
    SeepDataModule(seeps_config(chips_root), SplitConfig(), [node]).setup()
    with pytest.raises(UserError, match=r"augment\[0\]: Affine makes seep where the mask holds none"):
        SeepDataModule(seeps_config(chips_root), SplitConfig(), [node], audited=True).setup()


def test_what_a_later_step_brings_back_is_fine():
    Augment([of("FromFloat"), of("ToFloat", max_value=255)], seed=0).check((64, 64))
    Augment([own(Rescale, gain=10.0), own(Rescale, gain=0.1)], seed=0).check((64, 64))


def test_all_usual_ones_together_pass_for_three_bands():
    nodes = [{**of(name), "p": 0.5} for name in ("D4", "Affine", "ElasticTransform", "CoarseDropout", "GaussNoise")]
    nodes += [{**of(name), "p": 0.8} for name in ("RandomBrightnessContrast", "RandomGamma", "MultiplicativeNoise")]
    Augment(nodes, seed=0).check((64, 64), bands=3, classes=7)
