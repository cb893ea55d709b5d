"""The command `predict`: many scenes into one output folder, and its table."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seep_lightning.commands.progress import progress_of
from seep_lightning.config.commands import PredictConfig
from seep_lightning.config.rules import check_config
from seep_lightning.config.trust import trusting_its_config
from seep_lightning.counted import DoneTeller
from seep_lightning.data.inputs import find_scenes, path_list
from seep_lightning.errors import UserError
from seep_lightning.files import absolute, remove_leftovers
from seep_lightning.mapping.notes import NoteTeller
from seep_lightning.mapping.table import SceneRow, SceneTable
from seep_lightning.mapping.workers import MappingRequest, Outcome, map_here, map_over_workers, torch_threads_of
from seep_lightning.runs.fold_folders import runs_to_map_with
from seep_lightning.runs.weights import DEFAULT_NETWORK, named_network

if TYPE_CHECKING:
    from seep_lightning.mapping.jobs import SceneJob
    from seep_lightning.predictor.base import Predictor

# Scenes that the last message names; all stand in the table.
TOLD_NAMES = 3

log = logging.getLogger(__name__)

StartBar = Callable[[str], Callable[[int, int], None]]
"""Starts a scene's bar on the terminal, by its name."""


class MappingStopped(KeyboardInterrupt):
    """Ctrl-C ended the mapping.

    Attributes:
        mapped: How many scenes are whole.
        scenes: How many were to be mapped.
    """

    def __init__(self, mapped: int, scenes: int) -> None:
        super().__init__(mapped, scenes)
        self.mapped = mapped
        self.scenes = scenes


@trusting_its_config
def predict(config: PredictConfig) -> list[SceneRow]:
    """Map every scene of `config.input` into `config.output`, where the table `scenes.csv` gets a row for each.

    What is finished already, with the same model, input and settings, stays; what was begun goes on. A scene that
    cannot be mapped does not stop the others. Several calls may map into one folder at a time: each takes the scenes
    that no other call is at, and waits for those at the end.

    Args:
        config: The settings of the command.

    Returns:
        The rows of these scenes.

    Raises:
        UserError: Nothing can be mapped with these settings; or, at the end, some scenes could not be mapped.
        MappingStopped: Ctrl-C, once scenes are mapped.
    """
    check_config(config)
    config = _resolved(config)
    files = find_scenes("input", config.input)
    from seep_lightning.mapping.jobs import find_jobs
    from seep_lightning.mapping.network_lines import network_line
    from seep_lightning.mapping.networks import open_networks
    from seep_lightning.mapping.outputs import MASKS, PROBABILITIES
    from seep_lightning.nets.hardware import keep_memory

    keep_memory()
    networks = open_networks(config)
    log.info("%s", network_line(networks, config))
    _tell_nodata(config, networks[0])
    jobs = find_jobs(files, networks[0].facts, config)
    folder = Path(config.output)
    table = SceneTable(folder)
    table.begin(overwrite=config.overwrite)
    for place in (folder, folder / MASKS, folder / PROBABILITIES):
        remove_leftovers(place)
    errors: dict[str, UserError] = {}
    try:
        with progress_of(len(jobs)) as start_bar, _with_history(config, networks[0].facts, jobs) as with_raster:
            for outcome in _map_all(jobs, networks, with_raster, table, start_bar):
                _record(outcome, table)
                if outcome.error is not None:
                    errors[outcome.job.name] = outcome.error
    except KeyboardInterrupt as stop:
        raise MappingStopped(len(table.rows) - len(errors), len(jobs)) from stop
    if errors:
        raise _failure(errors, len(jobs), table.path)
    return [table.rows[job.name] for job in jobs]


