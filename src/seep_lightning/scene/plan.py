"""What a caller decides about the mapping of a scene, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from seep_lightning.scene.interfaces import Area, LogOdds
from seep_lightning.scene.windows import Tiling


@dataclass(frozen=True)
class WindowPlan:
    """How the windows of a scene are predicted.

    Attributes:
        tiling: Size and overlap of the windows.
        batch: Windows that the network takes at once, at most.
        threads: Threads that read and normalise.
        area: The pixels to map; None for all valid ones.
    """

    tiling: Tiling
    batch: int
    threads: int = 2
    area: Area | None = None


@dataclass(frozen=True)
class ScenePlan:
    """How a scene is mapped.

    Attributes:
        windows: How its windows are predicted.
        model_key: A hash of all that the probabilities depend on besides the scene and this plan.
        threshold: The least probability of a seep, 0 to 1.
        area_key: A hash of what `windows.area` depends on; empty without an area.
        overwrite: Replace a map of another model, input or settings.
        part: First row and end of the rows to predict, for a later call that maps the whole scene; None for the whole.
        log_odds: What is added to the logits of a seep, which `model_key` tells too; None for nothing.
        tags: What the rasters tell of it, by the names of their tags.
    """

    windows: WindowPlan
    model_key: str
    threshold: float = 0.5
    area_key: str = ""
    overwrite: bool = False
    part: tuple[int, int] | None = None
    log_odds: LogOdds | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
