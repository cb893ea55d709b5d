"""The shapes of what a run directory holds: `config.yaml`, `summary.json` and checkpoints.

Keys that older versions did not write have defaults; keys that are not named here are tolerated.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any, NotRequired, TypedDict

from msgspec import Meta

from seep_lightning.documents.shapes import Count, Probability

# of a scene: right, false and missed pixels
ThreeCounts = Annotated[list[Count], Meta(min_length=3, max_length=3)]

LARGEST_STRIDE = 2**9
"""Of a network, px."""

# far beyond what a validation gives: with 1e308 the probabilities of pixels were no numbers
Coefficient = Annotated[float, Meta(ge=-1e6, le=1e6)]
StoredScaling = tuple[Coefficient, Coefficient]


@dataclass(frozen=True)
class StoredNode:
    """A node of a config that names a class."""

    _target_: str


@dataclass(frozen=True)
class StoredNodes:
    """What `config.yaml` says of classes, which the schema leaves open."""

    model: StoredNode
    loss: StoredNode
    optimizer: StoredNode
    scheduler: dict[str, Any] | None = None
    logger: dict[str, Any] | None = None
    callbacks: dict[str, Any] | None = None
    metrics: dict[str, Any] | None = None


@dataclass(frozen=True)
class StoredData:
    """What `summary.json` says of the data of a training; see `training.record.facts_of_run`."""

    root: str | None = None
    source: str = ""
    fingerprint: str | None = None
    chips: dict[str, Count] = field(default_factory=dict)
    scenes: Count = 0


@dataclass(frozen=True)
class StoredBest:
    """What `summary.json` says of the best epoch; see `training.outcome.BestEpoch`."""

    monitor: str = ""
    score: float = 0.0
    epoch: Count = 0
    threshold: Probability = 0.5
    min_area: Count | None = None
    scaling: StoredScaling = (1.0, 0.0)


@dataclass(frozen=True)
class StoredGit:
    """See `runs.provenance.git_state`."""

    commit: str
    dirty: bool = False


@dataclass(frozen=True)
class StoredFigures:
    """Figures of pixels, of which the Dice must be there."""

    dice: float


@dataclass(frozen=True)
class StoredFloor:
    """What a rule without learning reaches."""

    dice: float


@dataclass(frozen=True)
class StoredDarkFloor:
    """Likewise, with the darkness that the rule goes by."""

    dice: float
    dark_threshold: float


@dataclass(frozen=True)
class StoredFloors:
    """See `metrics.floors`; a floor that is not there is not shown."""

    all_seep: StoredFloor = StoredFloor(0.0)
    no_seep: StoredFloor = StoredFloor(0.0)
    darker_than: StoredDarkFloor = StoredDarkFloor(0.0, 0.0)


@dataclass(frozen=True)
class StoredMeanFloors:
    """The means of these over classes, each of which has its own darkness."""

    all_seep: StoredFloor = StoredFloor(0.0)
    no_seep: StoredFloor = StoredFloor(0.0)
    darker_than: StoredFloor = StoredFloor(0.0)


class FinalFigures(TypedDict):
    """Figures on validation at the end of a training: at the tuned threshold, and at 0.5 before scaling.

    Older versions called the second ones `val_at_0.5`, which has another meaning now.
    """

    val: StoredFigures
    val_before_scaling: NotRequired[StoredFigures]


@dataclass(frozen=True)
class FinalBest:
    """What the summary of a run that came to its end must say of its best epoch."""

    score: float
    threshold: Probability


@dataclass(frozen=True)
class FinalSummary:
    """What the summary of a run that came to its end must hold."""

    name: str
    split: str
    epochs: Count
    seconds: float
    best: FinalBest
    figures: FinalFigures


@dataclass(frozen=True)
class StoredSummary:
    """`summary.json` of a run."""

    format: int = 1
    status: str = ""
    name: str = ""
    error: str = ""
    leakage: str = ""
    device: str = ""
    python: str = ""
    epochs: Count = 0
    seconds: float = 0.0
    data: StoredData = StoredData()
    best: StoredBest = StoredBest()
    git: StoredGit | None = None
    packages: dict[str, str] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)
    figures: dict[str, dict[str, float]] = field(default_factory=dict)
    floors: dict[str, StoredFloors] = field(default_factory=dict)
    scene_counts: dict[str, dict[str, ThreeCounts]] = field(default_factory=dict)
    chosen: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StoredSettings:
    """What Lightning calls the hyper-parameters of a checkpoint; `data.network_facts` has the shape of `facts`."""

    facts: dict[str, Any]
    model: StoredNode
    channels_last: bool | None = None


@dataclass(frozen=True)
class StoredChoices:
    """What we know of the network in a checkpoint, beside Lightning's own keys."""

    format: int
    threshold: Probability
    min_area: Count | None = None
    scaling: StoredScaling = (1.0, 0.0)
    stride: Annotated[int, Meta(ge=1, le=LARGEST_STRIDE)] | None = None
    model_card: str = "{}"


@dataclass(frozen=True)
class StoredCheckpoint:
    """A checkpoint of ours, or an exported one, which has no epoch."""

    state_dict: dict[str, Any]
    hyper_parameters: StoredSettings
    seep_lightning: StoredChoices
    epoch: Count | None = None
    global_step: Count | None = None
