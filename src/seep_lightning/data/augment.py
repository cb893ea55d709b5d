"""Augmentation of training chips: Albumentations' transforms, and classes of one's own beside them.

Draws are a function of (seed, epoch, chip), whatever workers and ranks do. Albumentations stays behind this module, so
that it could be replaced.
"""

import copy
import inspect
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Protocol, cast, runtime_checkable

# Albumentations would ask the network for a newer version at import, for two seconds
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations as A
import numpy as np

# what single transforms have in common with OneOf and its like
from albumentations.core.serialization import Serializable
from numpy.typing import NDArray

from seep_lightning.config.targets import build, resolve
from seep_lightning.data.augment_effects import (
    APPLIED_DRAWS,
    WHOLE_DRAWS,
    Chip,
    Image,
    Levels,
    Mask,
    Probe,
    Transform,
    Valid,
    false_labels,
    has_extremes,
    invented_pixels,
    measure,
    narrow_probe,
    never_as_it_is,
    other_scale,
    wide_probe,
)
from seep_lightning.data.sizes import size_text
from seep_lightning.errors import UserError, first_line

OWN_PARAMETERS = ("image", "mask", "valid", "rng")
# axes of an array (H, W, C)
BANDS_LAST = 3


@runtime_checkable
class Augmentation(Protocol):
    """What a class of one's own needs to stand in the list `augment`."""

    def __call__(self, image: Image, mask: Mask, valid: Valid, rng: np.random.Generator) -> tuple[Image, Mask, Valid]:
        """Transform a chip, its mask and its valid pixels alike.

        Args:
            image: (C, H, W) float32 in 0..1 of full scale; pixels without data hold the chip's median.
            mask: (H, W) uint8, 0 for no seep, else the class; 255 where pixels are ignored.
            valid: (H, W) bool, False for pixels without data.
            rng: The only source of chance: it depends on seed, epoch and chip.

        Returns:
            The three, of the same shapes and types. The arguments may be chips that are kept in memory: return new
            arrays, or the arguments as they are.
        """
        ...


class Augment:
    """The list `augment` of a config as one transform of a chip."""

    def __init__(self, nodes: Sequence[Any], seed: int) -> None:
        """Build the transforms.

        Args:
            nodes: `_target_` nodes, each of a transform of Albumentations or of an `Augmentation`.
            seed: The seed of the training.

        Raises:
            UserError: A node names something else.
        """
        self.seed = seed
        self.steps: list[_AlbumentationsStep | _OwnStep] = []
        for number, node in enumerate(nodes):
            key = f"augment[{number}]"
            target = resolve(key, node, object)
            if issubclass(target, Serializable):
                self._add_transform(key, build(key, node, Serializable))
            else:
                _check_signature(key, target)
                augmentation = build(key, node, Augmentation)
                self.steps.append(_OwnStep(key, augmentation))

    def _add_transform(self, key: str, transform: Serializable) -> None:
        """Add a transform of Albumentations. Neighbours share a pipeline, and so draw from one random state."""
        last = self.steps[-1] if self.steps else None
        if isinstance(last, _AlbumentationsStep):
            last.append(key, transform)
        else:
            self.steps.append(_AlbumentationsStep(key, transform))

    @property
    def keeps_to_itself(self) -> bool:
        """Whether all chance is its own, for sure: a class of one's own may take torch's, which dropout draws from."""
        return all(isinstance(step, _AlbumentationsStep) for step in self.steps)

    @property
    def pipeline(self) -> A.Compose | None:
        """Albumentations' pipeline with which the augmentation begins, if any."""
        first = self.steps[0] if self.steps else None
        if isinstance(first, _AlbumentationsStep):
            return first.pipeline
        return None

    def __call__(self, image: Image, mask: Mask, valid: Valid, *, epoch: int, index: int) -> tuple[Image, Mask, Valid]:
        """Transform a chip, its mask and its valid pixels alike.

        Args:
            image: (C, H, W) float32 in 0..1.
            mask: (H, W) uint8.
            valid: (H, W) bool.
            epoch: The epoch, counted from 0.
            index: The chip's position in the data set.

        Returns:
            The three, of the same shapes and types. Chips that are not square are turned on until they have their
            shape again.

        Raises:
            UserError: A transform fails, or changes a shape or a type.
        """
        chip = Chip(image, mask, valid)
        for number, step in enumerate(self.steps):
            chip = step(chip, (self.seed, epoch, index, number))
        return chip

    def check(self, size: tuple[int, int], bands: int = 1, classes: int = 1, *, effects: bool = True) -> None:
        """Try the augmentation on chips of known values, for the first epochs.

        Args:
            size: Height and width of the chips, px.
            bands: How many bands they have.
            classes: How many classes of seep their masks tell apart.
            effects: Whether to look for what would spoil a training without failing; an older run goes on as it began.

        Raises:
            UserError: A transform fails, changes a shape or a type, writes false labels, or changes values so that no
                training chip is as validation chips are.
        """
        wide = wide_probe(size, bands, classes)
        # fails here where a transform fails, or changes a shape or a type
        of_wide = measure(self._draw, wide, WHOLE_DRAWS)
        if not effects:
            return
        self._check_labels(wide)
        narrow = narrow_probe(size, bands, classes)
        if has_extremes(of_wide, wide.levels):
            self._check_scale(wide, narrow)
        self._check_never(of_wide, wide)
        self._check_never(measure(self._draw, narrow, WHOLE_DRAWS), narrow)

    def _check_labels(self, probe: Probe) -> None:
        """Refuse false labels, and seep and data that a transform of Albumentations makes of nothing."""
        for step in self.steps:
            for name, alone in step.alone():
                problem = false_labels(alone, probe, APPLIED_DRAWS)
                # a class of the user's own may draw slicks
                if problem is None and isinstance(step, _AlbumentationsStep):
                    problem = invented_pixels(alone, probe, APPLIED_DRAWS)
                if problem:
                    raise UserError(f"{name} {problem}")

    def _check_scale(self, wide: Probe, narrow: Probe) -> None:
        """Refuse a transform that puts values on another scale whenever it is applied."""
        for name, alone in self._transforms():
            problem = other_scale(alone, wide, narrow, APPLIED_DRAWS)
            if problem:
                raise UserError(f"{name} {problem}")

    def _check_never(self, measured: Sequence[Levels], probe: Probe) -> None:
        """Refuse an augmentation after which no training chip is as validation chips are."""
        problem = never_as_it_is(measured, probe.levels)
        if problem is None:
            return
        for name, alone in self._transforms():
            if never_as_it_is(measure(alone, probe, APPLIED_DRAWS), probe.levels):
                raise UserError(f"{name} {problem}")
        raise UserError(f"augment {problem}")

    def _transforms(self) -> Iterator[tuple[str, Transform]]:
        """Each transform by itself, with its name for messages."""
        for step in self.steps:
            yield from step.alone()

    def _draw(self, chip: Chip, number: int) -> Chip:
        """A chip as in an epoch of this number."""
        return Chip(*self(*chip, epoch=number, index=0))


