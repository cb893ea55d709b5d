"""Scenes over processes: one after the other in this one, or as tasks of Dask's workers, here or on a cluster."""

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seep_lightning.config.commands import PredictConfig
from seep_lightning.errors import UserError, as_user_error, first_line, needs_extra
from seep_lightning.scene.raster_formats import PROBABILITY_SUFFIX

if TYPE_CHECKING:
    from seep_lightning.mapping.jobs import Row, SceneJob
    from seep_lightning.predictor.base import Predictor


RETRIES = 3  # workers that may die on a scene before it is given up; each goes on from its last finished strip
STRIP = 1 << 27  # pixels of a scene from which on several workers share it
Done = tuple["SceneJob", "Row | UserError | None"]
_OPENED: dict[str, list["Predictor"]] = {}


def one_by_one(work: Callable[["SceneJob"], "Row | None"], jobs: Sequence["SceneJob"]) -> Iterator[Done]:
    """Each job with its row (None: it was finished already), or with what is wrong with it."""
    for job in jobs:
        try:
            yield job, work(job)
        except UserError as error:
            yield job, error
        except (MemoryError, RuntimeError) as error:  # torch's own is a RuntimeError
            if not isinstance(error, MemoryError) and type(error).__name__ != "OutOfMemoryError":
                raise
            yield job, UserError("memory ran out: lower batch= or window=.")


def over_workers(
    config: PredictConfig, jobs: Sequence["SceneJob"], known: Mapping[str, str], networks: Sequence[str]
) -> Iterator[Done]:
    """The same by Dask's workers, in the order in which they finish; huge scenes in strips, by several at once.

    config.cluster: `dask` (`config.workers` processes on this machine) or the address of a scheduler whose workers see
    the same files (dask-jobqueue starts them on SLURM or PBS). The task of a worker that dies goes to another one, and
    on from where it stopped. known: the keys of scenes that are finished, by name. networks: their keys,
    since workers that outlive a call may hold networks that stood under the same paths before.
    """
    from seep_lightning.mapping.jobs import strips_of

    with needs_extra(f"cluster={config.cluster}", "Dask", "cluster"):
        import dask
        from distributed import Client, LocalCluster, as_completed
    # it tells of every worker that comes and goes, and of a scheduler that is gone by tracebacks of its own
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    where, threads, cores = config.cluster, None, os.cpu_count() or 1
    with dask.config.set({"distributed.scheduler.allowed-failures": RETRIES}), ExitStack() as stack:
        if config.cluster == "dask":
            count = config.workers or cores
            threads, quiet = max(1, cores // count), {"dashboard_address": None, "silence_logs": logging.CRITICAL}
            where = stack.enter_context(LocalCluster(count, threads_per_worker=1, **quiet))
        problem = f"cluster={config.cluster}: no scheduler answers"
        advice = "Expected local, dask, or tcp://HOST:8786."
        with as_user_error(problem, OSError, ValueError, advice=advice):
            client = stack.enter_context(Client(where, timeout=30))
        which = {}
        for job in jobs:
            try:
                strips = strips_of(job, STRIP)
            except UserError as error:
                yield job, error
                continue
            given = job, config, networks, threads
            parts = [client.submit(map_there, *given, rows, pure=False) for rows in strips]
            last = client.submit(map_there, *given, None, known.get(job.name, ""), parts, pure=False)
            which[last] = job
        for future in as_completed(which):
            job, row = which[future], None
            try:
                row = future.result()
                if not (Path(config.output) / f"{job.name}{PROBABILITY_SUFFIX}").exists():
                    row = UserError("its worker wrote it elsewhere: workers must see output= under the same path.")
            except UserError as error:
                row = error
            except Exception as error:  # whatever a worker, or a scheduler that is gone, may raise
                failed = f"its workers failed ({type(error).__name__}: {first_line(error)[:200]})"
                row = UserError(f"{failed}. The same command goes on from what is finished.")
            yield job, row


def map_there(
    job: "SceneJob", config: PredictConfig, networks: Sequence[str], threads: int | None, rows: tuple[int, int] | None,
    done: str = "", after: Any = None,
) -> "Row | None":  # fmt: skip
    """Map one scene, or a strip of it, in a worker's process, which opens the networks once. after: its strips."""
    import torch

    from seep_lightning.mapping.mapper import map_job
    from seep_lightning.mapping.networks import open_networks

    if threads:
        torch.set_num_threads(threads)
    key = repr((config, networks))
    if key not in _OPENED:
        _OPENED.clear()
        _OPENED[key] = open_networks(config)
    return map_job(job, _OPENED[key], config, done, rows=rows)
