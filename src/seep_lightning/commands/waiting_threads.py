"""How torch's threads wait for each other: asleep after a moment, so that they take no time from other work."""

import os

# of GNU's OpenMP, which torch brings along on Linux: how often a thread looks before it sleeps
SPIN_COUNT = "GOMP_SPINCOUNT"
WAIT_POLICY = "OMP_WAIT_POLICY"
SHORT_SPIN = 1000
"""About 20 microseconds, the time between two layers; the library's own 300,000 are some milliseconds."""


def let_threads_sleep() -> None:
    """Let threads that wait spin for a moment only, unless the user's environment says how they wait.

    On a busy machine the one that is waited for may not run, and the others would spin in its place. The library reads
    this once, when torch is imported: call it before. Results stay what they are, since the number of threads does.
    """
    if WAIT_POLICY not in os.environ:
        os.environ.setdefault(SPIN_COUNT, str(SHORT_SPIN))
