"""A look at all files of a data set once something is wrong with one: so that one message tells of all."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from seep_lightning.config.mask_values import parsed_mask_values
from seep_lightning.data.decoding import decode
from seep_lightning.data.mask_scatter import scatter_text
from seep_lightning.data.masks import WHITE, is_drawn_in_alpha, met_values, unknown_values_text, value_text
from seep_lightning.data.sizes import Size, size_text
from seep_lightning.errors import UserError, shortened
from seep_lightning.scene.datasets import UNREADABLE_RASTER, open_dataset

if TYPE_CHECKING:
    from seep_lightning.data.chips import Chips

# masks that tell what 255 is
EXAMPLES = 3


def unknown_values_error(chips: "Chips", mask: Path) -> UserError:
    """The error for masks with values that have no meaning: scattered ones, or the values of all masks.

    Args:
        chips: The data set.
        mask: A mask that has such a value.
    """
    in_alpha = alpha_error(chips, mask)
    if in_alpha is not None:
        return in_alpha
    scattered = scatter_text(mask, chips.config)
    if scattered:
        return UserError(scattered)
    # the values of this mask come first, so that the message names one of them
    counts = Counter(dict.fromkeys(met_values(decode(mask), chips.config), 0))
    for path in _masks(chips):
        # a mask that cannot be read is told when its turn comes
        with suppress(UserError):
            counts.update(met_values(decode(path), chips.config))
    return UserError(unknown_values_text(mask, counts, chips.config))


def alpha_error(chips: "Chips", mask: Path) -> UserError | None:
    """The error for a set of masks whose colours say nothing, while their alpha bands vary.

    Args:
        chips: The data set.
        mask: A mask that may be so.

    Returns:
        None where any mask of the set is drawn in its colours: then alpha is where pictures are transparent.
    """
    decoded = decode(mask)
    if chips.config.mask_band is not None or not is_drawn_in_alpha(decoded):
        return None
    for path in _masks(chips):
        with suppress(UserError):
            if _is_drawn_in_colours(path):
                return None
    alpha = next(number for number in range(len(decoded.values)) if number not in decoded.data_bands) + 1
    return UserError(
        f"data: mask {mask} has one colour throughout, as all other masks have; what varies is its alpha band. Pass "
        f"data.mask_band={alpha} if that band holds the seep, or data.mask_band=1 if it does not."
    )


def _is_drawn_in_colours(path: Path) -> bool:
    """Whether the colours of a mask vary."""
    decoded = decode(path)
    colours = decoded.values[decoded.data_bands]
    return bool((colours != colours[:, :1, :1]).any())


def _masks(chips: "Chips") -> list[Path]:
    """The masks that there are."""
    return [path for path in chips.mask_paths if path is not None]


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
        white_is_seep = any(WHITE in met_values(decode(path), config) for path in _masks(chips)[:EXAMPLES])
        return {str(WHITE if label and white_is_seep else label): label for label in classes}
    # 0 is no seep where it is not listed
    meanings = {"0": 0}
    for key, meaning in config.mask_values.items():
        table = parsed_mask_values({key: meaning}, config.classes)
        text = value_text(next(iter(table))) if len(table) == 1 else str(key)
        meanings[text] = next(iter(table.values()))
    return meanings


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
    texts = [f"{len(names)} of {size_text(size)} ({shortened(names)})" for size, names in sizes.items()]
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
        with suppress(*UNREADABLE_RASTER, OSError), open_dataset(path) as file:
            size = (file.height, file.width)
            names.setdefault(size, []).append(name)
    return names
