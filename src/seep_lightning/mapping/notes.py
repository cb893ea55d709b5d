"""Telling at the terminal what was assumed of scenes; all of it stands in `scenes.csv` besides."""

import logging
import re
from collections import Counter
from collections.abc import Sequence

from seep_lightning.mapping.table import TABLE_NAME

# Scenes of which a note of one kind is told: a folder of chips may hold thousands.
TOLD_SCENES = 1
# Notes that are told in all: names in notes may make many kinds of them.
MOST_TOLD = 40
# what differs between two notes of one kind
_NUMBER = re.compile(r"\d+")

log = logging.getLogger(__name__)


class NoteTeller:
    """Tells each kind of note of the first scenes of a call that have it, once for each scene.

    A note of another kind, such as a band of another polarisation, is told of a later scene too.
    """

    def __init__(self, further: str = f"stands in {TABLE_NAME}, in the column notes") -> None:
        """Begin to count.

        Args:
            further: What becomes of the notes that are told no more.
        """
        self._further = further
        self._scenes_by_kind: Counter[str] = Counter()
        self._told = 0
        self._has_left_out = False

    def tell(self, name: str, notes: Sequence[str]) -> None:
        """Tell the notes of a scene.

        Args:
            name: The scene.
            notes: A text each; none where there is nothing to tell.
        """
        for note in notes:
            kind = _NUMBER.sub("", note)
            self._scenes_by_kind[kind] += 1
            is_told = self._scenes_by_kind[kind] <= TOLD_SCENES and self._told < MOST_TOLD
            if is_told:
                log.warning("%s: %s", name, note)
                self._told += 1
            else:
                self._tell_of_the_table()

    def _tell_of_the_table(self) -> None:
        """Say once where the notes that are told no more stand."""
        if not self._has_left_out:
            log.warning("What was assumed of further scenes %s.", self._further)
            self._has_left_out = True
