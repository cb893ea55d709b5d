"""The settings of a search, `hydra.sweeper.*`. Light: Hydra's plugin imports them at every start."""

from dataclasses import dataclass
from typing import Any

from seep_lightning.ranges import ABOVE_0, anything, at_least, random_seed, within


@dataclass
class SearchConfig:
    """A search for the best settings (`hydra.sweeper.*`).

    Attributes:
        n_trials: Trials that ended, finished or pruned, over all processes.
        startup: Random trials to start with; until so many are finished, none is pruned.
        warmup: Epochs before a trial may be pruned.
        seed: Of the draws; one process alone repeats its search.
        timeout: Seconds after which this process starts no other trial.
        heartbeat: Seconds between signs of life; the trial of a process that was silent for two of them is taken up
            by another process.
        params: What is searched, key to range or choice; the command line adds to it.
        enqueue: Settings to try first, such as [{optimizer.lr: 0.005}].
    """

    _target_: str = anything("hydra_plugins.seep_optuna.OptunaSweeper", "Hydra")
    n_trials: int = at_least(1, 30)
    startup: int = at_least(0, 5)
    warmup: int = at_least(0, 5)
    seed: int = random_seed()
    timeout: float | None = within(ABOVE_0, None)
    heartbeat: int = at_least(1, 30)
    params: dict[str, str] = anything({}, "`sweeps.space`")
    enqueue: list[Any] = anything([], "`sweeps.space`")
