"""Scenes over processes: one after the other in this one, or as tasks of Dask's workers, here or on a cluster."""

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seep_lightning.config.commands import PredictConfig
from seep_lightning.config.trust import trusting
from seep_lightning.errors import InUse, UserError, as_user_error, first_line, needs_extra
from seep_lightning.locks import WAIT_FOREVER, lock_path, locked
from seep_lightning.scene.raster_formats import PROBABILITY_SUFFIX
from seep_lightning.shortages import ShortageError, shortage_text

if TYPE_CHECKING:
    from distributed import Client, Future

    from seep_lightning.mapping.jobs import SceneJob
    from seep_lightning.mapping.mapper import Rows, SceneMapper
    from seep_lightning.mapping.table import SceneRow

# Workers that may die on a scene before it is given up; each goes on from its last finished strip.
ALLOWED_FAILURES = 3
# Pixels of a scene from which on several workers share it.
STRIP_PIXELS = 1 << 27
# Seconds in which a scheduler must answer.
SCHEDULER_TIMEOUT = 30
# Characters of a worker's error that a row of the table shows.
LONGEST_REASON = 200
# The scheduler of this machine writes no log and opens no dashboard.
QUIET = {"dashboard_address": None, "silence_logs": logging.CRITICAL}


@dataclass(frozen=True)
class Outcome:
    """What became of one scene.

    Attributes:
        job: The scene.
        row: Its row of the table; None where an earlier call had finished it, or where it failed.
        error: Why it could not be mapped.
    """

    job: "SceneJob"
    row: "SceneRow | None" = None
    error: UserError | None = None


@dataclass(frozen=True)
class MappingRequest:
    """What a worker needs to know beside the scene.

    Attributes:
        config: The settings of the command, with absolute paths.
        network_keys: What the caller's networks are known by. Workers that outlive a call may hold networks that lay
            under the same paths before.
        torch_threads: Threads of torch in a worker; None leaves them as they are.
        cpu_precision: In which networks run on a worker's CPU where the settings name none: that of the caller's, since
            strips of one scene must not differ in it.
    """

    config: PredictConfig
    network_keys: tuple[str, ...]
    torch_threads: int | None = None
    cpu_precision: str = "32"


def map_here(
    map_scene: Callable[["SceneJob"], "SceneRow | None"], jobs: Sequence["SceneJob"], folder: Path
) -> Iterator[Outcome]:
    """Map scenes one after the other in this process.

    Those that another process is at come last: it is waited for, and what it finished stays.

    Args:
        map_scene: Gives a scene's row, or None where it was finished already.
        jobs: The scenes.
        folder: Where the maps go.

    Yields:
        What became of each, while no other process may write it.
    """
    postponed: list[SceneJob] = []
    for job in jobs:
        with ExitStack() as stack:
            try:
                stack.enter_context(scene_locked(folder, job.name))
            except InUse:
                postponed.append(job)
                continue
            yield _outcome_here(map_scene, job)
    for job in postponed:
        with scene_locked(folder, job.name, patience=WAIT_FOREVER):
            yield _outcome_here(map_scene, job)


def scene_locked(folder: Path, name: str, patience: float = 0.0) -> AbstractContextManager[None]:
    """Keep other processes from writing the map of a scene.

    Args:
        folder: Where the map goes.
        name: The scene's.
        patience: Seconds to wait for another process.

    Returns:
        A context in which they may not; entering it raises `InUse` where another process is at the scene.
    """
    return locked(lock_path(folder / name), f"output={folder}: {name}", "predict", patience=patience)


def _outcome_here(map_scene: Callable[["SceneJob"], "SceneRow | None"], job: "SceneJob") -> Outcome:
    """Map a scene in this process."""
    try:
        return Outcome(job, map_scene(job))
    except Exception as error:
        mistake = _mistake_of(error)
        if mistake is None:
            raise
        return Outcome(job, error=mistake)


def map_over_workers(
    request: MappingRequest, jobs: Sequence["SceneJob"], finished_keys: Mapping[str, str]
) -> Iterator[Outcome]:
    """Map scenes by Dask's workers; several of them share a huge scene.

    `config.cluster` is `dask` (`config.workers` processes on this machine), or the address of a scheduler whose
    workers see the same files (dask-jobqueue starts them on SLURM or PBS). The task of a worker that dies goes to
    another one, which goes on from where it stopped.

    Args:
        request: What is asked for.
        jobs: The scenes.
        finished_keys: The keys of scenes that earlier calls finished, by name.

    Yields:
        What became of each scene, in the order in which they finish.

    Raises:
        UserError: Dask is not installed, or no scheduler answers.
    """
    with needs_extra(f"cluster={request.config.cluster}", "Dask", "cluster"):
        from distributed import as_completed
    with _client_of(request.config) as client:
        jobs_of_futures: dict[Future, SceneJob] = {}
        for job in jobs:
            try:
                future = _submit(client, request, job, finished_keys.get(job.name, ""))
            except UserError as error:
                yield Outcome(job, error=error)
            else:
                jobs_of_futures[future] = job
        for future in as_completed(jobs_of_futures):
            yield _outcome_of(future, jobs_of_futures[future], request.config)


