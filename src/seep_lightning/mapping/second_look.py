"""Objects of a map looked at twice: what becomes an outline where a judge has a say."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from seep_lightning.config.commands import PredictConfig
from seep_lightning.scene.polygon_attributes import PolygonAttribute
from seep_lightning.scene.polygons import DEFAULT_MIN_AREA, SeepLayer
from seep_lightning.scene.second_look import Judge

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

    def options(self, config: PredictConfig) -> PredictConfig:
        """The settings with which objects are found: as in the teaching, whatever reaches the network's threshold.

        Args:
            config: The settings of the command; what a person sets there holds.
        """
        score = PolygonAttribute(
            name=SCORE,
            label="score of the second look",
            unit="0..1",
            description="how probably it is right, by its judge (`second_look`)",
            measure=self.judge.score,
        )
        return replace(config, attributes=[*config.attributes, score])

    def kept(self, layer: SeepLayer) -> SeepLayer:
        """The layer without the features whose score is too low.

        Args:
            layer: Found with `options`.
        """
        least = self.judge.least
        seeps = [seep for seep in layer.seeps if float(seep.attributes[SCORE] or 0) >= least]
        text = f"{self.name} ({self.key[:16]}), least score {least:g}, taught on {self.judge.taught_on}"
        return layer._replace(seeps=seeps, metadata={**layer.metadata, JUDGE_ITEM: text})


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
