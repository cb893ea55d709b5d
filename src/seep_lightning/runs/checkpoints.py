"""Checkpoints of a run, and exported ones: read as tensors and plain values, checked, written whole."""

import warnings
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from pickle import UnpicklingError
from shlex import quote
from typing import Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile

import torch

from seep_lightning.config.trust import judge_stored
from seep_lightning.data.network_facts import check_facts
from seep_lightning.documents.regular_files import check_regular
from seep_lightning.documents.shapes import as_shape
from seep_lightning.errors import UserError
from seep_lightning.files import write_whole
from seep_lightning.runs.directory import Run
from seep_lightning.runs.stored_shapes import StoredCheckpoint

# What we know of the network, beside Lightning's own keys; raise the format when an older reader would go wrong.
CHECKPOINT_KEY = "seep_lightning"
CHECKPOINT_FORMAT = 1
# by which a checkpoint of ours is known
OUR_KEYS = {"state_dict", "hyper_parameters", CHECKPOINT_KEY}
# What validation chooses after an epoch, and the summary keeps.
CHOSEN_AFTERWARDS = ("min_area", "scaling")
# what to do about a damaged checkpoint
ANOTHER_ONE = "Use another checkpoint of the run, or put this one back."
# Calls that torch makes for a pickle beside those for tensors: they take minutes, or gigabytes, and no file of ours or
# of weights has them
BYTE_CALLS = (b"_codecs\nencode\n", b"\nbytearray\n")
PICKLES = ".pkl"
# A pickle may say once what it means a thousand times, or say that a list holds itself
MOST_VALUES = 1_000_000
DEEPEST_NESTING = 60
# How often the bytes of a checkpoint may stand for weights
SHARED_WEIGHTS = 4


def read_run_checkpoint(run: Run, checkpoint: str) -> dict[str, Any]:
    """The content of a run's checkpoint, with the least area and the scaling that validation chose for its epoch.

    The summary has those of the best epoch, as it was when the training last ended: not those of `last`, nor of a
    better epoch since. Without them every object counts, and probabilities are as the network gives them.

    Args:
        run: The run.
        checkpoint: `best` or `last`.

    Returns:
        As `read_checkpoint`, with `min_area` and `scaling` under `CHECKPOINT_KEY` where they are known.

    Raises:
        UserError: There is no such checkpoint, it cannot be used, or the summary lacks what belongs to it.
    """
    path = run.checkpoint(checkpoint)
    content = read_checkpoint(path)
    if content.get("epoch") is None:
        raise UserError(f"{path} does not say of which epoch it is, as those of a run do. {ANOTHER_ONE}")
    best = _best_of_summary(run)
    # old runs do not say of which epoch their figures are
    described_epoch = best.get("epoch", content["epoch"])
    if checkpoint == "best" and run.finished and described_epoch != content["epoch"]:
        raise UserError(
            f"{run.summary_path} is of epoch {described_epoch + 1}, checkpoints/best.ckpt of {content['epoch'] + 1}: "
            "they are of different runs. Put back what belongs together."
        )
    if described_epoch == content["epoch"]:
        chosen = {key: best[key] for key in CHOSEN_AFTERWARDS if key in best}
        content[CHECKPOINT_KEY].update(chosen)
    return content


def _best_of_summary(run: Run) -> dict[str, Any]:
    """What the summary tells of the best epoch; empty while the first training is under way.

    A run has a summary before it has a checkpoint. Without it a map would be another one, in silence.
    """
    summary = run.summary()
    best: dict[str, Any] = summary.get("best", {})
    is_complete = "status" in summary and (bool(best) or not run.finished)
    if not is_complete:
        raise UserError(
            f"{run.summary_path} is missing or lacks the status or the best epoch, whose least area and scaling a map "
            f"needs. Put it back, or have it written again: python -m seep_lightning.train {quote(f'run={run.dir}')}"
        )
    return best


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The content of one of our checkpoints. Nothing in the file is run.

    Args:
        path: A checkpoint of a run, or a file that `export format=torch` wrote.

    Returns:
        Lightning's keys, of which `state_dict` and `hyper_parameters` are always there, and `CHECKPOINT_KEY`.

    Raises:
        UserError: It is something else, damaged, of a later version, or names classes that nobody trusts.
    """
    content = _load(path)
    if not isinstance(content, Mapping) or not content.keys() >= OUR_KEYS:
        raise UserError(f"{path} is a checkpoint of another program. Expected one that seep_lightning wrote.")
    if _values_in(content, {}) > MOST_VALUES:
        raise UserError(f"{path} repeats itself: it means more than {MOST_VALUES:,} values. {ANOTHER_ONE}")
    stored = as_shape(content, StoredCheckpoint, str(path), advice=ANOTHER_ONE)
    if stored.seep_lightning.format > CHECKPOINT_FORMAT:
        raise UserError(
            f"{path} has format {stored.seep_lightning.format}; this version reads up to {CHECKPOINT_FORMAT}. "
            "Update seep_lightning."
        )
    _check_tensors(stored.state_dict, path)
    check_facts(stored.hyper_parameters.facts, f"{path}, facts of its data", advice=ANOTHER_ONE)
    judge_stored(str(path), content["hyper_parameters"])
    return dict(content)


def _values_in(value: Any, known: dict[int, int], depth: int = 0) -> int:
    """How many values there are if each is counted as often as it is meant, at any depth; very many if it has no end.

    Args:
        value: Plain values and tensors.
        known: How many there are in those that were counted before, by `id`.
        depth: Of this value.
    """
    if not isinstance(value, Mapping | list | tuple | set):
        return 1
    if id(value) not in known:
        parts = [*value, *value.values()] if isinstance(value, Mapping) else list(value)
        is_too_deep = depth == DEEPEST_NESTING
        counts = [MOST_VALUES] if is_too_deep else [_values_in(part, known, depth + 1) for part in parts]
        known[id(value)] = 1 + sum(counts)
    return known[id(value)]


def write_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write a whole checkpoint or none.

    Args:
        path: The file.
        content: Tensors and plain values.

    Raises:
        DiskError: The disk refuses it.
    """
    buffer = BytesIO()
    torch.save(content, buffer)
    write_whole(path, buffer.getbuffer())


