"""What the networks learned from: it is labelled already, and what is like it teaches little."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seep_lightning.config.data import DataConfig
from seep_lightning.data.labels import chip_scene_name
from seep_lightning.errors import UserError
from seep_lightning.files import digest, real_path
from seep_lightning.labelling.candidates import scene_and_tile
from seep_lightning.mapping.jobs import SceneJob
from seep_lightning.runs.directory import Run


@dataclass
class Labelled:
    """The labelled chips of some runs.

    Attributes:
        images: The picture of each chip by its name; None where it cannot be found any more.
        trained: Names of those that the networks learned from: the others validated or tested them.
        scenes: Their scenes.
        untold: Networks of which nobody knows what they learned from.
    """

    images: dict[str, Path | None] = field(default_factory=dict)
    trained: set[str] = field(default_factory=set)
    scenes: set[str] = field(default_factory=set)
    untold: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, runs: Sequence[str], facts: dict[str, Any]) -> "Labelled":
        """What some runs learned from; the chips that validated and tested are labelled, too.

        Args:
            runs: Run directories or exported files.
            facts: Of one of their networks: how names of chips are read.
        """
        labelled = cls()
        for path in runs:
            parts = {} if Path(path).is_file() else Run(Path(path)).parts()
            if not parts:
                labelled.untold.append(Path(path).name)
                continue
            images = _images_of(Run(Path(path)))
            labelled.images |= {name: images.get(name) for name in parts}
            labelled.trained |= {name for name, part in parts.items() if part == "train"}
            labelled.scenes |= {scene_and_tile(name, facts)[0] for name in parts}
        return labelled

    @property
    def learned(self) -> list[Path]:
        """The pictures that networks learned from and that are still there, in the order of their names."""
        images = [self.images[name] for name in sorted(self.trained)]
        return [image for image in images if image is not None and image.is_file()]

    def holds(self, job: SceneJob) -> bool:
        """Whether a file is labelled: a chip, or a scene that was cut into chips, all of which is labelled then.

        Args:
            job: The file.
        """
        (file,) = job.tiles
        name = file.path.name
        if name in self.images:
            return _is_same(self.images[name], file.path)
        is_numbered_chip = bool(job.peers)
        return not is_numbered_chip and chip_scene_name(job.name) in self.scenes


def _images_of(run: Run) -> dict[str, Path]:
    """The pictures of a run's chips by name; none where they are not there any more."""
    from seep_lightning.data.layouts import pair_chips
    from seep_lightning.data.roots import check_stored_generator, with_root

    data: DataConfig = run.config.data
    try:
        check_stored_generator(data)
        chips = pair_chips(with_root(data))
    except UserError:
        return {}
    return dict(zip(chips.names, chips.image_paths, strict=True))


def _is_same(labelled: Path | None, path: Path) -> bool:
    """Whether two pictures of one name are one; a labelled one that is gone is taken for it."""
    if labelled is None or not labelled.is_file() or real_path(labelled) == real_path(path):
        return True
    same_size = labelled.stat().st_size == path.stat().st_size
    return same_size and digest(labelled) == digest(path)
