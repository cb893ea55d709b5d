"""Where a data set lies on disk: made in the cache if it is a generated one, or moved to another folder."""

import logging
import os
from dataclasses import asdict, replace
from pathlib import Path

from seep_lightning.config.data import DataConfig
from seep_lightning.data.layouts import known_folders

log = logging.getLogger(__name__)


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
    from seep_lightning.data.generator.dataset import DATASET_VERSION, IMAGES, MASKS, write_dataset
    from seep_lightning.data.generator.scene import SyntheticSpec

    spec = SyntheticSpec(**asdict(data.synthetic))
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seep_lightning"
    root = cache / "synthetic" / f"v{DATASET_VERSION}-seed{spec.seed}-chips{spec.chips}-scenes{spec.scenes}"
    if not root.exists():
        log.info("making the generated data set in %s", root)
    write_dataset(root, spec)
    return replace(data, root=str(root), images=IMAGES, masks=MASKS)


def at_root(data: DataConfig, root: str) -> DataConfig:
    """Describe another folder of chips that is read like a run's own.

    Args:
        data: How the run's own chips are read.
        root: The other folder.

    Returns:
        The config with the other root; with the folder names of a known layout where those of the run are not there.
    """
    config = replace(data, source="chips", root=root)
    known = known_folders(Path(root))
    if known is None or (Path(root) / data.images).is_dir():
        return config
    _, folders = known
    return replace(config, images=folders.images, masks=folders.masks)
