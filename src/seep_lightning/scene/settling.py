"""What a scene's values are, before it is read as a whole: a sample tells its fill, and whether they can be as said."""

from dataclasses import dataclass

import numpy as np

from seep_lightning.errors import UserError
from seep_lightning.scene.fill import Fill, Meaning, ValueScale, find_fill, value_text
from seep_lightning.scene.interfaces import Values
from seep_lightning.scene.nodata import nodata_values, pixels_with_data
from seep_lightning.scene.options import NO_NODATA
from seep_lightning.scene.raster import TYPES_OF_FULL_SCALE, Raster
from seep_lightning.scene.sampling import sample_decoded, sample_stored
from seep_lightning.scene.value_checks import check_values

# Below it what may be the floor of a logarithm lies scattered, as dark sea does.
LEAST_SOLIDITY = 0.9
# Below it the largest value of a type is where brighter sea ends; less, since beside such sea there may be fill.
LEAST_SOLIDITY_OF_BRIGHT = 0.5
# The type of pictures, to which no factor of a training is applied unasked.
PICTURES = "uint8"


@dataclass(frozen=True)
class ValueOptions:
    """What is said of the values of a scene.

    Attributes:
        scale: `linear` or `db` of floats and signed integers; None where nothing is said.
        factor: What stored values are multiplied by, in place of what the file declares; None for that.
        integer_factor: The same for integers of 16 bit or more of a file that declares nothing, as in a network's
            training.
        nodata: A person's own nodata value; `none`: every value is data but for those that the file declares.
    """

    scale: str | None = None
    factor: float | None = None
    integer_factor: float | None = None
    nodata: float | str | None = None


ANY_VALUES = ValueOptions()


@dataclass(frozen=True)
class SettledValues:
    """What a sample told.

    Attributes:
        notes: What was assumed or is doubtful, a text each.
        sample: Values with data, (C, N), as they are read.
    """

    notes: tuple[str, ...] = ()
    sample: Values | None = None


def settle_values(raster: Raster, options: ValueOptions) -> SettledValues:
    """Settle what the values of an open scene are; its fill becomes nodata, and its factor is applied from now on.

    Args:
        raster: The scene; no thread may be reading.
        options: What is said of its values.

    Returns:
        What the sample told; of a scene that a product decodes, which knows its values, no more than the sample.

    Raises:
        UserError: The values cannot be what is said of them.
    """
    if raster.decoder is not None:
        check_nothing_said(raster, options)
        return SettledValues(sample=sample_decoded(raster))
    _apply_factor(raster, options)
    parts = sample_stored(raster)
    stored = parts.values
    scale = None if raster.dtype.name in TYPES_OF_FULL_SCALE else options.scale
    notes: list[str] = []
    for fill in _undeclared_fill(raster, stored, options, scale):
        if _is_full_scale(fill, raster) and parts.solidity(fill.value) < LEAST_SOLIDITY_OF_BRIGHT:
            # bright sea, as chips of our own have it at twice the median
            continue
        is_scattered = fill.may_be_floor and parts.solidity(fill.value) < LEAST_SOLIDITY
        notes.append(_settle_fill(raster, fill.in_doubt() if is_scattered else fill, options))
    valid = pixels_with_data(stored[:, None], raster.nodatas, raster.nodata_bands)[0]
    sample = raster.measured(stored[:, valid])
    check_values(sample, scale, str(raster.path))
    return SettledValues(tuple(note for note in notes if note), sample)


def check_nothing_said(raster: Raster, options: ValueOptions) -> None:
    """Check that nothing is said of the values of a scene with a decoder that it would not heed.

    Args:
        raster: The scene, such as a product, which knows its values.
        options: What is said of them.

    Raises:
        UserError: A factor is given, or a nodata value that the scene does not use.
    """
    if options.factor is not None:
        raise UserError(f"factor={options.factor}: the values of {raster.path} are known. Leave factor= out for it.")
    if options.nodata not in (None, NO_NODATA, *raster.nodatas):
        raise UserError(
            f"nodata={options.nodata}: {raster.path} itself tells where it has no data. Leave nodata= out for it."
        )


def _apply_factor(raster: Raster, options: ValueOptions) -> None:
    """Read the scene by a factor, where one is said or known."""
    if options.factor is not None:
        raster.multiply_by(options.factor)
    elif options.integer_factor is not None and raster.dtype.kind != "f" and raster.dtype.name != PICTURES:
        raster.multiply_by(options.integer_factor)


def _undeclared_fill(raster: Raster, stored: Values, options: ValueOptions, scale: str | None) -> list[Fill]:
    """The values that fill many pixels, but for those that the file or the person declares."""
    declared = set(raster.declared_nodatas)
    if options.nodata is not None and options.nodata != NO_NODATA:
        declared |= nodata_values([float(options.nodata)], raster.stored_dtype)
    factor, offset = raster.scaling.scales[0], raster.scaling.offsets[0]
    return find_fill(stored, declared, ValueScale(scale, factor, offset))


def _is_full_scale(fill: Fill, raster: Raster) -> bool:
    """Whether a value is the largest of its type, at which brighter ones end."""
    is_counted = raster.stored_dtype.name in TYPES_OF_FULL_SCALE
    return is_counted and fill.value == np.iinfo(raster.stored_dtype).max


def _settle_fill(raster: Raster, fill: Fill, options: ValueOptions) -> str:
    """Take fill for what it is. Returns what a person is told; empty where they have said it themselves."""
    value = value_text(fill.value)
    says_none = options.nodata == NO_NODATA
    match fill.meaning:
        case Meaning.NO_MEASUREMENT:
            return f"{fill}, {fill.reason}, and count as nodata. Pass nodata={value} to say so."
        case Meaning.NO_DATA if not says_none:
            raster.add_nodata([fill.value])
            return (
                f"{fill}, {fill.reason}, and count as nodata. Pass nodata={value} to say so, or nodata={NO_NODATA} if "
                "they are data."
            )
        case Meaning.IN_DOUBT if fill.value in raster.nodatas:
            return (
                f"{fill}, and count as nodata, as in the network's training. Pass nodata={NO_NODATA} if they are "
                f"data, such as a dark sea; nodata={value} says that they are not."
            )
        case Meaning.IN_DOUBT if not says_none:
            return f"{fill}, and count as data: where no data were, pass nodata={value}."
        case _:
            return ""
