"""A look at all files of a data set once something is wrong with one: so that one message tells of all."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rasterio.errors import RasterioError

from seep_lightning.config.mask_values import parsed_mask_values
from seep_lightning.data.decoding import decode
from seep_lightning.data.masks import WHITE, met_values, unknown_values_text, value_text
from seep_lightning.data.sizes import Size, size_text
from seep_lightning.errors import UserError
from seep_lightning.scene.datasets import open_dataset

if TYPE_CHECKING:
    from seep_lightning.data.chips import Chips

# names that stand for all of one kind
EXAMPLES = 3


def unknown_values_error(chips: "Chips", mask: Path) -> UserError:
    """The error for masks with values that have no meaning, with the values of all masks.

    Args:
        chips: The data set.
        mask: A mask that has such a value.
    """
    # the values of this mask come first, so that the message names one of them
    counts = Counter(dict.fromkeys(met_values(decode(mask)), 0))
    for path in chips.mask_paths:
        # a mask that cannot be read is told when its turn comes
        with suppress(UserError):
            counts.update(met_values(decode(path)))
    return UserError(unknown_values_text(mask, counts, chips.config))


def stored_meanings(chips: "Chips", classes: Sequence[int]) -> dict[str, int]:
    """Find which stored values of masks mean which class.

    Args:
        chips: The data set.
        classes: The classes that its masks hold once they are read, 0 among them.

    Returns:
        The class, or `IGNORED`, by the value or colour as `data.mask_values` takes it.
    """
    config = chips.config
    if config.mask_values is None:
        white_is_seep = any(WHITE in met_values(decode(path)) for path in chips.mask_paths[:EXAMPLES])
        return {str(WHITE if label and white_is_seep else label): label for label in classes}
    table = parsed_mask_values(config.mask_values, config.classes)
    meanings = {value_text(value): meaning for value, meaning in table.items()}
    # 0 is no seep where it is not listed
    return {"0": 0, **meanings}


def differing_kinds_error(chips: "Chips", first_kind: str, name: str, kind: str) -> UserError:
    """The error for a chip that differs from the first one.

    Args:
        chips: The data set.
        first_kind: What the first one is, in words.
        name: The chip's name.
        kind: What it is.
    """
    differ = f"data: chips differ in bands, size or type: {chips.names[0]} is {first_kind}, {name} is {kind}."
    sizes = _names_by_size(chips)
    if len(sizes) < 2:
        return UserError(f"{differ} Give them one type and the same bands, or train on one folder at a time.")
    texts = [f"{len(names)} of {size_text(size)} ({_examples(names)})" for size, names in sizes.items()]
    common_size = max(sizes, key=lambda size: len(sizes[size]))
    return UserError(
        f"{differ} There are {'; '.join(texts)}. Pass data.size={size_key(common_size)}: it pads smaller chips with no "
        "data, and takes the centre of larger ones."
    )


def size_key(size: Size) -> str:
    """A size as `data.size` takes it."""
    height, width = size
    return str(height) if height == width else f"[{height},{width}]"


def _names_by_size(chips: "Chips") -> dict[Size, list[str]]:
    """The names of the chips of each size in their files."""
    names: dict[Size, list[str]] = {}
    for name, path in zip(chips.names, chips.image_paths, strict=True):
        # a file that cannot be read is told when its turn comes
        with suppress(RasterioError, OSError), open_dataset(path) as file:
            size = (file.height, file.width)
            names.setdefault(size, []).append(name)
    return names


def _examples(names: list[str]) -> str:
    """The first names of a list."""
    text = ", ".join(names[:EXAMPLES])
    return f"{text}, ..." if len(names) > EXAMPLES else text
