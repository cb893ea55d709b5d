"""The kinds of labels that are probably wrong, declared once: how each is found, what is said, what may be answered.

An answer is about the label. What it does to the label's pixels differs from kind to kind, and each kind says it in
words: these are the buttons of the page and the table of docs/review.md.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from seep_lightning.labelling.suspects import (
    LONGEST_SHIFT,
    Evidence,
    Suspect,
    false_labels,
    missing_labels,
    shifted_labels,
    wrong_classes,
)
from seep_lightning.scene.seep_colours import Colour


class Answer(StrEnum):
    """What a person says shall become of a label."""

    KEEP = "keep"
    DROP = "drop"
    REDRAW = "redraw"
    UNSURE = "unsure"


class Change(StrEnum):
    """What an answer does to pixels."""

    NONE = "none"
    TO_SEA = "to sea"
    TO_SUGGESTION = "to suggestion"
    IGNORED = "ignored"


@dataclass(frozen=True)
class Effect:
    """What an answer does to a label of a kind.

    Attributes:
        change: What it does to the label.
        text: The same in words, where `{shift}`, `{label}` and `{suggested}` stand for a suspect's own.
    """

    change: Change
    text: str

    def words(self, suspect: Suspect) -> str:
        """What it does to a suspect's label."""
        return _filled(self.text, suspect)


@dataclass(frozen=True)
class SuspectKind:
    """One kind of labels that are probably wrong.

    Attributes:
        name: As it stands in tables.
        title: In words.
        plural: In words, of several.
        reason: Why one is listed; see `Effect.text`, `{percent}` and `{area}` likewise.
        find: Finds them in a scene.
        choices: What may be answered.
        colour: Of its outlines in QGIS.
    """

    name: str
    title: str
    plural: str
    reason: str
    find: Callable[[Evidence], Iterator[Suspect]]
    choices: Mapping[Answer, Effect]
    colour: Colour

    def reason_of(self, suspect: Suspect) -> str:
        """Why a suspect is listed."""
        return _filled(self.reason, suspect)


_UNSURE = Effect(Change.IGNORED, "training ignores these pixels")
_DROP = Effect(Change.TO_SEA, "the outline is removed: sea")

# colours of Okabe and Ito, which all eyes tell apart: https://jfly.uni-koeln.de/color/
_KINDS = (
    SuspectKind(
        "missing",
        "Seep that nobody outlined",
        "alarms without an outline",
        "The network is {percent} sure of seep on {area} px, and nobody outlined any there.",
        missing_labels,
        {
            Answer.KEEP: Effect(Change.NONE, "it stays sea"),
            Answer.REDRAW: Effect(Change.TO_SUGGESTION, "the network's outline becomes a label"),
            Answer.UNSURE: _UNSURE,
        },
        colour=(230, 159, 0),
    ),
    SuspectKind(
        "false",
        "An outline of what looks like sea",
        "outlines of sea",
        f"The network is {{percent}} sure of seep in this outline of {{area}} px, and no place within {LONGEST_SHIFT} "
        "px is better.",
        false_labels,
        {
            Answer.KEEP: Effect(Change.NONE, "the outline stays"),
            Answer.DROP: _DROP,
            Answer.REDRAW: Effect(Change.IGNORED, "ignored until you outline it anew"),
            Answer.UNSURE: _UNSURE,
        },
        colour=(86, 180, 233),
    ),
    SuspectKind(
        "shifted",
        "An outline beside its seep",
        "shifted outlines",
        "This outline of {area} px fits what the network sees {shift} from here.",
        shifted_labels,
        {
            Answer.KEEP: Effect(Change.NONE, "the outline stays where it is"),
            Answer.DROP: _DROP,
            Answer.REDRAW: Effect(Change.TO_SUGGESTION, "the outline moves {shift}"),
            Answer.UNSURE: _UNSURE,
        },
        colour=(0, 158, 115),
    ),
    SuspectKind(
        "class",
        "An outline of another class",
        "outlines of another class",
        "Outlined as class {label}; the network takes most of its {area} px for class {suggested}.",
        wrong_classes,
        {
            Answer.KEEP: Effect(Change.NONE, "it stays class {label}"),
            Answer.DROP: _DROP,
            Answer.REDRAW: Effect(Change.TO_SUGGESTION, "it becomes class {suggested}"),
            Answer.UNSURE: _UNSURE,
        },
        colour=(204, 121, 167),
    ),
)

KINDS: dict[str, SuspectKind] = {kind.name: kind for kind in _KINDS}
"""By their names."""


def find_suspects(evidence: Evidence) -> list[Suspect]:
    """Find the labels that are probably wrong.

    Args:
        evidence: Labels, and what the network says.

    Returns:
        The suspects of all kinds, those with the largest change of loss first. An outline is listed once, for what
        changes the loss most.
    """
    suspects: list[Suspect] = []
    for kind in KINDS.values():
        suspects += kind.find(evidence)
    return _each_outline_once(sorted(suspects, key=lambda suspect: -suspect.loss_change))


def _each_outline_once(suspects: Sequence[Suspect]) -> list[Suspect]:
    """The first suspect of each outline, and all alarms: two answers about one outline could contradict each other."""
    listed: list[Suspect] = []
    seen: set[tuple[int, int]] = set()
    for suspect in suspects:
        if suspect.outline in seen:
            continue
        listed.append(suspect)
        if suspect.outline is not None:
            seen.add(suspect.outline)
    return listed


def shift_in_words(down: int, right: int) -> str:
    """How far something is shifted, such as `4 px up and 3 px left`."""
    words = []
    if down:
        words.append(f"{abs(down)} px {'down' if down > 0 else 'up'}")
    if right:
        words.append(f"{abs(right)} px {'right' if right > 0 else 'left'}")
    return " and ".join(words)


def _filled(text: str, suspect: Suspect) -> str:
    """A text with a suspect's own values."""
    return text.format(
        percent=f"{suspect.p_mean:.0%}",
        area=suspect.area,
        shift=shift_in_words(suspect.down, suspect.right),
        label=suspect.truth_class,
        suggested=suspect.suggested_class,
    )
