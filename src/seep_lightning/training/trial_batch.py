"""One batch before the first epoch: do data, network and loss fit together? What does not is told in one line.

Nothing of the run changes: the network is copied, and random numbers go on where they were.
"""

import copy
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from seep_lightning.data.augment import Augment
from seep_lightning.data.batches import Batch, ChipDataset
from seep_lightning.data.sizes import size_text
from seep_lightning.errors import UserError, first_line
from seep_lightning.nets.building import ONCE, build_net, logit_channels
from seep_lightning.nets.forward import DEFAULT_STRIDE, forward_padded
from seep_lightning.nets.once import files_read_always, without_first_weights
from seep_lightning.nets.outputs import main_head
from seep_lightning.training.trial_loss import check_losses

if TYPE_CHECKING:
    from seep_lightning.data.datamodule import SeepDataModule
    from seep_lightning.training.module import SeepModule

log = logging.getLogger(__name__)

TRIAL_CHIPS = 2
"""A norm over the batch needs more than one."""

LARGEST_STRIDE = 256
"""Pixels; of networks that do not say theirs, strides up to this one are tried."""

NOISES = (0.1, 1.0)
"""Added to weights for a look at what a network gives: one that starts with a head of zeros gives nothing else."""

EXTREMES = (0.0, 1.0, 30.0)
"""Standard deviations of the images of noise for the same look."""

LOOK_SIDE = 64
"""Least side of these images, in pixels."""


def check_trial_batch(module: "SeepModule", data: "SeepDataModule") -> None:
    """Try one batch of augmented training chips on a copy of the module, and note the network's stride.

    Args:
        module: Network, loss and the rest, on the CPU, with the weights that the training starts from.
        data: The data module, set up.

    Raises:
        UserError: The augmentation, the network or the loss does not fit.
    """
    batch = trial_batch(data)
    with _random_numbers_kept():
        trial = _copy_of(module)
        module.stride = trial.stride = _stride(trial, batch.image)
        _check_logits(trial, batch.image)
        _check_built_without_weights(module)
        check_losses(trial.loss, logit_channels(trial.classes))
        _check_step(trial, batch)


def trial_batch(data: "SeepDataModule") -> Batch:
    """The first training chips, augmented as in the first epoch.

    Args:
        data: The data module, set up.

    Returns:
        A batch of up to `TRIAL_CHIPS` chips.

    Raises:
        UserError: The augmentation fails, or gives chips of another size or type.
    """
    augment = Augment(data.augment_nodes, data.seed)
    dataset = ChipDataset(data.chips, data.normalise, augment)
    indices = data.indices("train")[:TRIAL_CHIPS]
    try:
        chips = [dataset[data.first_epoch, index] for index in indices]
    except UserError:
        raise
    # whatever a transform of another library raises
    except Exception as error:
        raise UserError(f"augment: it fails on a chip ({first_line(error)}).") from error
    expected = tuple(data.chips.size)
    for chip in chips:
        _check_chip(chip, expected)
    return Batch(
        image=torch.stack([chip.image for chip in chips]),
        target=torch.stack([chip.target for chip in chips]),
        valid=torch.stack([chip.valid for chip in chips]),
        chip=torch.stack([chip.chip for chip in chips]),
    )


def _check_chip(chip: Batch, size: tuple[int, ...]) -> None:
    """Refuse a chip that the augmentation changed into something else."""
    arrays = {"image": chip.image, "mask": chip.target, "valid": chip.valid}
    for name, tensor in arrays.items():
        new_size = tuple(tensor.shape[-2:])
        if new_size != size:
            new, expected = size_text(new_size), size_text(size)
            raise UserError(f"augment: it gives chips ({name}) of {new} px, expected {expected}. Leave out the crop.")
    if not torch.isfinite(chip.image).all():
        raise UserError("augment: it gives chips with values that are not finite. Look at its limits.")


@contextmanager
def _random_numbers_kept() -> Iterator[None]:
    """Let torch's random numbers go on afterwards as if nothing had been drawn."""
    with torch.random.fork_rng(devices=[]):
        yield


def _copy_of(module: "SeepModule") -> "SeepModule":
    """A module that may be changed."""
    try:
        return copy.deepcopy(module)
    # whatever a network of another library raises
    except Exception as error:
        raise UserError(f"model: {_name(module.net)} cannot be copied ({first_line(error)}).") from error


def _name(module: nn.Module) -> str:
    """What a message calls a network or a loss."""
    return type(module).__name__


# --- the network ------------------------------------------------------------------------------------------------------


def _stride(trial: "SeepModule", image: Tensor) -> int:
    """What sides of the network's input must be multiples of, in pixels: what it says, else the least that works."""
    net = trial.net
    own_stride = getattr(net, "stride", None)
    if isinstance(own_stride, int):
        _try_stride(trial, image, trial.stride)
        return trial.stride
    stride = DEFAULT_STRIDE
    while True:
        try:
            _try_stride(trial, image, stride)
        except UserError:
            stride *= 2
            if stride > LARGEST_STRIDE:
                # the first reason is the one that says something
                _try_stride(trial, image, DEFAULT_STRIDE)
                raise
        else:
            return stride


