"""Durations as a person says them: `18 s`, `8 min`, `1 h 20 min`."""

import math

# below it, tenths of seconds tell more; 9.96 would be 10.0
_FEW_SECONDS = 9.95


def in_words(seconds: float) -> str:
    """A duration in words, no finer than it matters.

    Args:
        seconds: How long.
    """
    if seconds < _FEW_SECONDS:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = math.ceil(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    days, hours = divmod(hours, 24)
    return f"{days} days {hours} h"
