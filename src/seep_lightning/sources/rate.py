"""How often a source is seen: days seen of days looked at, with an interval."""

from dataclasses import dataclass

TAIL = 0.025
"""Of a 95 % interval, on each side."""


@dataclass(frozen=True)
class BetaPrior:
    """What is held of rates before a source is looked at: a beta distribution.

    Attributes:
        seen: Its days seen.
        unseen: Its days not seen.
    """

    seen: float
    unseen: float

    def interval(self, seen: int, looked: int) -> tuple[float, float]:
        """Work out the 95 % interval of a rate.

        Args:
            seen: Days seen.
            looked: Days looked at, as many or more.

        Returns:
            The quantiles of the posterior; 0 below no days seen, and 1 above all days seen.
        """
        from scipy.special import betaincinv

        a, b = self.seen + seen, self.unseen + looked - seen
        low = float(betaincinv(a, b, TAIL)) if seen else 0.0
        high = float(betaincinv(a, b, 1 - TAIL)) if seen < looked else 1.0
        return low, high


JEFFREYS = BetaPrior(0.5, 0.5)
"""The prior that says least (Jeffreys 1946; Brown, Cai & DasGupta 2001 on its intervals, with both ends as above)."""
