"""Scenes or chips to maps: `python -m seep_lightning.predict`."""

from collections.abc import Sequence

from omegaconf import DictConfig

from seep_lightning import api
from seep_lightning.commands.callable_modules import make_callable
from seep_lightning.commands.composition import typed_config
from seep_lightning.commands.console import tell
from seep_lightning.commands.entry import run_command
from seep_lightning.commands.progress import tell_file
from seep_lightning.config.commands import PredictConfig
from seep_lightning.errors import Interrupted
from seep_lightning.mapping.mapped_scene import MappedScene
from seep_lightning.mapping.scenes import predict
from seep_lightning.mapping.table import TABLE_NAME, SceneRow
from seep_lightning.runs.weights import DEFAULT_NETWORK


def main(cfg: DictConfig) -> int:
    """The job of one `seep predict`.

    Args:
        cfg: Its composed settings.

    Returns:
        The number of scenes.
    """
    config: PredictConfig = typed_config(cfg)
    if config.run is None:
        card = DEFAULT_NETWORK.with_name("README.md")
        tell(f"run=None: with the network that comes with the package, {card}")
    rows = _mapped(config)
    for row in rows:
        outlines = MappedScene.of_row(row, config).outlines
        if outlines is not None:
            tell_file(outlines.absolute())
    print_summary(rows, config)
    return len(rows)


def _mapped(config: PredictConfig) -> list[SceneRow]:
    """Map the scenes; at Ctrl-C say that the same command goes on."""
    try:
        return predict(config)
    except KeyboardInterrupt as error:
        kept = "scenes that are mapped, and strips of the present one, are kept"
        raise Interrupted(f"stopped by Ctrl-C; {kept}. Go on with the same command.") from error


def print_summary(rows: Sequence[SceneRow], config: PredictConfig) -> None:
    """Print how many scenes were mapped, and where to.

    Args:
        rows: Of the scenes.
        config: The settings of the command.
    """
    if any(row.unit == "px2" for row in rows):
        tell("Without a coordinate system in the input there is none in the output: sizes are in pixels.")
    seeps = ""
    if config.polygons:
        count = sum(row.seeps or 0 for row in rows)
        seeps = f", {count} seeps"
    scenes = "1 scene" if len(rows) == 1 else f"{len(rows)} scenes"
    tell(f"{scenes} mapped to {config.output}{seeps}; {TABLE_NAME} has a row for each scene")


make_callable(__name__, api.predict)

if __name__ == "__main__":
    run_command("predict", main)
