"""A generated data set on disk: chips cut from generated scenes, and a whole scene beside them."""

import json
import math
from dataclasses import asdict
from itertools import compress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from seep_lightning.data.description import NAME as FACTS_FILE
from seep_lightning.data.description import read_description
from seep_lightning.data.generator.fields import Rng
from seep_lightning.data.generator.scene import SyntheticSpec, generate_scene
from seep_lightning.data.images import write_image
from seep_lightning.errors import UserError
from seep_lightning.files import draft_of, remove_leftovers, write_text

# Raise it whenever the same spec gives other pixels or files.
DATASET_VERSION = 2

# Six digits, far from any real scene.
FIRST_SCENE = 900001

IMAGES, MASKS, SCENES = "images", "masks", "scenes"

# Shares of the real set's chips that hold an edge of the swath, or no seep.
EDGE_SHARE = 0.124
EMPTY_SHARE = 0.0025

# From so many chips on one without seep is among them.
CHIPS_FOR_AN_EMPTY_ONE = 40

# The least share of sea on a chip.
LEAST_SEA = 0.2

# Where the whole scene lies: at sea, with pixels of 10 m.
SCENE_PLACE: dict[str, Any] = {"crs": "EPSG:32640", "transform": Affine(10, 0, 400_000, 0, -10, 2_750_000)}


class Chip(NamedTuple):
    """A square cut from a scene.

    Attributes:
        scene: The scene's number.
        tile: Where it lay: row * columns + column.
        image: The pixels, (size, size); 0 outside the swath.
        classes: The class of each pixel, (size, size); 0 for sea.
    """

    scene: int
    tile: int
    image: NDArray[np.uint16]
    classes: NDArray[np.uint8]

    @property
    def has_seep(self) -> bool:
        """Whether any pixel is seep."""
        return bool(self.classes.any())

    @property
    def is_whole(self) -> bool:
        """Whether all of it lies inside the swath."""
        return bool(self.image.all())


def write_dataset(root: Path, spec: SyntheticSpec) -> Path:
    """Write the data set of a spec, unless it is there; `root` appears when it is complete.

    Args:
        root: The data set's folder. images/ and masks/ hold the chips; scenes/SCENE.tif and scenes/SCENE_mask.tif are
            a whole scene that no chip comes from.
        spec: All that the pixels depend on.

    Returns:
        The folder.

    Raises:
        UserError: Something else stands there, or the scenes do not hold enough chips.
    """
    if is_written(root, spec):
        return root
    root.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(root.parent)
    with draft_of(root) as draft:
        write_files(draft, spec)
        try:
            draft.rename(root)
        except OSError:
            # perhaps another process was faster
            if not is_written(root, spec):
                raise
    return root


def is_written(root: Path, spec: SyntheticSpec) -> bool:
    """Whether a folder holds the data set of a spec.

    Args:
        root: The folder.
        spec: All that the pixels depend on.

    Returns:
        False for no folder, or an empty one.

    Raises:
        UserError: Anything else stands there.
    """
    if not root.exists():
        return False
    if root.is_dir() and not any(root.iterdir()):
        return False
    facts = read_description(root)
    same_format = facts.get("format") == DATASET_VERSION
    same_spec = facts.get("spec") == asdict(spec)
    if not same_format or not same_spec:
        raise UserError(f"data.synthetic: {root} holds something other than {spec}. Remove it, or name another folder.")
    return True


def write_files(root: Path, spec: SyntheticSpec) -> None:
    """Generate everything and write it.

    Args:
        root: The folder to write, which must not exist.
        spec: All that the pixels depend on.
    """
    scenes = range(FIRST_SCENE, FIRST_SCENE + spec.scenes)
    chips: list[Chip] = []
    for scene in scenes:
        chips += _generate_chips(scene, spec)
    for folder in (IMAGES, MASKS, SCENES):
        (root / folder).mkdir(parents=True)
    rng = np.random.default_rng(spec.seed)
    for chip in choose(rng, chips, spec):
        name = f"{chip.scene:06d}.{chip.tile:06d}.tif"
        write_image(root / IMAGES / name, chip.image)
        write_image(root / MASKS / name, chip.classes)
    if spec.scene_px:
        _write_whole_scene(root / SCENES, scenes.stop, spec)
    columns = {f"{scene:06d}": spec.columns for scene in scenes}
    facts = {"format": DATASET_VERSION, "spec": asdict(spec), "columns": columns}
    text = json.dumps(facts, indent=2)
    write_text(root / FACTS_FILE, f"{text}\n")


