"""Learning-rate schedules over a whole training; step-wise, and a function of the step only."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from seep_lightning.errors import UserError


class WarmupCosine(LambdaLR):
    """Cosine up over the first `warmup` share of the steps, then cosine down to `final` of the peak.

    warmup=0.3 is the one-cycle policy (Smith & Topin 2018, arXiv:1708.07120) without its momentum cycle; warmup=0 plain
    cosine annealing (Loshchilov & Hutter 2017, arXiv:1608.03983). The peak is the optimiser's own learning rate. It
    keeps no count of its own beyond the step, so that a run resumed with more epochs goes on along the longer curve.
    """

    def __init__(
        self, optimizer: Optimizer, total_steps: int, warmup: float = 0.3, start: float = 0.04, final: float = 1e-3
    ) -> None:
        if not 0 <= warmup < 1:
            raise UserError(f"scheduler.warmup={warmup}: expected a share of the training, 0 <= warmup < 1.")
        rise = warmup * total_steps

        def factor(step: int) -> float:
            a, b, share = start, 1.0, step / max(rise, 1e-9)
            if step >= rise:
                a, b, share = 1.0, final, min((step - rise) / max(total_steps - rise, 1), 1.0)
            return b + (a - b) * (1 + math.cos(math.pi * share)) / 2

        super().__init__(optimizer, factor)
