"""What a person looks at in TensorBoard beside the curves: chips, precision and recall, confusion, the HPARAMS tab."""

from typing import Any, Protocol, cast, runtime_checkable

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from seep_lightning.data.chips import Chips
from seep_lightning.data.datamodule import Batch
from seep_lightning.data.images import valid_pixels
from seep_lightning.metrics.histogram import BINS, positives_above
from seep_lightning.metrics.pixels import chip_dice
from seep_lightning.reporting.pictures import panel
from seep_lightning.runs.directory import Run


@runtime_checkable
class StageWriters(Protocol):
    """A logger that has a TensorBoard writer for each stage, as `training.loggers.TensorBoard` has."""

    def stage(self, name: str) -> SummaryWriter:
        """The writer of `train` or `val`."""


class Panels(Callback):
    """Every `every` epochs, and after the last: the same validation chips each time, and the currently worst one.

    The fixed chips span the sizes of seep. It draws what validation predicted, so it costs no forward pass. Only the
    first rank draws, from its own share of the chips.
    """

    def __init__(self, every: int = 5, chips: int = 6) -> None:
        self.every, self.chips = every, chips
        self._fixed: list[int] = []
        self._seen: dict[str, tuple[float, int, Tensor]] = {}  # Dice, chip, probability (H, W), by name or "worst"
        self._writer: SummaryWriter | None = None  # in epochs that are drawn

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Choose the chips, once, and forget the last epoch."""
        self._seen, self._writer = {}, None
        epoch, boards = trainer.current_epoch + 1, [each for each in trainer.loggers if isinstance(each, StageWriters)]
        due = (epoch % self.every == 0 or epoch == trainer.max_epochs) and not trainer.sanity_checking
        if boards and due and trainer.is_global_zero:
            self._writer, data = boards[0].stage("val"), cast(Any, trainer).datamodule
            self._fixed = self._fixed or spanning(data.chips, data.indices("val")[:: trainer.world_size], self.chips)

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Batch, *_: Any
    ) -> None:
        """Keep the probabilities of the chips that will be drawn."""
        if not self._writer:
            return
        probability = outputs["probability"]
        scores = chip_dice((probability > 0.5) & batch.valid, (batch.target > 0) & batch.valid).tolist()
        names = cast(Any, trainer).datamodule.chips.names
        for dice, chip, p in zip(scores, batch.chip.tolist(), probability[:, 0], strict=True):
            if chip in self._fixed:
                self._seen[names[chip]] = dice, chip, p.cpu()
            if "worst" not in self._seen or dice < self._seen["worst"][0]:
                self._seen["worst"] = dice, chip, p.cpu()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draw them, and the curve and the confusion of this epoch's validation."""
        if not self._writer:
            return
        writer, epoch, chips = self._writer, trainer.current_epoch, cast(Any, trainer).datamodule.chips
        for name, seen in self._seen.items():
            writer.add_image(f"pictures/{name}", draw(chips, *seen), epoch, dataformats="HWC")
        counts = torch.as_tensor(pl_module.counts)
        write_curve(writer, counts, epoch)
        matrix = pl_module.confusion if pl_module.classes else counts.view(2, 2, -1).sum(2)
        writer.add_text("confusion", confusion_table(np.asarray(matrix)), epoch)


def spanning(chips: Chips, indices: list[int], count: int) -> list[int]:
    """Chips at evenly spaced ranks of seep size, from the smallest to the largest; the same ones every time."""
    sizes = {i: int((chips.read(i)[1] > 0).sum()) for i in indices}
    ranked = sorted(indices, key=lambda i: (sizes[i], chips.names[i]))
    return [ranked[k] for k in np.unique(np.linspace(0, len(ranked) - 1, count).astype(int))] if ranked else []


def draw(chips: Chips, dice: float, chip: int, probability: Tensor) -> Any:
    """The panel of one chip at threshold 0.5, with scene, tile and Dice in its title."""
    image, mask = chips.read(chip)
    valid = valid_pixels(image, chips.config.nodata)
    title = f"scene {chips.scenes[chip]}, tile {chips.tiles[chip]}, Dice {dice:.2f}"
    return panel(image[0], (mask > 0) & valid, np.where(valid, probability.numpy(), 0), valid, 0.5, title)


def write_curve(writer: SummaryWriter, counts: Tensor, epoch: int) -> None:
    """Precision and recall at the thresholds k / BINS, from a histogram (2, BINS)."""
    (sea, seep), (fp, tp) = counts.sum(1).tolist(), (row.numpy() for row in positives_above(counts))
    curve = tp, fp, sea - fp, seep - tp, tp / np.maximum(tp + fp, 1), tp / max(seep, 1)
    writer.add_pr_curve_raw("precision_recall", *curve, global_step=epoch, num_thresholds=BINS)


def confusion_table(matrix: NDArray[np.int64]) -> str:
    """Pixels of sea and seep, or of sea and each class, against what was predicted at 0.5, as a table in Markdown."""
    names = ["sea", "seep"] if len(matrix) == 2 else ["sea", *map("class {}".format, range(1, len(matrix)))]
    rows = [["pixels", *(f"predicted {name}" for name in names)], ["---", *["---:"] * len(names)]]
    rows += [[name, *(f"{pixels:,}" for pixels in row)] for name, row in zip(names, matrix.tolist(), strict=True)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def write_hparams(run: Run, settings: dict[str, Any], best: dict[str, float], epoch: int) -> None:
    """One row of the HPARAMS tab, in `<run>/best`: settings and best figures, which are points on the charts."""
    # without torch's first summary, this run's columns, TensorBoard makes those of all rows, what differs in front
    _, *session = hparams({k: readable(v) for k, v in settings.items()}, {})  # type: ignore[no-untyped-call]
    with SummaryWriter(str(run.dir / "best")) as writer:
        for summary in session:
            writer.file_writer.add_summary(summary)
        for name, value in best.items():
            writer.add_scalar(f"figures/{name}", value, epoch)


def readable(value: Any) -> float | str:
    """A setting as a cell of a table: numbers stay numbers, a `_target_` node becomes `Name(key=value)`."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, list):
        return " ".join(str(readable(item)) for item in value)
    if isinstance(value, dict) and "_target_" in value:
        given = ", ".join(f"{k}={v}" for k, v in value.items() if k != "_target_")
        return f"{value['_target_'].rpartition('.')[2]}({given})"
    return str(value)
