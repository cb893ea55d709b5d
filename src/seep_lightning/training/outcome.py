"""The final figures of a training: its best checkpoint, scored on validation."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from seep_lightning.config.training import TrainConfig, ranked_by
from seep_lightning.metrics.counts import Counts
from seep_lightning.runs.directory import Run

if TYPE_CHECKING:
    import lightning.pytorch as pl

    from seep_lightning.data.datamodule import SeepDataModule


@dataclass(frozen=True)
class BestEpoch:
    """The epoch of the best checkpoint, and what was chosen for it on validation.

    Attributes:
        monitor: The figure that the best epoch was chosen by, such as `dice/val`.
        score: The monitor at the best epoch, or Dice at the tuned threshold for `monitor=epoch`.
        epoch: Counted from 0.
        threshold: The scaled probability above which a pixel is seep.
        min_area: Objects with fewer pixels are dropped.
        scaling: (a, b) of the calibration, sigmoid(a x logit + b); see `metrics.calibration`.
    """

    monitor: str
    score: float
    epoch: int
    threshold: float
    min_area: int
    scaling: tuple[float, float]


@dataclass(frozen=True)
class TrainingOutcome:
    """What `summary.json` tells of a training that came to its end.

    Attributes:
        best: The best epoch.
        epochs: Epochs trained, over all sessions of the run.
        figures: Figures on validation, at the tuned threshold (`val`), and at 0.5 of probabilities that are not scaled
            (`val_before_scaling`), by which the best epoch was chosen.
        device: What it was trained on, in words.
        floors: What rules without learning reach on validation (`val`), as `metrics.floors` stores them.
        scene_counts: Right, false and missed pixels of each scene on validation (`val`), from which `figures` follow.
    """

    best: BestEpoch
    epochs: int
    figures: dict[str, dict[str, float]]
    device: str
    floors: dict[str, dict[str, dict[str, float]]]
    scene_counts: dict[str, dict[str, list[int]]]

    def as_summary(self) -> dict[str, Any]:
        """The outcome as primitives, under the keys of `summary.json`."""
        return asdict(self)


def measure_outcome(
    trainer: "pl.Trainer", run: Run, config: TrainConfig, data: "SeepDataModule", monitored: float
) -> TrainingOutcome:
    """Score the best checkpoint on validation, and choose its smallest area and its scaling there.

    Args:
        trainer: The trainer, after training.
        run: The run directory with its two checkpoints.
        config: The run's config.
        data: The data that it was trained on.
        monitored: The monitor's value at the best epoch.

    Returns:
        The final figures. The threshold was chosen before, when the best epoch was validated.
    """
    from seep_lightning.evaluation.scoring import ScoredChip, score_chips
    from seep_lightning.metrics.baseline import count_by_darkness, seep_against_sea
    from seep_lightning.metrics.figures import before_scaling
    from seep_lightning.metrics.floors import floors_of
    from seep_lightning.metrics.objects import MinAreaSearch
    from seep_lightning.predictor.torch_predictor import TorchPredictor, stored_network
    from seep_lightning.runs.checkpoints import read_checkpoint

    path = run.checkpoint("best")
    content = read_checkpoint(path)
    predictor = TorchPredictor(stored_network(content, path))
    min_areas = MinAreaSearch()

    def count_objects(chip: ScoredChip) -> None:
        min_areas.add(chip.predicted(predictor.threshold), chip.truth)

    indices = data.indices("val")
    scores = score_chips(predictor, data.chips, indices, batch_size=data.batch_size, sink=count_objects)
    scene_counts = count_by_scene(data.chips.scenes, indices, scores.chips[predictor.threshold])
    figures = {"val": scores.figures_at(predictor.threshold), before_scaling("val"): scores.figures_at(0.5)}
    predictor.apply_scaling(scores.reliability.scaling())
    best = BestEpoch(
        monitor=config.monitor,
        score=monitored if ranked_by(config.monitor) == config.monitor else figures["val"]["dice"],
        epoch=content["epoch"],
        threshold=predictor.threshold,
        min_area=min_areas.best(),
        scaling=predictor.scaling,
    )
    epochs = read_checkpoint(run.last)["epoch"] + 1
    true_pixels = count_by_darkness(data.chips, indices)
    floors = floors_of(seep_against_sea(true_pixels))
    return TrainingOutcome(best, epochs, figures, device_in_words(trainer), {"val": floors}, {"val": scene_counts})


def count_by_scene(scenes: Sequence[str], indices: Sequence[int], counts: Sequence[Counts]) -> dict[str, list[int]]:
    """Add up pixel counts of chips by scene.

    Args:
        scenes: The scene of each chip of the data set.
        indices: Positions of the chips that were counted.
        counts: The counts (3,) of each of them.
    """
    sums: dict[str, Counts] = {}
    for index, chip_counts in zip(indices, counts, strict=True):
        sums[scenes[index]] = sums.get(scenes[index], 0) + chip_counts
    return {scene: sums[scene].tolist() for scene in sorted(sums)}


def device_in_words(trainer: "pl.Trainer") -> str:
    """Device, number of processes where there are several, and precision, such as `cpu, 2 threads, 32-true`."""
    import torch

    device = trainer.strategy.root_device
    threads = torch.get_num_threads()
    name = f"cpu, {threads} {'thread' if threads == 1 else 'threads'}"
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    processes = f" x {trainer.world_size} processes" if trainer.world_size > 1 else ""
    return f"{name}{processes}, {trainer.precision}"