def _load(path: Path) -> Any:
    """What torch reads from a file, as tensors and plain values."""
    check_regular(path)
    check_archive(path)
    try:
        # torch warns about the kind of pickle; the sentences below say enough
        with warnings.catch_warnings(action="ignore"):
            return torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise UserError(
            f"{path} was not loaded: it holds more than tensors and plain values, so that loading it could run code, "
            "or it is no checkpoint at all. Expected one that seep_lightning wrote."
        ) from error
    # a damaged file may raise anything, a KeyError for instance
    except Exception as error:
        raise UserError(f"{path} cannot be read as a checkpoint; it may be cut off. Use another one.") from error


def check_archive(path: Path) -> None:
    """Refuse what would take more memory than its size tells, or minutes, while torch reads it.

    Args:
        path: What `torch.save` may have written.

    Raises:
        UserError: It is an archive of tensors that claims more bytes than it has, or has them packed, as torch does
            not, or has a wrong checksum; or its pickle holds bytes, which are made by calls: of a slow encoding, or of
            any number of zeros.
    """
    try:
        with ZipFile(path) as archive:
            _check_claims(archive, path)
            _check_sums(archive, path)
            pickles = [archive.read(entry) for entry in archive.infolist() if entry.filename.endswith(PICKLES)]
    # of another kind, or damaged, which torch tells
    except (BadZipFile, OSError, ValueError, NotImplementedError):
        pickles = [path.read_bytes()]
    if any(call in content for content in pickles for call in BYTE_CALLS):
        raise UserError(f"{path} holds bytes beside tensors and plain values; no checkpoint does so. {ANOTHER_ONE}")


def _check_claims(archive: ZipFile, path: Path) -> None:
    """Raise `UserError` for an archive of tensors that claims more bytes than it has, or has them packed."""
    entries = archive.infolist()
    claimed = sum(entry.file_size for entry in entries)
    is_packed = any(entry.compress_type != ZIP_STORED for entry in entries)
    size = path.stat().st_size
    if is_packed or claimed > size:
        found = f"an archive of {size} bytes that claims {claimed} of them"
        raise UserError(f"{path} is {found}{', packed' if is_packed else ''}; no checkpoint is so. {ANOTHER_ONE}")


def _check_sums(archive: ZipFile, path: Path) -> None:
    """Raise `UserError` for an archive whose bytes have changed: torch looks at no checksums of weights."""
    damaged = archive.testzip()
    if damaged is not None:
        raise UserError(f"{path} is damaged: the checksum of {damaged} in it is wrong. {ANOTHER_ONE}")


def _check_tensors(state_dict: Mapping[str, Any], path: Path) -> None:
    """Raise `UserError` for weights that are none, or that claim more values than the file holds."""
    for name, weight in state_dict.items():
        if not isinstance(weight, torch.Tensor):
            kind = type(weight).__name__
            raise UserError(f"{path}: $.state_dict[{name!r}] is a {kind}; expected a tensor. {ANOTHER_ONE}")
        if not _holds_its_values(weight):
            raise UserError(f"{path}: $.state_dict[{name!r}] holds fewer values than it claims. {ANOTHER_ONE}")
    claimed = sum(weight.nbytes for weight in state_dict.values())
    # weights that are shared stand once in the file
    if claimed > SHARED_WEIGHTS * path.stat().st_size:
        raise UserError(f"{path} holds fewer weights than it claims ({claimed} bytes). {ANOTHER_ONE}")


def _holds_its_values(weight: torch.Tensor) -> bool:
    """Whether each value of a tensor has its own place in memory."""
    if weight.layout != torch.strided or weight.device.type != "cpu":
        return False
    return weight.numel() * weight.element_size() <= weight.untyped_storage().nbytes()
