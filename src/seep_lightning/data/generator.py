"""Generated chips and scenes: a radar sea with oil seeps whose outlines are known, in the layout of the real chips.

No real pixel goes in, but the real set's statistics were aimed at; slicks run on across the edges of chips.
Coordinates are (x, y) in pixels of 10 m, angles are radians from the x axis (along a row) towards y (down the rows).
"""

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import compress
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from affine import Affine
from numpy.typing import NDArray

from seep_lightning.config.data import SyntheticConfig
from seep_lightning.data.images import write_image
from seep_lightning.errors import UserError

FORMAT = 2  # of the data set on disk; raised whenever the same spec gives other pixels
FIRST_SCENE = 900001  # six digits, far from any real scene
IMAGES, MASKS = "images", "masks"
EDGE_SHARE, EMPTY_SHARE = 0.124, 0.0025  # of the chips that hold an edge of the swath, or no seep, in the real set
STEP = 3.0  # px between two points of a drifting slick
PLACE: dict[str, Any] = {"crs": "EPSG:32640", "transform": Affine(10, 0, 400_000, 0, -10, 2_750_000)}  # at sea, 10 m

Float = NDArray[np.floating[Any]]
Rng = np.random.Generator
Shape = tuple[int, int]
Spectrum = Callable[[Float, Float], Float]


@dataclass
class SyntheticSpec(SyntheticConfig):
    """All that a generated data set depends on: two equal specs give equal arrays."""

    columns: int = 10  # chips a row, and rows, of each of them
    chip_size: int = 256
    scene_px: int = 2560  # side of the one whole scene that is kept out of the chips; 0 for none
    looks: float = 33.5  # of the speckle before the sensor's blur, which adds about 15 %


class Kind(NamedTuple):
    """How one class of slick looks. Lengths and widths are medians in px; the shares of all kinds add up to 1."""

    share: float  # of all seep sites
    strands: int  # at most so many slicks leave one site
    length: float  # drifted distance; 0 for a patch
    width: float  # at the origin, before the blur; for a patch its radius
    growth: float  # widening over the whole drift, relative to the width at the origin
    gaps: float  # share of the drift that is broken up
    damping: float  # lost share of the backscatter, at the origin


KINDS = {
    1: Kind(0.29, 7, 420, 1.8, 1.0, 0.15, 0.31),  # long drifting lines from a point on the sea floor
    2: Kind(0.15, 4, 220, 1.7, 0.7, 0.15, 0.30),  # the same, shorter
    3: Kind(0.09, 4, 150, 1.4, 0.5, 0.15, 0.31),  # hair lines
    4: Kind(0.07, 3, 220, 3.0, 1.5, 0.30, 0.32),  # broad plumes, often from a platform
    5: Kind(0.15, 3, 0, 80.0, 0.0, 0.0, 0.28),  # patches that wind has torn
    6: Kind(0.21, 6, 120, 2.1, 0.8, 0.35, 0.30),  # scattered remains
    7: Kind(0.04, 2, 30, 2.4, 0.5, 0.10, 0.30),  # single spots
}


def turned(x: Float, y: Float, heading: float) -> tuple[Float, Float]:
    """Components of vectors (x, y) along `heading` and across it, a quarter turn further."""
    return x * np.cos(heading) + y * np.sin(heading), y * np.cos(heading) - x * np.sin(heading)


def power_law(slope: float, outer: float, stretch: float = 1.0) -> Spectrum:
    """Power k**-slope that flattens beyond wavelength `outer`, with structures drawn out `stretch` times."""
    return lambda along, across: ((stretch * along) ** 2 + across**2 + outer**-2) ** (-slope / 2)


def wave_train(wavelength: float, spread: float) -> Spectrum:
    """Waves of about one length; `spread` is the relative spread of their wave vector."""
    k = 1 / wavelength
    return lambda along, across: np.exp(-((np.abs(along) - k) ** 2 + across**2) / (2 * (spread * k) ** 2))


def gaussian_field(rng: Rng, shape: Shape, spectrum: Spectrum, heading: float = 0.0, unit: float = 1.0) -> Float:
    """Gaussian random field of zero mean and unit variance, periodic: coloured noise (Shinozuka and Deodatis 1996).

    `spectrum` gives power from frequencies along and across `heading`, cycles a pixel; the field's are `unit` px wide.
    """
    ky, kx = np.fft.fftfreq(shape[0], unit)[:, None], np.fft.rfftfreq(shape[1], unit)[None]
    noise = rng.standard_normal((shape[0], kx.size, 2), dtype=np.float32).view(np.complex64)[..., 0]
    noise *= np.sqrt(spectrum(*turned(kx, ky, heading)))
    noise[0, 0] = 0
    field = np.fft.irfft2(noise, s=shape).astype(np.float32)
    return np.asarray(field / field.std())


