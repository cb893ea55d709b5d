"""`hydra/sweeper=optuna`. Hydra takes sweepers from this namespace only, and imports all of it at every start.

So there is nothing heavy here; the search itself is `seep_lightning.sweeps.search`.
"""

from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.plugins.sweeper import Sweeper

from seep_lightning.errors import UserError
from seep_lightning.sweeps.settings import SearchConfig

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
