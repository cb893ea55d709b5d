"""Where a data set lies on disk: made in the cache if it is a generated one, or moved to another folder."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seep_lightning.config.data import DataConfig, OtherDataConfig, SyntheticConfig
from seep_lightning.config.rules import check_config
from seep_lightning.data.layouts import FolderNames, is_glob, known_folders, root_of
from seep_lightning.errors import UserError, as_user_error

log = logging.getLogger(__name__)

MOST_STORED_CHIPS = 1_000
"""Of a generated data set that a stored config may have made, a minute's work."""
MOST_STORED_SCENES = 20


def with_root(data: DataConfig) -> DataConfig:
    """Make sure that a data set is on disk: a generated one is made in the cache at its first use.

    Args:
        data: The data set's config.

    Returns:
        The config with its `root`. The generator names the folders below it, also for a config that was stored when
        they had other names.
    """
    if data.source != "synthetic" or data.root is not None:
        return data
    from seep_lightning.data.generator.dataset import IMAGES, MASKS, write_dataset
    from seep_lightning.data.generator.scene import SyntheticSpec

    spec = SyntheticSpec(**asdict(data.synthetic))
    root = _generated_folder(data.synthetic)
    if not root.exists():
        log.info("making the generated data set in %s", root)
    write_dataset(root, spec)
    return replace(data, root=str(root), images=IMAGES, masks=MASKS, image_suffix=None, mask_suffix=None)


def check_stored_generator(data: DataConfig) -> None:
    """Refuse to generate a large data set because a stored config says so: it would fill the disk for hours.

    Args:
        data: Of a run, which may be a stranger's. What is generated already may be of any size.

    Raises:
        UserError: It asks for more than `MOST_STORED_CHIPS` chips, or `MOST_STORED_SCENES` scenes.
    """
    asked = data.synthetic
    is_small = asked.chips <= MOST_STORED_CHIPS and asked.scenes <= MOST_STORED_SCENES
    if data.source != "synthetic" or data.root is not None or is_small or _generated_folder(asked).exists():
        return
    keys = [f"data.synthetic.{name}={value}" for name, value in asdict(asked).items()]
    raise UserError(
        f"the stored config asks to generate {asked.chips:,} chips of {asked.scenes:,} scenes, more than a stored "
        f"config may ask for (at most {MOST_STORED_CHIPS:,} of {MOST_STORED_SCENES}). If you know the run, make them "
        f"first: python -m seep_lightning.check data=synthetic {' '.join(keys)}"
    )


def _generated_folder(config: SyntheticConfig) -> Path:
    """Where a generated data set lies in the user's cache."""
    from seep_lightning.data.cache.folder import user_cache
    from seep_lightning.data.generator.dataset import DATASET_VERSION

    name = f"v{DATASET_VERSION}-seed{config.seed}-chips{config.chips}-scenes{config.scenes}"
    return user_cache() / "synthetic" / name


def other_data(own: DataConfig, other: OtherDataConfig) -> DataConfig:
    """Describe other chips than a run's own.

    Args:
        own: How the run's own chips are read.
        other: What is different of the others.

    Returns:
        The config of the other chips. Where only another root is given, the folders of the run are looked for below it,
        or else those of a known layout.

    Raises:
        UserError: A key has a value of another type, or the run's own files lie outside its root.
    """
    changes = other.changes()
    if "root" not in changes:
        own = with_root(own)
    typed = OmegaConf.structured(replace(own, source="chips"))
    for key, value in changes.items():
        with as_user_error(f"data.{key}={value} is of another type", OmegaConfBaseException):
            if isinstance(value, Mapping):
                # a dictionary replaces that of the run
                OmegaConf.update(typed, key, {}, merge=False)
            OmegaConf.update(typed, key, value)
    config = cast(DataConfig, OmegaConf.to_object(typed))
    if "root" in changes:
        config = replace(config, **_files_below(Path(changes["root"]), own, changes))
    check_config(config, "data.")
    return config


def _files_below(root: Path, own: DataConfig, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Where images and masks lie below another root, for the keys that were not given."""
    own_root = root_of(own) if own.source == "chips" else None
    if own_root is not None and own_root.absolute() == root.absolute():
        return {}
    places: dict[str, Any] = {}
    if "pairs" not in changes and own.pairs is not None:
        # a list is of its own files; the other root has one of the same name, or folders
        other_list = root / Path(own.pairs).name
        places["pairs"] = str(other_list) if other_list.is_file() else None
    if "images" in changes or "masks" in changes or "pairs" in changes:
        return places
    known = known_folders(root)
    has_images = is_glob(root, own.images) or (root / own.images).is_dir()
    if known is not None and not has_images:
        _, folders = known
        return places | folders._asdict()
    for key in FolderNames._fields:
        places[key] = _moved(key, getattr(own, key), own_root)
    return places


def _moved(key: str, place: str, own_root: Path | None) -> str:
    """A place of the run's own files as one below another root; `UserError` where it is outside the run's root."""
    path = Path(place)
    if not path.is_absolute():
        return place
    if own_root is not None and path.is_relative_to(own_root):
        return str(path.relative_to(own_root))
    raise UserError(
        f"data.root: the run's data.{key}={place} lies outside its own root, so another root does not move it. Pass "
        "data.images and data.masks too."
    )
