"""Objects of a map looked at twice: what becomes an outline where a judge has a say."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from seep_lightning.config.commands import PredictConfig
from seep_lightning.errors import UserError
from seep_lightning.mapping.scene_history import SceneHistory, WayToHistory
from seep_lightning.scene.measured_object import MeasuredObject
from seep_lightning.scene.object_features import PLACE_FEATURES, points_of
from seep_lightning.scene.object_judge import Judge
from seep_lightning.scene.polygon_attributes import PolygonAttribute
from seep_lightning.scene.polygons import DEFAULT_MIN_AREA, SeepLayer
from seep_lightning.sources.history import LocalHistory

SCORE = "p_right"
"""Column of the scores."""
JUDGE_ITEM = "SEEP_LIGHTNING_SECOND_LOOK"
"""Item of the polygons' metadata."""


@dataclass(frozen=True)
class SecondLook:
    """A judge, and the file that it is of.

    Attributes:
        judge: It scores objects.
        name: Of its file.
        key: A hash of what it is.
    """

    judge: Judge
    name: str
    key: str

    @classmethod
    def read(cls, path: Path) -> "SecondLook":
        """Read a judge.

        Args:
            path: A file that `seep judge` wrote.

        Raises:
            UserError: It is something else.
        """
        judge = Judge.read(path)
        return cls(judge, path.name, hashlib.sha256(repr(judge).encode()).hexdigest())

    @property
    def needs_history(self) -> bool:
        """Whether its judge was taught with recurrence."""
        return bool(self.judge.place_features)

    def check_history(self, history: str | None) -> None:
        """Raise `UserError` where its judge needs a history and the settings name none.

        Args:
            history: `history` of the settings.
        """
        if self.needs_history and history is None:
            raise UserError(
                f"second_look={self.name} was taught with recurrence, and history= is missing. Give the recurrence.tif "
                "of `seep sources` (with history_weight=0 the second look alone uses it), or another judge."
            )

    def options(self, config: PredictConfig, history: SceneHistory | None) -> PredictConfig:
        """The settings with which objects are found, and get their scores.

        Args:
            config: The settings of the command; what a person sets there holds.
            history: Of the scene; None where the judge needs none.
        """
        place = ObjectPlaces.of(self.judge.place_features, history) if history is not None else None
        score = PolygonAttribute(
            name=SCORE,
            label="score of the second look",
            unit="0..1",
            description="how probably it is right, by its judge (`second_look`)",
            measure=partial(self.judge.score, place=place),
        )
        return replace(config, attributes=[*config.attributes, score])

    def key_with(self, history: SceneHistory | None) -> str:
        """A hash of all that scores depend on, besides the map.

        Args:
            history: Of the scene, if there is one.
        """
        if history is None or not self.needs_history:
            return self.key
        return f"{self.key} {history.history.key} {history.way.shift.tolist()}"

    def text(self, left_out: int, found: int) -> str:
        """What a person is told of outlines.

        Args:
            left_out: How many are not written.
            found: How many the judge looked at.
        """
        outlines = "outline" if found == 1 else "outlines"
        return f"second look: {left_out} of {found} {outlines} left out ({SCORE} below {self.judge.least:g})"

    def kept(self, layer: SeepLayer, history: SceneHistory | None) -> SeepLayer:
        """The layer without the features whose score is too low.

        Args:
            layer: Found with `options`.
            history: As `options` got it.
        """
        least = self.judge.least
        seeps = [seep for seep in layer.seeps if float(seep.attributes[SCORE] or 0) >= least]
        text = f"{self.name} ({self.key[:16]}), least score {least:g}, taught on {self.judge.taught_on}"
        if history is not None and self.needs_history:
            text += f", recurrence of {history.history.path.name} ({history.history.key[:16]})"
        return layer._replace(seeps=seeps, metadata={**layer.metadata, JUDGE_ITEM: text})


@dataclass(frozen=True)
class ObjectPlaces:
    """What the history says of the places of a scene's objects; callable for a feature of one of them.

    Attributes:
        histories: Around the scene, by the feature's name.
        way: From pixels of the scene to coordinates of the history.
    """

    histories: Mapping[str, LocalHistory]
    way: WayToHistory

    @classmethod
    def of(cls, names: Sequence[str], history: SceneHistory) -> "ObjectPlaces":
        """Read what some features need.

        Args:
            names: Keys of `PLACE_FEATURES`.
            history: Of the scene.
        """
        return cls({name: history.smoothed(PLACE_FEATURES[name]) for name in names}, history.way)

    def __call__(self, name: str, seep: MeasuredObject) -> float:
        """The mean of the log odds at some pixels of an object; those that the history does not cover count as 0."""
        return float(self.histories[name].at(self.way(points_of(seep))).mean())


def with_taught_thresholds(config: PredictConfig, threshold: float) -> PredictConfig:
    """The settings with the thresholds and the smallest object that judges are taught with, unless they name others.

    Args:
        config: The settings of the command.
        threshold: The networks' own one.
    """
    if config.min_area is None:
        config = replace(config, min_area=DEFAULT_MIN_AREA)
    if config.thresholds.keep is None:
        trim = config.thresholds.around(threshold).trim
        config = replace(config, thresholds=replace(config.thresholds, keep=trim))
    return config
