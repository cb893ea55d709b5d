"""The shapes of what a run directory holds: `summary.json` and checkpoints.

Keys that older versions did not write have defaults; keys that are not named here are tolerated.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any

from msgspec import Meta

from seep_lightning.documents.shapes import Count, Finite, Probability

LARGEST_STRIDE = 2**12
"""Of a network, px."""


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
    scaling: tuple[Finite, Finite] = (1.0, 0.0)


@dataclass(frozen=True)
class StoredGit:
    """See `runs.provenance.git_state`."""

    commit: str
    dirty: bool = False


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
    floors: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    chosen: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StoredSettings:
    """What Lightning calls the hyper-parameters of a checkpoint; `data.network_facts` has the shape of `facts`."""

    facts: dict[str, Any]
    model: dict[str, Any]
    channels_last: bool | None = None


@dataclass(frozen=True)
class StoredChoices:
    """What we know of the network in a checkpoint, beside Lightning's own keys."""

    format: int
    threshold: Probability
    min_area: Count | None = None
    scaling: tuple[Finite, Finite] = (1.0, 0.0)
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
