"""Labels that are probably wrong, by what a network says of pixels it did not learn from. Arrays in, objects out.

Each suspect is an object with its label as it is and as corrected. What the correction would change of the log loss,
summed over the object's pixels, is what the network has against the label, in nats.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from seep_lightning.scene.boxes import Box

Mask = NDArray[np.bool_]
Classes = NDArray[np.uint8]
Probability = NDArray[np.float32]
Logits = NDArray[np.float32]

# px of the smallest object that is looked at
SMALLEST = 20
# px around an outline in which an alarm belongs to it
NEIGHBOURHOOD = 3
# an alarm beside an outline goes at least so far from it, px: farther than what a shift leaves uncovered
LEAST_REACH = 10.0
# how far an outline is shifted in search of a better place, px
LONGEST_SHIFT = 6
# a shift of one pixel is within what two analysts differ by
SHORTEST_SHIFT = 2
# what a shift must gain, nats for each pixel of the outline
LEAST_SHIFT_GAIN = 0.3
# the network holds an outline for sea where its mean probability is below this
MOST_OF_SEA = 0.3
# an alarm is confident where its mean probability is at least this
LEAST_OF_ALARM = 0.6
# of an object's pixels that are found, this share at least has the other class
LEAST_OTHER_CLASS = 0.6
# beyond it, one pixel would count more than many
SURE = 0.002


@dataclass(frozen=True)
class Evidence:
    """A scene, or a part of it, with labels and with what a network says that did not learn from them.

    Attributes:
        probability: (H, W) float32: of seep, 0..1, so scaled that it means what it says.
        truth: (H, W) uint8: the class of each label, 0 for sea.
        known: (H, W) bool: where both are known.
        classes: (H, W) uint8: the class of seep that the network finds likeliest, 0 where there is hardly any; None
            with one class.
    """

    probability: Probability
    truth: Classes
    known: Mask
    classes: Classes | None = None

    @cached_property
    def logits(self) -> Logits:
        """(H, W) float32: what a pixel gains in log loss as seep over sea; 0 where nothing is known."""
        p = np.clip(self.probability, SURE, 1 - SURE)
        return np.where(self.known, np.log(p) - np.log1p(-p), np.float32(0)).astype(np.float32)

    def p_mean(self, outline: "_Object") -> float:
        """The mean probability of an object's pixels."""
        return float(self.probability[outline.box.slices][outline.pixels].mean())

    def gain(self, outline: "_Object") -> float:
        """What an object's pixels gain as seep over sea, nats."""
        return float(self.logits[outline.box.slices][outline.pixels].sum())


@dataclass(frozen=True)
class Suspect:
    """An object whose label is probably wrong.

    Attributes:
        kind: A name of `suspect_kinds.KINDS`.
        box: Of both masks, in the scene.
        label: (h, w) bool: its pixels that are labelled now.
        suggestion: (h, w) bool: its pixels as the network has them.
        loss_change: How much less the log loss is with the suggestion, summed over pixels, nats.
        p_mean: The mean probability of seep of its pixels: of the label, or of the suggestion where there is none.
        truth_class: The label's commonest class; 0 for none.
        suggested_class: That of the suggestion; 0 for none.
        down: How far the label is to be shifted, rows.
        right: The same, columns.
    """

    kind: str
    box: Box
    label: Mask
    suggestion: Mask
    loss_change: float
    p_mean: float
    truth_class: int
    suggested_class: int
    down: int = 0
    right: int = 0

    @property
    def outline(self) -> tuple[int, int] | None:
        """The first pixel of its label in the scene, which tells outlines apart; None where there is no label."""
        if not self.label.any():
            return None
        row, column = divmod(int(self.label.argmax()), self.label.shape[1])
        return self.box.top + row, self.box.left + column

    @property
    def area(self) -> int:
        """Pixels of the label, or of the suggestion where there is no label."""
        label = int(self.label.sum())
        return label or int(self.suggestion.sum())


def missing_labels(evidence: Evidence) -> Iterator[Suspect]:
    """Find confident alarms where nobody outlined anything, also those that go on from an outline.

    What is left of an alarm beside an outline is nothing but its rim, unless it goes far from it.
    """
    is_labelled = evidence.truth > 0
    is_alarm = evidence.logits > 0
    distance = _distance_to(is_labelled)
    for alarm in _objects(is_alarm & (distance > NEIGHBOURHOOD)):
        reaches = float(distance[alarm.box.slices][alarm.pixels].max())
        p_mean = evidence.p_mean(alarm)
        if reaches < LEAST_REACH or p_mean < LEAST_OF_ALARM:
            continue
        whole = _grown(alarm, is_alarm & ~is_labelled)
        yield Suspect(
            kind="missing",
            box=whole.box,
            label=np.zeros_like(whole.pixels),
            suggestion=whole.pixels,
            loss_change=evidence.gain(whole),
            p_mean=p_mean,
            truth_class=0,
            suggested_class=_class_found(evidence, alarm),
        )


