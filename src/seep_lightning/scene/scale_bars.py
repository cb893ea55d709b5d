"""How long a scale bar is."""

import math


def round_length(most: float) -> float:
    """The largest of 1, 2, 5, 10, 20 ... that is not above a length."""
    power = 10.0 ** math.floor(math.log10(most))
    return max(factor * power for factor in (1, 2, 5) if factor * power <= most)