def _try_stride(trial: "SeepModule", image: Tensor, stride: int) -> None:
    """Refuse a network that does not take images of 2 x 3 strides, or gives logits of another form."""
    sample = image.new_zeros(1, image.shape[1], 2 * stride, 3 * stride)
    image_size = size_text(sample.shape)
    trial.eval()
    try:
        with torch.no_grad():
            head = main_head(forward_padded(trial.net, sample, stride))
    except UserError:
        raise
    # whatever a network of another library raises
    except Exception as error:
        reason = first_line(error)
        raise UserError(f"model: {_name(trial.net)} refuses an image of {image_size} ({reason}).") from error
    is_batch = head.ndim == 4 and head.shape[0] == 1
    if not is_batch or head.shape[-2:] != sample.shape[-2:]:
        raise UserError(
            f"model: {_name(trial.net)} gives logits of {size_text(head.shape)} for an image of {image_size}. "
            "Expected (B, K, H, W)."
        )


def _check_logits(trial: "SeepModule", image: Tensor) -> None:
    """Refuse logits of other channels, and what has been through a sigmoid or a softmax."""
    name = _name(trial.net)
    expected = logit_channels(trial.classes)
    looks = [_logits_with_noise(trial, image.shape[1], noise) for noise in NOISES]
    found = looks[0].shape[1]
    if found != expected:
        raise UserError(
            f"model: {name} gives {found} channels of logits, expected {expected}. "
            "Write {classes} where its node names them, such as model.heads='{classes}'."
        )
    if all(_are_probabilities(logits) for logits in looks):
        raise UserError(
            f"model: {name} gives probabilities (all values lie in 0..1), expected logits. "
            "Leave out its sigmoid or softmax, such as model.activation=null."
        )


def _logits_with_noise(trial: "SeepModule", bands: int, noise: float) -> Tensor:
    """What a network gives for extreme images, with noise on its weights."""
    net = trial.net.eval()
    noisy: dict[str, Tensor] = {}
    for name, weight in net.named_parameters():
        noisy[name] = weight + noise * torch.randn_like(weight)
    # a multiple of the stride
    side = trial.stride * math.ceil(LOOK_SIDE / trial.stride)
    images = [deviation * torch.randn(1, bands, side, side) for deviation in EXTREMES]
    samples = torch.cat(images)

    def noisy_net(batch: Tensor) -> Any:
        return functional_call(net, noisy, (batch,))

    with torch.no_grad():
        return main_head(forward_padded(noisy_net, samples, trial.stride))


def _are_probabilities(values: Tensor) -> bool:
    """Whether all values that are numbers lie in 0..1."""
    numbers = values[~values.isnan()]
    if numbers.numel() == 0:
        return False
    in_range = (numbers >= 0) & (numbers <= 1)
    return bool(in_range.all())


def _check_built_without_weights(module: "SeepModule") -> None:
    """Refuse a network that could not be built for a checkpoint without the weights that it starts from."""
    node = module.hparams["model"]
    once = node.get(ONCE) or []
    _warn_of_files(node, once)
    emptied = without_first_weights(node, once)
    if emptied == dict(node):
        return
    changes = [f"{name}={value}" for name, value in emptied.items() if value != node.get(name)]
    changed = ", ".join(changes)
    advice = f"Its constructor must give the same layers with {changed}, so that the run works without that file."
    bands = module.hparams["facts"].get("bands", 1)
    try:
        rebuilt = build_net(node, bands, module.classes, trained=True)
    except UserError as error:
        raise UserError(f"{error} {advice}") from error
    if _shapes(rebuilt) != _shapes(module.net):
        raise UserError(f"model: {_name(module.net)} has other layers without its weights. {advice}")


def _warn_of_files(node: Mapping[str, Any], once: Sequence[str]) -> None:
    """Tell the user of files that the run needs wherever it goes."""
    for name in files_read_always(node, once):
        log.warning(
            "model.%s=%s is a file that is read each time the run is used; if it holds weights, pass +model.once=[%s]",
            name,
            node[name],
            name,
        )


def _shapes(net: nn.Module) -> Mapping[str, torch.Size]:
    """Shapes of a network's weights by name."""
    return {name: weight.shape for name, weight in net.state_dict().items()}


# --- a whole step -----------------------------------------------------------------------------------------------------


def _check_step(trial: "SeepModule", batch: Batch) -> None:
    """Refuse a step whose loss or gradients are not finite numbers."""
    trial.train()
    try:
        loss, _ = trial.score(batch.image, batch.target, batch.valid)
        loss.backward()  # type: ignore[no-untyped-call]
    except UserError:
        raise
    # whatever network and loss raise
    except Exception as error:
        size = size_text(batch.image.shape)
        reason = first_line(error)
        raise UserError(f"model, loss: a step on {size} failed ({reason}).") from error
    if not math.isfinite(loss.item()):
        raise UserError(f"model, loss: the loss of the first batch is {loss.item()}, expected a finite number.")
    for name, parameter in trial.net.named_parameters():
        if parameter.grad is not None and not torch.isfinite(parameter.grad).all():
            raise UserError(f"model, loss: the gradient of {name} is not finite in the first batch.")
