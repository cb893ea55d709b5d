"""A callback of Hydra that judges the folder of a run or a sweep before Hydra writes there, see `conf/train.yaml`."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from seep_lightning.commands.entry import LeavingHydra
from seep_lightning.errors import UserError
from seep_lightning.runs.links import check_folder
from seep_lightning.scene.locations import check_name


class JudgeOutputFolders(Callback):
    """Refuses folders of strangers whose links would have the config, a log or a whole run written elsewhere."""

    def on_run_start(self, config: DictConfig, **more: Any) -> None:
        """Judge the folder of a single run; `run=DIR` was judged when it was named.

        Args:
            config: The composed config with Hydra's part.
            more: What Hydra adds.
        """
        _judge(config, "hydra.run.dir")

    def on_multirun_start(self, config: DictConfig, **more: Any) -> None:
        """Judge the folder of a sweep, with those of all its jobs.

        Args:
            config: The composed config with Hydra's part.
            more: What Hydra adds.
        """
        _judge(config, "hydra.sweep.dir")


def _judge(config: DictConfig, key: str) -> None:
    """Judge the folder that a key of Hydra's names."""
    # Hydra itself tells of a value that cannot be looked up
    with suppress(OmegaConfBaseException), _out_of_hydra():
        if key == "hydra.run.dir" and config.run is not None:
            return
        folder = config.hydra.run.dir if key == "hydra.run.dir" else config.hydra.sweep.dir
        # loggers write it into files of their own
        check_name(Path(folder).absolute())
        check_folder(Path(folder), key)


@contextmanager
def _out_of_hydra() -> Iterator[None]:
    """Hydra turns an exception of a callback into a warning, and goes on."""
    try:
        yield
    except UserError as error:
        raise LeavingHydra(error) from error
