"""The layouts by name, and the chips of a data set as its layout lists them."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from seep_lightning.config.data import DataConfig
from seep_lightning.config.targets import build
from seep_lightning.data.chips import Chips
from seep_lightning.data.grid import written_grid
from seep_lightning.data.layouts.files import WILDCARDS
from seep_lightning.data.layouts.folders import FolderPairs
from seep_lightning.data.layouts.interfaces import ChipFiles, Layout, Listing, ToldLayout
from seep_lightning.data.layouts.pair_list import PairList
from seep_lightning.data.left_out import counted_suffixes
from seep_lightning.errors import NoChips, UserError
from seep_lightning.scene.raster_formats import chip_suffixes, lossy_suffixes

# the layouts that have a name in `data.layout`, each with what makes it from the config
LAYOUTS: dict[str, Callable[[DataConfig], Layout]] = {"folders": FolderPairs, "pairs": PairList}


def layout_of(config: DataConfig) -> Layout:
    """Build the layout that `data.layout` names; with `data.pairs`, the list.

    Raises:
        UserError: It is neither a known name nor a `_target_` node of a class that has a method `pairs`.
    """
    if isinstance(config.layout, Mapping):
        return build("data.layout", config.layout, Layout)
    if config.layout not in list(LAYOUTS):
        known = ", ".join(LAYOUTS)
        raise UserError(f"data.layout={config.layout}: expected one of {known}, or a node with _target_ (a class).")
    if config.pairs is not None:
        return PairList(config)
    return LAYOUTS[config.layout](config)


def root_of(config: DataConfig) -> Path:
    """Return `data.root`; where it is not set, the folder of `data.pairs` or the one above absolute `data.images`.

    Raises:
        UserError: None of them is set.
    """
    if config.root is not None:
        return Path(config.root)
    if config.pairs is not None:
        return Path(config.pairs).parent
    images = Path(WILDCARDS.split(config.images, maxsplit=1)[0])
    if images.is_absolute():
        return images.parent
    raise NoChips("data.root is not set. Pass data.root=DIR or set SEEP_DATA_ROOT.")


def check_place(config: DataConfig) -> None:
    """Judge where a data set lies, before anything is imported that reads chips.

    Args:
        config: The data set's config.

    Raises:
        UserError: A folder is not there. Of layouts of one's own, and of lists, nothing is judged yet.
    """
    is_in_folders = config.source == "chips" and config.layout == "folders" and config.pairs is None
    if is_in_folders:
        FolderPairs(config).check_folders(root_of(config))


def pair_chips(config: DataConfig) -> Chips:
    """List the chips of a data set, sorted by name, without reading a pixel.

    Args:
        config: The data set's config; `root` must be set.

    Returns:
        The chips, with the grids that the data set's `dataset.json` describes.

    Raises:
        UserError: There are no chips, or their layout is not as expected.
    """
    root = root_of(config)
    listing = _listing(config, root)
    pairs = [pair if pair.name else pair._replace(name=pair.image.name) for pair in listing.pairs]
    pairs.sort(key=_sort_key)
    _check_names([pair.name for pair in pairs])
    _check_files(pairs)
    _check_lossless(pairs, config)
    written = written_grid(root)
    grid = {} if written is None else written | config.grid
    return Chips(
        config=replace(config, grid=grid),
        root=root,
        names=[pair.name for pair in pairs],
        scenes=[pair.scene for pair in pairs],
        tiles=[pair.tile for pair in pairs],
        image_paths=[pair.image for pair in pairs],
        mask_paths=[pair.mask for pair in pairs],
        found=listing.found,
        left_out=listing.left_out,
        listed_parts=[listing.parts.get(pair.image, "") for pair in pairs],
    )


def _sort_key(pair: ChipFiles) -> str:
    """The name without its suffix, so that the order does not depend on the file type."""
    return Path(pair.name).stem


def _listing(config: DataConfig, root: Path) -> Listing:
    """What the layout lists; `UserError` for what is no `ChipFiles`, and for nothing."""
    layout = layout_of(config)
    name = type(layout).__name__
    if isinstance(layout, ToldLayout):
        listing = layout.listing(root)
    else:
        listing = Listing(list(layout.pairs(root)), f"listed by {name}")
    for pair in listing.pairs:
        if not isinstance(pair, ChipFiles):
            raise UserError(f"data.layout: {name}.pairs lists {pair!r}; expected ChipFiles(image, mask, scene, tile).")
    if not listing.pairs:
        raise NoChips(f"data.layout: {name} finds no chips in {root}. Is data.root the right folder?")
    return listing


def _check_names(names: Sequence[str]) -> None:
    """Raise `UserError` for a name that two chips have, or that an evaluation could not write a file under."""
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise UserError(f"data.layout: {count} chips are called {name}. Give each ChipFiles a name of its own.")
    for name in names:
        if Path(name).name != name or Path(name).suffix.lower() not in chip_suffixes():
            suffixes = ", ".join(sorted(chip_suffixes()))
            raise UserError(f"data.layout: the chip's name {name!r} is no file name that ends in {suffixes}.")


def _check_files(pairs: Sequence[ChipFiles]) -> None:
    """Raise `UserError` for an image that is its own mask."""
    same = [pair for pair in pairs if pair.image == pair.mask]
    # other links to one file cost a look at the disk each: if one is wrong, so is the first
    if not same and _is_one_file(pairs[0]):
        same = [pairs[0]]
    if same:
        raise UserError(
            f"data: image and mask of {same[0].name} are the same file, {same[0].image}. Say where the masks lie "
            "(data.masks) or what their names end with (data.mask_suffix)."
        )


def _is_one_file(pair: ChipFiles) -> bool:
    """Whether image and mask are links to one file; files that are not there are told when they are read."""
    if pair.mask is None:
        return False
    with suppress(OSError):
        return pair.image.samefile(pair.mask)
    return False


def _check_lossless(pairs: Sequence[ChipFiles], config: DataConfig) -> None:
    """Raise `UserError` for masks in a lossy format, unless a value map says what their values mean."""
    masks = [pair.mask for pair in pairs if pair.mask is not None]
    lossy = [mask for mask in masks if mask.suffix.lower() in lossy_suffixes()]
    if not lossy or config.mask_values is not None:
        return
    kinds = counted_suffixes(mask.name for mask in lossy)
    raise UserError(
        f"data: masks are {kinds}, such as {lossy[0]}: this format blurs classes at their edges. Make them anew as "
        "PNG, or say which values there should be: 'data.mask_values={255: 1}' takes the nearest one."
    )
