"""Private names of other libraries, each with the reason why we need it.

Such a name may change with any release. Nothing else in the package uses one, and `tests/test_compat.py` tells which
function here has to follow when a library has changed. Libraries are imported in the functions that need them: most
commands need none of these.
"""

import ctypes
import importlib.util
import logging
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec
from pathlib import Path
from typing import Any, cast


def gdal_error() -> type[Exception]:
    """The class of GDAL's own errors: rasterio raises some of them as they are, and not as `RasterioError`."""
    from rasterio._err import CPLE_BaseError

    kind: type[Exception] = CPLE_BaseError
    return kind


def silence_gdal() -> None:
    """Keep GDAL's messages out of the log: they stand in the errors that are raised."""
    logging.getLogger("rasterio._env").setLevel(logging.CRITICAL)


_ONLY_ADDRESS = "CPL_VSIL_CURL_ALLOWED_FILENAME"
"""GDAL's setting for the one address that it may fetch from."""


def forbid_gdal_networks() -> None:
    """Have rasterio's GDAL read no files from networks, in this process, whatever a file on the disk names."""
    from rasterio.env import set_gdal_config

    set_gdal_config(_ONLY_ADDRESS, "none")


def allow_gdal_networks() -> None:
    """Have rasterio's GDAL read files from networks again, once a person has typed an address."""
    # rasterio's public part can set a setting, but not take it away
    from rasterio._env import del_gdal_config

    del_gdal_config(_ONLY_ADDRESS)


_SHARED_DRIVER = "GPKG"
"""Of rasters and of vectors: where rasterio and pyogrio share one GDAL, pyogrio needs it."""


def keep_gdal_drivers(kept: Sequence[str]) -> None:
    """Take all drivers of rasters but some out of rasterio's GDAL, in this process.

    The drivers that rasterio is told to open a file with are not those that GDAL opens further files with, such as the
    sources of a virtual raster: it takes all that it has. rasterio registers them once, and can take out none.

    Args:
        kept: GDAL's short names of the drivers that stay.
    """
    import rasterio
    from rasterio import _env

    with rasterio.Env() as environment:
        others = set(environment.drivers()) - set(kept)
    if not _has_own_gdal(Path(rasterio.__file__).parent):
        others.discard(_SHARED_DRIVER)
    # Windows looks for a name in the library itself only
    with suppress(AttributeError):
        _remove_raster_drivers(others, _env.__file__)


def _has_own_gdal(package: Path) -> bool:
    """Whether an installed package brings libraries of its own, as wheels do on Linux and macOS."""
    return package.with_name(f"{package.name}.libs").is_dir() or (package / ".dylibs").is_dir()


def _remove_raster_drivers(names: Iterable[str], extension: str) -> None:
    """Take drivers that open rasters out of the GDAL that a compiled module is linked with."""
    gdal = ctypes.CDLL(extension)
    handle, text = ctypes.c_void_p, ctypes.c_char_p
    find = ctypes.CFUNCTYPE(handle, text)(("GDALGetDriverByName", gdal))
    metadata = ctypes.CFUNCTYPE(text, handle, text, text)(("GDALGetMetadataItem", gdal))
    remove = ctypes.CFUNCTYPE(None, handle)(("GDALDeregisterDriver", gdal))
    for name in names:
        driver = find(name.encode())
        if driver and metadata(driver, b"DCAP_RASTER", None):
            # not freed: who imported rasterio before may have files open
            remove(driver)


class _LiteralPath(str):
    """A path that pyogrio hands to GDAL as it is, see `literal_path`."""

    __slots__ = ()

    def __str__(self) -> str:
        """Itself: pyogrio asks for the text of what it is given, and would lose the type."""
        return self


def literal_path(path: Path, prefix: str = "") -> str:
    """The path of a vector file as pyogrio takes it for what it is.

    Otherwise pyogrio parses it as a URI: `a!b.gpkg` would be written to `b.gpkg` of the working folder, `a;b.gpkg` lose
    its suffix, and tabs would be dropped.

    Args:
        path: The file, or one of GDAL's virtual file systems (`/vsi...`), which pyogrio never parses.
        prefix: With it GDAL takes the file for one of this format, and for nothing else.
    """
    text = f"{prefix}{path}"
    if text.startswith("/vsi"):
        return text
    _let_pyogrio_take_literal_paths()
    return _LiteralPath(text)


@cache
def _let_pyogrio_take_literal_paths() -> None:
    """Keep pyogrio from parsing a path of our own type; it parses all others as before."""
    from pyogrio import util

    parse_uri = util._parse_uri

    def parse_uri_but_literal_paths(path: str) -> tuple[str, str, str]:
        if isinstance(path, _LiteralPath):
            # a plain text again, since pyogrio's compiled part takes no other type
            return str.__str__(path), "", ""
        parts: tuple[str, str, str] = parse_uri(path)
        return parts

    util._parse_uri = parse_uri_but_literal_paths


def share_config_store() -> None:
    """Let Hydra read its store of schemas without copying it.

    Hydra copies the whole store at each question about config groups, a hundred times for `--help`. It copies again
    what it loads from there, so the store itself stays unchanged.
    """
    from hydra.core.config_store import ConfigStore

    def itself(store: ConfigStore, _: dict[int, Any]) -> ConfigStore:
        return store

    ConfigStore.__deepcopy__ = itself  # type: ignore[attr-defined]


def job_error(job: Any) -> Any:
    """The error that ended one of Hydra's jobs; its public `return_value` would raise the error instead.

    Args:
        job: What a launcher of Hydra returned for the job (`JobReturn`), which failed.
    """
    return job._return_value


