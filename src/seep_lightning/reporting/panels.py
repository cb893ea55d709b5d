"""What a person looks at in TensorBoard beside the curves: chips, precision and recall, confusion, the HPARAMS tab."""

from dataclasses import dataclass
from typing import Any, Protocol, cast, runtime_checkable

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from numpy.typing import NDArray
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from seep_lightning.data.batches import Batch
from seep_lightning.data.chips import Chips
from seep_lightning.metrics.figures import DICE
from seep_lightning.metrics.histogram import BINS, positives_above
from seep_lightning.metrics.pixels import count_by_chip
from seep_lightning.reporting.pictures import Rgb, batch_panel, panel
from seep_lightning.runs.directory import Run

# during training a pixel is seep where its probability, which is not calibrated yet, is above it
THRESHOLD = 0.5
WORST = "worst"
# after so many pictures the next ones are twice as far apart; TensorBoard shows ten of a chip
MOST_DRAWN = 10
# batches of augmented training chips that are drawn in the first epoch, and chips of each
DRAWN_BATCHES = 2
DRAWN_CHIPS = 4


@runtime_checkable
class StageWriters(Protocol):
    """A logger that has a TensorBoard writer for each stage, as `training.loggers.TensorBoard` has."""

    def stage(self, name: str) -> SummaryWriter:
        """The writer of `train` or `val`."""


@dataclass(frozen=True)
class ValidatedChip:
    """A chip that will be drawn.

    Attributes:
        index: Its position in the data set.
        dice: Its Dice at `THRESHOLD`, before scaling.
        probability: Of seep, (H, W).
    """

    index: int
    dice: float
    probability: Tensor


class Panels(Callback):
    """Draws the same validation chips every few epochs and after the last, and the worst one of that epoch.

    In a long training the pictures come ever more rarely, see `interval`. Of training it draws the first batches, once.

    The fixed chips span the sizes of seep. It draws what validation predicted, so it costs no forward pass. Only the
    first rank draws, from its own share of the chips.

    Args:
        every: Epochs between the first pictures.
        chips: How many fixed chips.
    """

    def __init__(self, every: int = 5, chips: int = 6) -> None:
        self.every = every
        self.chips = chips
        self._fixed: list[int] = []
        # by name, or `WORST`
        self._drawn: dict[str, ValidatedChip] = {}
        # in epochs that are drawn
        self._writer: SummaryWriter | None = None

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Draw the first batches of the first epoch as the network sees them: augmented and normalised."""
        if trainer.current_epoch > 0 or batch_idx >= DRAWN_BATCHES or not trainer.is_global_zero:
            return
        boards = [logger for logger in trainer.loggers if isinstance(logger, StageWriters)]
        if boards:
            picture = draw_batch(batch, batch_idx + 1)
            boards[0].stage("train").add_image(f"pictures/augmented_{batch_idx + 1}", picture, 1, dataformats="HWC")

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Choose the chips, once, and forget the last epoch."""
        self._drawn = {}
        self._writer = None
        boards = [logger for logger in trainer.loggers if isinstance(logger, StageWriters)]
        if not boards or not trainer.is_global_zero or not self._is_due(trainer):
            return
        self._writer = boards[0].stage("val")
        if not self._fixed:
            data = cast(Any, trainer).datamodule
            own_share = data.indices("val")[:: trainer.world_size]
            self._fixed = spanning(data.chips, own_share, self.chips)

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Batch, *_: Any
    ) -> None:
        """Keep the probabilities of the chips that will be drawn."""
        if self._writer is None:
            return
        probability = outputs["probability"]
        predicted = (probability > THRESHOLD) & batch.valid
        truth = (batch.target > 0) & batch.valid
        scores = DICE.function(count_by_chip(predicted, truth)).tolist()
        names = cast(Any, trainer).datamodule.chips.names
        for k, index in enumerate(batch.chip.tolist()):
            is_fixed = index in self._fixed
            is_worst = WORST not in self._drawn or scores[k] < self._drawn[WORST].dice
            if not is_fixed and not is_worst:
                continue
            chip = ValidatedChip(index, scores[k], probability[k, 0].cpu())
            if is_fixed:
                self._drawn[names[index]] = chip
            if is_worst:
                self._drawn[WORST] = chip

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draw them, and the curve and the confusion of this epoch's validation."""
        if self._writer is None:
            return
        epoch = trainer.current_epoch + 1
        chips = cast(Any, trainer).datamodule.chips
        for name, chip in self._drawn.items():
            self._writer.add_image(f"pictures/{name}", draw(chips, chip), epoch, dataformats="HWC")
        counts = torch.as_tensor(pl_module.counts)
        write_curve(self._writer, counts, epoch)
        matrix = pl_module.confusion if pl_module.classes else counts.view(2, 2, -1).sum(2)
        self._writer.add_text("confusion", confusion_table(np.asarray(matrix)), epoch)

    def _is_due(self, trainer: pl.Trainer) -> bool:
        """Whether this epoch is drawn."""
        if trainer.sanity_checking:
            return False
        epoch = trainer.current_epoch + 1
        return epoch % interval(self.every, epoch) == 0 or epoch == trainer.max_epochs


