"""What the names of the chips do not say: the scenes that they come from."""

from seep_lightning.data.audit.trap import AuditedSet, SetMeasurement, Sighting
from seep_lightning.data.scene_names import likely_pattern, scenes_are_known

# splits that ask for no scene
SPLITS_WITHOUT_SCENES = ("file", "random")


class _ChipNames(SetMeasurement):
    """Looks at names only."""

    def lack_scenes(self, audited: AuditedSet) -> bool:
        """Whether the split asks for scenes, and none are known."""
        return audited.split not in SPLITS_WITHOUT_SCENES and not scenes_are_known(audited.chips)


def _file_names(audited: AuditedSet) -> list[str]:
    """What `data.pattern` is matched against: a chip's own name may begin with its sub-folders."""
    return [path.name for path in audited.chips.image_paths]


class ScenesInNames(_ChipNames):
    """Scenes that stand in the names, but are not taken from there."""

    def findings(self, audited: AuditedSet) -> list[Sighting]:
        """Say which pattern would take them."""
        names = _file_names(audited)
        likely = likely_pattern(names) if self.lack_scenes(audited) else None
        if likely is None:
            return []
        numbers = {
            "scenes": likely.scenes,
            "example": names[0],
            "cure": likely.argument,
            "split": audited.split,
        }
        return [Sighting(numbers)]


class NoScenes(_ChipNames):
    """Chips of whose scenes the names say nothing."""

    def findings(self, audited: AuditedSet) -> list[Sighting]:
        """Say so."""
        names = _file_names(audited)
        if not self.lack_scenes(audited) or likely_pattern(names) is not None:
            return []
        return [Sighting({"example": names[0], "split": audited.split})]