def false_labels(evidence: Evidence) -> Iterator[Suspect]:
    """Find outlines that the network holds for sea, where no place nearby is better."""
    for number, outline in _outlines(evidence):
        p_mean = evidence.p_mean(outline)
        loss_change = -evidence.gain(outline)
        is_sea = p_mean < MOST_OF_SEA and loss_change > 0
        # where moving it makes it right, it is shifted rather than false
        if not is_sea or _best_shift(evidence, outline).evidence > 0:
            continue
        yield Suspect(
            kind="false",
            box=outline.box,
            label=outline.pixels,
            suggestion=np.zeros_like(outline.pixels),
            loss_change=loss_change,
            p_mean=p_mean,
            truth_class=number,
            suggested_class=0,
        )


def shifted_labels(evidence: Evidence) -> Iterator[Suspect]:
    """Find outlines that fit far better some pixels away; those that touch each other move together."""
    for whole in _objects((evidence.truth > 0) & evidence.known):
        shift = _best_shift(evidence, whole)
        is_far = max(abs(shift.down), abs(shift.right)) >= SHORTEST_SHIFT
        least_gain = LEAST_SHIFT_GAIN * float(whole.pixels.sum())
        if is_far and shift.evidence > 0 and shift.gain >= least_gain:
            for number, outline in _by_class(evidence, whole):
                yield from _shifted(evidence, number, outline, shift)


def _shifted(evidence: Evidence, number: int, outline: "_Object", shift: "_Shift") -> Iterator[Suspect]:
    """An outline of one class as a suspect, where moving it makes it better."""
    box, label, moved = _moved(outline, shift, evidence.truth.shape)
    gain = evidence.gain(_Object(box, moved)) - evidence.gain(outline)
    if gain > 0:
        yield Suspect(
            kind="shifted",
            box=box,
            label=label,
            suggestion=moved,
            loss_change=gain,
            p_mean=evidence.p_mean(outline),
            truth_class=number,
            suggested_class=number,
            down=shift.down,
            right=shift.right,
        )


def wrong_classes(evidence: Evidence) -> Iterator[Suspect]:
    """Find outlines that the network finds, too, and takes for another class."""
    if evidence.classes is None:
        return
    for number, outline in _outlines(evidence):
        is_seep = outline.pixels & (evidence.logits[outline.box.slices] > 0)
        found = evidence.classes[outline.box.slices][is_seep]
        other = _other_class(found[found > 0], number)
        if other is None:
            continue
        yield Suspect(
            kind="class",
            box=outline.box,
            label=outline.pixels,
            suggestion=outline.pixels,
            loss_change=other.loss_change,
            p_mean=evidence.p_mean(outline),
            truth_class=number,
            suggested_class=other.number,
        )


@dataclass(frozen=True)
class _Object:
    """Pixels that touch each other: a box of the scene, and where in it they are, (h, w) bool."""

    box: Box
    pixels: Mask


@dataclass(frozen=True)
class _Shift:
    """The best place of an outline.

    Attributes:
        down: Rows from where it is.
        right: Columns.
        evidence: The sum of the logits there.
        gain: How much more that is than where it is.
    """

    down: int
    right: int
    evidence: float
    gain: float


@dataclass(frozen=True)
class _OtherClass:
    """The class that the network finds in an outline, and what taking it would change of the loss."""

    number: int
    loss_change: float


def _objects(mask: Mask) -> Iterator[_Object]:
    """The objects of a mask that are large enough."""
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    for number, (left, top, width, height, area) in enumerate(statistics.tolist()):
        # 0 is what is no object
        if number == 0 or area < SMALLEST:
            continue
        box = Box(top, top + height, left, left + width)
        yield _Object(box, labels[box.slices] == number)


def _outlines(evidence: Evidence) -> Iterator[tuple[int, _Object]]:
    """The outlines with the class of each, as far as the network says something of them."""
    for whole in _objects((evidence.truth > 0) & evidence.known):
        yield from _by_class(evidence, whole)


def _by_class(evidence: Evidence, whole: _Object) -> Iterator[tuple[int, _Object]]:
    """What touches each other, taken apart where the class changes."""
    box = whole.box
    truth = np.where(whole.pixels, evidence.truth[box.slices], 0)
    for number in np.unique(truth[truth > 0]).tolist():
        for part in _objects(truth == number):
            top, bottom, left, right = part.box
            in_scene = Box(box.top + top, box.top + bottom, box.left + left, box.left + right)
            yield number, _Object(in_scene, part.pixels)