def interval(every: int, epoch: int) -> int:
    """Epochs from one picture to the next, in a training that has come as far as an epoch.

    It doubles after every `MOST_DRAWN` pictures, which are the most that a long training writes.

    Args:
        every: Epochs between the first ones.
        epoch: Counted from 1.
    """
    step = every
    while epoch > MOST_DRAWN * step:
        step *= 2
    return step


def spanning(chips: Chips, indices: list[int], count: int) -> list[int]:
    """Choose chips at evenly spaced ranks of seep size, from the smallest to the largest; the same ones every time.

    Args:
        chips: The data set.
        indices: Positions to choose from.
        count: How many at most.

    Returns:
        Positions of the chosen ones.
    """
    if not indices:
        return []
    sizes = {i: int((chips.read(i).mask > 0).sum()) for i in indices}
    by_size = sorted(indices, key=lambda i: (sizes[i], chips.names[i]))
    ranks = np.unique(np.linspace(0, len(by_size) - 1, count).astype(int))
    return [by_size[rank] for rank in ranks]


def draw(chips: Chips, chip: ValidatedChip) -> Rgb:
    """Draw the panel of a chip, with scene, tile and Dice in its title."""
    pixels = chips.read(chip.index)
    title = f"scene {chips.scenes[chip.index]}, tile {chips.tiles[chip.index]}, Dice before scaling {chip.dice:.2f}"
    return panel(pixels, chip.probability.numpy(), THRESHOLD, title)


def draw_batch(batch: Batch, number: int) -> Rgb:
    """Draw the first chips of a training batch.

    Args:
        batch: As the network gets it.
        number: Counted from 1.
    """
    shown = slice(DRAWN_CHIPS)
    image, target, valid = (tensor[shown, 0].cpu() for tensor in (batch.image, batch.target, batch.valid))
    title = f"training batch {number}, augmented"
    return batch_panel(image.float().numpy(), target.numpy(), valid.numpy(), title)


def write_curve(writer: SummaryWriter, counts: Tensor, epoch: int) -> None:
    """Write precision and recall at the thresholds k / BINS.

    Args:
        writer: Of the validation stage.
        counts: A histogram of probabilities, (2, BINS).
        epoch: The point on the slider.
    """
    sea, seep = counts.sum(1).tolist()
    false_positive, true_positive = positives_above(counts.numpy())
    writer.add_pr_curve_raw(
        "precision_recall",
        true_positive_counts=true_positive,
        false_positive_counts=false_positive,
        true_negative_counts=sea - false_positive,
        false_negative_counts=seep - true_positive,
        precision=true_positive / np.maximum(true_positive + false_positive, 1),
        recall=true_positive / max(seep, 1),
        global_step=epoch,
        num_thresholds=BINS,
    )


def confusion_table(matrix: NDArray[np.int64]) -> str:
    """Write pixels of sea and seep, or of sea and each class, against what was predicted, as a table in Markdown.

    Args:
        matrix: True (row) and predicted (column) pixels, (2, 2) or (N + 1, N + 1).
    """
    names = ["sea", "seep"]
    if len(matrix) > 2:
        names = ["sea"] + [f"class {number}" for number in range(1, len(matrix))]
    head = ["pixels"] + [f"predicted {name}" for name in names]
    rule = ["---"] + ["---:"] * len(names)
    rows = [head, rule]
    for name, row in zip(names, matrix.tolist(), strict=True):
        rows.append([name] + [f"{pixels:,}" for pixels in row])
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines)


def write_hparams(run: Run, settings: dict[str, Any], best: dict[str, float], epoch: int) -> None:
    """Write one row of the HPARAMS tab, in `<run>/best`: settings, and best figures, which are points on the charts.

    Args:
        run: The run.
        settings: Its settings.
        best: Figures of its best checkpoint.
        epoch: The epoch of that checkpoint, counted from 1.
    """
    shown = {name: readable(value) for name, value in settings.items()}
    # without a summary of the experiment's columns TensorBoard makes those of all rows, what differs in front
    session = hparams_pb(shown, trial_id=trial_id(run))
    with SummaryWriter(str(run.dir / "best")) as writer:
        writer.file_writer.add_summary(session)
        for name, value in best.items():
            writer.add_scalar(f"figures/{name}", value, epoch)


def trial_id(run: Run) -> str:
    """What a run is called in the HPARAMS tab, which shows some 14 letters: first what tells it from its neighbours.

    A job of a sweep is told by its folder, another run by its time of day. The whole path follows, so that no two runs
    have one name, which would be one row.

    Args:
        run: The run.
    """
    name = run.dir.name
    date, _, time = name.partition("_")
    is_time = len(date) == len("2026-11-30") and time[:2].isdecimal() and date.replace("-", "").isdecimal()
    return f"{time} {date} {run.dir}" if is_time else f"{name} {run.dir}"


def readable(value: Any) -> float | str:
    """A setting as a cell of a table: numbers stay numbers, a `_target_` node becomes `Name(key=value)`."""
    match value:
        case bool():
            return str(value)
        case int() | float():
            return value
        case list():
            return " ".join(str(readable(item)) for item in value)
        case {"_target_": target, **arguments}:
            listed = ", ".join(f"{name}={argument}" for name, argument in arguments.items())
            return f"{target.rpartition('.')[2]}({listed})"
        case _:
            return str(value)
