"""Scenes or chips to maps: `python -m seep_lightning.predict`."""

import time
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig

from seep_lightning import api
from seep_lightning.commands.callable_modules import make_callable
from seep_lightning.commands.composition import typed_config
from seep_lightning.commands.console import tell
from seep_lightning.commands.entry import run_command
from seep_lightning.commands.progress import tell_file
from seep_lightning.config.commands import PredictConfig
from seep_lightning.durations import in_words
from seep_lightning.errors import Interrupted
from seep_lightning.files import with_home
from seep_lightning.mapping.mapped_scene import MappedScene
from seep_lightning.mapping.scenes import MappingStopped, predict
from seep_lightning.mapping.table import TABLE_NAME, SceneRow
from seep_lightning.runs.weights import DEFAULT_NETWORK
from seep_lightning.scene.raster_formats import MASK_SUFFIX, PROBABILITY_SUFFIX

SQUARE_METRES = 1e6
"""Of a square kilometre."""


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
    started = time.monotonic()
    rows = _mapped(config)
    for row in rows:
        outlines = MappedScene.of_row(row, config).outlines
        if outlines is not None:
            tell_file(outlines.absolute())
    print_summary(rows, config, time.monotonic() - started)
    return len(rows)


def _mapped(config: PredictConfig) -> list[SceneRow]:
    """Map the scenes; at Ctrl-C say how many are whole, and that the same command goes on."""
    go_on = "Go on with the same command"
    try:
        return predict(config)
    except MappingStopped as stop:
        done = f"with {stop.mapped} of {_scenes(stop.scenes)} mapped to {config.output}"
        raise Interrupted(f"stopped by Ctrl-C {done}. {go_on}: a scene goes on where it stopped.") from stop
    except KeyboardInterrupt as error:
        raise Interrupted(f"stopped by Ctrl-C; no scene was begun. {go_on}.") from error


def print_summary(rows: Sequence[SceneRow], config: PredictConfig, seconds: float) -> None:
    """Print how many scenes were mapped and what was found, and which files to open.

    Args:
        rows: Of the scenes.
        config: The settings of the command.
        seconds: That the command took.
    """
    if any(row.unit == "px2" for row in rows):
        tell("Without a coordinate system in the input there is none in the output: sizes are in pixels.")
    found = f": {_found(rows, config)}" if config.polygons else ""
    tell(f"{_scenes(len(rows))} mapped to {config.output} in {in_words(seconds)}{found}")
    if config.second_look is not None and any(row.left_out is not None for row in rows):
        tell(second_look_line(rows, with_home(config.second_look)))
    name = rows[0].name if len(rows) == 1 else "NAME"
    outlines = f"{name}.{config.format} (outlines), " if config.polygons else ""
    rasters = f"{name}{PROBABILITY_SUFFIX}, {name}{MASK_SUFFIX}"
    tell(f"files there: {outlines}{rasters}; {TABLE_NAME} has a row for each scene")


def second_look_line(rows: Sequence[SceneRow], judge: Path) -> str:
    """What the second look did to the outlines of all scenes.

    Args:
        rows: Of the scenes.
        judge: Its file.
    """
    from seep_lightning.mapping.second_look import SecondLook

    # rows of earlier versions do not tell it
    told = [row for row in rows if row.left_out is not None]
    left_out = sum(row.left_out or 0 for row in told)
    found = left_out + sum(row.seeps or 0 for row in told)
    return SecondLook.read(judge).text(left_out, found)


def _scenes(count: int) -> str:
    return "1 scene" if count == 1 else f"{count} scenes"


def _found(rows: Sequence[SceneRow], config: PredictConfig) -> str:
    """The seeps of all scenes, and their area, such as `3 seeps, 1.25 km2`; of none how near the networks were."""
    count = sum(row.seeps or 0 for row in rows)
    if count == 0:
        return f"0 seeps; {_highest_peak(rows, config)}"
    areas: dict[str, float] = {}
    for row in rows:
        areas[row.unit] = areas.get(row.unit, 0) + (row.area or 0)
    words = [_area(area, unit) for unit, area in areas.items() if area]
    return f"{count} {'seep' if count == 1 else 'seeps'}, {' and '.join(words)}"


def _highest_peak(rows: Sequence[SceneRow], config: PredictConfig) -> str:
    """How near the networks were to a seep."""
    # reads rasters, which most calls need not
    from seep_lightning.mapping.peaks import highest_peak, peak_of

    peaks = [peak_of(MappedScene.of_row(row, config).probability) for row in rows]
    return highest_peak(peaks).text


def _area(area: float, unit: str) -> str:
    return f"{area / SQUARE_METRES:.3g} km2" if unit == "m2" else f"{area:,.0f} {unit}"


make_callable(__name__, api.predict)

if __name__ == "__main__":
    run_command("predict", main)