def _best_shift(evidence: Evidence, outline: _Object) -> _Shift:
    """Where an outline fits best, by correlation with the logits; pixels of other outlines say nothing."""
    window = _window(outline.box, evidence.logits)
    own = np.pad(outline.pixels, LONGEST_SHIFT)
    others = (_window(outline.box, evidence.truth) > 0) & ~own
    window[others] = 0
    template = outline.pixels.astype(np.float32)
    sums = cv2.matchTemplate(window, template, cv2.TM_CCORR)
    row, column = np.unravel_index(int(sums.argmax()), sums.shape)
    best = float(sums[row, column])
    present = float(sums[LONGEST_SHIFT, LONGEST_SHIFT])
    return _Shift(int(row) - LONGEST_SHIFT, int(column) - LONGEST_SHIFT, best, best - present)


def _window(box: Box, values: NDArray[Any]) -> NDArray[Any]:
    """Values of a box and `LONGEST_SHIFT` pixels around it, 0 beyond the scene."""
    margin = LONGEST_SHIFT
    height, width = values.shape
    top, left = max(box.top - margin, 0), max(box.left - margin, 0)
    bottom, right = min(box.bottom + margin, height), min(box.right + margin, width)
    beyond = [
        (top - box.top + margin, box.bottom + margin - bottom),
        (left - box.left + margin, box.right + margin - right),
    ]
    return np.pad(values[top:bottom, left:right], beyond)


def _moved(outline: _Object, shift: _Shift, size: tuple[int, ...]) -> tuple[Box, Mask, Mask]:
    """A box within the scene that holds an outline where it is and where it fits, and both as masks."""
    box = outline.box
    height, width = size
    both = Box(
        max(box.top + min(shift.down, 0), 0),
        min(box.bottom + max(shift.down, 0), height),
        max(box.left + min(shift.right, 0), 0),
        min(box.right + max(shift.right, 0), width),
    )
    label = np.zeros((both.height, both.width), bool)
    moved = label.copy()
    rows, columns = np.nonzero(outline.pixels)
    rows += box.top - both.top
    columns += box.left - both.left
    label[rows, columns] = True
    rows += shift.down
    columns += shift.right
    inside = (rows >= 0) & (rows < label.shape[0]) & (columns >= 0) & (columns < label.shape[1])
    moved[rows[inside], columns[inside]] = True
    return both, label, moved


def _other_class(found: Classes, number: int) -> _OtherClass | None:
    """The class that most of an outline's pixels are found as, where it is another one; else None."""
    if found.size < SMALLEST:
        return None
    counts = np.bincount(found)
    other = int(counts.argmax())
    if other == number or counts[other] < LEAST_OTHER_CLASS * found.size:
        return None
    own = int(counts[number]) if number < len(counts) else 0
    # shares of pixels stand for the object's class probabilities, of which maps keep the largest only
    loss_change = found.size * np.log((counts[other] + 1) / (own + 1))
    return _OtherClass(other, float(loss_change))


def _class_found(evidence: Evidence, alarm: _Object) -> int:
    """The class that the network gives an alarm."""
    if evidence.classes is None:
        return 1
    found = evidence.classes[alarm.box.slices][alarm.pixels]
    return _commonest(found[found > 0])


def _commonest(classes: Classes) -> int:
    """The commonest class; 1 where there is none."""
    return int(np.bincount(classes).argmax()) if classes.size else 1


def _distance_to(mask: Mask) -> NDArray[np.float32]:
    """From each pixel to the nearest one of a mask, (H, W) px; far away everywhere where it is empty."""
    if not mask.any():
        return np.full(mask.shape, np.float32(max(mask.shape)))
    elsewhere = (~mask).astype(np.uint8)
    return np.asarray(cv2.distanceTransform(elsewhere, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)


def _grown(small: _Object, allowed: Mask) -> _Object:
    """An object with the allowed pixels within `NEIGHBOURHOOD` of it."""
    height, width = allowed.shape
    box = Box(
        max(small.box.top - NEIGHBOURHOOD, 0),
        min(small.box.bottom + NEIGHBOURHOOD, height),
        max(small.box.left - NEIGHBOURHOOD, 0),
        min(small.box.right + NEIGHBOURHOOD, width),
    )
    pixels = np.zeros((box.height, box.width), bool)
    rows, columns = np.nonzero(small.pixels)
    pixels[rows + small.box.top - box.top, columns + small.box.left - box.left] = True
    pixels = (_distance_to(pixels) <= NEIGHBOURHOOD) & allowed[box.slices] | pixels
    return _trimmed(_Object(box, pixels))


def _trimmed(large: _Object) -> _Object:
    """An object in the smallest box that holds it."""
    rows, columns = np.nonzero(large.pixels)
    top, left = int(rows.min()), int(columns.min())
    bottom, right = int(rows.max()) + 1, int(columns.max()) + 1
    box = large.box
    smallest = Box(box.top + top, box.top + bottom, box.left + left, box.left + right)
    return _Object(smallest, large.pixels[top:bottom, left:right])
