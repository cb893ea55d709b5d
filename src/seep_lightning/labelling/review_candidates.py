"""The suspects of all scenes of a folder of runs, each judged by a network that did not learn from its chip."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.data.mosaic import chip_box
from seep_lightning.folds.fold_runs import find_folds
from seep_lightning.folds.operating_points import OperatingPoint
from seep_lightning.folds.out_of_fold import out_of_fold_scenes
from seep_lightning.folds.part_maps import FoldScene, Way
from seep_lightning.labelling.review_file import ListedLabel, Patch, run_lengths
from seep_lightning.labelling.review_places import ScenePlace, place_of
from seep_lightning.labelling.suspect_kinds import KINDS, find_suspects
from seep_lightning.labelling.suspects import Evidence, Mask, Suspect
from seep_lightning.scene.boxes import Box

if TYPE_CHECKING:
    from seep_lightning.data.chips import Chips

# a picture shows this much around an object, px and as a share of its longer side
LEAST_MARGIN = 40
MARGIN_SHARE = 0.4
# px: of larger objects, the middle is shown
LARGEST_VIEW = 512


@dataclass(frozen=True)
class View:
    """What a picture of a suspect is drawn from; all arrays are (h, w).

    Attributes:
        box: The part of the scene that they show.
        image: The first band.
        data: Where it holds data.
        truth: Where anything is labelled.
        probability: Of seep.
    """

    box: Box
    image: NDArray[Any]
    data: Mask
    truth: Mask
    probability: NDArray[np.float32]


@dataclass(frozen=True)
class Sighting:
    """A suspect in its scene, before it has a number.

    Attributes:
        suspect: The object.
        scene: The scene's name.
        judged_by: The folder of the run that judged it.
        patches: Its pixels on chips.
        place: Where the scene lies.
        view: What its picture is drawn from.
    """

    suspect: Suspect
    scene: str
    judged_by: str
    patches: list[Patch]
    place: ScenePlace
    view: View


@dataclass(frozen=True)
class FoundSuspects:
    """The suspects of all scenes, and what they were looked for in.

    Attributes:
        sightings: The suspects, those with the largest change of loss first, `most` at most.
        found: How many suspects there were, by the name of their kind.
        runs: The folders of the runs that judged.
        chips: The data set.
        judged: How many chips were judged.
        only_run: Whether one run alone judged its validation and test chips.
    """

    sightings: list[Sighting]
    found: dict[str, int]
    runs: list[str]
    chips: "Chips"
    judged: int
    only_run: bool

    @property
    def judged_in_words(self) -> str:
        """Which chips were judged."""
        count = f"{self.judged} of {len(self.chips)} chips"
        if self.only_run:
            return f"{count}: those of validation and test, from which this run did not learn"
        return f"{count}: each by the run that did not learn from it"


def find_in_all_scenes(folders: Sequence[str], most: int, device: str) -> FoundSuspects:
    """Find the suspects among the labels of all chips that some run did not learn from.

    Args:
        folders: Folders of folds, or one run: then its validation and test chips are judged.
        most: How many suspects are kept.
        device: `auto`, `cpu`, `cuda` ...

    Raises:
        UserError: The runs are not folds of one split, or something cannot be predicted.
    """
    folds = find_folds(folders)
    parts = ("test", "val") if len(folds) == 1 else ("test",)
    sightings: list[Sighting] = []
    found = dict.fromkeys(KINDS, 0)
    judged = 0
    chips: Chips | None = None
    for part in parts:
        for scene, operating_point in out_of_fold_scenes(folders, part, Way(device=device)):
            chips = scene.chips
            judged += len(scene.tiles)
            for sighting in _sightings(scene, operating_point):
                found[sighting.suspect.kind] += 1
                sightings.append(sighting)
            # what is not among the first need not stay in memory
            sightings = sorted(sightings, key=lambda each: -each.suspect.loss_change)[:most]
    assert chips is not None
    runs = [str(run.dir) for fold in folds for run in fold.runs]
    return FoundSuspects(sightings, found, runs, chips, judged, only_run=len(folds) == 1)


def candidates_of(sightings: Sequence[Sighting], in_degrees: bool) -> list[ListedLabel]:
    """Number suspects.

    Args:
        sightings: The suspects in the order of the list.
        in_degrees: Whether all scenes are georeferenced, and places are longitude and latitude.
    """
    return [_candidate(number, sighting, in_degrees) for number, sighting in enumerate(sightings, start=1)]


def _candidate(number: int, sighting: Sighting, in_degrees: bool) -> ListedLabel:
    """A suspect with its number and all that tables say of it."""
    suspect = sighting.suspect
    kind = KINDS[suspect.kind]
    box = suspect.box
    middle = np.array([[(box.left + box.right) / 2, (box.top + box.bottom) / 2]])
    x, y = sighting.place.coordinates(middle, in_degrees)[0].tolist()
    return ListedLabel(
        number=number,
        kind=kind.name,
        scene=sighting.scene,
        top=box.top,
        left=box.left,
        bottom=box.bottom,
        right=box.right,
        x=round(x, 6),
        y=round(y, 6),
        area=suspect.area,
        p_mean=round(suspect.p_mean, 4),
        loss_change=round(suspect.loss_change, 2),
        label=suspect.truth_class,
        suggested=suspect.suggested_class,
        reason=kind.reason_of(suspect),
        judged_by=sighting.judged_by,
        choices={answer.value: effect.words(suspect) for answer, effect in kind.choices.items()},
        patches=sighting.patches,
        placed_by=sighting.place.chip,
    )


def _sightings(scene: FoldScene, operating_point: OperatingPoint) -> Iterator[Sighting]:
    """The suspects of a scene."""
    evidence = evidence_of(scene, operating_point)
    suspects = find_suspects(evidence)
    if not suspects:
        return
    place = place_of(scene)
    picture = scene.image()[0]
    for suspect in suspects:
        patches = list(_patches(suspect, scene))
        view = _view(suspect.box, picture, evidence)
        yield Sighting(suspect, scene.name, scene.fold.name, patches, place, view)


def evidence_of(scene: FoldScene, operating_point: OperatingPoint) -> Evidence:
    """What is known of a scene, as `find_suspects` takes it.

    Args:
        scene: A scene of a part from which its fold's networks did not learn.
        operating_point: What the fold chose on validation.
    """
    has_classes = scene.fold.run.config.task == "classes"
    return Evidence(
        probability=operating_point.probability(scene).astype(np.float32),
        truth=scene.truth,
        known=scene.valid & (scene.probability > 0),
        classes=scene.classes if has_classes else None,
    )


def _patches(suspect: Suspect, scene: FoldScene) -> Iterator[Patch]:
    """The parts of a suspect on each chip that it touches."""
    box = suspect.box
    for position, index in scene.tiles.items():
        chip = chip_box(position, scene.chips.size)
        top, bottom = max(box.top, chip.top), min(box.bottom, chip.bottom)
        left, right = max(box.left, chip.left), min(box.right, chip.right)
        if top >= bottom or left >= right:
            continue
        own = np.s_[top - box.top : bottom - box.top, left - box.left : right - box.left]
        label, suggestion = suspect.label[own], suspect.suggestion[own]
        if not (label | suggestion).any():
            continue
        yield Patch(
            chip=scene.chips.names[index],
            top=top - chip.top,
            left=left - chip.left,
            height=bottom - top,
            width=right - left,
            label=run_lengths(label),
            suggestion=run_lengths(suggestion),
        )


def _view(box: Box, picture: NDArray[Any], evidence: Evidence) -> View:
    """What lies around a suspect."""
    height, width = picture.shape
    longer = max(box.height, box.width)
    side = min(longer + 2 * max(LEAST_MARGIN, round(MARGIN_SHARE * longer)), LARGEST_VIEW)
    top, bottom = _span((box.top + box.bottom) // 2, side, height)
    left, right = _span((box.left + box.right) // 2, side, width)
    shown = Box(top, bottom, left, right)
    # copies, so that the scene need not stay in memory
    return View(
        shown,
        image=picture[shown.slices].copy(),
        data=evidence.known[shown.slices].copy(),
        truth=evidence.truth[shown.slices] > 0,
        probability=evidence.probability[shown.slices].copy(),
    )


def _span(middle: int, side: int, size: int) -> tuple[int, int]:
    """The beginning and the end of a part around a middle, as long as it fits into the scene."""
    start = min(max(middle - side // 2, 0), max(size - side, 0))
    return start, min(start + side, size)
