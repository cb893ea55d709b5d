"""The LightningModule: net + loss + metrics, one step for every stage."""

from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torchmetrics.classification import MulticlassConfusionMatrix

from seep_lightning.data.batches import Batch
from seep_lightning.errors import UserError
from seep_lightning.metrics.configured import ConfiguredMetrics
from seep_lightning.metrics.figures import DICE_OF_CLASS, ClassFigure, before_scaling, declared
from seep_lightning.metrics.histogram import best_threshold, counts_above
from seep_lightning.metrics.pixels import MeanFigures, ProbabilityHistogram, pixel_metrics
from seep_lightning.metrics.requested_figures import request_figures
from seep_lightning.metrics.summaries import class_figures, class_summary, pixel_figures
from seep_lightning.nets.building import build_net
from seep_lightning.nets.forward import forward_padded, stride_of
from seep_lightning.nets.outputs import Heads, seep_logits
from seep_lightning.runs.checkpoints import CHECKPOINT_FORMAT, CHECKPOINT_KEY
from seep_lightning.training.callback_states import name_states_as_now
from seep_lightning.training.cuda_graphs import Score
from seep_lightning.training.foreign_losses import build_loss
from seep_lightning.training.freezing import Thawing, freeze_parts, frozen_parts
from seep_lightning.training.length import limits_of, training_length
from seep_lightning.training.loss_sums import TermMeans, WeightedSum
from seep_lightning.training.monitors import DEFAULT_PLATEAU_MONITOR
from seep_lightning.training.optimisation import build_optimizer, build_schedule

IGNORE = -1
"""Target of nodata in the confusion matrix."""

SUPERVISION_DECAY = 0.5
"""Weight of each coarser head under deep supervision, relative to the one before it."""

EPOCH_SEED_STEP = 1_000_003
"""A prime, so that the seeds of neighbouring runs' epochs do not meet."""

STAGES = ("train", "val")