def chip_seed(seed: int, epoch: int, index: int, step: int = 0) -> int:
    """Hash numbers to one 32-bit seed, without collisions that matter (numpy's SeedSequence).

    Args:
        seed: The seed of the training.
        epoch: The epoch, counted from 0.
        index: The chip's position in the data set.
        step: The number of the step in the augmentation; 0 gives what three numbers gave.

    Returns:
        0 to 2**32 - 1.
    """
    sequence = np.random.SeedSequence((seed, epoch, index, step))
    return int(sequence.generate_state(1)[0])


class _AlbumentationsStep:
    """Neighbouring transforms of Albumentations."""

    def __init__(self, key: str, transform: Serializable) -> None:
        self.keys: list[str] = []
        self.transforms: list[Serializable] = []
        self.append(key, transform)

    def append(self, key: str, transform: Serializable) -> None:
        self.keys.append(key)
        self.transforms.append(transform)
        self.pipeline = _compose(self.transforms)

    def __call__(self, chip: Chip, seeds: tuple[int, int, int, int]) -> Chip:
        self.pipeline.set_random_seed(chip_seed(*seeds))
        output, problem = _run(self.pipeline, chip)
        if problem:
            raise UserError(self._blame(problem, chip))
        image, mask, valid = output["image"], output["mask"], output["valid"]
        if mask.shape != chip.mask.shape:
            image = np.rot90(image)
            mask = np.ascontiguousarray(np.rot90(mask))
            valid = np.ascontiguousarray(np.rot90(valid))
        bands_first = np.ascontiguousarray(image.transpose(2, 0, 1))
        return Chip(bands_first, mask, valid.view(bool))

    def _blame(self, problem: str, chip: Chip) -> str:
        """The problem with the name of the transform that spoils a chip alone, when it is applied for certain."""
        names = [type(transform).__name__ for transform in self.transforms]
        for key, name, transform in zip(self.keys, names, self.transforms, strict=True):
            _, own_problem = _run(_compose([_certain(transform)]), chip)
            if own_problem:
                return f"{key}: {name} {own_problem}"
        return f"augment: {', '.join(names)} {problem}"

    def alone(self) -> Iterator[tuple[str, Transform]]:
        """Each transform by itself, applied for certain, with its name for messages."""
        for key, transform in zip(self.keys, self.transforms, strict=True):
            pipeline = _compose([_certain(transform)])
            yield f"{key}: {type(transform).__name__}", partial(_draw_alone, pipeline)


def _certain(transform: Serializable) -> Serializable:
    """A copy of a transform that is always applied."""
    certain: Any = copy.deepcopy(transform)
    certain.p = 1.0
    return cast(Serializable, certain)