def _generate_chips(scene: int, spec: SyntheticSpec) -> list[Chip]:
    """All chips of one scene."""
    side = spec.columns * spec.chip_size
    # a third more cells with seep than are needed, to have a choice
    seep_cells = math.ceil(4 * spec.chips / (3 * spec.scenes)) + 1
    image, classes = generate_scene((scene, spec.seed), side, side, seep_cells, spec)
    return cut(scene, image, classes, spec.chip_size)


def _write_whole_scene(folder: Path, scene: int, spec: SyntheticSpec) -> None:
    """Write a scene and its mask as GeoTIFFs on the ground."""
    # imported late: GDAL is slow to load
    from seep_lightning.scene.datasets import write_geotiff

    image, classes = generate_scene((scene, spec.seed), spec.scene_px, spec.scene_px, None, spec)
    write_geotiff(folder / f"{scene:06d}.tif", image[None], 0, tiled=True, **SCENE_PLACE)
    write_geotiff(folder / f"{scene:06d}_mask.tif", classes[None], None, tiled=True, **SCENE_PLACE)


def cut(scene: int, image: NDArray[np.uint16], classes: NDArray[np.uint8], size: int) -> list[Chip]:
    """Cut a scene into chips without overlap.

    Args:
        scene: Its number.
        image: Its pixels, (rows, columns); 0 outside the swath.
        classes: The class of each pixel, (rows, columns).
        size: Side of a chip, px.

    Returns:
        The chips that show enough sea, row by row.
    """
    height, width = image.shape
    rows = height // size
    columns = width // size
    chips: list[Chip] = []
    for tile in range(rows * columns):
        row, column = divmod(tile, columns)
        top = row * size
        left = column * size
        square = np.s_[top : top + size, left : left + size]
        is_sea = image[square] > 0
        if is_sea.mean() >= LEAST_SEA:
            chips.append(Chip(scene, tile, image[square], classes[square]))
    return chips


def choose(rng: Rng, chips: list[Chip], spec: SyntheticSpec) -> list[Chip]:
    """Choose the chips to keep: nearly all hold seep, and a share holds the edge of the swath, as in the real set.

    Args:
        rng: The source of chance.
        chips: All chips of all scenes.
        spec: How many to keep.

    Returns:
        The chips, `spec.chips` of them.

    Raises:
        UserError: There are not enough of them.
    """
    empty: list[Chip] = []
    inner: list[Chip] = []
    edge: list[Chip] = []
    for index in rng.permutation(len(chips)):
        chip = chips[index]
        if chip.has_seep and chip.is_whole:
            inner.append(chip)
        elif chip.has_seep:
            edge.append(chip)
        elif chip.is_whole:
            empty.append(chip)
    empty_count = round(EMPTY_SHARE * spec.chips)
    if spec.chips >= CHIPS_FOR_AN_EMPTY_ONE:
        empty_count = max(empty_count, 1)
    spread, other_edges = _spread_evenly(edge, round(EDGE_SHARE * spec.chips))
    # the other edges only where there is not enough of anything else
    in_order = [*empty[:empty_count], *spread, *inner, *other_edges]
    kept = in_order[: spec.chips]
    if len(kept) < spec.chips:
        raise UserError(
            f"data.synthetic: {spec.scenes} scenes hold {len(kept)} chips with seep, {spec.chips} are asked for. "
            "Raise data.synthetic.scenes or lower data.synthetic.chips."
        )
    return kept


def _spread_evenly(edge: list[Chip], count: int) -> tuple[list[Chip], list[Chip]]:
    """So many of the chips with an edge, evenly from slivers of sea to nearly whole chips, and the others."""
    by_sea = sorted(edge, key=lambda chip: np.count_nonzero(chip.image))
    steps = np.linspace(0, len(by_sea) - 1, count).astype(int)
    is_step = np.isin(range(len(by_sea)), steps)
    return list(compress(by_sea, is_step)), list(compress(by_sea, ~is_step))
