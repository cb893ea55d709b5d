"""Labels that are probably wrong, judged on plain arrays."""

import numpy as np
import pytest
from numpy.typing import NDArray

from seep_lightning.labelling.suspect_kinds import find_suspects
from seep_lightning.labelling.suspects import Evidence, Suspect

SIZE = 160


def slick(top: int, left: int, height: int = 8, width: int = 40) -> NDArray[np.bool_]:
    mask = np.zeros((SIZE, SIZE), bool)
    mask[top : top + height, left : left + width] = True
    return mask


def judged(truth: NDArray, seen: NDArray, classes: NDArray | None = None) -> list[Suspect]:
    probability = np.where(seen, 0.9, 0.05).astype(np.float32)
    return find_suspects(Evidence(probability, truth.astype(np.uint8), np.ones_like(seen, bool), classes))


def test_each_kind_of_error_is_found_as_what_it_is() -> None:
    right, missing, false, shifted = slick(10, 10), slick(40, 10), slick(70, 10), slick(104, 20)
    truth = right | false | shifted
    seen = right | missing | slick(100, 17)
    suspects = {suspect.kind: suspect for suspect in judged(truth, seen)}
    assert set(suspects) == {"missing", "false", "shifted"}
    np.testing.assert_array_equal(suspects["missing"].suggestion, True)
    assert not suspects["missing"].label.any()
    assert suspects["missing"].box == (40, 48, 10, 50)
    # sure by 0.9, each pixel would lose log 9 nats
    assert suspects["missing"].loss_change == pytest.approx(320 * np.log(9), rel=1e-4)
    assert suspects["false"].loss_change == pytest.approx(320 * np.log(19), rel=1e-4)
    assert suspects["false"].p_mean == pytest.approx(0.05)
    moved = suspects["shifted"]
    assert (moved.down, moved.right) == (-4, -3)
    placed = np.zeros((SIZE, SIZE), bool)
    placed[moved.box.slices] = moved.suggestion
    np.testing.assert_array_equal(placed, slick(100, 17))


def test_nothing_is_said_of_good_labels_small_objects_and_unknown_pixels() -> None:
    good, tiny, unknown = slick(10, 10), slick(60, 60, 4, 4), slick(100, 10)
    known = ~slick(96, 0, 20, 60)
    truth = (good | tiny).astype(np.uint8)
    probability = np.where(good | unknown, 0.9, 0.05).astype(np.float32)
    assert find_suspects(Evidence(probability, truth, known)) == []
    # a shift of one pixel is within what two analysts differ by
    assert judged(good, slick(11, 11)) == []


def test_what_goes_on_from_an_outline_is_missing_but_not_its_rim() -> None:
    outline = slick(10, 10)
    assert judged(outline, slick(6, 10, height=16)) == []
    (suspect,) = judged(outline, slick(10, 10, width=80))
    assert suspect.kind == "missing"
    # all of what lacks, up to the outline
    assert suspect.box == (10, 18, 50, 90)
    assert suspect.suggestion.all()


def test_another_class_is_told_where_most_of_an_outline_has_it() -> None:
    truth = 1 * slick(10, 10) + 2 * slick(40, 10)
    classes = (2 * slick(10, 10) + 2 * slick(40, 10)).astype(np.uint8)
    (suspect,) = judged(truth, truth > 0, classes)
    assert (suspect.kind, suspect.truth_class, suspect.suggested_class) == ("class", 1, 2)
    assert suspect.loss_change > 0


def test_the_worst_come_first_and_the_ends_of_a_scene_are_no_obstacle() -> None:
    truth = slick(0, 0) | slick(SIZE - 8, SIZE - 40)
    seen = slick(0, 4) | slick(SIZE - 8, SIZE - 44) | slick(60, 20, 20, 80)
    suspects = judged(truth, seen)
    assert [suspect.kind for suspect in suspects] == ["missing", "shifted", "shifted"]
    changes = [suspect.loss_change for suspect in suspects]
    assert changes == sorted(changes, reverse=True)
    assert sorted(suspect.right for suspect in suspects if suspect.kind == "shifted") == [-4, 4]


def test_touching_outlines_of_two_classes_are_two_and_each_keeps_its_class() -> None:
    upper, lower = slick(40, 30), slick(48, 30)
    truth = 1 * upper + 2 * lower
    # both lie 4 px too far right
    suspects = judged(truth, slick(40, 26) | slick(48, 26))
    assert [(suspect.kind, suspect.right, suspect.truth_class) for suspect in suspects] == [
        ("shifted", -4, 1),
        ("shifted", -4, 2),
    ]
    assert [suspect.suggested_class for suspect in suspects] == [1, 2]
    assert [suspect.area for suspect in suspects] == [320, 320]
    # also where one moves onto the place of the other, which lies on seep wherever it is
    beside = judged(1 * slick(40, 30) + 2 * slick(40, 70, width=20), slick(40, 34, width=60))
    assert [(suspect.kind, suspect.right, suspect.truth_class) for suspect in beside] == [("shifted", 4, 1)]
    # of one class they are one
    assert [suspect.area for suspect in judged(upper | lower, slick(40, 26) | slick(48, 26))] == [640]


def test_an_outline_is_listed_once_for_what_changes_the_loss_most() -> None:
    seen = slick(40, 34, height=16)
    (suspect,) = judged(slick(40, 30, height=16), seen, (2 * seen).astype(np.uint8))
    assert suspect.kind == "class"
