"""Answers to a review as a new data set: what `prepare review=` does. The data set that was reviewed stays as it is."""

import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.config.commands import PrepareConfig
from seep_lightning.config.data import DataConfig
from seep_lightning.config.mask_values import IGNORED
from seep_lightning.config.rules import check_config
from seep_lightning.counted import counted
from seep_lightning.data.decoding import decode
from seep_lightning.data.description import NAME as FACTS_FILE
from seep_lightning.data.kept_facts import kept_facts
from seep_lightning.data.layouts import split_name
from seep_lightning.data.masks import read_classes, stored_mask
from seep_lightning.errors import UserError, as_user_error, writing_to
from seep_lightning.files import draft_of, remove_leftovers, sync_folder, write_table, write_text
from seep_lightning.labelling.answers import AnsweredReview, read_answers
from seep_lightning.labelling.redrawn import redrawn_patches
from seep_lightning.labelling.review_file import Patch, ReviewedChip
from seep_lightning.labelling.suspect_kinds import KINDS, Answer, Change
from seep_lightning.locks import lock_path, locked

Classes = NDArray[np.uint8]

# the list of chips, where their names do not tell scene and tile
PAIRS = "pairs.csv"
# one that is drawn anew counts twice: for what goes and for what comes
MOST_ON_A_CHIP = 2_000

CONTRADICTED_BY: Mapping[Change, tuple[Change, ...]] = {
    Change.NONE: (Change.TO_SEA,),
    Change.TO_SEA: (Change.NONE, Change.TO_SUGGESTION),
    # an outline that keeps its place may get another class
    Change.TO_SUGGESTION: (Change.TO_SEA, Change.TO_SUGGESTION),
}
"""What may not become of one outline at once; what is ignored is ignored whatever else is said of it."""


@dataclass
class Counts:
    """What became of labels.

    Attributes:
        answers: How many candidates have each answer.
        changes: How many labels were changed, by `Change`.
        redrawn: How many of them a person drew anew.
        changed_pixels: Pixels of another class than before.
        ignored_pixels: Pixels that are ignored now, and were not.
    """

    answers: Counter[Answer] = field(default_factory=Counter)
    changes: Counter[Change] = field(default_factory=Counter)
    redrawn: int = 0
    changed_pixels: int = 0
    ignored_pixels: int = 0


@dataclass(frozen=True)
class _Correction:
    """What one answer does to the pixels of one chip.

    Attributes:
        number: The candidate's number.
        patch: The pixels.
        change: What becomes of them.
        suggested: The class of the suggestion's pixels.
        loss_change: How sure the network is, nats.
    """

    number: int
    patch: Patch
    change: Change
    suggested: int
    loss_change: float

    def agrees_with(self, other: "_Correction") -> bool:
        """Whether two answers about one outline come to the same."""
        return self.change == other.change and self._result == other._result

    @property
    def _result(self) -> tuple[int, Patch]:
        """What the suggestion makes of the pixels."""
        return self.suggested, self.patch


def correct_labels(config: PrepareConfig) -> dict[str, Any]:
    """Write the data set of a review anew, with its labels corrected and unsure pixels ignored.

    Args:
        config: `review` and `output`.

    Returns:
        What stands in the data set's `dataset.json`.

    Raises:
        InUse: Another process writes `output`.
        UserError: `output` exists, the answers are none, or the chips are not as they were.
    """
    check_config(config)
    assert config.review is not None
    output = Path(config.output)
    with locked(lock_path(output), f"output={output}", "prepare"):
        if output.exists():
            raise UserError(f"output={output} exists. Choose another folder: prepare adds to none.")
        answered = read_answers(Path(config.review))
        _check_names(answered.review.chips)
        if not answered.answers:
            raise UserError(f"review={config.review} holds no answer yet. Answer keep, drop, redraw or unsure.")
        remove_leftovers(output.parent)
        with draft_of(output) as draft:
            facts = _write_data_set(draft, answered, config)
            with writing_to(output):
                draft.replace(output)
    return facts


def _check_names(chips: list[ReviewedChip]) -> None:
    """Raise `UserError` for two chips whose masks would have one name."""
    names = Counter(_mask_name(chip) for chip in chips)
    name, count = names.most_common(1)[0]
    if count > 1:
        raise UserError(
            f"review: {count} chips are called {Path(name).stem}. Give each a name of its own, and train anew."
        )