def _draw_alone(pipeline: A.Compose, chip: Chip, number: int) -> Chip | None:
    """A draw of one transform; None where it fails by itself, or makes no chip: another one may be its partner."""
    pipeline.set_random_seed(number)
    output, _ = _run(pipeline, chip)
    image = output.get("image")
    if not isinstance(image, np.ndarray) or image.ndim != BANDS_LAST or image.shape[:2] != output["mask"].shape:
        return None
    return Chip(image.transpose(2, 0, 1).astype(np.float32), output["mask"], output["valid"] > 0)


class _OwnStep:
    """An augmentation of the user's own."""

    def __init__(self, key: str, augmentation: Augmentation) -> None:
        self.name = f"{key}: {type(augmentation).__name__}"
        self.augmentation: Callable[..., Any] = augmentation

    def __call__(self, chip: Chip, seeds: tuple[int, int, int, int]) -> Chip:
        rng = np.random.default_rng(seeds)
        try:
            output = self.augmentation(image=chip.image, mask=chip.mask, valid=chip.valid, rng=rng)
        # whatever code that is not ours raises
        except Exception as error:
            raise UserError(f"{self.name} {_failure(error, chip)}") from error
        if not isinstance(output, tuple) or len(output) != len(chip):
            raise UserError(f"{self.name} returns {type(output).__name__}; expected a tuple (image, mask, valid).")
        for kind, array, before in zip(Chip._fields, output, _arrays(chip), strict=True):
            if _kind(array) != _kind(before):
                raise UserError(f"{self.name} {_change(kind, array, before)}")
        return Chip(*output)

    def alone(self) -> Iterator[tuple[str, Transform]]:
        """The augmentation as it is, with its name for messages."""
        yield self.name, self._draw

    def _draw(self, chip: Chip, number: int) -> Chip:
        return self(chip, (0, number, 0, 0))


def _arrays(chip: Chip) -> tuple[NDArray[Any], ...]:
    return chip.image, chip.mask, chip.valid


def _compose(transforms: Sequence[Serializable]) -> A.Compose:
    return A.Compose(list(transforms), additional_targets={"valid": "mask"})


def _run(pipeline: A.Compose, chip: Chip) -> tuple[dict[str, Any], str | None]:
    """What Albumentations makes of a chip, image (H, W, C), mask and valid (H, W) uint8, and what is wrong with it."""
    # (H, W, C), since (1, H, W) would be taken for a picture one pixel high, without a word
    image = chip.image.transpose(1, 2, 0)
    try:
        output = pipeline(image=image, mask=chip.mask, valid=chip.valid.view(np.uint8))
    # whatever a transform of another library raises
    except Exception as error:
        return {}, _failure(error, chip)
    return output, _fault_of_output(output, chip)


def _fault_of_output(output: dict[str, Any], chip: Chip) -> str | None:
    """What is wrong with Albumentations' output; a chip that was turned by a quarter is fine."""
    bands, height, width = chip.image.shape
    size = (height, width)
    turned_size = (width, height)
    mask = output["mask"]
    if isinstance(mask, np.ndarray) and mask.shape == turned_size:
        size = turned_size
    expected: tuple[tuple[str, tuple[int, ...], Any], ...] = (
        ("image", (*size, bands), chip.image.dtype),
        ("mask", size, chip.mask.dtype),
        ("valid", size, chip.mask.dtype),
    )
    for kind, shape, dtype in expected:
        array = output[kind]
        if not isinstance(array, np.ndarray) or array.shape != shape or array.dtype != dtype:
            return _change(kind, array, np.zeros(shape, dtype))
    return None


def _kind(array: Any) -> tuple[type, Any, Any]:
    """What an augmentation must not change."""
    return type(array), getattr(array, "shape", None), getattr(array, "dtype", None)


def _change(kind: str, array: Any, before: NDArray[Any]) -> str:
    """How an output differs from its input, in words."""
    return (
        f"makes {_array_text(array)} of the {kind}, which is {_array_text(before)}. Shapes and types must stay as they "
        "are: remove it, or restore them in a step that follows."
    )


def _array_text(array: Any) -> str:
    if not hasattr(array, "shape"):
        return f"a {type(array).__name__}"
    return f"a {type(array).__name__} of {size_text(array.shape)} {array.dtype}"


def _failure(error: Exception, chip: Chip) -> str:
    """That a transform raised an error, in words."""
    return f"fails on a chip of {size_text(chip.mask.shape)}: {first_line(error)}."


def _check_signature(key: str, target: type) -> None:
    """Raise `UserError` for a class that is not called as an `Augmentation` is."""
    call = vars(target).get("__call__") or getattr(target, "__call__", None)  # noqa: B004
    parameters: Sequence[str] = ()
    if inspect.isfunction(call):
        parameters = list(inspect.signature(call).parameters)
    if not set(OWN_PARAMETERS) <= set(parameters):
        raise UserError(
            f"{key}._target_={target.__module__}.{target.__qualname__} is neither a transform of Albumentations nor a "
            f"class that is called with ({', '.join(OWN_PARAMETERS)}). See docs/extending.md."
        )
