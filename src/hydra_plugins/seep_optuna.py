"""`hydra/sweeper=optuna`. Hydra takes sweepers from this namespace only, and imports all of it at every start.

So there is nothing heavy here; the search itself is `seep_lightning.tune`.
"""

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.plugins.sweeper import Sweeper

from seep_lightning.errors import UserError


@dataclass
class SearchConfig:
    """A search for the best settings (`hydra.sweeper.*`)."""

    _target_: str = "hydra_plugins.seep_optuna.OptunaSweeper"
    n_trials: int = 30  # that ended, finished or pruned, over all processes
    startup: int = 5  # random ones to start with; until so many are finished, none is pruned
    warmup: int = 5  # epochs before a trial may be pruned
    seed: int = 0
    timeout: float | None = None  # seconds after which this process starts no other trial
    heartbeat: int = 30  # seconds; the trial of a process that was silent for two of them is taken up by another
    params: dict[str, str] = field(default_factory=dict)  # what is searched; the command line adds to it
    enqueue: list[Any] = field(default_factory=list)  # settings to try first: [{optimizer.lr: 0.005}]


ConfigStore.instance().store(group="hydra/sweeper", name="optuna", node=SearchConfig, provider="seep_lightning")


class OptunaSweeper(Sweeper):
    """Hydra's side of `seep_lightning.tune.search`, which reads its settings from the config."""

    def __init__(self, **settings: Any) -> None: ...

    def setup(self, *, config: Any, **context: Any) -> None:
        """Called by Hydra."""
        from hydra.core.plugins import Plugins

        self.config: Any = config
        self.launcher: Any = Plugins.instance().instantiate_launcher(config=config, **context)

    def sweep(self, arguments: list[str]) -> Any:
        """Called by Hydra with the command line's overrides."""
        try:
            from seep_lightning.sweeps.search import search
        except ModuleNotFoundError as error:
            raise UserError(f"sweep=optuna needs {error.name}: pip install 'seep_lightning[tune]'.") from error
        return search(self.config, self.launcher, arguments)