def _write_data_set(folder: Path, answered: AnsweredReview, config: PrepareConfig) -> dict[str, Any]:
    """Write all chips and `dataset.json` into a new folder. Returns what stands in it."""
    review = answered.review
    data = _data_config(review.data)
    corrections, counts = _corrections(answered)
    for name in (data.images, data.masks):
        (folder / name).mkdir(parents=True)
    with_seep = 0
    largest = 1
    for chip in counted(review.chips, "corrected", "chips"):
        classes = _classes_of(chip, data)
        _apply(corrections.get(chip.name, ()), classes, counts)
        _write_chip(folder, chip, classes, data)
        labels = classes[classes != IGNORED]
        with_seep += bool(labels.any())
        largest = max(largest, int(labels.max(initial=0)))
    if not with_seep:
        raise UserError(
            f"review={config.review}: nothing is left of the labels. A data set without seep trains nothing."
        )
    needs_list = _write_list(folder, review.chips, data)
    facts = _facts(answered, counts, config) | {
        "chips": len(review.chips),
        "with_seep": with_seep,
        "classes": max(largest, data.classes),
        "settings": _settings(data) | ({"pairs": f"{config.output}/{PAIRS}"} if needs_list else {}),
    }
    write_text(folder / FACTS_FILE, json.dumps(facts, indent=2) + "\n")
    sync_folder(folder)
    return facts


def _settings(data: DataConfig) -> dict[str, Any]:
    """The keys of `data` by which the new data set is read, where they are not as `data=chips` has them."""
    usual = DataConfig()
    # masks hold classes now
    keys = [field.name for field in fields(data) if field.name not in ("mask_values", "mask_band")]
    return {key: getattr(data, key) for key in keys if getattr(data, key) != getattr(usual, key)}


def _data_config(stored: Mapping[str, Any]) -> DataConfig:
    """How masks are read, by what the review says; `UserError` for keys of another version."""
    with as_user_error("the review names settings of data that this version does not know", TypeError):
        data = DataConfig(**stored)
    check_config(data, "data.")
    return data


def _corrections(answered: AnsweredReview) -> tuple[dict[str, list[_Correction]], Counts]:
    """What is to be done to each chip, by its name, and how many labels are changed."""
    by_chip: dict[str, list[_Correction]] = {}
    counts = Counts()
    for candidate, answer in answered.answered():
        change = KINDS[candidate.kind].choices[answer].change
        patches = candidate.patches
        drawn = answered.drawn.get(candidate.number)
        redrawn = None if drawn is None else redrawn_patches(answered.review, candidate, drawn)
        if redrawn is not None:
            change = Change.TO_SUGGESTION
            patches = [*map(_without_suggestion, patches), *redrawn]
            counts.redrawn += 1
        counts.answers[answer] += 1
        counts.changes[change] += 1
        suggested = candidate.suggested or candidate.label
        for patch in patches:
            correction = _Correction(candidate.number, patch, change, suggested, candidate.loss_change)
            by_chip.setdefault(patch.chip, []).append(correction)
    for chip, corrections in by_chip.items():
        if len(corrections) > MOST_ON_A_CHIP:
            raise UserError(
                f"review: {len(corrections):,} answers are about {chip}; expected {MOST_ON_A_CHIP:,} at most. Give "
                f"seep review again for a shorter list: most={MOST_ON_A_CHIP // 2}."
            )
        _check_agreement(corrections)
    return by_chip, counts


def _without_suggestion(patch: Patch) -> Patch:
    """A patch that suggests sea."""
    return replace(patch, suggestion=[patch.height * patch.width])


def _check_agreement(corrections: Sequence[_Correction]) -> None:
    """Raise `UserError` for two answers about one outline that contradict each other.

    Each is compared with what the earlier ones left on its own pixels, not with each of them. The first of its kind
    stands for all there, since those that agree with it agree with one another.
    """
    patches = [correction.patch for correction in corrections]
    size = max(patch.top + patch.height for patch in patches), max(patch.left + patch.width for patch in patches)
    # place in the list, from 1, of the first answer about each pixel
    firsts = {change: np.zeros(size, np.uint16) for change in CONTRADICTED_BY}
    for place, correction in enumerate(corrections, 1):
        patch = correction.patch
        label = patch.mask(patch.label)
        for change in CONTRADICTED_BY.get(correction.change, ()):
            for number in np.unique(firsts[change][patch.slices][label]).tolist():
                if number and not correction.agrees_with(corrections[number - 1]):
                    raise _contradiction(corrections[number - 1], correction)
        if correction.change in firsts:
            own = firsts[correction.change][patch.slices]
            own[label & (own == 0)] = place


def _contradiction(first: _Correction, second: _Correction) -> UserError:
    """The error for two answers about one outline."""
    return UserError(
        f"review: numbers {first.number} and {second.number} are about one outline, and their answers contradict each "
        "other. Take one of the two answers back."
    )


def _classes_of(chip: ReviewedChip, data: DataConfig) -> Classes:
    """The classes of a chip's pixels now, (H, W), with `IGNORED` where nobody is sure."""
    if chip.mask is None:
        values = decode(_existing(chip.image)).values
        return np.zeros(values.shape[1:], np.uint8)
    pixels = read_classes(stored_mask(decode(_existing(chip.mask)), data), data)
    classes = pixels.classes.copy()
    if pixels.labelled is not None:
        classes[~pixels.labelled] = IGNORED
    return classes


def _existing(path: str) -> Path:
    """A file of the data set; `UserError` where it is gone."""
    file = Path(path)
    if not file.is_file():
        raise UserError(f"{file}, which was reviewed, is not there any more. Put it back, or give seep review again.")
    return file


