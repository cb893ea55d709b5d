"""The LightningModule: net + loss + metrics, one step for every stage."""

from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from torchmetrics.classification import MulticlassConfusionMatrix

from seep_lightning.config.targets import build
from seep_lightning.data.datamodule import Batch
from seep_lightning.errors import UserError
from seep_lightning.metrics.classes import class_figures
from seep_lightning.metrics.histogram import ProbabilityHistogram, best_threshold
from seep_lightning.metrics.pixels import batch_figures, mean_metrics, pixel_metrics
from seep_lightning.nets.building import build_net
from seep_lightning.nets.forward import forward_padded, stride_of
from seep_lightning.nets.outputs import seep_logits
from seep_lightning.runs.checkpoints import CHECKPOINT_FORMAT, CHECKPOINT_KEY
from seep_lightning.training.cuda_graphs import Score

IGNORE = -1  # target of nodata
SUPERVISION_DECAY = 0.5  # weight of each coarser head under deep supervision


class SeepModule(pl.LightningModule):
    """A network that gives the probability of seep for each pixel, and with the task `classes` of each class.

    All arguments are nodes of primitives (what `OmegaConf.to_container` gives), so that a checkpoint loads with
    `weights_only=True`. facts: what the data module knows of its data (`SeepDataModule.facts`), and the task.
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
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.configure_net()
        self.configure_metrics()
        self.threshold = 0.5
        self.validated = False  # in this epoch
        self.replay: Score | None = None  # training's `score`, where `CudaGraphs` recorded it

    def configure_net(self) -> None:
        """The network of the `model` node, and the loss of the `loss` node: (logits, target, valid) to a scalar."""
        facts = self.hparams["facts"] or {}
        self.classes: int = facts["classes"] if facts.get("task") == "classes" else 0  # told apart
        self.net = build_net(self.hparams["model"], facts.get("bands", 1), self.classes, self.hparams["channels_last"])
        self.stride = stride_of(self.net)
        node = self.hparams["loss"]
        self.loss: Any = build("loss", node, nn.Module) if node else None  # for prediction

    def configure_metrics(self) -> None:
        """Figures of each stage; training's are taken from the augmented chips, as they go by."""
        self.pixels: Any = nn.ModuleDict({f"{stage}_": pixel_metrics() for stage in ("train", "val")})
        self.means: Any = mean_metrics()
        self.histogram = ProbabilityHistogram()
        if self.classes:
            self.matrix = MulticlassConfusionMatrix(self.classes + 1, ignore_index=IGNORE, validate_args=False)

    def forward(self, image: Tensor) -> Any:
        """Logits of network input (B, C, H, W) of any size: padded by reflection to the net's stride."""
        return forward_padded(self.net, image, self.stride)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """One step on augmented chips."""
        return self._step(batch, "train")[0]

    def validation_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """One batch of validation chips; their probabilities (B, 1, H, W) go to the callbacks that draw them."""
        return {"probability": self._step(batch, "val")[1]}

    def score(self, image: Tensor, target: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Loss, and logits without gradient, of a batch as `Batch` describes it."""
        heads = self(image)
        heads = heads if isinstance(heads, tuple) else (heads,)
        target = target if self.classes else (target > 0).float()
        weights = [SUPERVISION_DECAY**k for k in range(len(heads))]
        terms = [w * self.loss(head, target, valid) for w, head in zip(weights, heads, strict=True)]
        return torch.stack(terms).sum() / sum(weights), heads[0].detach().float()

    def _step(self, batch: Batch, stage: str) -> tuple[Tensor, Tensor]:
        # replayed gradients lie where the last ones did, and cannot be added to them
        replay = self.replay if stage == "train" and self.trainer.accumulate_grad_batches == 1 else None
        loss, logits = (replay or self.score)(batch.image, batch.target, batch.valid)
        self._last_loss = loss.detach()
        if loss.device.type == "cpu":  # a GPU would have to be waited for
            self._check_finite(loss)
        probability = seep_logits(logits).sigmoid()
        self.pixels[f"{stage}_"].update(probability, batch.target, batch.valid)
        if stage == "val":
            self.histogram.update(probability, batch.target, batch.valid)
            if self.classes:
                found = torch.where(probability > 0.5, 1 + logits[:, 1:].argmax(1, keepdim=True), 0)
                self.matrix.update(found, torch.where(batch.valid, batch.target.long(), IGNORE))
            for name, values in batch_figures(probability, batch.target, batch.valid).items():
                self.means[name].update(values)
        epoch: dict[str, Any] = {"on_step": False, "on_epoch": True, "batch_size": len(batch.image)}
        self.log(f"loss/{stage}", loss.detach(), prog_bar=True, sync_dist=True, **epoch)
        return loss, probability

    def _check_finite(self, loss: Tensor) -> None:
        """A weight that is not a number stays so; stop before it reaches a checkpoint."""
        if not torch.isfinite(loss):
            raise UserError(
                f"the loss is {loss.item()} in epoch {self.current_epoch}. The last whole epoch is kept. "
                "Lower optimizer.lr, set trainer.gradient_clip_val, or use trainer.precision=32-true."
            )

    def on_train_epoch_start(self) -> None:
        """Lightning does not save the state of random numbers: make dropout a function of (seed, epoch, rank)."""
        self.validated = False
        torch.manual_seed(self.hparams["seed"] + 1_000_003 * (self.current_epoch + 1) + self.global_rank)

    def on_validation_epoch_end(self) -> None:
        """Choose the threshold on this epoch's validation; it travels with this epoch's checkpoint."""
        self._check_finite(self._last_loss)
        self.counts = self.histogram.compute().cpu()  # a float64 cumsum is refused by a deterministic GPU
        self.validated = True
        self.threshold = best_threshold(self.counts)
        self.histogram.reset()
        self.log_dict({f"{name}/val": metric for name, metric in (*self.pixels["val_"].items(), *self.means.items())})
        if not self.trainer.sanity_checking:
            self.log("threshold/val", self.threshold, sync_dist=False)
        if self.classes:
            self.confusion = self.matrix.compute().cpu().numpy()
            self.matrix.reset()
            scored = class_figures(self.confusion)
            self.log("macro_dice/val", scored["macro_dice"])
            self.log_dict({f"dice_class_{k}/val": row["dice"] for k, row in scored["by_class"].items()})

    def on_train_epoch_end(self) -> None:
        """Log training's figures, here since at each step `log` would take longer than to update them. And step a
        plateau schedule, before the checkpoint is written: Lightning would do it after, and lose it."""
        self._check_finite(self._last_loss)
        self.log_dict({f"{name}/train": metric for name, metric in self.pixels["train_"].items()})
        schedule = self.lr_schedulers()
        if isinstance(schedule, ReduceLROnPlateau) and self.validated:
            monitor = self.hparams["scheduler"].get("monitor", "loss/val")
            if monitor not in self.trainer.callback_metrics:
                known = ", ".join(sorted(self.trainer.callback_metrics))
                raise UserError(f"scheduler.monitor={monitor} is not measured. Known: {known}.")
            schedule.step(self.trainer.callback_metrics[monitor])

    def lr_scheduler_step(self, scheduler: Any, metric: Any | None) -> None:
        """Step-wise schedules only; see `on_train_epoch_end`."""
        if not isinstance(scheduler, ReduceLROnPlateau):
            scheduler.step()

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The `optimizer` node over all parameters, and the `scheduler` node where there is one."""
        optimizer = build("optimizer", self.hparams["optimizer"], Optimizer, self.net.parameters())
        node = dict(self.hparams["scheduler"] or {})
        node.pop("monitor", None)
        if not node:
            return optimizer
        more: dict[str, int] = {}
        settings: Any = {"monitor": "loss/train"}  # Lightning wants one in every epoch; see `on_train_epoch_end`
        if str(node.get("_target_")).startswith("seep_lightning."):
            steps = self.trainer.estimated_stepping_batches
            if steps == float("inf"):
                raise UserError("scheduler needs to know the training's length: set trainer.max_epochs or max_steps.")
            more, settings = {"total_steps": int(steps)}, {"interval": "step"}
        settings["scheduler"] = build("scheduler", node, LRScheduler, optimizer, **more)
        return {"optimizer": optimizer, "lr_scheduler": settings}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """What prediction needs beside the weights."""
        checkpoint[CHECKPOINT_KEY] = {"format": CHECKPOINT_FORMAT, "threshold": self.threshold}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """The inverse of `on_save_checkpoint`."""
        self.threshold = checkpoint[CHECKPOINT_KEY]["threshold"]