def _resolved(config: PredictConfig) -> PredictConfig:
    """The settings with a list of runs, paths that hold in a worker's folder too, and the views to average over."""
    given = DEFAULT_NETWORK if config.run is None else config.run
    named = [named_network(run) for run in path_list("run", given)]
    runs = [run for path in named for run in runs_to_map_with(path, config.checkpoint)]
    flips = config.flips
    if flips is None:
        is_default = config.run in (None, DEFAULT_NETWORK.stem) and runs == [DEFAULT_NETWORK]
        # the network in the package was scored with the mirror image
        flips = "mirror" if is_default else False
    return replace(
        config,
        bands=[config.bands] if isinstance(config.bands, str) else config.bands,
        run=[absolute(run) for run in runs],
        flips=flips,
        output=str(Path(config.output).absolute()),
        area=absolute(config.area),
        land=absolute(config.land),
        history=absolute(config.history),
        second_look=absolute(config.second_look),
    )


@contextmanager
def _with_history(
    config: PredictConfig, facts: Mapping[str, Any], jobs: Sequence["SceneJob"]
) -> Iterator[PredictConfig]:
    """The settings with a raster for their history, if they have one; facts: of the networks' data."""
    if config.history is None:
        yield config
        return
    from seep_lightning.sources.history_outlines import own_days_note, raster_of_history

    with raster_of_history(Path(config.history), Path(config.output), facts) as raster:
        note = own_days_note(raster, [job.name for job in jobs])
        if note is not None:
            log.warning("%s", note)
        yield replace(config, history=str(raster))


def _map_all(
    jobs: Sequence["SceneJob"],
    networks: Sequence["Predictor"],
    config: PredictConfig,
    table: SceneTable,
    start_bar: StartBar,
) -> Iterator[Outcome]:
    """Map scenes in this process, or over workers."""
    if config.cluster != "local":
        from seep_lightning.mapping.networks import usual_cpu_precision

        keys = tuple(network.key for network in networks)
        request = MappingRequest(config, keys, torch_threads_of(config), usual_cpu_precision())
        finished_keys = {job.name: table.finished_key(job.name) for job in jobs}
        return _told(map_over_workers(request, jobs, finished_keys), len(jobs))
    from seep_lightning.mapping.mapper import SceneMapper

    mapper = SceneMapper(networks, config)
    teller = NoteTeller()

    def map_scene(job: "SceneJob") -> SceneRow | None:
        return mapper.map(job, table.finished_key(job.name), start_bar(job.name), teller.tell)

    return map_here(map_scene, jobs, Path(config.output))


def _told(outcomes: Iterator[Outcome], scenes: int) -> Iterator[Outcome]:
    """Outcomes of workers, whose terminals nobody sees: their number, and what they assumed, is told as they come."""
    teller = NoteTeller()
    done = DoneTeller("mapped", scenes, "scenes")
    finished_before = 0
    for number, outcome in enumerate(outcomes, start=1):
        finished_before += outcome.row is None
        done.tell(number, finished_before)
        if outcome.row is not None and outcome.row.notes:
            teller.tell(outcome.job.name, [outcome.row.notes])
        yield outcome


def _tell_nodata(config: PredictConfig, network: "Predictor") -> None:
    """Say that a nodata value of the settings takes the place of the training's."""
    from seep_lightning.mapping.scene_values import opening_nodata_of

    holds = opening_nodata_of(replace(config, nodata=None), network)
    if config.nodata is not None and holds is not None and config.nodata != holds:
        log.info("nodata=%s holds in place of that of the network's training, %s.", config.nodata, holds)


def _record(outcome: Outcome, table: SceneTable) -> None:
    """Write what became of a scene into the table."""
    if outcome.error is not None:
        table.add_failed(outcome.job.name, outcome.error)
    elif outcome.row is None:
        table.add_finished_before(outcome.job.name)
    else:
        table.add_mapped(outcome.row)


def _failure(errors: dict[str, UserError], scenes: int, table: Path) -> UserError:
    """One error for all scenes that could not be mapped: the most frequent cause, and where the others are told."""
    if scenes == 1:
        return UserError(str(next(iter(errors.values()))))
    causes = Counter(str(error) for error in errors.values())
    cause, _ = causes.most_common(1)[0]
    names = [name for name, error in errors.items() if str(error) == cause]
    told = ", ".join(names[:TOLD_NAMES]) + (" and others" if len(names) > TOLD_NAMES else "")
    return UserError(f"{len(errors)} of {scenes} scenes could not be mapped (all in {table}). {told}: {cause}")
