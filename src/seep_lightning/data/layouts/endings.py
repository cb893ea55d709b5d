"""What the names of images and masks end with: `a_sat.jpg` and `a_mask.png` are one chip."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

# with these words the names of masks end, in folders that hold images too
MASK_WORDS = (
    "masks?",
    "msk",
    "labels?",
    "lab",
    "ground[_-]?truth",
    "truth",
    "gt",
    "segmentation",
    "seg",
    "annotations?",
    "anno",
    "targets?",
)
# the word stands by itself, as in `a_gt`, `12gt` (but not in `slab`); `amask` has no other meaning
MASK_ENDING = re.compile(
    rf"(?:[_\-. ]|(?<=\d))(?:{'|'.join(MASK_WORDS)})$|(?<=\w)(?:mask|label)s?$",
    re.IGNORECASE,
)
# names that are compared with all names of the other kind
SAMPLED_FILES = 40
# pairs of endings that are tried on all names
TRIED_ENDINGS = 6
SEPARATORS = "_-. "


@dataclass(frozen=True)
class Endings:
    """What the stems of images and of masks end with; `""`: with nothing.

    Attributes:
        image: Of images.
        mask: Of masks.
    """

    image: str
    mask: str


def strip_ending(keys: Iterable[str], ending: str) -> dict[str, str]:
    """The keys that end with something, by what stands before it.

    Args:
        keys: Sub-folders and stems of files, such as `S1/a_mask`.
        ending: What is taken off.

    Returns:
        The whole key by the rest of it, such as `S1/a`; no key of which nothing would be left.
    """
    if not ending:
        return {key: key for key in keys}
    rests = {key.removesuffix(ending): key for key in keys if key.endswith(ending)}
    return {rest: key for rest, key in rests.items() if rest and not rest.endswith("/")}


def find_endings(images: Collection[str], masks: Collection[str], image: str | None, mask: str | None) -> list[Endings]:
    """Find out what images and masks end with, so that they pair.

    Args:
        images: The keys of images.
        masks: The keys of masks.
        image: What images end with, where the user says so.
        mask: What masks end with, where the user says so.

    Returns:
        The endings that pair most, of which there are several where it cannot be decided; none where nothing pairs.
    """
    usual = Endings(image or "", mask or "")
    if _paired(images, masks, usual):
        return [usual]
    if image is not None and mask is not None:
        return []
    counts: dict[Endings, int] = {}
    for endings in _candidates(sorted(images), sorted(masks)):
        fits = image in (None, endings.image) and mask in (None, endings.mask)
        if fits:
            counts[endings] = _paired(images, masks, endings)
    most = max(counts.values(), default=0)
    # names that happen to agree are no rule
    if 2 * most < min(len(images), len(masks)):
        return []
    return [endings for endings, count in counts.items() if count == most]


def better_endings(images: Collection[str], masks: Collection[str], paired: int) -> Endings | None:
    """Look for endings that pair more than equal names do.

    Args:
        images: The keys of images.
        masks: The keys of masks.
        paired: How many keys are equal.

    Returns:
        The endings that pair most; None where they pair no more.
    """
    counts = {endings: _paired(images, masks, endings) for endings in _candidates(sorted(images), sorted(masks))}
    most = max(counts.values(), default=0)
    if most <= paired:
        return None
    return next(endings for endings, count in counts.items() if count == most)


def _paired(images: Collection[str], masks: Collection[str], endings: Endings) -> int:
    """How many images have a mask."""
    image_rests = strip_ending(images, endings.image)
    mask_rests = strip_ending(masks, endings.mask)
    return len(image_rests.keys() & mask_rests.keys())


def _candidates(images: Sequence[str], masks: Sequence[str]) -> list[Endings]:
    """The endings by which masks differ from the images whose names begin most like theirs, the most frequent first."""
    votes: Counter[Endings] = Counter()
    step = max(len(masks) // SAMPLED_FILES, 1)
    all_images = frozenset(images)
    for mask in masks[::step]:
        votes.update(_differences(mask, images))
        votes.update(Endings("", rest) for rest in _rests(mask, all_images))
    all_masks = frozenset(masks)
    for image in images[:: max(len(images) // SAMPLED_FILES, 1)]:
        votes.update(Endings(rest, "") for rest in _rests(image, all_masks))
    return [endings for endings, _ in votes.most_common(TRIED_ENDINGS)]


def _differences(mask: str, images: Sequence[str]) -> set[Endings]:
    """How a mask's name ends, and that of each image beside which it stands in the alphabet."""
    position = bisect_left(images, mask)
    endings: set[Endings] = set()
    for image in images[max(position - 1, 0) : position + 1]:
        length = _common_length(image, mask)
        found = Endings(image[length:], mask[length:])
        has_base = length > 0 and image[length - 1] != "/"
        if has_base and all(map(_is_ending, (found.image, found.mask))):
            endings.add(found)
    return endings


def _rests(name: str, others: Collection[str]) -> list[str]:
    """What may stand behind the whole name of another file: of `12_mask`, `_mask` where there is a `12`."""
    rests = [name[length:] for length in range(1, len(name)) if name[:length] in others]
    return list(filter(_is_ending, rests))


def _is_ending(text: str) -> bool:
    """Whether a text can be what all names end with: nothing, or a word; a number would be another chip's."""
    has_letter = any(character.isalpha() for character in text)
    return text == "" or (has_letter and "/" not in text)


def _common_length(image: str, mask: str) -> int:
    """How many characters two names have in common at their beginning, no word cut in two."""
    length = 0
    for first, second in zip(image, mask, strict=False):
        if first != second:
            break
        length += 1
    if length == min(len(image), len(mask)):
        return length
    # `a_mri` and `a_mask` end with `_mri` and `_mask`, not with `ri` and `ask`
    while length and image[length - 1].isalpha():
        length -= 1
    if length and image[length - 1] in SEPARATORS:
        length -= 1
    return length


def mask_endings(keys: Iterable[str]) -> Counter[str]:
    """Count what the names of masks end with, in a folder that holds images too.

    Args:
        keys: The keys of all files.

    Returns:
        The endings with a word that stands for masks, such as `_mask`.
    """
    matches = map(MASK_ENDING.search, keys)
    return Counter(match[0] for match in matches if match is not None)


def likely_mask_ending(keys: Collection[str]) -> str:
    """What masks may end with in a folder that holds images too, whatever the word is; `""` where nothing pairs.

    Args:
        keys: The keys of all files.
    """
    all_keys = frozenset(keys)
    sample = sorted(keys)[:: max(len(keys) // SAMPLED_FILES, 1)]
    votes = Counter(rest for key in sample for rest in _rests(key, all_keys))
    likely = votes.most_common(1)
    return likely[0][0] if likely else ""