class SeepModule(pl.LightningModule):
    """A network that gives the probability of seep for each pixel, and with the task `classes` of each class.

    Attributes:
        net: The network.
        stride: Sides of the network's input must be multiples of it, in pixels.
        classes: Number of classes that are told apart; 0 for seep or sea.
        loss: (logits, target, valid) to a scalar; None where the module only predicts.
        threshold: The probability above which a pixel is seep, chosen on validation.
        validated: Whether this epoch was validated.
        replay: Training's `score`, where `CudaGraphs` recorded it.
        counts: Histogram of the last validation's probabilities.
        confusion: Matrix of pixels of the last validation, with classes.
    """

    def __init__(
        self,
        model: dict[str, Any],
        loss: dict[str, Any] | None = None,
        optimizer: dict[str, Any] | None = None,
        scheduler: dict[str, Any] | None = None,
        facts: dict[str, Any] | None = None,
        seed: int = 0,
        channels_last: bool | None = None,
        resumes: bool = False,
        figures: list[str] | None = None,
        metrics: dict[str, Any] | None = None,
    ) -> None:
        """Build network, loss and metrics.

        The nodes hold primitives only (what `OmegaConf.to_container` gives), so that a checkpoint loads with
        `weights_only=True`.

        Args:
            model: The node of the network.
            loss: The node of the loss; None for prediction.
            optimizer: The node of the optimiser; None for prediction.
            scheduler: The node of the learning-rate schedule; None or empty for a constant rate.
            facts: What the data module knows of its data (`SeepDataModule.facts`), and the task.
            seed: Of dropout and the like.
            channels_last: Memory layout of the weights; None: what is faster here.
            resumes: Whether a checkpoint's weights will be loaded, so that the network's constructor reads none.
            figures: Names of figures beside those of every run (`metrics.requested_figures`).
            metrics: Nodes of more metrics on validation, by name.
        """
        super().__init__()
        self.save_hyperparameters(ignore=["resumes"])
        self.configure_net(resumes)
        self.configure_metrics()
        self.threshold = 0.5
        self.validated = False
        self.replay: Score | None = None

    def configure_net(self, resumes: bool = False) -> None:
        """Build the network of the `model` node, and the loss of the `loss` node."""
        facts = self.hparams["facts"] or {}
        task = facts.get("task", "binary")
        self.classes: int = facts["classes"] if task == "classes" else 0
        model, bands = self.hparams["model"], facts.get("bands", 1)
        self.net = build_net(model, bands, self.classes, self.hparams["channels_last"], trained=resumes)
        self.stride = stride_of(self.net)
        node = self.hparams["loss"]
        self.loss: Any = build_loss(node, task) if node else None
        if node:
            freeze_parts(self.net, frozen_parts(model))

    def configure_metrics(self) -> None:
        """Figures of each stage; training's are taken from the augmented chips, as they go by."""
        self.means = MeanFigures(request_figures(self.hparams["figures"] or []))
        self.pixels: Any = nn.ModuleDict({f"{stage}_": pixel_metrics() for stage in STAGES})
        self.configured = ConfiguredMetrics(self.hparams["metrics"] or {})
        self.histogram = ProbabilityHistogram()
        if self.classes:
            self.matrix = MulticlassConfusionMatrix(self.classes + 1, ignore_index=IGNORE, validate_args=False)
        self.term_means: Any = None
        if isinstance(self.loss, WeightedSum):
            self.term_means = nn.ModuleDict({f"{stage}_": TermMeans(self.loss.names) for stage in STAGES})

    def figure_names(self) -> list[str]:
        """The names under which a training logs its figures, such as `dice/val`; each of them may be a monitor."""
        pooled = [*self.pixels["val_"]]
        training = ["loss", *map(before_scaling, pooled)]
        unscaled = ["threshold", *pooled, *self.means.metrics()]
        if self.classes:
            unscaled += [figure.key for figure in declared(ClassFigure)]
            unscaled += [f"{DICE_OF_CLASS}{number}" for number in range(1, self.classes + 1)]
        validation = ["loss", *pooled, *map(before_scaling, unscaled), *self.configured.metrics()]
        if self.term_means is not None:
            terms = [f"loss_{name}" for name in self.loss.names]
            training += terms
            validation += terms
        return [*(f"{name}/train" for name in training), *(f"{name}/val" for name in validation)]

    def configure_callbacks(self) -> list[Callback]:
        """What thaws frozen parts of the network, where there are any."""
        frozen = frozen_parts(self.hparams["model"])
        thawing = {part: epoch for part, epoch in frozen.items() if epoch is not None}
        return [Thawing(thawing)] if thawing else []

    def forward(self, image: Tensor) -> Heads:
        """Logits of network input of any size.

        Args:
            image: (B, C, H, W), float; padded by reflection to the net's stride.

        Returns:
            Logits (B, K, H, W), or a tuple of them where the network has several heads.
        """
        return forward_padded(self.net, image, self.stride)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """One step on augmented chips."""
        loss, _ = self._step(batch, "train")
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """One batch of validation chips; their probabilities (B, 1, H, W) go to the callbacks that draw them."""
        _, probability = self._step(batch, "val")
        return {"probability": probability}

    def score(self, image: Tensor, target: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Loss of a batch, and its logits without gradient.

        Args:
            image: (B, C, H, W), float.
            target: (B, 1, H, W), the class.
            valid: (B, 1, H, W), bool; False where there is no data.

        Returns:
            The loss, a scalar, and the main head's logits (B, K, H, W), float32.
        """
        output = self(image)
        heads = output if isinstance(output, tuple) else (output,)
        truth = target if self.classes else (target > 0).float()
        loss = self._loss_of_heads(heads, truth, valid)
        return loss, heads[0].detach().float()

    def _loss_of_heads(self, heads: tuple[Tensor, ...], target: Tensor, valid: Tensor) -> Tensor:
        """The loss of all heads, of which each counts `SUPERVISION_DECAY` as much as the one before it."""
        shares = [SUPERVISION_DECAY**k for k in range(len(heads))]
        pairs = list(zip(shares, heads, strict=True))
        if self.term_means is None:
            losses = [share * self.loss(head, target, valid) for share, head in pairs]
            return torch.stack(losses).sum() / sum(shares)
        of_heads = [share * self.loss.terms(head, target, valid) for share, head in pairs]
        terms = torch.stack(of_heads).sum(0) / sum(shares)
        self.term_means[self._stage_key()].update(terms.detach(), len(target))
        total: Tensor = self.loss.total(terms)
        return total

    def _stage_key(self) -> str:
        """The key of this stage's metrics."""
        return "train_" if self.training else "val_"

    def _step(self, batch: Batch, stage: str) -> tuple[Tensor, Tensor]:
        """Loss and probability of seep of a batch, with its figures counted."""
        loss, logits = self._score_of(stage)(batch.image, batch.target, batch.valid)
        self._last_loss = loss.detach()
        # a GPU would have to be waited for
        if loss.device.type == "cpu":
            self._check_finite(loss)
        probability = seep_logits(logits).sigmoid()
        self.pixels[f"{stage}_"].update(probability, batch.target, batch.valid)
        if stage == "val":
            self._count_validation(batch, logits, probability)
        size = len(batch.image)
        self.log(
            f"loss/{stage}",
            loss.detach(),
            on_step=False,
            on_epoch=True,
            prog_bar=True,
            sync_dist=True,
            batch_size=size,
        )
        return loss, probability

    def _score_of(self, stage: str) -> Score:
        """`score`, or its recording, whose gradients lie where the last ones did and cannot be added to them."""
        if self.replay is not None and stage == "train" and self.trainer.accumulate_grad_batches == 1:
            return self.replay
        return self.score

    def _count_validation(self, batch: Batch, logits: Tensor, probability: Tensor) -> None:
        """Add a batch to the figures of validation."""
        self.histogram.update(probability, batch.target, batch.valid)
        if self.classes:
            likeliest = 1 + logits[:, 1:].argmax(1, keepdim=True)
            predicted = torch.where(probability > 0.5, likeliest, 0)
            truth = torch.where(batch.valid, batch.target.long(), IGNORE)
            self.matrix.update(predicted, truth)
        self.means.update(probability, batch.target, batch.valid)
        self.configured.update(probability, batch.target, batch.valid)

    def _check_finite(self, loss: Tensor) -> None:
        """A weight that is not a number stays so; stop before it reaches a checkpoint."""
        if not torch.isfinite(loss):
            raise UserError(
                f"the loss is {loss.item()} in epoch {self.current_epoch + 1}. The last whole epoch is kept. "
                "Lower optimizer.lr, set trainer.gradient_clip_val, or use trainer.precision=32-true."
            )

    def on_train_epoch_start(self) -> None:
        """Lightning does not save the state of random numbers: make dropout a function of (seed, epoch, rank)."""
        self.validated = False
        torch.manual_seed(self.hparams["seed"] + EPOCH_SEED_STEP * (self.current_epoch + 1) + self.global_rank)
        if self.term_means is not None:
            self.term_means["train_"].reset()

    def on_validation_epoch_start(self) -> None:
        """Forget the terms of the loss that an earlier validation counted."""
        if self.term_means is not None:
            self.term_means["val_"].reset()

    def on_validation_epoch_end(self) -> None:
        """Choose the threshold on this epoch's validation; it travels with this epoch's checkpoint."""
        self._check_finite(self._last_loss)
        # a deterministic GPU refuses a float64 cumsum
        self.counts = self.histogram.compute().cpu()
        self.validated = True
        self.threshold = best_threshold(self.counts.numpy())
        self.histogram.reset()
        unscaled = {**self.pixels["val_"], **self.means.metrics()}
        self.log_dict({f"{before_scaling(name)}/val": metric for name, metric in unscaled.items()})
        self.log_dict({f"{name}/val": metric for name, metric in self.configured.metrics().items()})
        if self.term_means is not None:
            self.log_dict(self.term_means["val_"].named_means("val"))
        if not self.trainer.sanity_checking:
            self._log_at_threshold()
        if self.classes:
            self._log_classes()

    def _log_at_threshold(self) -> None:
        """Log the threshold, and figures at it. Scaling changes no order of pixels: it would not change them."""
        self.log(f"{before_scaling('threshold')}/val", self.threshold, sync_dist=False)
        figures = pixel_figures(counts_above(self.counts.numpy(), self.threshold))
        self.log_dict({f"{name}/val": float(value) for name, value in figures.items()}, sync_dist=False)

    def _log_classes(self) -> None:
        """Log the figures of classes."""
        self.confusion = self.matrix.compute().cpu().numpy()
        self.matrix.reset()
        by_class = class_summary(self.confusion)["by_class"]
        figures = class_figures(self.confusion) | {f"{DICE_OF_CLASS}{k}": row["dice"] for k, row in by_class.items()}
        self.log_dict({f"{before_scaling(name)}/val": value for name, value in figures.items()})

    def on_train_epoch_end(self) -> None:
        """Log training's figures, and step a plateau schedule.

        Figures are logged here, since at each step `log` would take longer than to update them. The schedule is stepped
        before the checkpoint is written: Lightning would do it afterwards, and lose it.
        """
        self._check_finite(self._last_loss)
        self.log_dict({f"{before_scaling(name)}/train": metric for name, metric in self.pixels["train_"].items()})
        if self.term_means is not None:
            self.log_dict(self.term_means["train_"].named_means("train"))
        schedule = self.lr_schedulers()
        if isinstance(schedule, ReduceLROnPlateau) and self.validated:
            self._step_plateau(schedule)

    def _step_plateau(self, schedule: ReduceLROnPlateau) -> None:
        """Show a plateau schedule this epoch's monitor."""
        monitor = self.hparams["scheduler"].get("monitor", DEFAULT_PLATEAU_MONITOR)
        measured = self.trainer.callback_metrics
        if monitor not in measured:
            known = ", ".join(sorted(measured))
            raise UserError(f"scheduler.monitor={monitor} is not measured. Known: {known}.")
        schedule.step(measured[monitor])

    def lr_scheduler_step(self, scheduler: Any, metric: Any | None) -> None:
        """Step all schedules but those of a plateau; see `on_train_epoch_end`."""
        if not isinstance(scheduler, ReduceLROnPlateau):
            scheduler.step()

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The `optimizer` node over all parameters, and the `scheduler` node where there is one."""
        optimizer = build_optimizer(self.net, self.hparams["optimizer"])
        # a schedule wants to know the number of batches, which Lightning counts when it makes the loader
        self.trainer.fit_loop.setup_data()
        length = training_length(limits_of(self.trainer))
        schedule = build_schedule(self.hparams["scheduler"], optimizer, length)
        if schedule is None:
            return optimizer
        # Lightning wants a monitor that is there in every epoch; see `on_train_epoch_end` for the real one
        settings: Any = {"scheduler": schedule.scheduler, "interval": schedule.interval, "monitor": "loss/train"}
        return {"optimizer": optimizer, "lr_scheduler": settings}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """What prediction needs beside the weights."""
        checkpoint[CHECKPOINT_KEY] = {"format": CHECKPOINT_FORMAT, "threshold": self.threshold, "stride": self.stride}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """The inverse of `on_save_checkpoint`; a checkpoint of an older version has older names of monitors."""
        self.threshold = checkpoint[CHECKPOINT_KEY]["threshold"]
        if self._trainer is not None:
            # the Trainer does not declare the attribute
            callbacks = vars(self.trainer)["callbacks"]
            name_states_as_now(checkpoint.get("callbacks", {}), [each.state_key for each in callbacks])
