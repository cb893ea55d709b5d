"""What may be chosen about seeps as features, and every default. Imports nothing heavy: `config` includes it."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from seep_lightning.errors import UserError
from seep_lightning.ranges import Span, anything, at_least, one_of, restricted, within

GREY = "grey"
"""As the one band to read (`bands`, `data.bands`): the luminance of colours."""

NO_NODATA = "none"
"""As a nodata value that a person gives: every value is data, but for those that a file declares."""


MOST_SIMPLIFIED = 1000
"""Pixels by which an outline may be off: beyond, nothing is left of it."""


class ThresholdValues(NamedTuple):
    """All three thresholds of `Thresholds`, as probabilities."""

    group: float
    trim: float
    keep: float

    def __str__(self) -> str:
        """As the attribute `thresholds` of a polygon has them."""
        return "group {:.4g}, trim {:.4g}, keep {:.4g}".format(*self)


def threshold() -> Any:
    """Declare a threshold on the probability, by default None."""
    return restricted(None, Span(above=0, at_most=1).holds, "a probability above 0, of at most 1")


@dataclass
class Thresholds:
    """Three thresholds on the probability, by which objects are found (after Cerulean, SkyTruth).

    Pixels that touch (8 neighbours) at `group` are one object. Its pixels at `trim` stay, if its maximum reaches
    `keep`. A threshold that is None follows from the network's own one.

    Attributes:
        group: Pixels that touch at this probability are one object; None: 0.6 t, t the network's own threshold.
        trim: Pixels of an object at this probability stay; None: t.
        keep: An object whose maximum reaches this probability stays; None: t + 0.4 (1 - t).
    """

    group: float | None = threshold()
    trim: float | None = threshold()
    keep: float | None = threshold()

    def around(self, threshold: float) -> ThresholdValues:
        """The three thresholds; for those that are None 0.6 t, t, and t + 0.4 (1 - t).

        Args:
            threshold: The network's own threshold t, 0..1.

        Returns:
            The three probabilities.

        Raises:
            UserError: The thresholds do not ascend from above 0 to at most 1.
        """
        values = ThresholdValues(
            group=_chosen(self.group, 0.6 * threshold),
            trim=_chosen(self.trim, threshold),
            keep=_chosen(self.keep, threshold + 0.4 * (1 - threshold)),
        )
        if not 0 < values.group <= values.trim <= values.keep <= 1:
            problem = f"thresholds are group={values.group:g}, trim={values.trim:g}, keep={values.keep:g}"
            rule = "they must ascend from above 0 to 1 at most"
            raise UserError(f"{problem}: {rule}. One value for all three gives plain connected components.")
        return values


def _chosen(value: float | None, default: float) -> float:
    return default if value is None else value


@dataclass
class PolygonOptions:
    """Which objects become features, and how.

    Attributes:
        thresholds: The thresholds by which objects are found.
        min_area: Smallest object in px after trimming. None: the one chosen on validation, or else 20.
        min_length: Shortest centre line of an object in px.
        fill_holes: Make holes part of the object, unless they are nodata.
        simplify: Tolerance for the outline in px. Attributes are those of the pixels all the same.
        calibration: What the image's values are: power, amplitude or db. None: there is no contrast in dB.
        attributes: Your own attributes, each a dotted name such as my_module.ELONGATION (docs/extending.md).
    """

    thresholds: Thresholds = field(default_factory=Thresholds)
    min_area: int | None = at_least(0, None)
    min_length: float = at_least(0, 0.0)
    fill_holes: bool = False
    simplify: float = within(Span(at_least=0, at_most=MOST_SIMPLIFIED), 0.0)
    calibration: str | None = one_of(None, "power", "amplitude", "db")
    # not in the repr: finished maps of earlier versions are known by it
    attributes: list[Any] = anything([], "`scene.polygon_attributes.own_attributes`", in_repr=False)
