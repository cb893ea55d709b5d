"""The folder of an evaluation: its name, and whether what lies there may be replaced."""

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seep_lightning.config.commands import EvaluateConfig
from seep_lightning.config.data import OtherDataConfig
from seep_lightning.documents.json_files import read_json
from seep_lightning.errors import UserError
from seep_lightning.evaluation.parts import Part, reads_own_files, settings_of_other_data
from seep_lightning.evaluation.stored import SUMMARY_NAME
from seep_lightning.files import real_path

# the names of evaluations of the run's own data
OWN_NAMES = ("train", "val", "test", "all")


@dataclass(frozen=True)
class ScoredPlace:
    """What an evaluation says of the data that it scored; None for what it does not say."""

    root: str | None = None
    fingerprint: str | None = None
    settings: dict[str, Any] | None = None


@dataclass(frozen=True)
class ScoredOrigin:
    """What an evaluation that is there says of itself."""

    part: str | None = None
    data: ScoredPlace = field(default_factory=ScoredPlace)


def folder_name(config: EvaluateConfig, part: Part) -> str:
    """The name of the evaluation: as asked for, else the part's, or what other data are called.

    Args:
        config: The name that is asked for, and which data.
        part: The chips that are scored.

    Raises:
        UserError: Other data, or another part, would take the place of one of the run's own parts.
    """
    if part.is_own:
        if config.name in OWN_NAMES and config.name != part.name:
            raise UserError(
                f"name={config.name}: evaluate/{config.name} is that of part={config.name}, and this is part="
                f"{part.name}. Choose another name."
            )
        return config.name or part.name
    if config.name in OWN_NAMES:
        raise UserError(
            f"name={config.name}: evaluate/{config.name} is that of the run's own data, and these are others, or read "
            f"in another way ({part.chips.root}). Choose another name."
        )
    return config.name or _name_of_other_data(config.data, part)


def check_of_same_chips(out: Path, config: EvaluateConfig, part: Part) -> None:
    """Raise `UserError` where `overwrite=true` would replace the evaluation of other chips, which nobody named.

    Folders of one name may lie anywhere: those of two data sets, or of a part that is kept under its own name.

    Args:
        out: The folder of the evaluation.
        config: The name that is asked for, and which data.
        part: The chips that are scored.
    """
    if config.name is not None and config.name not in OWN_NAMES:
        # asked for by its name
        return
    stored = _stored_origin(out / SUMMARY_NAME)
    if stored is None:
        return
    same_chips = stored.data.fingerprint == part.chips.fingerprint
    same_place = stored.data.root == str(part.chips.root) and _places(stored.data.settings) == _places(
        settings_of_other_data(config.data)
    )
    if stored.part != part.name or not (same_chips or same_place):
        raise UserError(
            f"{out} holds the figures of other chips (part={stored.part} of {stored.data.root}), which "
            "overwrite=true does not replace. Choose another name=."
        )


def _places(settings: dict[str, Any] | None) -> dict[str, Any]:
    """Which files below a root the keys of other data name."""
    given = settings or {}
    return {key: given[key] for key in ("images", "masks", "pairs") if key in given}


def _stored_origin(path: Path) -> ScoredOrigin | None:
    """What the summary of an evaluation says; None where there is none, or none that can be read."""
    with suppress(UserError):
        return read_json(path, ScoredOrigin)
    return None


def _name_of_other_data(data: OtherDataConfig, part: Part) -> str:
    """What other data are called: as their list, or as the folder of the images or that of the data set.

    The run's own, read in another way, are called after their part and the keys that were given: `test-mask_values`.
    """
    changes = data.changes()
    if reads_own_files(changes):
        return "-".join([part.name, *sorted(changes)])
    folder = real_path(part.chips.root)
    name = folder.name
    if changes.get("pairs"):
        name = Path(changes["pairs"]).stem
    elif "root" not in changes and "images" in changes:
        images = real_path(part.chips.image_paths[0]).parent
        folder = images.parent
        name = images.name
    # `test` of another data set is not the run's own test part
    return f"{folder.parent.name}-{name}" if name in OWN_NAMES else name