def first_heartbeat(study: Any, trial: Any) -> None:
    """Record that a trial of Optuna's is alive, as soon as it is asked for.

    Optuna takes a trial for dead only if it had a heartbeat before. Without a first one, the trial of a process that
    ended at once would count as running for ever.
    """
    study._storage.record_heartbeat(trial._trial_id)


def heartbeat(study: Any, trial: Any) -> AbstractContextManager[Any]:
    """A thread that records heartbeats of a trial while we run it; Optuna's public `optimize` would run it for us."""
    from optuna.storages._heartbeat import get_heartbeat_thread

    thread: AbstractContextManager[Any] = cast(Any, get_heartbeat_thread(trial._trial_id, study._storage))
    return thread


def running_trial(study: Any, number: int) -> Any:
    """A trial by its number, to report to: Optuna's public methods give frozen ones only, which take no reports."""
    from optuna.trial import Trial

    frozen = study.get_trials(deepcopy=False)[number]
    return Trial(study, frozen._trial_id)


def resume_with_the_next_epoch(trainer: Any) -> None:
    """Let a Lightning trainer with `max_steps` resume with the next epoch, as one without does.

    With `max_steps` Lightning would take each resumed run for one that stopped inside an epoch. Our checkpoints are
    written at the end of an epoch.
    """

    def by_epochs() -> bool:
        return False

    trainer.fit_loop._iteration_based_training = by_epochs


def figures_of_epoch(trainer: Any) -> dict[str, Any]:
    """What an epoch of training logged, before Lightning hands it to the loggers, which is after the checkpoints.

    `trainer.logged_metrics` would hold figures of earlier epochs, too.

    Args:
        trainer: In a callback's `on_train_epoch_end`.
    """
    figures: dict[str, Any] = trainer._logger_connector.metrics["log"]
    return figures


def end_lightnings_processes() -> None:
    """End the other processes that DDP started on this machine.

    Lightning's thread that watches them would find them failed, and kill this process too.
    """
    for thread in threading.enumerate():
        if thread.name == "child-process-observer":
            _end_watched_processes(thread)


def _end_watched_processes(observer: Any) -> None:
    """Kill the processes that Lightning's thread watches. With an empty list the thread ends by itself."""
    processes = observer._child_processes
    observer._child_processes = []
    for process in processes:
        process.kill()
        process.wait()


def cpu_has_avx512() -> bool:
    """Whether the CPU has 512-bit vectors, with which the channels-last layout is faster."""
    import torch

    return torch.cpu._is_avx512_supported()


def cpu_multiplies_bf16() -> bool:
    """Whether the CPU multiplies bfloat16 in hardware (AVX-512 BF16 or AMX)."""
    import torch

    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def lerp_in_place(means: list[Any], values: list[Any], weight: float) -> None:
    """Move each mean towards its value by `weight` (0 to 1), all tensors in one call; one by one takes much longer."""
    import torch

    torch._foreach_lerp_(means, values, weight)


def raised_while_restoring(error: BaseException) -> bool:
    """Whether an error was raised while Lightning put a checkpoint's state back; a damaged one may raise anything.

    Args:
        error: What ended `Trainer.fit`.
    """
    from lightning.pytorch.trainer.connectors import checkpoint_connector

    place = error.__traceback__
    while place is not None:
        if place.tb_frame.f_code.co_filename == checkpoint_connector.__file__:
            return True
        place = place.tb_next
    return False


def tell_of_unsent_batches(_: int) -> None:
    """Let a worker of a DataLoader send the error where it cannot send a batch; a `worker_init_fn`.

    A batch is sent by a thread of the worker's queue, which finds no handle or no shared memory left. Such a thread of
    Python's prints a traceback and forgets the batch, for which the training would wait for ever.
    """
    from multiprocessing.queues import Queue

    Queue._on_queue_feeder_error = _send_error  # type: ignore[attr-defined]


def _send_error(queue: Any, error: Exception, unsent: Any) -> None:
    """Put an error into a worker's queue as torch does, so that it is raised where the batch is waited for."""
    from torch._utils import ExceptionWrapper

    is_batch = isinstance(unsent, tuple) and not isinstance(unsent[1], ExceptionWrapper)
    if not is_batch:
        # nothing gets through: torch notices a worker that is gone
        os._exit(1)
    wrapped = cast(Any, ExceptionWrapper)((type(error), error, error.__traceback__), where="while a batch was sent")
    queue.put((unsent[0], wrapped))


_THINNING_MODULE = "_skeletonize_various_cy"
"""The compiled module of `skimage.morphology` that thins masks."""


@cache
def thinning() -> Callable[[Any], Any]:
    """What thins a mask (H, W) of bool to its centre lines: what `skimage.morphology.skeletonize` calls for it.

    To import that takes scipy's image functions along, 0.4 s and 30 MB, of which evaluations and reports need nothing
    else. The compiled module alone takes a thousandth of a second.
    """
    try:
        compiled = _compiled_module("skimage", f"morphology/{_THINNING_MODULE}")
        function: Callable[[Any], Any] = compiled._fast_skeletonize
    except (ImportError, AttributeError):
        from skimage.morphology import skeletonize

        return cast(Callable[[Any], Any], skeletonize)
    return function


def _compiled_module(package: str, location: str) -> Any:
    """Load a compiled module of a package without the package itself.

    Raises:
        ImportError: There is none.
    """
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise ImportError(f"no package {package}")
    beginning = Path(found.origin).parent / location
    for suffix in EXTENSION_SUFFIXES:
        path = beginning.with_name(beginning.name + suffix)
        if path.is_file():
            loader = ExtensionFileLoader(beginning.name, str(path))
            module = importlib.util.module_from_spec(ModuleSpec(loader.name, loader, origin=str(path)))
            loader.exec_module(module)
            return module
    raise ImportError(f"{package} has no compiled {location}")
