"""Learning-rate schedules over a whole training; step-wise, and a function of the step only."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from seep_lightning.errors import UserError
from seep_lightning.ranges import SHARE, Span, check_number


class WarmupCosine(LambdaLR):
    """Cosine up over the first steps, then cosine down to the end.

    warmup=0.3 is the one-cycle policy (Smith & Topin 2018, arXiv:1708.07120) without its momentum cycle; warmup=0 plain
    cosine annealing (Loshchilov & Hutter 2017, arXiv:1608.03983). The peak is the optimiser's own learning rate. It
    keeps no count of its own beyond the step, so that a run resumed with more epochs goes on along the longer curve.
    """

    def __init__(
        self, optimizer: Optimizer, total_steps: int, warmup: float = 0.3, start: float = 0.04, final: float = 1e-3
    ) -> None:
        """Set the learning rate of the first step.

        Args:
            optimizer: Whose learning rates are the peak.
            total_steps: Steps of the whole training.
            warmup: Share of the steps over which the rate rises, 0 <= warmup < 1.
            start: The first rate, as a share of the peak, 0 to 1.
            final: The last rate, likewise.

        Raises:
            UserError: One of them is no such share.
        """
        if not Span(at_least=0, below=1).holds(warmup):
            raise UserError(f"scheduler.warmup={warmup}: expected a share of the training, 0 <= warmup < 1.")
        check_number("scheduler.start", start, SHARE)
        check_number("scheduler.final", final, SHARE)
        rising_steps = warmup * total_steps

        def factor(step: int) -> float:
            if step < rising_steps:
                return _cosine(start, 1.0, step / max(rising_steps, 1e-9))
            falling_steps = max(total_steps - rising_steps, 1)
            share = (step - rising_steps) / falling_steps
            return _cosine(1.0, final, min(share, 1.0))

        super().__init__(optimizer, factor)


def _cosine(first: float, last: float, share: float) -> float:
    """Half a cosine from `first` (share 0) to `last` (share 1)."""
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2
