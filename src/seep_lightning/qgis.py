"""Processing scripts for QGIS: `python -m seep_lightning.qgis`."""

from omegaconf import DictConfig

from seep_lightning import api
from seep_lightning.commands.callable_modules import make_callable
from seep_lightning.commands.composition import typed_config
from seep_lightning.commands.console import tell
from seep_lightning.commands.entry import run_command
from seep_lightning.commands.qgis_installation import install_scripts


def main(cfg: DictConfig) -> list[str]:
    """Do what `seep qgis` is asked for.

    Args:
        cfg: The composed `QgisConfig`.

    Returns:
        The folders of the scripts.
    """
    installed = install_scripts(typed_config(cfg))
    folders = [str(folder) for folder in installed.folders]
    tell(f"the scripts lie in {', '.join(folders)}, and run {installed.python}")
    tell("restart QGIS: Processing Toolbox > Scripts > Oil seeps has Map oil seeps and Cut chips from outlines")
    return folders


make_callable(__name__, api.qgis)

if __name__ == "__main__":
    run_command("qgis", main)
