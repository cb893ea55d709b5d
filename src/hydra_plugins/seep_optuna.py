"""`hydra/sweeper=optuna`. Hydra takes sweepers from this namespace only, and imports all of it at every start.

So there is nothing heavy here; the search itself is `seep_lightning.sweeps.search`.
"""

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.plugins.sweeper import Sweeper

from seep_lightning.errors import UserError


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

    _target_: str = "hydra_plugins.seep_optuna.OptunaSweeper"
    n_trials: int = 30
    startup: int = 5
    warmup: int = 5
    seed: int = 0
    timeout: float | None = None
    heartbeat: int = 30
    params: dict[str, str] = field(default_factory=dict)
    enqueue: list[Any] = field(default_factory=list)


ConfigStore.instance().store(group="hydra/sweeper", name="optuna", node=SearchConfig, provider="seep_lightning")


class OptunaSweeper(Sweeper):
    """Hydra's side of `seep_lightning.sweeps.search.search`, which reads its settings from the config."""

    def __init__(self, **settings: Any) -> None:
        """Take what Hydra passes; `setup` gets the same settings as part of the config."""

    def setup(self, *, config: Any, **context: Any) -> None:
        """Keep the config and start the launcher; called by Hydra.

        Args:
            config: The composed config with Hydra's part.
            context: What a launcher wants.
        """
        from hydra.core.plugins import Plugins

        self.config: Any = config
        self.launcher: Any = Plugins.instance().instantiate_launcher(config=config, **context)

    def sweep(self, arguments: list[str]) -> Any:
        """Search; called by Hydra.

        Args:
            arguments: The command line's overrides.

        Raises:
            UserError: The packages of the extra `tune` are not installed.
        """
        try:
            from seep_lightning.sweeps.search import search
        except ModuleNotFoundError as error:
            raise UserError(f"sweep=optuna needs {error.name}: pip install 'seep_lightning[tune]'.") from error
        return search(self.config, self.launcher, arguments)