def _apply(corrections: Sequence[_Correction], classes: Classes, counts: Counts) -> None:
    """Change the pixels of a chip in place, and count them."""
    before = classes.copy()
    # of two suggestions for one pixel, the surer one counts, whatever the order of the list
    in_order = sorted(corrections, key=lambda correction: (correction.loss_change, correction.suggested))
    # an outline may move to where another one was; and what is ignored is ignored whatever else is said of it
    for step in (_clear, _write_suggestion, _ignore):
        for correction in in_order:
            step(correction, _pixels_of(correction.patch, classes))
    is_ignored = (classes == IGNORED) & (before != IGNORED)
    counts.ignored_pixels += int(is_ignored.sum())
    counts.changed_pixels += int(((classes != before) & ~is_ignored).sum())


def _pixels_of(patch: Patch, classes: Classes) -> Classes:
    """The pixels of a patch, a view; `UserError` where the chip is too small."""
    height, width = classes.shape
    if patch.top + patch.height > height or patch.left + patch.width > width:
        raise UserError(
            f"{patch.chip} is {height} x {width} px, smaller than when it was reviewed. Give seep review again."
        )
    return classes[patch.slices]


def _clear(correction: _Correction, pixels: Classes) -> None:
    """Take an outline away that is dropped or drawn anew."""
    if correction.change in (Change.TO_SEA, Change.TO_SUGGESTION):
        label = correction.patch.mask(correction.patch.label)
        pixels[label & (pixels != IGNORED)] = 0


def _write_suggestion(correction: _Correction, pixels: Classes) -> None:
    """Draw an outline as it is suggested."""
    if correction.change == Change.TO_SUGGESTION:
        suggestion = correction.patch.mask(correction.patch.suggestion)
        pixels[suggestion & (pixels != IGNORED)] = correction.suggested


def _ignore(correction: _Correction, pixels: Classes) -> None:
    """Ignore what nobody is sure of."""
    if correction.change == Change.IGNORED:
        patch = correction.patch
        pixels[patch.mask(patch.label) | patch.mask(patch.suggestion)] = IGNORED


def _mask_name(chip: ReviewedChip) -> str:
    """The name of its mask."""
    return str(Path(chip.file_name).with_suffix(".tif"))


def _write_chip(folder: Path, chip: ReviewedChip, classes: Classes, data: DataConfig) -> None:
    """Copy a chip's image, and write its mask where the image lies."""
    from seep_lightning.scene.datasets import write_geotiff

    image = _existing(chip.image)
    copy = folder / data.images / chip.file_name
    with writing_to(copy):
        shutil.copyfile(image, copy)
    nodata = IGNORED if (classes == IGNORED).any() else None
    write_geotiff(folder / data.masks / _mask_name(chip), classes[None], nodata, **_place_of(image))


def _place_of(image: Path) -> dict[str, Any]:
    """Where a chip lies on the ground, as `write_geotiff` takes it; nothing where nobody knows."""
    from seep_lightning.scene.raster import Raster

    with Raster(image) as raster:
        if not raster.georeferenced:
            return {}
        if raster.placed_by_points:
            return {"crs": raster.crs, "gcps": raster.gcps}
        return {"crs": raster.crs, "transform": raster.transform}


def _tells_place(chip: ReviewedChip) -> bool:
    """Whether the usual pattern finds scene and tile in a chip's name."""
    with suppress(UserError):
        return split_name(chip.file_name, DataConfig.pattern) == (chip.scene, chip.tile)
    return False


def _write_list(folder: Path, chips: list[ReviewedChip], data: DataConfig) -> bool:
    """Write the list of chips where their names do not tell scene and tile. Returns whether it was."""
    if all(_tells_place(chip) for chip in chips):
        return False
    rows = [
        {
            "image": f"{data.images}/{chip.file_name}",
            "mask": f"{data.masks}/{_mask_name(chip)}",
            "scene": chip.scene,
            "tile": chip.tile if chip.tile >= 0 else "",
        }
        for chip in chips
    ]
    write_table(folder / PAIRS, rows)
    return True


def _facts(answered: AnsweredReview, counts: Counts, config: PrepareConfig) -> dict[str, Any]:
    """What the new data set says of itself: what the old one said, and what was corrected."""
    review = answered.review
    return kept_facts(Path(review.root)) | {
        "columns": review.columns,
        "offsets": review.offsets,
        "bands": review.data.get("bands") or [1],
        "review": {
            "of": review.root,
            "answers": str(Path(str(config.review)).absolute()),
            "id": review.id,
            "listed": len(review.candidates),
            "answered": len(answered.answers),
            "by_answer": {answer.value: count for answer, count in counts.answers.items()},
            "changed": counts.changes[Change.TO_SEA] + counts.changes[Change.TO_SUGGESTION],
            "redrawn": counts.redrawn,
            "ignored": counts.changes[Change.IGNORED],
            "changed_pixels": counts.changed_pixels,
            "ignored_pixels": counts.ignored_pixels,
        },
    }