def torch_threads_of(config: PredictConfig) -> int | None:
    """Threads of torch in each worker: this machine's cores, shared out; None where a cluster decides it."""
    if config.cluster != "dask":
        return None
    cores = os.cpu_count() or 1
    processes = config.workers or cores
    return max(1, cores // processes)


@contextmanager
def _client_of(config: PredictConfig) -> Iterator["Client"]:
    """A client of the scheduler that the settings name, with worker processes on this machine for `dask`."""
    import dask
    from distributed import Client, LocalCluster

    # Dask tells of every worker that comes and goes, and of a scheduler that is gone by tracebacks of its own.
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    problem = f"cluster={config.cluster}: no scheduler answers"
    advice = "Expected local, dask, or tcp://HOST:8786."
    with dask.config.set({"distributed.scheduler.allowed-failures": ALLOWED_FAILURES}), ExitStack() as stack:
        scheduler: Any = config.cluster
        if config.cluster == "dask":
            processes = config.workers or os.cpu_count() or 1
            scheduler = stack.enter_context(LocalCluster(processes, threads_per_worker=1, **QUIET))
        with as_user_error(problem, OSError, ValueError, advice=advice):
            client = stack.enter_context(Client(scheduler, timeout=SCHEDULER_TIMEOUT))
        yield client


def _submit(client: "Client", request: MappingRequest, job: "SceneJob", finished_key: str) -> "Future":
    """Hand a scene to the workers, a huge one in strips; `UserError` where it cannot be opened."""
    from seep_lightning.mapping.jobs import strips_of

    # a task has side effects: Dask must not take it for one that it has done already
    all_rows = strips_of(job, STRIP_PIXELS, request.config.bands)
    strips = [client.submit(map_strip_in_worker, request, job, rows, pure=False) for rows in all_rows]
    return client.submit(map_in_worker, request, job, finished_key, strips, pure=False)


def _outcome_of(future: "Future", job: "SceneJob", config: PredictConfig) -> Outcome:
    """What became of a scene whose task has ended."""
    try:
        row = future.result()
    except UserError as error:
        return Outcome(job, error=error)
    # whatever a worker, or a scheduler that is gone, may raise
    except Exception as error:
        reason = first_line(error)[:LONGEST_REASON]
        failure = f"its workers failed ({type(error).__name__}: {reason})"
        message = f"{failure}. The same command goes on from what is finished."
        return Outcome(job, error=UserError(message))
    if not (Path(config.output) / f"{job.name}{PROBABILITY_SUFFIX}").exists():
        message = "its worker wrote it elsewhere: workers must see output= under the same path."
        return Outcome(job, error=UserError(message))
    return Outcome(job, row)


def _mistake_of(error: Exception) -> UserError | None:
    """What a person can do about an error; None for one that nobody foresaw."""
    shortage = shortage_text(error, "predict")
    if shortage is not None:
        return ShortageError(shortage)
    return error if isinstance(error, UserError) else None


def map_in_worker(
    request: MappingRequest, job: "SceneJob", finished_key: str, strips: Sequence[None]
) -> "SceneRow | None":
    """Map one scene in a worker's process.

    Args:
        request: What is asked for.
        job: The scene.
        finished_key: See `SceneMapper.map`.
        strips: What `map_strip_in_worker` gave for each strip: Dask waits for them.
    """
    mapper = MAPPERS.mapper_of(request)
    with scene_locked(Path(request.config.output), job.name, patience=WAIT_FOREVER):
        return mapper.map(job, finished_key)


def map_strip_in_worker(request: MappingRequest, job: "SceneJob", rows: "Rows") -> None:
    """Predict a strip of a scene in a worker's process.

    Args:
        request: What is asked for.
        job: The scene.
        rows: First row and end of the strip.
    """
    MAPPERS.mapper_of(request).map_strip(job, rows)


class MapperMemory:
    """The mapper of a process's last request: a worker opens the networks once for all scenes of a call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key = ""
        self._mapper: SceneMapper | None = None

    def mapper_of(self, request: MappingRequest) -> "SceneMapper":
        """The mapper for a request; networks are opened where the last request had others.

        Args:
            request: What is asked for.
        """
        import torch

        if request.torch_threads:
            torch.set_num_threads(request.torch_threads)
        # the repr of a config leaves its younger keys out
        key = repr((vars(request.config), request.network_keys))
        with self._lock:
            if self._mapper is None or key != self._key:
                self._mapper = self._open(key, request)
            return self._mapper

    def _open(self, key: str, request: MappingRequest) -> "SceneMapper":
        """A new mapper; the networks of the last one make room first."""
        from seep_lightning.mapping.mapper import SceneMapper
        from seep_lightning.mapping.networks import open_networks
        from seep_lightning.nets.hardware import keep_memory

        keep_memory()
        self._mapper = None
        self._key = key
        with trusting(request.config.trusted):
            return SceneMapper(open_networks(request.config, request.cpu_precision), request.config)


MAPPERS = MapperMemory()