def large_scale(rng: Rng, shape: Shape, spectrum: Spectrum, heading: float = 0.0) -> Float:
    """A smooth field: made eight times coarser and enlarged, which is cheap."""
    coarse = gaussian_field(rng, (-(-shape[0] // 8) + 1, -(-shape[1] // 8) + 1), spectrum, heading, unit=8)
    return np.asarray(cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32)


def fine_scale(rng: Rng, shape: Shape, spectrum: Spectrum, heading: float) -> Float:
    """A field of fine structure. It repeats after 1024 px, which nobody sees under fresh speckle, and is cheap."""
    field = gaussian_field(rng, (1024, 1024), spectrum, heading)
    return np.tile(field, (-(-shape[0] // 1024), -(-shape[1] // 1024)))[: shape[0], : shape[1]]


def soft_step(field: Float, threshold: float, softness: float) -> Float:
    """0 below the threshold, 1 above it, with a logistic flank."""
    return np.asarray(0.5 + 0.5 * np.tanh((field - threshold) / (2 * softness)))


def smooth_noise(rng: Rng, n: int, scale: float) -> Float:
    """n values of Gaussian noise of unit variance, correlated over about `scale` of them."""
    reach = int(3 * scale)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / scale) ** 2)
    return np.convolve(rng.standard_normal(n + 2 * reach), kernel / np.sqrt((kernel**2).sum()), mode="valid")


def sea(rng: Rng, shape: Shape, wind: float) -> Float:
    """Expected backscatter of a sea without oil, on any scale; wind blows along `wind`."""
    far = rng.choice([-1, 1]) * np.linspace(-1, 1, shape[1], dtype=np.float32)[None]
    fall = rng.uniform(0.1, 0.4) * (0.6 * far**2 - far)
    gusts = large_scale(rng, shape, power_law(6.0, 3000, 1.3), wind)
    relief = large_scale(rng, shape, power_law(3.6, 700, 1.5), wind)
    liveliness = large_scale(rng, shape, power_law(4.0, 500))
    texture = fine_scale(rng, shape, power_law(1.9, 100, 2.0), wind)

    # The relief is used twice: its heights are lulls, with soft torn edges, and one of its contours is a wind front.
    lull = rng.uniform(0.2, 0.5) * soft_step(relief + 0.15 * texture, 2.0, 0.18)
    front = rng.uniform(0.0, 0.1) * soft_step(relief + 0.05 * texture, rng.uniform(-1.2, 0.6), 0.02)
    heading = rng.uniform(0, 2 * np.pi)
    swell = fine_scale(rng, shape, wave_train(rng.uniform(4.5, 8), 0.35), heading)
    packets = fine_scale(rng, shape, wave_train(rng.uniform(8, 14), 0.15), heading + rng.normal(0, 0.5))
    swell_height = rng.uniform(0.02, 0.055) * np.exp(0.45 * liveliness)
    packet_height = 0.07 * soft_step(-relief - 0.5 * liveliness, 2.2, 0.2)

    log_mean = fall + 0.17 * gusts + 0.03 * np.exp(0.45 * liveliness) * texture
    log_mean += swell_height * swell + packet_height * packets - lull - front
    return np.asarray(np.exp(log_mean))


def swath(rng: Rng, shape: Shape, tilt: float) -> NDArray[np.bool_]:
    """True where the sensor looked: behind two straight edges of the swath, both turned by `tilt` against the grid."""
    y, x = np.linspace(-1, 1, shape[0])[:, None] * shape[0] / 2, np.linspace(-1, 1, shape[1])[None] * shape[1] / 2
    range_, azimuth = turned(x, y, tilt)
    inside = range_ * rng.choice([-1, 1]) < shape[1] / 2 * rng.uniform(0.68, 0.88)
    return np.asarray(inside & (azimuth * rng.choice([-1, 1]) < shape[0] / 2 * rng.uniform(0.68, 0.88)))


def add_ship(rng: Rng, backscatter: Float, at: Float, tilt: float) -> None:
    """Put a bright hull at (x, y), with a tail along the flight direction, which its motion and side lobes give."""
    (col, row), (left, top) = at.astype(int), np.maximum(at.astype(int) - 24, 0)
    window = backscatter[top : row + 25, left : col + 25]
    y, x = np.indices(window.shape) + np.array([top - row, left - col])[:, None, None]
    range_, azimuth = turned(x, y, tilt)
    keel, beam = turned(x, y, rng.uniform(0, np.pi))
    hull = np.exp(-((keel / rng.uniform(1.0, 2.6)) ** 2) - beam**2)
    tail = np.exp(-np.abs(azimuth) / rng.uniform(2, 6) - range_**2)
    window += rng.lognormal(1.5, 0.6) * (hull + 0.25 * tail + 0.12 * np.exp(-np.abs(range_) / 2 - azimuth**2))


def drift(rng: Rng, origin: Float, heading: float, length: float) -> Float:
    """Points (n, 2), STEP apart, of oil that drifts from `origin` with a slow turn and now and then a kink."""
    n = max(int(length / STEP), 4)
    kinks = np.cumsum((rng.random(n) < 0.03) * rng.normal(0, 0.6, n))
    course = heading + 0.35 * smooth_noise(rng, n, 25) + 0.25 * smooth_noise(rng, n, 4) + kinks
    return np.asarray(origin + STEP * np.cumsum(np.stack([np.cos(course), np.sin(course)], 1), 0))


def paint_band(canvas: NDArray[Any], path: Float, left: Float, right: Float, values: Float) -> None:
    """Fill the band that reaches `left` and `right` px from a path of n points, where its value is > 0."""
    ahead = np.gradient(path, axis=0)
    normal = np.stack([-ahead[:, 1], ahead[:, 0]], 1) / np.linalg.norm(ahead, axis=1, keepdims=True)
    one, other = path + left[:, None] * normal, path - right[:, None] * normal
    corners = np.stack([one[:-1], one[1:], other[1:], other[:-1]], 1)
    for quad, value in zip(np.round(corners * 16).astype(np.int32), values[1:], strict=True):
        if value > 0:
            cv2.fillConvexPoly(canvas, quad, float(value), shift=4)  # corners count to 1/16 px


class Layers(NamedTuple):
    """What has been drawn so far on one scene."""

    damping: Float  # lost share of the backscatter
    classes: NDArray[np.uint8]

    def lay(self, corner: Float, damping: Float, outline: NDArray[np.bool_], label: int) -> None:
        """Merge a drawing whose first pixel is `corner` (x, y) of the scene; what lies outside is cut off."""
        (x, y), (rows, columns) = corner.astype(int).tolist(), self.classes.shape
        top, left = max(y, 0), max(x, 0)
        here = np.s_[top : max(y + damping.shape[0], 0), left : max(x + damping.shape[1], 0)]
        there = np.s_[top - y : max(rows - y, 0), left - x : max(columns - x, 0)]
        self.damping[here] = np.maximum(self.damping[here], damping[there])
        self.classes[here][outline[there]] = label


def draw_line(rng: Rng, layers: Layers, path: Float, kind: Kind, label: int) -> None:
    """Draw a drifting slick that widens, fades and breaks up, and the outline of a person's hand, a little generous."""
    n, age = len(path), np.linspace(0, 1, len(path))
    missing = np.quantile(rng.standard_normal(400), min(kind.gaps * rng.uniform(0.2, 1.8), 0.9))
    shown = 0.9 * smooth_noise(rng, n, 12) + 0.4 * smooth_noise(rng, n, 2) - missing
    strength = (shown > -0.18) * np.clip(0.3 + shown / 0.6, 0, 1)
    damping = kind.damping * rng.lognormal(0, 0.22) * (1 - 0.25 * age) * np.exp(0.2 * smooth_noise(rng, n, 8))
    width = kind.width * rng.lognormal(-0.1, 0.3) * (1 + kind.growth * age) * np.exp(0.4 * smooth_noise(rng, n, 5))
    left, right = (width / 2 * np.exp(0.5 * smooth_noise(rng, n, 1.5)) * (0.2 + 0.8 * strength) for _ in range(2))
    hand = 0.4 * smooth_noise(rng, n, 8)  # px by which the hand was off to one side

    low = np.floor(path.min(0)) - 12
    extent = (np.ceil(path.max(0)) + 12 - low)[::-1].astype(int)
    dark, outline = np.zeros(extent, np.float32), np.zeros(extent, np.uint8)
    paint_band(dark, path - low, left, right, np.minimum(damping, 0.7) * strength)
    paint_band(outline, path - low, left + 0.2 + hand, right + 0.2 - hand, 1.0 * (shown > 0))
    dark = np.asarray(cv2.GaussianBlur(dark, (0, 0), rng.uniform(0.7, 1.3)), np.float32)
    layers.lay(low, dark, outline > 0, label)


def draw_patch(rng: Rng, layers: Layers, centre: Float, heading: float, kind: Kind, label: int) -> None:
    """Draw a broad slick that wind has torn: a fractal field above a threshold that rises away from the centre."""
    radius = int(kind.width * np.clip(rng.lognormal(0, 0.4), 0.4, 1.7)) + 8
    torn = gaussian_field(rng, (2 * radius + 1, 2 * radius + 1), power_law(3.2, radius, 2.5), heading)
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1] / radius
    along, across = turned(x, y, heading)
    height = (torn - 6 * (along**2 + (1.6 * across) ** 2)).astype(np.float32)
    level = float(np.quantile(height[height > height.max() - 4], rng.uniform(0.4, 0.85)))
    dark = np.minimum(kind.damping * rng.lognormal(0, 0.25), 0.7) * soft_step(height, level, 0.08)
    outline = cv2.GaussianBlur(height, (0, 0), 1.5) > level - 0.1
    layers.lay(np.trunc(centre) - radius, dark, outline, label)


def draw_site(rng: Rng, layers: Layers, current: float, backscatter: Float, tilt: float) -> None:
    """Draw all slicks of one seep: strands that leave one origin, or each other, with nearly the same drift."""
    label = int(rng.choice(list(KINDS), p=[kind.share for kind in KINDS.values()]))
    kind, heading = KINDS[label], current + rng.normal(0, 0.5)
    origin = rng.uniform((0, 0), layers.classes.shape[::-1])
    if label == 4 and rng.random() < 0.5:
        add_ship(rng, backscatter, origin, tilt)
    for _ in range(int(rng.integers(1, kind.strands + 1))):
        if kind.length == 0:
            draw_patch(rng, layers, origin + rng.normal(0, kind.width, 2), heading, kind, label)
        else:
            path = drift(rng, origin, heading + rng.normal(0, 0.25), kind.length * rng.lognormal(0, 0.5))
            draw_line(rng, layers, path, kind, label)
            origin = path[rng.integers(len(path) // 2 + 1)] + rng.normal(0, 25, 2)


def generate_scene(
    seed: int | Sequence[int], height: int, width: int, seep_cells: int | None = None, spec: SyntheticSpec | None = None
) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """One scene from a seed: the image (height, width), 0 outside the swath, and the class of each pixel, 0 for sea.

    Seeps are added until `seep_cells` cells of the chip grid hold some (by default every eighth). Speckle over L looks
    is gamma distributed with variance 1 / L (Oliver and Quegan, Understanding SAR Images, section 4.3).
    """
    rng, shape, spec = np.random.default_rng(seed), (height, width), spec or SyntheticSpec()
    wind, current, tilt = *rng.uniform(0, 2 * np.pi, 2), rng.uniform(0.19, 0.25)
    inside, backscatter = swath(rng, shape, tilt), sea(rng, shape, wind)
    for at in rng.uniform((0, 0), (width, height), (rng.poisson(3e-6 * height * width), 2)):
        add_ship(rng, backscatter, at, tilt)

    layers = Layers(np.zeros(shape, np.float32), np.zeros(shape, np.uint8))
    thin = np.s_[::4, ::4]  # enough to count cells by
    open_cells = count_cells(inside[thin], spec.chip_size // 4)
    wanted = min(-(-open_cells // 8) if seep_cells is None else seep_cells, -(-2 * open_cells // 3))
    while count_cells(layers.classes[thin] * inside[thin], spec.chip_size // 4) < wanted:
        draw_site(rng, layers, current, backscatter, tilt)

    speckle = rng.standard_gamma(spec.looks, shape, dtype=np.float32) / np.float32(spec.looks)
    speckle = np.asarray(cv2.GaussianBlur(speckle, (3, 3), 0.355))  # resolution is a little coarser than a pixel
    # As in the real scenes: 16 bits with few levels, saturated at the top.
    seen = backscatter * (1 - layers.damping) * speckle
    levels = int(rng.integers(165, 225))
    mean = rng.uniform(28000, 35000) / 65535 * levels
    level = np.clip(np.rint(seen * (mean / seen[inside].mean())), 1, levels)
    return np.where(inside, np.rint(level * (65535 / levels)), 0).astype(np.uint16), layers.classes * inside


def count_cells(pixels: NDArray[Any], size: int) -> int:
    """How many of the size x size squares that fit in hold a pixel that is not 0."""
    rows, columns = pixels.shape[0] // size, pixels.shape[1] // size
    squares = pixels[: rows * size, : columns * size].reshape(rows, size, columns, size)
    return int(squares.any(axis=(1, 3)).sum())


class Chip(NamedTuple):
    """A square cut from a scene, and where it lay: tile = row * columns + column."""

    scene: int
    tile: int
    image: NDArray[np.uint16]
    classes: NDArray[np.uint8]


def cut(scene: int, image: NDArray[np.uint16], classes: NDArray[np.uint8], size: int) -> list[Chip]:
    """The chips of a scene, without overlap, that show sea on a fifth at least."""
    rows, columns = image.shape[0] // size, image.shape[1] // size
    squares = [np.s_[r * size : (r + 1) * size, c * size : (c + 1) * size] for r in range(rows) for c in range(columns)]
    return [Chip(scene, i, image[at], classes[at]) for i, at in enumerate(squares) if np.mean(image[at] > 0) >= 0.2]


def choose(rng: Rng, chips: list[Chip], spec: SyntheticSpec) -> list[Chip]:
    """The chips to keep: nearly all hold seep, and a given share the edge of the swath, as in the real set."""
    shuffled = [chips[i] for i in rng.permutation(len(chips))]
    empty = [chip for chip in shuffled if not chip.classes.any() and chip.image.all()]
    inner = [chip for chip in shuffled if chip.classes.any() and chip.image.all()]
    edge = [chip for chip in shuffled if chip.classes.any() and not chip.image.all()]
    edge.sort(key=lambda chip: np.count_nonzero(chip.image))
    # From slivers of sea to nearly whole chips, evenly; the others only where there is not enough of anything else.
    first = np.isin(range(len(edge)), np.linspace(0, len(edge) - 1, round(EDGE_SHARE * spec.chips)).astype(int))
    kept = empty[: max(round(EMPTY_SHARE * spec.chips), int(spec.chips >= 40))] + list(compress(edge, first)) + inner
    kept = (kept + list(compress(edge, ~first)))[: spec.chips]
    if len(kept) < spec.chips:
        said = f"data.synthetic: {spec.scenes} scenes hold {len(kept)} chips with seep, {spec.chips} are asked for"
        raise UserError(f"{said}. Raise data.synthetic.scenes or lower data.synthetic.chips.")
    return kept


def write_dataset(root: Path, spec: SyntheticSpec) -> Path:
    """Write the data set of a spec to `root`, in the layout of the real chips, unless it is there, and return `root`.

    scenes/SCENE.tif and scenes/SCENE_mask.tif are a whole scene that no chip comes from. `root` appears when complete.
    """
    if is_written(root, spec):
        return root
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{root.name}-", dir=root.parent) as scratch:
        whole = Path(scratch) / root.name
        write_files(whole, spec)
        try:
            whole.rename(root)
        except OSError:  # another process was faster
            if not is_written(root, spec):
                raise
    return root


def is_written(root: Path, spec: SyntheticSpec) -> bool:
    """Whether `root` holds the data set of this spec; anything else that stands there is refused."""
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return False
    found = json.loads((root / "dataset.json").read_text()) if (root / "dataset.json").is_file() else {}
    if (found.get("format"), found.get("spec")) != (FORMAT, asdict(spec)):
        raise UserError(f"data.synthetic: {root} holds something other than {spec}. Remove it, or name another folder.")
    return True


def write_files(root: Path, spec: SyntheticSpec) -> None:
    """Generate everything and write it below `root`, which must not exist."""
    from seep_lightning.scene.datasets import write_geotiff  # here, because GDAL is slow to load

    scenes = range(FIRST_SCENE, FIRST_SCENE + spec.scenes)
    side = spec.columns * spec.chip_size
    seep_cells = -(-spec.chips * 4 // (3 * spec.scenes)) + 1  # more than needed, to have a choice
    chips: list[Chip] = []
    for scene in scenes:
        image, classes = generate_scene((scene, spec.seed), side, side, seep_cells, spec)
        chips += cut(scene, image, classes, spec.chip_size)
    for folder in (IMAGES, MASKS, "scenes"):
        (root / folder).mkdir(parents=True)
    for chip in choose(np.random.default_rng(spec.seed), chips, spec):
        for folder, array in ((IMAGES, chip.image), (MASKS, chip.classes)):
            write_image(root / folder / f"{chip.scene:06d}.{chip.tile:06d}.tif", array)
    if spec.scene_px:
        image, classes = generate_scene((scenes.stop, spec.seed), spec.scene_px, spec.scene_px, None, spec)
        for end, array, nodata in (("", image, 0), ("_mask", classes, None)):
            write_geotiff(root / "scenes" / f"{scenes.stop:06d}{end}.tif", array[None], nodata, tiled=True, **PLACE)
    facts = {"format": FORMAT, "spec": asdict(spec), "columns": {f"{scene:06d}": spec.columns for scene in scenes}}
    (root / "dataset.json").write_text(json.dumps(facts, indent=2) + "\n")
